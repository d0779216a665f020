import assert from "node:assert/strict";
import type { BlockMeta } from "../../model/block_meta.ts";
import { Homes } from "./homes.ts";

const block = (blockID: string, size: number) => ({ blockID, size }) as BlockMeta;

Deno.test("blocks are spread by their sizes, and each stays where it is", () => {
  const homes = new Homes(2);
  assert.deepEqual(
    [["a", 9], ["b", 4], ["c", 4], ["d", 4]].map(([id, size]) =>
      homes.of(block(id as string, size as number))
    ),
    [0, 1, 1, 1],
  );
  assert.equal(homes.of(block("e", 1)), 0);
  for (const [id, home] of [["c", 1], ["a", 0], ["b", 1]] as const) {
    assert.equal(homes.of(block(id, 1)), home);
  }
});

Deno.test("with one scanner nothing is remembered", () => {
  const homes = new Homes(1);
  assert.equal(homes.of(block("a", 9)), 0);
});
