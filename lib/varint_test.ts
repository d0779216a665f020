import assert from "node:assert/strict";
import fc from "fast-check";
import { ProtobufReader } from "./protobuf_reader.ts";
import { varintSize, writeVarint } from "./varint.ts";

Deno.test("a varint takes as many bytes as it says, and is read as it was written", () => {
  const value = fc.oneof(fc.nat(), fc.integer({ min: 0, max: 2 ** 32 - 1 }));
  fc.assert(fc.property(value, fc.nat(3), (value, at) => {
    const bytes = new Uint8Array(16);
    const end = writeVarint(bytes, at, value);
    assert.equal(end - at, varintSize(value));
    const reader = new ProtobufReader();
    reader.reset(bytes, at);
    assert.equal(reader.varint32(end), value);
    assert.equal(reader.position, end);
  }));
});
