import fc from "fast-check";
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";

import { sealed, unsealed } from "./sealed_value.ts";

const value = fc.uint8Array({ maxLength: 300 });

Deno.test("what was sealed comes back, under its key alone", () => {
  fc.assert(fc.property(fc.string(), fc.string(), value, (key, other, bytes) => {
    assert.deepEqual(unsealed(key, sealed(key, bytes)), bytes);
    if (key !== other) assert.equal(unsealed(other, sealed(key, bytes)), undefined);
  }));
});

Deno.test("what is cut off, longer, or changed in any bit is nothing", () => {
  fc.assert(fc.property(value, fc.nat(), fc.nat(7), fc.nat(), (bytes, at, bit, cut) => {
    const whole = sealed("k", bytes);
    const flipped = whole.slice();
    flipped[at % whole.length]! ^= 1 << bit;
    assert.equal(unsealed("k", flipped), undefined);
    assert.equal(unsealed("k", whole.subarray(0, cut % whole.length)), undefined);
    assert.equal(unsealed("k", Uint8Array.of(...whole, 0)), undefined);
  }));
});

Deno.test("garbage is nothing", () => {
  fc.assert(fc.property(value, (bytes) => assert.equal(unsealed("k", bytes), undefined)));
});

Deno.test("a value out of a Buffer is a plain array, whose slice is a copy", () => {
  const value = unsealed("k", Buffer.from(sealed("k", Uint8Array.of(1, 2))))!;
  value.slice()[0] = 9;
  assert.deepEqual(value, Uint8Array.of(1, 2));
});
