import assert from "node:assert/strict";
import fc from "fast-check";
import type { TraceLayout } from "../../model/trace_layout.ts";
import { rowGroupEnds, traceRange } from "./row_group_ranges.ts";

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
