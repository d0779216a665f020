import assert from "node:assert/strict";
import fc from "fast-check";
import { defaultDedicated } from "../../model/dedicated_attributes.ts";
import { OtlpDecoder } from "../../model/otlp_decode.ts";
import { SpanColumns } from "../../model/span_columns.ts";
import { layoutTraces, type TraceLayout } from "../../model/trace_layout.ts";
import { encodeOtlp } from "../../tests/support/otlp.ts";
import { endsWithin, rowGroupEnds, traceRange } from "./row_group_ranges.ts";

/** Traces of one resource and scope each, with so many spans. */
function layoutOf(sizes: readonly number[]): TraceLayout {
  const starts = Int32Array.from({ length: sizes.length + 1 }, (_, i) => i);
  let spans = 0;
  const scopeStart = Int32Array.from([...sizes, 0], (size) => (spans += size) - size);
  const rows = starts.slice(0, -1);
  return {
    traces: rows,
    traceStart: starts,
    resourceStart: starts,
    resourceRow: rows,
    scopeStart,
    scopeRow: rows,
    order: Int32Array.from({ length: spans }, (_, i) => i),
  };
}

const groupSizes = (sizes: readonly number[], ends: readonly number[]) =>
  ends.map((end, i) => sizes.slice(ends[i - 1] ?? 0, end).reduce((a, b) => a + b, 0));

Deno.test("row groups of a large section are of 60,000 to 100,000 spans, of a small one there is one", () => {
  const traces = fc.integer({ min: 4_200, max: 40_000 });
  fc.assert(
    fc.property(traces, (count) => {
      const sizes = Array.from({ length: count }, (_, i) => 1 + i * 7 % 57);
      const groups = groupSizes(sizes, rowGroupEnds(layoutOf(sizes), 80_000));
      const spans = groups.reduce((a, b) => a + b, 0);
      assert.equal(spans, sizes.reduce((a, b) => a + b, 0));
      for (const size of groups) {
        // Just above 100,000 two groups of a little less than 60,000 are the best there is.
        assert.ok(size <= 100_100 && size >= Math.min(spans, 50_000 - 100), String(groups));
        if (spans > 120_000) assert.ok(size > 59_900, String(groups));
      }
    }),
    { numRuns: 30 },
  );
});

Deno.test("ranges between the ends hold every trace once, whatever the sizes", () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 40 });
  fc.assert(fc.property(sizes, fc.integer({ min: 1, max: 100 }), (list, wanted) => {
    const layout = layoutOf(list);
    const ends = rowGroupEnds(layout, wanted);
    assert.equal(ends.at(-1), list.length);
    let from = 0;
    const spans: number[] = [];
    for (const to of ends) {
      assert.ok(to > from);
      const part = traceRange(layout, from, to);
      assert.deepEqual([...part.traces], [...layout.traces.subarray(from, to)]);
      assert.equal(part.scopeStart[0], 0);
      assert.equal(part.scopeStart.at(-1), part.order.length);
      spans.push(...part.order);
      from = to;
    }
    assert.deepEqual(spans, [...layout.order]);
  }));
});

Deno.test("a group that passes the limit of bytes ends, by the peer's estimate to the byte", () => {
  const attributes = (count: number) =>
    Array.from({ length: count }, (_, i) => ({ key: `k${i}`, value: { intValue: "1" } }));
  const columns = new SpanColumns(defaultDedicated);
  const decoder = new OtlpDecoder(columns);
  for (const trace of [1, 2, 3]) {
    const id = new Uint8Array(8).fill(1);
    decoder.decode(encodeOtlp({
      resourceSpans: [{
        resource: {
          attributes: [
            ...attributes(2),
            { key: "service.name", value: { stringValue: "s" } },
            { key: "k8s.pod.name", value: { stringValue: "has a column" } },
          ],
        },
        scopeSpans: [{
          scope: { name: "s", attributes: attributes(3) },
          spans: [{
            traceId: new Uint8Array(16).fill(trace),
            spanId: id,
            parentSpanId: id,
            attributes: [
              ...attributes(4),
              { key: "http.method", value: { stringValue: "has one too" } },
            ],
            events: [{ attributes: attributes(1) }, { attributes: attributes(5) }],
            links: [{ traceId: new Uint8Array(16).fill(9), spanId: id, attributes: attributes(6) }],
          }],
        }],
      }],
    }));
  }
  const bytes = (7 + 16) + (31 + 7 * 2) + (6 + 7 * 3) + (45 + 8 + 8 + 7 * 4) +
    (14 + 7 * 1) + (14 + 7 * 5) + (5 + 16 + 8 + 7 * 6);
  const layout = layoutTraces(columns);
  const ends = (bytesMax: number) => endsWithin(bytesMax, columns, layout, [3]);
  assert.deepEqual(ends(bytes * 3), [3]);
  assert.deepEqual(ends(bytes * 2), [3]); // the third trace is the one that passes it
  assert.deepEqual(ends(bytes * 2 - 1), [2, 3]);
  assert.deepEqual(ends(bytes), [2, 3]);
  assert.deepEqual(ends(bytes - 1), [1, 2, 3]);
  assert.deepEqual(ends(1), [1, 2, 3]);
});
