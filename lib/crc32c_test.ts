import assert from "node:assert/strict";
import fc from "fast-check";
import { crc32c } from "./crc32c.ts";

/** Bit by bit. */
function slowly(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >>> 1 ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}

Deno.test("it is what the polynomial says, for bytes of every length and place", () => {
  assert.equal(crc32c(new TextEncoder().encode("123456789")), 0xe3069283);
  fc.assert(fc.property(fc.uint8Array({ maxLength: 70 }), fc.nat(7), (bytes, from) => {
    const part = bytes.subarray(from);
    assert.equal(crc32c(part), slowly(part));
  }));
});
