import assert from "node:assert/strict";
import fc from "fast-check";

import { bucketIndex, bucketsOf, NativeBuckets, schemaOf } from "./native_histogram.ts";
import type { NativeHistogram } from "./series.ts";

const options = { factor: 1.1, bucketsMax: 100, resetMinMs: 900_000 };

Deno.test("a bucket holds what is above its lower bound, and its upper bound", () => {
  assert.deepEqual([0.25, 0.5, 1, 2, 4].map((value) => bucketIndex(value, 3)), [-16, -8, 0, 8, 16]);
  assert.equal(bucketIndex(1.0001, 3), 1);
  assert.equal(bucketIndex(0.9999, 3), 0);
  assert.deepEqual([1, 2, 3, 4, 5].map((value) => bucketIndex(value, 0)), [0, 1, 2, 2, 3]);
  assert.deepEqual([1, 2, 4, 5, 16, 17].map((value) => bucketIndex(value, -1)), [0, 1, 1, 2, 2, 3]);
  fc.assert(fc.property(
    fc.double({ min: 2 ** -200, max: 2 ** 200, noNaN: true }),
    fc.integer({ min: -4, max: 8 }),
    (value, schema) => {
      const index = bucketIndex(value, schema);
      const bound = (i: number) => 2 ** (i * 2 ** -schema);
      assert.ok(bound(index - 1) < value * (1 + 1e-12) && value <= bound(index) * (1 + 1e-12));
    },
  ));
});

Deno.test("buckets grow by no more than the factor, if that can be", () => {
  assert.equal(schemaOf(1.1), 3);
  assert.equal(schemaOf(2), 0);
  assert.equal(schemaOf(1.00001), 8);
  assert.equal(schemaOf(1e9), -4);
  assert.equal(schemaOf(1), 8);
});

Deno.test("spans and deltas tell the counts, with short gaps filled and long ones left", () => {
  const { spans, deltas } = bucketsOf(new Map([[4, 2], [-3, 1], [-1, 5], [5, 2]]));
  assert.deepEqual(spans, [{ offset: -3, length: 3 }, { offset: 4, length: 2 }]);
  assert.deepEqual(deltas, [1, -1, 5, -3, 0]);
  const counts = fc.dictionary(fc.integer({ min: -30, max: 30 }).map(String), fc.nat({ max: 9 }));
  fc.assert(fc.property(counts, (counts) => {
    const wanted = new Map(Object.entries(counts).map(([i, count]) => [Number(i), count]));
    const told = toldBy(bucketsOf(wanted));
    for (const [i, count] of told) assert.equal(count, wanted.get(i) ?? 0);
    for (const [i, count] of wanted) assert.equal(told.get(i), count);
  }));
});

Deno.test("observations are told by bucket, zero apart", () => {
  const native = new NativeBuckets(options, 0);
  for (const value of [0, 0.25, 0.25, 1]) native.observe(value, 1, 0);
  const { count, sum, zeroCount, positive, isReset } = native.collect();
  assert.deepEqual({ count, sum, zeroCount, isReset }, {
    count: 4,
    sum: 1.5,
    zeroCount: 1,
    isReset: true,
  });
  assert.deepEqual([...toldBy(positive)], [[-16, 2], [0, 1]]);
  assert.equal(native.collect().isReset, false);
});

Deno.test("weights that are not whole are counted whole in time", () => {
  const native = new NativeBuckets(options, 0);
  for (let i = 0; i < 30; i++) native.observe(1, 10 / 3, 0);
  assert.equal(native.collect().count, 100);
});

Deno.test("too many buckets become coarser while it is young, and start anew when it is not", () => {
  const settings = { ...options, bucketsMax: 10 };
  const native = new NativeBuckets(settings, 0);
  for (let i = 0; i < 40; i++) native.observe(1.1 ** i, 1, 1_000);
  const coarse = native.collect();
  assert.equal(coarse.count, 40);
  assert.ok(coarse.schema < 3 && toldBy(coarse.positive).size <= 10);
  for (const [index, count] of toldBy(coarse.positive)) {
    const inBucket = Array.from({ length: 40 }, (_, i) => 1.1 ** i)
      .filter((value) => bucketIndex(value, coarse.schema) === index);
    assert.equal(count, inBucket.length);
  }
  for (let i = 0; i < 20; i++) native.observe(1e6 * 2 ** (4 * i), 1, 900_000);
  const fresh: NativeHistogram = native.collect();
  assert.equal(fresh.isReset, true);
  assert.ok(fresh.count < 20);
});

function toldBy({ spans, deltas }: NativeHistogram["positive"]): Map<number, number> {
  const counts = new Map<number, number>();
  let index = 0;
  let count = 0;
  let at = 0;
  for (const { offset, length } of spans) {
    index += offset;
    for (let i = 0; i < length; i++) {
      count += deltas[at++]!;
      counts.set(index++, count);
    }
  }
  return counts;
}
