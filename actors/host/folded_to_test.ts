import assert from "node:assert/strict";
import { FoldedTo } from "./folded_to.ts";

Deno.test("watermarks are what partitions said last, and go back only with a replay", () => {
  const to = new FoldedTo();
  assert.deepEqual(to.watermarks(), []);
  to.folded(7, 10, 1_000);
  to.folded(2, 5, 900);
  to.folded(7, 12, 950); // producers' clocks differ
  assert.deepEqual(to.watermarks(), [
    { partition: 2, nextOffset: 5, completeToMs: 900 },
    { partition: 7, nextOffset: 12, completeToMs: 1_000 },
  ]);
  to.folded(7, 3, 400);
  assert.deepEqual(to.watermarks()[1], { partition: 7, nextOffset: 3, completeToMs: 400 });
});
