import assert from "node:assert/strict";
import fc from "fast-check";
import type { BlockMeta } from "../../model/block_meta.ts";
import {
  type CompactionRules,
  outstandingBlocks,
  overlappingOutputs,
  planCompaction,
} from "./plan.ts";

const HOUR_MS = 3_600_000;
const NOW_MS = 1_767_268_800_000 + 30 * 60_000;
const rules: CompactionRules = {
  windowMs: HOUR_MS,
  blocksMin: 2,
  blocksMax: 4,
  objectsMax: 1000,
  bytesMax: 1_000_000,
  levelMax: 0,
};

/** A block whose end lies `hoursAgo` before the running window's middle. */
function aBlock(n: number, hoursAgo: number, changes: Partial<BlockMeta> = {}): BlockMeta {
  const endTime = new Date(NOW_MS - hoursAgo * HOUR_MS).toISOString();
  return {
    format: "vParquet5",
    blockID: `block-${String(n).padStart(3, "0")}`,
    tenantID: "acme",
    startTime: endTime,
    endTime,
    totalObjects: 10,
    size: 1000 + n,
    compactionLevel: 0,
    indexPageSize: 0,
    totalRecords: 1,
    bloomShards: 1,
    footerSize: 10,
    replicationFactor: 1,
    ...changes,
  };
}

const numbers = (blocks: readonly BlockMeta[], changes = rules, left?: (id: string) => boolean) =>
  planCompaction(blocks, changes, NOW_MS, left).map(({ inputs }) =>
    inputs.map(({ blockID }) => Number(blockID.slice(-3)))
  );

Deno.test("blocks of one window and level are merged, the smallest first, two to four at a time", () => {
  const blocks = [5, 3, 1, 4, 2, 6].map((n) => aBlock(n, 2));
  assert.deepEqual(numbers(blocks), [[1, 2, 3, 4], [5, 6]]);
  assert.equal(outstandingBlocks(planCompaction(blocks, rules, NOW_MS)), 6);
  assert.deepEqual(numbers([aBlock(1, 2), aBlock(2, 3)]), []);
  assert.deepEqual(numbers([]), []);
});

Deno.test("in active windows levels stay apart, in older ones they are merged together", () => {
  const blocks = (hoursAgo: number) => [
    aBlock(1, hoursAgo, { compactionLevel: 1 }),
    aBlock(2, hoursAgo),
    aBlock(3, hoursAgo, { compactionLevel: 2 }),
  ];
  assert.deepEqual(numbers(blocks(24)), []);
  assert.deepEqual(numbers(blocks(25)), [], "the window at the boundary is left alone");
  assert.deepEqual(numbers(blocks(26)), [[2, 1, 3]]);
});

Deno.test("the running window waits for full jobs; newer windows come first", () => {
  const running = [1, 2, 3].map((n) => aBlock(n, 0));
  assert.deepEqual(numbers(running), []);
  const older = [aBlock(8, 5), aBlock(9, 5)];
  assert.deepEqual(numbers([...older, ...running, aBlock(4, 0.4)]), [[1, 2, 3, 4], [8, 9]]);
});

Deno.test("only blocks that agree are merged, and none that is left alone", () => {
  const [a, b] = [aBlock(1, 2), aBlock(2, 2)];
  assert.deepEqual(numbers([a, b]), [[1, 2]]);
  assert.deepEqual(numbers([a, { ...b, replicationFactor: 3 }]), []);
  assert.deepEqual(numbers([a, { ...b, dedicatedColumns: [{ n: "x" }] }]), []);
  assert.deepEqual(numbers([a, { ...b, format: "vParquet4" }]), []);
  assert.deepEqual(numbers([a, b].map((m) => ({ ...m, format: "vParquet4" }))), [[1, 2]]);
  assert.deepEqual(numbers([a, b].map((m) => ({ ...m, format: "vParquet3" }))), []);
  const inEvents = [{ s: "event" as const, n: "x" }];
  assert.deepEqual(numbers([a, b].map((m) => ({ ...m, dedicatedColumns: inEvents }))), [[1, 2]]);
  assert.deepEqual(numbers([a, b], rules, (id) => id === a.blockID), []);
  assert.deepEqual(numbers([a, b], { ...rules, levelMax: 1 }), [[1, 2]]);
  const higher = [a, b].map((m) => ({ ...m, compactionLevel: 1 }));
  assert.deepEqual(numbers(higher, { ...rules, levelMax: 1 }), []);
});

