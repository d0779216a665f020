import assert from "node:assert/strict";

import fc from "fast-check";

import { shareOutLiveFirst } from "./group_member.ts";

Deno.test("members get the live partitions in turns, and then the others", () => {
  assert.deepEqual(
    [...shareOutLiveFirst(["gen-1-x", "gen-0-y"], [1, 3, 5], 6)],
    [["gen-0-y", [1, 5, 2]], ["gen-1-x", [3, 0, 4]]],
  );
});

Deno.test("every partition has one owner, and nobody has two live ones more than another", () => {
  const members = fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 6 });
  const live = fc.uniqueArray(fc.nat(19));
  fc.assert(fc.property(members, live, fc.integer({ min: 0, max: 20 }), (names, live, count) => {
    const shares = [...shareOutLiveFirst(names, live, count).values()];
    assert.equal(shares.length, names.length);
    const all = shares.flat().sort((a, b) => a - b);
    assert.deepEqual(all, Array.from({ length: count }, (_, i) => i));
    for (const counts of [(_: number) => true, (one: number) => live.includes(one)]) {
      const sizes = shares.map((share) => share.filter(counts).length);
      assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1);
    }
  }));
});
