import assert from "node:assert/strict";

import fc from "fast-check";

import { counter, seriesPoints, T0_MS, writtenSeries } from "../../tests/support/series.ts";
import { type NativeHistogram, STALE } from "../series.ts";
import { WriteRequestEncoder } from "./write_request.ts";

Deno.test("protobufjs reads what is written: labels, samples, exemplars, histograms", () => {
  const encoder = new WriteRequestEncoder();
  fc.assert(fc.property(fc.array(seriesPoints, { maxLength: 5 }), (series) => {
    const message = encoder.encode(series);
    const read = writtenSeries(message.bytes);
    assert.equal(read.length, series.length);
    for (const [i, { labels, points, exemplars }] of series.entries()) {
      const one = read[i]!;
      assert.deepEqual(one.labels, Object.fromEntries(labels));
      const floats = points.filter(({ value }) => typeof value === "number");
      assert.deepEqual(
        one.samples.map(({ value, timestamp }) => [timestamp, value]),
        floats.map(({ value, timeMs }) => [timeMs, value as number]),
      );
      assert.deepEqual(
        one.exemplars,
        exemplars.map(({ labels, value, timeMs }) => ({
          labels: Object.fromEntries(labels),
          value,
          timestamp: timeMs,
        })),
      );
      const histograms = points.filter(({ value }) => typeof value !== "number");
      assert.deepEqual(
        one.histograms.map(({ timestamp, count_int, schema, positive_spans, negative_deltas }) => ({
          timestamp,
          count_int,
          schema,
          positive_spans,
          negative_deltas,
        })),
        histograms.map(({ timeMs, value }) => {
          const { count, schema, positive, negative } = value as NativeHistogram;
          return {
            timestamp: timeMs,
            count_int: count,
            schema,
            positive_spans: positive.spans,
            negative_deltas: negative.deltas,
          };
        }),
      );
    }
    assert.equal(
      message.samples + message.histograms,
      series.flatMap(({ points }) => points).length,
    );
  }));
});

Deno.test("the end of a series is the NaN that Prometheus knows for it", () => {
  const { bytes } = new WriteRequestEncoder().encode([counter("a", T0_MS, STALE)]);
  const text = bytes.toHex();
  assert.ok(text.includes("020000000000f07f"), text);
});

Deno.test("a histogram of broken counts is written in floats, and says when it begins again", () => {
  const value: NativeHistogram = {
    schema: 3,
    count: 2.5,
    sum: 1,
    zeroThreshold: 0.5,
    zeroCount: 0.5,
    positive: { spans: [{ offset: -2, length: 2 }], deltas: [1.5, -1] },
    negative: { spans: [], deltas: [] },
    isReset: true,
  };
  const series = { ...counter("a", 0, 0), points: [{ timeMs: T0_MS, value }] };
  const [one] = writtenSeries(new WriteRequestEncoder().encode([series]).bytes);
  const [written] = one!.histograms;
  assert.equal(written.count_float, 2.5);
  assert.equal(written.zero_count_float, 0.5);
  assert.deepEqual(written.positive_counts, [1.5, 0.5]);
  assert.deepEqual(written.positive_deltas, []);
  assert.equal(written.reset_hint, 1);
});
