import assert from "node:assert/strict";
import fc from "fast-check";
import { blockId } from "./block_id.ts";

Deno.test("a block id is a version 5 UUID, the same for the same section", () => {
  const id = blockId("single-tenant", 3, 1000, 1);
  assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(blockId("single-tenant", 3, 1000, 1), id);
});

Deno.test("block ids differ in tenant, partition, offset and sequence", () => {
  const section = fc.tuple(fc.string(), fc.nat(), fc.nat(), fc.nat(9));
  fc.assert(fc.property(section, section, (a, b) => {
    const isSame = JSON.stringify(a) === JSON.stringify(b);
    assert.equal(blockId(...a) === blockId(...b), isSame);
  }));
});
