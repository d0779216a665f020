import assert from "node:assert/strict";
import fc from "fast-check";
import { bytesBounds, intBounds, wordBounds } from "./page_bounds.ts";

const byOrder = (a: bigint | number, b: bigint | number) => a < b ? -1 : a > b ? 1 : 0;

Deno.test("bounds of integers are the least and the greatest, signed or not", () => {
  const int64 = fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.bigInt(-3n, 3n));
  fc.assert(fc.property(fc.array(int64, { minLength: 1 }), fc.boolean(), (list, isUnsigned) => {
    const words = new Uint32Array(BigInt64Array.from(list).buffer);
    const { min, max } = wordBounds(words, list.length, isUnsigned)!;
    const sorted = list.map((v) => isUnsigned ? BigInt.asUintN(64, v) : v).sort(byOrder);
    const read = ({ buffer }: Uint8Array) =>
      isUnsigned
        ? new DataView(buffer).getBigUint64(0, true)
        : new DataView(buffer).getBigInt64(0, true);
    assert.deepEqual([read(min), read(max)], [sorted[0], sorted.at(-1)]);
  }));
  fc.assert(
    fc.property(fc.array(fc.integer(), { minLength: 1 }), fc.boolean(), (list, isUnsigned) => {
      const { min, max } = intBounds(Int32Array.from(list), list.length, isUnsigned)!;
      const sorted = list.map((v) => isUnsigned ? v >>> 0 : v).sort(byOrder);
      const read = ({ buffer }: Uint8Array) =>
        isUnsigned
          ? new DataView(buffer).getUint32(0, true)
          : new DataView(buffer).getInt32(0, true);
      assert.deepEqual([read(min), read(max)], [sorted[0], sorted.at(-1)]);
    }),
  );
});

Deno.test("bounds of strings are the first and the last byte by byte; of nothing there are none", () => {
  fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 4 }), { minLength: 1 }), (list) => {
    const bytes = Uint8Array.from(list.flatMap((value) => [...value]));
    const sizes = Int32Array.from(list, (value) => value.length);
    const { min, max } = bytesBounds(bytes, sizes, list.length)!;
    const sorted = list.map((value) => value.toHex()).sort();
    assert.deepEqual([min.toHex(), max.toHex()], [sorted[0], sorted.at(-1)]);
  }));
  assert.equal(bytesBounds(new Uint8Array(0), new Int32Array(0), 0), undefined);
  assert.equal(intBounds(new Int32Array(0), 0, true), undefined);
  assert.equal(wordBounds(new Uint32Array(0), 0, true), undefined);
});
