import assert from "node:assert/strict";

import fc from "fast-check";

import { counter, T0_MS } from "../../tests/support/series.ts";
import type { Point, SeriesPoints } from "../series.ts";
import { SeriesIndex } from "./series_index.ts";
import { inTimeOrder, noteTimes, type Ordered } from "./time_order.ts";

const MINUTE_END = T0_MS - 1_000;

Deno.test("what is in order is handed on as it is", () => {
  const index = new SeriesIndex();
  const series = [counter("a", T0_MS, 1), counter("b", T0_MS, 2)];
  const { series: ordered, lateCount } = taken(series, index);
  assert.equal(lateCount, 0);
  assert.deepEqual(ordered, series);
  assert.equal(ordered[0], series[0]);
});

Deno.test("the zero of a counter that begins again is put behind its newest point", () => {
  const index = new SeriesIndex();
  taken([counter("a", T0_MS, 500)], index);
  const again = { ...counter("a", 0, 0), points: points([MINUTE_END, 0], [T0_MS + 5_000, 900]) };
  const { series, lateCount } = taken([again], index);
  assert.equal(lateCount, 0);
  assert.deepEqual(series[0]!.points, points([T0_MS + 1, 0], [T0_MS + 5_000, 900]));
});

Deno.test("the sum of a histogram that a former life has written begins with a zero, once, and no gauge does", () => {
  const index = new SeriesIndex();
  const names = ["latency_sum", "info"];
  for (const name of names) {
    Object.assign(index.of(counter(name, 0, 0).labels), { newestMs: T0_MS, isFormer: true });
  }
  const valuesAt = (timeMs: number) =>
    taken(names.map((name) => counter(name, timeMs, 1)), index).series.map(({ points }) =>
      points.map(({ timeMs, value }) => [timeMs - T0_MS, value])
    );
  assert.deepEqual(valuesAt(T0_MS + 5_000), [[[1, 0], [5_000, 1]], [[5_000, 1]]]);
  assert.deepEqual(valuesAt(T0_MS + 9_000), [[[9_000, 1]], [[9_000, 1]]]);
});

Deno.test("any other late point is left out and counted", () => {
  const index = new SeriesIndex();
  taken([counter("a", T0_MS, 5)], index);
  assert.deepEqual(taken([counter("a", T0_MS, 6)], index), { series: [], lateCount: 1 });
  assert.deepEqual(taken([counter("a", T0_MS - 1, 7)], index), { series: [], lateCount: 1 });
});

Deno.test("what did not reach the disk may come again", () => {
  const index = new SeriesIndex();
  const series = [counter("a", T0_MS, 5)];
  inTimeOrder(series, index);
  assert.deepEqual(inTimeOrder(series, index), { series, lateCount: 0 });
});

Deno.test("times of a series only grow, its last value is never lost, and nothing is left out but late points", () => {
  const some = fc.array(fc.tuple(fc.nat(50), fc.nat(3)), { minLength: 1, maxLength: 3 });
  fc.assert(fc.property(fc.array(some, { maxLength: 8 }), (collections) => {
    const index = new SeriesIndex();
    let newestMs = -Infinity;
    for (const [i, each] of collections.entries()) {
      const sorted = points(...each.sort(([a], [b]) => a - b));
      // A collection's own time is newer than all before.
      const given = [...sorted, { timeMs: 100 * (i + 1), value: 9 }];
      const { series, lateCount } = taken([{ ...counter("a", 0, 0), points: given }], index);
      const out = series.flatMap((one: SeriesPoints) => one.points);
      assert.equal(out.length + lateCount, given.length);
      for (const { timeMs } of out) {
        assert.ok(timeMs > newestMs);
        newestMs = timeMs;
      }
      assert.deepEqual(out.at(-1), given.at(-1));
    }
  }));
});

/** And on the disk. */
function taken(series: readonly SeriesPoints[], index: SeriesIndex): Ordered {
  const ordered = inTimeOrder(series, index);
  noteTimes(ordered.series, index);
  return ordered;
}

function points(...pairs: [timeMs: number, value: number][]): Point[] {
  return pairs.map(([timeMs, value]) => ({ timeMs, value }));
}
