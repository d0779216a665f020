import fc from "fast-check";
import assert from "node:assert/strict";

import { joinRanges } from "./join_ranges.ts";

const range = (offset: number, sizeBytes: number) => ({ offset, sizeBytes });

Deno.test("ranges are read together where the gap is small, in any order", () => {
  assert.deepEqual(joinRanges([range(100, 10), range(0, 10), range(15, 5)], 5, 1000), [
    { ...range(0, 20), members: [1, 2] },
    { ...range(100, 10), members: [0] },
  ]);
  assert.equal(joinRanges([range(0, 10), range(16, 5)], 5, 1000).length, 2);
  assert.deepEqual(joinRanges([], 5, 1000), []);
});

Deno.test("what is read together has a bound, but for a range that passes it alone", () => {
  assert.deepEqual(joinRanges([range(0, 60), range(60, 60)], 5, 100), [
    { ...range(0, 60), members: [0] },
    { ...range(60, 60), members: [1] },
  ]);
  assert.deepEqual(joinRanges([range(0, 600), range(10, 20)], 5, 100), [
    { ...range(0, 600), members: [0, 1] },
  ]);
});

Deno.test("every range lies in exactly one joined range, and none reads more gap than allowed", () => {
  const ranges = fc.array(fc.record({ offset: fc.nat(1000), sizeBytes: fc.nat(100) }));
  fc.assert(fc.property(ranges, fc.nat(50), fc.nat(300), (given, gapBytesMax, joinedBytesMax) => {
    const joined = joinRanges(given, gapBytesMax, joinedBytesMax);
    const members = joined.flatMap((one) => one.members);
    assert.deepEqual(members.toSorted((a, b) => a - b), given.map((_, index) => index));
    for (const { offset, sizeBytes, members } of joined) {
      let coveredTo = offset;
      let largest = 0;
      for (const member of members) {
        const one = given[member]!;
        assert.ok(one.offset >= offset && one.offset - coveredTo <= gapBytesMax);
        coveredTo = Math.max(coveredTo, one.offset + one.sizeBytes);
        largest = Math.max(largest, one.sizeBytes);
      }
      assert.equal(coveredTo, offset + sizeBytes);
      assert.ok(sizeBytes <= Math.max(joinedBytesMax, largest));
    }
  }));
});
