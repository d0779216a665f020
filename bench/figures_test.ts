import assert from "node:assert/strict";
import fc from "fast-check";

import { bucketsBetween, bucketsOf, highest, percentile, quantile } from "./figures.ts";

Deno.test("percentiles of a hundred samples are the samples", () => {
  const samples = Array.from({ length: 100 }, (_, i) => 100 - i);
  assert.deepEqual([0, 0.5, 0.99, 1].map((p) => percentile(samples, p)), [1, 50, 99, 100]);
  assert.ok(Number.isNaN(percentile([], 0.5)));
});

Deno.test("a percentile leaves at least its share at or below it, and not by more than a sample", () => {
  const samples = fc.array(fc.double({ noNaN: true }), { minLength: 1 });
  fc.assert(fc.property(samples, fc.double({ min: 0.01, max: 1, noNaN: true }), (all, p) => {
    const value = percentile(all, p);
    const share = (test: (sample: number) => boolean) => all.filter(test).length / all.length;
    assert.ok(share((sample) => sample <= value) >= p);
    assert.ok(share((sample) => sample < value) < p);
  }));
});

const TEXT = `# TYPE lag histogram
lag_bucket{le="0.01"} 90
lag_bucket{le="0.1",thread="a"} 60
lag_bucket{le="0.1",thread="b"} 39
lag_bucket{le="+Inf"} 100
lag_sum 3
lag_count 100
lagging_bucket{le="0.01"} 7
`;

Deno.test("buckets are read with their label sets together", () => {
  assert.deepEqual([...bucketsOf(TEXT, "lag")], [[0.01, 90], [0.1, 99], [Infinity, 100]]);
});

Deno.test("a quantile is found within its bucket", () => {
  const buckets = bucketsOf(TEXT, "lag");
  assert.ok(Math.abs(quantile(buckets, 0.45) - 0.005) < 1e-9);
  assert.ok(Math.abs(quantile(buckets, 0.945) - 0.055) < 1e-9);
  assert.equal(quantile(buckets, 1), 0.1); // beyond the last bound nothing is known
  assert.ok(Number.isNaN(quantile(bucketsOf("", "lag"), 0.5)));
});

Deno.test("only what came between two readings counts", () => {
  const before = bucketsOf(TEXT, "lag");
  const after = bucketsOf(TEXT.replace(" 90", " 90").replace(" 100", " 110"), "lag");
  assert.deepEqual([...bucketsBetween(before, after).values()], [0, 0, 10 - 0]);
});

Deno.test("the highest bucket that something fell into is told by its bound", () => {
  assert.equal(highest(new Map([[1, 0], [2, 3], [4, 3], [Infinity, 3]])), 2);
  assert.equal(highest(new Map([[1, 2], [Infinity, 3]])), Infinity);
  assert.ok(Number.isNaN(highest(new Map([[1, 0], [Infinity, 0]]))));
});
