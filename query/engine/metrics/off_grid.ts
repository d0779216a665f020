// A partial answer apart from the range it was asked for: where its intervals lie in all of time, and no
// more of them than hold something. So the answer of a block that a range covers can be laid into any
// other range with the same step that covers it too.
// Exemplars belong to stretches of one range, so an answer with exemplars fits that range alone.

import { checkCells } from "./cells_limit.ts";
import type { MetricsAnswer, MetricsRequest, MetricsSeries } from "./metrics_answer.ts";
import { type MetricsLeaf, planMetrics } from "./metrics_plan.ts";
import { gridOf } from "./time_grid.ts";

export interface OffGrid {
  /** Number of the first interval of the series' values, counted from the epoch in steps. */
  readonly first: bigint;
  readonly answer: MetricsAnswer;
}

/** What, besides the query, decides where intervals lie: equal for ranges that one answer fits. */
export function gridPhase({ startNano, stepNano, isInstant }: MetricsRequest): bigint {
  if (isInstant) return 0n;
  const rest = startNano % stepNano;
  return rest < 0n ? rest + stepNano : rest;
}

export function offGrid(request: MetricsRequest, answer: MetricsAnswer): OffGrid {
  if (request.isInstant) return { first: 0n, answer };
  const { leaves } = planMetrics(request);
  let from = Infinity;
  let to = 0;
  const { count } = gridOf(request);
  answer.leaves.forEach(({ series, compared }, leaf) => {
    const none = noneOf(leaves[leaf]!);
    for (const { cells } of compared) {
      for (let i = 0; i < cells.length; i++) {
        if (cells[i] === 0) continue;
        const interval = Math.floor(i / 2) % count;
        from = Math.min(from, interval);
        to = Math.max(to, interval + 1);
      }
    }
    for (const { values } of series) {
      for (let i = 0; i < values.length; i++) {
        if (Object.is(values[i], none)) continue;
        from = Math.min(from, i);
        to = Math.max(to, i + 1);
      }
    }
  });
  if (from >= to) [from, to] = [0, 0];
  const cut = (values: Float64Array) => values.slice(from, to);
  return {
    first: firstInterval(request) + BigInt(from),
    answer: withValues(
      answer,
      (one) => ({ values: cut(one.values), weights: one.weights && cut(one.weights) }),
      (cells) => rowsOf(cells, count * 2, (row) => row.subarray(from * 2, to * 2)),
    ),
  };
}

/** Undefined if the range does not cover it. */
export function onGrid(
  request: MetricsRequest,
  { first, answer }: OffGrid,
): MetricsAnswer | undefined {
  if (request.isInstant) return answer;
  const { leaves } = planMetrics(request);
  const { count } = gridOf(request);
  const from = Number(first - firstInterval(request));
  let isCovered = true;
  const laid = (values: Float64Array, none: number) => {
    if (from < 0 || from + values.length > count) {
      isCovered &&= values.length === 0;
      return new Float64Array(count).fill(none);
    }
    const all = new Float64Array(count).fill(none);
    all.set(values, from);
    return all;
  };
  const laidOut = withValues(answer, ({ values, weights }, leaf) => {
    checkCells(answer.leaves[leaf]!.series.length, count);
    return { values: laid(values, noneOf(leaves[leaf]!)), weights: weights && laid(weights, 0) };
  }, (cells, labels) => {
    const width = cells.length / labels;
    if (from < 0 || from + width / 2 > count) {
      isCovered &&= width === 0;
      return new Float64Array(labels * count * 2);
    }
    return rowsOf(cells, width, (row) => {
      const all = new Float64Array(count * 2);
      all.set(row, from * 2);
      return all;
    });
  });
  return isCovered ? laidOut : undefined;
}

function firstInterval(request: MetricsRequest): bigint {
  return (request.startNano - gridPhase(request)) / request.stepNano;
}

/** What an interval has in which nothing was seen. */
function noneOf({ aggregate }: MetricsLeaf): number {
  const isCounted = !("field" in aggregate) || aggregate.fn === "quantile_over_time" ||
    aggregate.fn === "histogram_over_time";
  return isCounted ? 0 : NaN;
}

function withValues(
  answer: MetricsAnswer,
  change: (one: MetricsSeries, leaf: number) => Pick<MetricsSeries, "values" | "weights">,
  changeCells: (cells: Float64Array, labels: number) => Float64Array,
): MetricsAnswer {
  return {
    ...answer,
    leaves: answer.leaves.map((leaf, i) => ({
      ...leaf,
      series: leaf.series.map((one) => ({ ...one, ...change(one, i) })),
      compared: leaf.compared.map((one) => ({
        ...one,
        cells: changeCells(one.cells, one.labels.length),
      })),
    })),
  };
}

/** Rows of equal width, each changed, one after the other again. */
function rowsOf(
  cells: Float64Array,
  width: number,
  change: (row: Float64Array) => Float64Array,
): Float64Array {
  const rows: Float64Array[] = [];
  for (let at = 0; at < cells.length; at += width) {
    rows.push(change(cells.subarray(at, at + width)));
  }
  const all = new Float64Array(rows.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const row of rows) {
    all.set(row, at);
    at += row.length;
  }
  return all;
}
