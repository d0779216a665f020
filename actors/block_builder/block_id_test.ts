import assert from "node:assert/strict";
import fc from "fast-check";
import { blockId } from "./block_id.ts";

Deno.test("a block id is a version 5 UUID, the same for the same section", () => {
  const id = blockId("single-tenant", 3, 1000, 1, "");
  assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(blockId("single-tenant", 3, 1000, 1, ""), id);
});

Deno.test("of a log without an identity ids are what they were before there was one", () => {
  assert.equal(blockId("single-tenant", 3, 1000, 1, ""), "61c498ee-33ce-568c-aba8-592a61f10c71");
});

Deno.test("block ids differ in tenant, partition, offset, sequence and log", () => {
  const log = fc.constantFrom("", "1bc2a2e4", "9f1c7d30");
  const section = fc.tuple(fc.string(), fc.nat(), fc.nat(), fc.nat(9), log);
  fc.assert(fc.property(section, section, (a, b) => {
    const isSame = JSON.stringify(a) === JSON.stringify(b);
    assert.equal(blockId(...a) === blockId(...b), isSame);
  }));
});
