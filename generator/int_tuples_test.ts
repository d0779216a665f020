import assert from "node:assert/strict";
import fc from "fast-check";

import { IntTuples } from "./int_tuples.ts";

Deno.test("equal tuples have one number, and numbers are dense", () => {
  fc.assert(fc.property(
    fc.integer({ min: 1, max: 6 }).chain((width) =>
      fc.array(
        fc.array(fc.oneof(fc.integer({ min: -2, max: 3 }), fc.integer()), {
          minLength: width,
          maxLength: width,
        }),
        { maxLength: 400 },
      ).map((tuples) => ({ width, tuples }))
    ),
    ({ width, tuples }) => {
      const table = new IntTuples(width);
      for (let round = 0; round < 2; round++) {
        const slow = new Map<string, number>();
        for (const tuple of tuples) {
          const key = tuple.join();
          if (!slow.has(key)) slow.set(key, slow.size);
          table.tuple.set(tuple);
          assert.equal(table.intern(), slow.get(key));
          assert.deepEqual([...table.tuple], tuple);
        }
        assert.equal(table.length, slow.size);
        table.clear();
      }
    },
  ));
});

Deno.test("thousands of tuples are all found again", () => {
  const table = new IntTuples(2);
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 5000; i++) {
      table.tuple.set([i % 70, i]);
      assert.equal(table.intern(), i);
    }
  }
});
