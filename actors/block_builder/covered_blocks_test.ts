import assert from "node:assert/strict";
import { blockId } from "./block_id.ts";
import { coveredBlocks } from "./covered_blocks.ts";

Deno.test("a section covers the blocks of its start, whatever their sequence, and no other's", () => {
  const covered = coveredBlocks("acme", 3, 700);
  for (const sequence of [1, 2, 9]) assert.ok(covered.includes(blockId("acme", 3, 700, sequence)));
  for (
    const other of [blockId("acme", 3, 701, 1), blockId("acme", 2, 700, 1), blockId("b", 3, 700, 1)]
  ) {
    assert.ok(!covered.includes(other));
  }
});
