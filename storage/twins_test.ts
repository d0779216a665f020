import assert from "node:assert/strict";
import fc from "fast-check";
import type { BlockMeta } from "../model/block_meta.ts";
import { redundantTwins } from "./twins.ts";

const block = (blockID: string, ...replaces: string[]) =>
  ({ blockID, replaces }) as unknown as BlockMeta;
const lone = { blockID: "x" } as BlockMeta;
const redundant = (live: BlockMeta[], compacted: BlockMeta[] = []) => [
  ...redundantTwins(live, compacted),
];

Deno.test("of blocks merged from the same ones the one with the least id counts", () => {
  assert.deepEqual(redundant([block("b", "1", "2"), block("a", "2", "1"), lone]), ["b"]);
  assert.deepEqual(redundant([block("a", "1", "2"), block("b", "1", "3"), lone]), []);
  assert.deepEqual(redundant([lone, { blockID: "y" } as BlockMeta]), []);
});

Deno.test("one that was merged further counts before the least", () => {
  const twins = [block("a", "1", "2"), block("b", "1", "2")];
  assert.deepEqual(redundant([...twins, block("c", "b", "9")]), ["a"]);
  assert.deepEqual(redundant([twins[0]!, block("c", "b", "9")], [twins[1]!]), ["a"]);
});

Deno.test("the choice is the same in any order, and never leaves nothing", () => {
  const ids = fc.uniqueArray(fc.constantFrom("a", "b", "c", "d"), { minLength: 2 });
  fc.assert(fc.property(ids, fc.boolean(), (ids, isMerged) => {
    const twins = ids.map((id) => block(id, "1", "2"));
    const more = isMerged ? [block("z", ids[0]!, "9")] : [];
    const seen = redundant([...twins, ...more]).sort();
    assert.deepEqual(redundant([...more, ...twins.reverse()]).sort(), seen);
    assert.equal(seen.length, ids.length - 1);
    if (isMerged) assert.ok(!seen.includes(ids[0]!));
    // Marking the superfluous changes nothing.
    const chosen = twins.filter(({ blockID }) => !seen.includes(blockID));
    const marked = twins.filter(({ blockID }) => seen.includes(blockID));
    assert.deepEqual(redundant([...chosen, ...more], marked), []);
  }));
});
