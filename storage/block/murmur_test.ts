import assert from "node:assert/strict";
import fc from "fast-check";
import { hashes, hashTraceId } from "./murmur.ts";

const MASK = (1n << 64n) - 1n;
const C1 = 0x87c37b91114253d5n;
const C2 = 0x4cf5ad432745937fn;
const rotl = (value: bigint, by: bigint) => ((value << by) | (value >> (64n - by))) & MASK;
const mix1 = (k: bigint) => rotl((k * C1) & MASK, 31n) * C2 & MASK;

function avalanche(k: bigint): bigint {
  k = (k ^ (k >> 33n)) * 0xff51afd7ed558ccdn & MASK;
  k = (k ^ (k >> 33n)) * 0xc4ceb9fe1a85ec53n & MASK;
  return k ^ (k >> 33n);
}

function finish(h1: bigint, h2: bigint, length: bigint): [bigint, bigint] {
  h1 ^= length;
  h2 ^= length;
  h1 = (h1 + h2) & MASK;
  h2 = (h2 + h1) & MASK;
  h1 = avalanche(h1);
  h2 = avalanche(h2);
  h1 = (h1 + h2) & MASK;
  return [h1, (h2 + h1) & MASK];
}

/** The slow twin, as the paper has it. */
function plainly(id: Uint8Array): bigint[] {
  const view = new DataView(id.buffer, id.byteOffset, 16);
  let h1 = rotl(mix1(view.getBigUint64(0, true)), 27n);
  h1 = (h1 * 5n + 0x52dce729n) & MASK;
  let h2 = rotl((view.getBigUint64(8, true) * C2) & MASK, 33n) * C1 & MASK;
  h2 = (rotl(h2, 31n) + h1) & MASK;
  h2 = (h2 * 5n + 0x38495ab5n) & MASK;
  return [...finish(h1, h2, 16n), ...finish(h1 ^ mix1(1n), h2, 17n)];
}

Deno.test("hashes in halves are those of whole 64-bit integers", () => {
  const byte = fc.oneof(fc.constantFrom(0, 255), fc.integer({ min: 0, max: 255 }));
  const ids = fc.array(byte, { minLength: 16, maxLength: 16 });
  fc.assert(
    fc.property(ids, (id) => {
      hashTraceId(Uint8Array.from(id));
      const whole = [0, 2, 4, 6].map((at) => BigInt(hashes[at + 1]!) << 32n | BigInt(hashes[at]!));
      assert.deepEqual(whole, plainly(Uint8Array.from(id)));
    }),
    { numRuns: 1000 },
  );
});
