import assert from "node:assert/strict";
import fc from "fast-check";
import { ByteWriter } from "./byte_writer.ts";
import { bytesTag, eachBody, everyField } from "./protobuf_fields.ts";
import { ProtobufWriter } from "./protobuf_writer.ts";

Deno.test("the fields of a message, joined, are the message", () => {
  fc.assert(fc.property(fc.array(field, { maxLength: 10 }), (fields) => {
    const out = new ProtobufWriter(new ByteWriter());
    for (const write of fields) write(out);
    const message = out.bytes.copy();
    const joined: number[] = [];
    everyField(message, (_tag, bytes) => joined.push(...bytes));
    assert.deepEqual(joined, [...message]);
  }));
});

Deno.test("bodies of one field come in their order, other fields are passed over", () => {
  const out = new ProtobufWriter(new ByteWriter());
  out.text(2, "a");
  out.varint(3, 300);
  out.text(2, "bc");
  out.text(4, "no");
  const bodies: string[] = [];
  eachBody(out.bytes.copy(), 2, (body) => bodies.push(new TextDecoder().decode(body)));
  assert.deepEqual(bodies, ["a", "bc"]);
});

Deno.test("a length past the end is refused", () => {
  assert.throws(() => everyField(new Uint8Array([bytesTag(1), 3, 0]), () => {}), /exceeds/);
});

const field = fc.oneof(
  fc.tuple(fc.integer({ min: 1, max: 900 }), fc.string()).map(
    ([n, text]) => (out: ProtobufWriter) => out.text(n, text),
  ),
  fc.tuple(fc.integer({ min: 1, max: 900 }), fc.nat()).map(([n, value]) => (out: ProtobufWriter) =>
    out.varint(n, value)
  ),
  fc.integer({ min: 1, max: 900 }).map((n) => (out: ProtobufWriter) => out.fixed64(n, 1, 2)),
);
