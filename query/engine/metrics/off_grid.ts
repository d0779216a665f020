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
  answer.leaves.forEach(({ series }, leaf) => {
    const none = noneOf(leaves[leaf]!);
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
    answer: withValues(answer, (one) => ({
      values: cut(one.values),
      weights: one.weights && cut(one.weights),
    })),
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
): MetricsAnswer {
  return {
    ...answer,
    leaves: answer.leaves.map((leaf, i) => ({
      ...leaf,
      series: leaf.series.map((one) => ({ ...one, ...change(one, i) })),
    })),
  };
}
