import assert from "node:assert/strict";
import fc from "fast-check";
import { areAtMost, ByteCounter, countEqual, findZeros } from "./small_bytes.ts";

/** Small bytes somewhere in a larger buffer, so that words begin anywhere; and a range of them. */
const ranges = fc.tuple(
  fc.array(fc.integer({ min: 0, max: 7 }), { maxLength: 70 }),
  fc.nat(7),
  fc.nat(70),
  fc.nat(70),
).map(([values, offset, a, b]) => {
  const bytes = new Uint8Array(offset + values.length + 5).fill(7).subarray(
    offset,
    offset + values.length,
  );
  bytes.set(values);
  const ends = [Math.min(a, values.length), Math.min(b, values.length)].sort((x, y) => x - y);
  return { bytes, from: ends[0]!, to: ends[1]! };
});

Deno.test("bytes are compared, counted and found four at a time as one by one", () => {
  fc.assert(fc.property(ranges, fc.nat(7), ({ bytes, from, to }, level) => {
    const part = [...bytes.subarray(from, to)];
    assert.equal(areAtMost(bytes, level, from, to), part.every((byte) => byte <= level));
    const count = part.filter((byte) => byte === level).length;
    assert.equal(countEqual(bytes, level, from, to), count);
    assert.equal(new ByteCounter(bytes, level).count(from, to), count);
    const zeros = [...bytes.subarray(0, to)].flatMap((byte, at) => byte === 0 ? [at] : []);
    const places = new Int32Array(5).fill(-1);
    assert.equal(findZeros(bytes, to, places), zeros.length);
    assert.deepEqual([...places], Object.assign([-1, -1, -1, -1, -1], zeros.slice(0, 5)));
  }));
});

Deno.test("a byte that is no level is larger than any level", () => {
  for (let at = 0; at < 13; at++) {
    for (const value of [128, 130, 200, 255]) {
      const bytes = new Uint8Array(13).fill(3);
      bytes[at] = value;
      assert.equal(areAtMost(bytes, 6, 0, 13), false);
    }
  }
});
