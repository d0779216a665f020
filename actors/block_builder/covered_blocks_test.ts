import assert from "node:assert/strict";
import { blockId } from "./block_id.ts";
import { coveredBlocks } from "./covered_blocks.ts";

Deno.test("a section covers the blocks of its start, whatever their sequence, and no other's", () => {
  const covered = coveredBlocks("acme", 3, 700, "log");
  for (const sequence of [1, 2, 9]) {
    assert.ok(covered.includes(blockId("acme", 3, 700, sequence, "log")));
  }
  for (
    const other of [
      blockId("acme", 3, 701, 1, "log"),
      blockId("acme", 2, 700, 1, "log"),
      blockId("b", 3, 700, 1, "log"),
    ]
  ) {
    assert.ok(!covered.includes(other));
  }
});