Deno.test("a job stays within the numbers of objects and bytes", () => {
  const blocks = [1, 2, 3, 4].map((n) => aBlock(n, 2));
  assert.deepEqual(numbers(blocks, { ...rules, objectsMax: 30 }), [[1, 2, 3]]);
  assert.deepEqual(numbers(blocks, { ...rules, bytesMax: 2_010 }), [[1, 2], [3, 4]].slice(0, 2));
  assert.deepEqual(numbers(blocks, { ...rules, objectsMax: 19 }), []);
});

Deno.test("blocks merged from some of the same blocks are merged with each other first of all", () => {
  const from = (n: number, hoursAgo: number, ...replaces: string[]) =>
    aBlock(n, hoursAgo, { replaces, compactionLevel: n });
  const overlaps = (blocks: BlockMeta[], changes = {}) =>
    overlappingOutputs(blocks, { ...rules, ...changes }).map(({ inputs }) =>
      inputs.map(({ blockID }) => Number(blockID.slice(-3)))
    );
  const blocks = [from(2, 9, "c", "d"), from(1, 2, "a", "b", "c"), from(3, 2, "e"), aBlock(4, 2)];
  assert.deepEqual(overlaps(blocks), [[1, 2]], "whatever their windows and levels");
  assert.deepEqual(overlaps([...blocks, from(5, 2, "d", "f")]), [[1, 2]], "a third one waits");
  assert.deepEqual(overlaps(blocks, { objectsMax: 19 }), []);
  assert.deepEqual(overlaps(blocks.map((m, i) => ({ ...m, replicationFactor: i }))), []);
});

const someBlocks = fc.array(
  fc.record({
    hoursAgo: fc.integer({ min: 0, max: 30 }),
    compactionLevel: fc.nat(3),
    totalObjects: fc.integer({ min: 1, max: 600 }),
    size: fc.integer({ min: 1, max: 600_000 }),
    replicationFactor: fc.constantFrom(1, 3),
  }),
  { maxLength: 40 },
).map((list) => list.map(({ hoursAgo, ...rest }, n) => aBlock(n, hoursAgo, rest)));

Deno.test("no block is in two jobs, limits are kept, and the order of the list does not matter", () => {
  fc.assert(fc.property(someBlocks, fc.func(fc.boolean()), (blocks, isLeft) => {
    const left = (id: string) => isLeft(id);
    const jobs = planCompaction(blocks, rules, NOW_MS, left);
    const ids = jobs.flatMap(({ inputs }) => inputs.map(({ blockID }) => blockID));
    assert.equal(new Set(ids).size, ids.length);
    assert.ok(!ids.some((id) => left(id)));
    for (const { inputs } of jobs) {
      const sum = (field: "totalObjects" | "size") =>
        inputs.reduce((total, meta) => total + meta[field], 0);
      assert.ok(inputs.length >= 2 && inputs.length <= 4);
      assert.ok(sum("totalObjects") <= rules.objectsMax && sum("size") <= rules.bytesMax);
      const windows = new Set(inputs.map((m) => Math.floor(Date.parse(m.endTime) / HOUR_MS)));
      assert.equal(windows.size, 1);
      assert.equal(new Set(inputs.map((m) => m.replicationFactor)).size, 1);
    }
    assert.deepEqual(planCompaction([...blocks].reverse(), rules, NOW_MS, left), jobs);
  }));
});

Deno.test("merging what is planned comes to an end, with nothing lost", () => {
  fc.assert(fc.property(someBlocks, (blocks) => {
    let live = blocks;
    const objects = blocks.reduce((sum, { totalObjects }) => sum + totalObjects, 0);
    for (let round = 0;; round++) {
      const jobs = planCompaction(live, rules, NOW_MS);
      if (jobs.length === 0) break;
      assert.ok(round < 40);
      const gone = new Set(jobs.flatMap(({ inputs }) => inputs));
      const outputs = jobs.map(({ inputs }, i) => ({
        ...inputs[0]!,
        blockID: `output-${round}-${i}`,
        compactionLevel: Math.max(...inputs.map((m) => m.compactionLevel)) + 1,
        totalObjects: inputs.reduce((sum, m) => sum + m.totalObjects, 0),
        size: inputs.reduce((sum, m) => sum + m.size, 0),
      }));
      live = [...live.filter((meta) => !gone.has(meta)), ...outputs];
    }
    assert.equal(live.reduce((sum, { totalObjects }) => sum + totalObjects, 0), objects);
  }));
});
