import assert from "node:assert/strict";
import { countRemovable, type KeptSegment } from "./retention.ts";

/** Each begins where the one before ended; partition 1 has records in the second only. */
const segments: KeptSegment[] = [
  { segment: 1, createdMs: 0, endBytes: 100, nextOffsets: new Map([[0, 0], [1, 0]]) },
  { segment: 2, createdMs: 1000, endBytes: 100, nextOffsets: new Map([[0, 10], [1, 0]]) },
  { segment: 3, createdMs: 2000, endBytes: 100, nextOffsets: new Map([[0, 20], [1, 5]]) },
  { segment: 4, createdMs: 3000, endBytes: 100, nextOffsets: new Map([[0, 30], [1, 5]]) },
];
const roomy = { retentionMs: 10_000, retentionBytesMax: 1000 };
const all = () => Infinity;

const cases = [
  { name: "keeps what is neither old nor too much", limits: roomy, nowMs: 9000, expect: 0 },
  {
    name: "removes what is old",
    limits: { ...roomy, retentionMs: 1000 },
    nowMs: 3000,
    expect: 2,
  },
  {
    name: "removes what is too much",
    limits: { ...roomy, retentionBytesMax: 350 },
    nowMs: 3000,
    expect: 1,
  },
  {
    name: "never removes the newest",
    limits: { retentionMs: 0, retentionBytesMax: 0 },
    nowMs: 1e6,
    expect: 3,
  },
  {
    name: "stops before what is not committed",
    limits: { retentionMs: 0, retentionBytesMax: 0 },
    nowMs: 1e6,
    committed: (partition: number) => [30, 4][partition]!,
    expect: 1,
  },
  {
    name: "does not wait for a partition without records in the segment",
    limits: { retentionMs: 0, retentionBytesMax: 0 },
    nowMs: 1e6,
    committed: (partition: number) => [10, 0][partition]!,
    expect: 1,
  },
];

for (const { name, limits, nowMs, committed = all, expect } of cases) {
  Deno.test(`retention ${name}`, () => {
    assert.equal(countRemovable(segments, limits, nowMs, committed), expect);
  });
}
