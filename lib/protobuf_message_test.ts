import assert from "node:assert/strict";
import fc from "fast-check";
import protobuf from "protobufjs";
import { ProtobufMessage } from "./protobuf_message.ts";
import { ProtobufError } from "./protobuf_reader.ts";

const { root } = protobuf.parse(`
syntax = "proto3";
message M { string a = 1; uint64 b = 2; fixed64 c = 3; M d = 4; map<string, string> e = 5; float f = 6; }
`);
const M = root.lookupType("M");

Deno.test("fields are read as protobufjs wrote them", () => {
  const fields = fc.record({
    a: fc.string({ unit: "grapheme" }),
    b: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    c: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    e: fc.dictionary(fc.string({ maxLength: 5 }), fc.string(), { noNullPrototype: true }),
    f: fc.float({ noNaN: true }),
  });
  fc.assert(fc.property(fields, fc.string(), ({ a, b, c, e, f }, inner) => {
    const object = { a, b: String(b), c: String(c), d: { a: inner }, e, f };
    const message = new ProtobufMessage(M.encode(M.fromObject(object)).finish());
    assert.deepEqual([message.text(1), message.integer(2), message.integer(3)], [a, b, c]);
    assert.equal(message.message(4).text(1), inner);
    assert.deepEqual(Object.fromEntries(message.pairs(5)), { ...e });
    assert.deepEqual([message.text(9), message.integer(9), message.number(9)], ["", 0n, 0]);
    assert.equal(message.message(9).text(1), "");
  }));
});

Deno.test("a field of another kind than asked for is refused", () => {
  const message = new ProtobufMessage(M.encode(M.fromObject({ a: "x", b: 1 })).finish());
  assert.throws(() => message.text(2), ProtobufError);
  assert.throws(() => message.number(1), ProtobufError);
});

Deno.test("bytes that are no message are refused", () => {
  for (const bytes of [[0x0a, 5, 1], [0x10], [0x00], [0x19, 1, 2]]) {
    assert.throws(() => new ProtobufMessage(Uint8Array.from(bytes)), ProtobufError);
  }
});
