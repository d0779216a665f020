// Partial answers become one: series by series, interval by interval. Commutative, and associative as
// far as sums of floats are.

import { invariant } from "../../../lib/invariant.ts";
import { checkCells } from "./cells_limit.ts";
import { META_TYPE, VALUES_MAX } from "./compare.ts";
import { mergeExemplars } from "./exemplar_choice.ts";
import {
  type MetricsAnswer,
  type MetricsLeafAnswer,
  type MetricsRequest,
  type MetricsSeries,
  seriesKey,
} from "./metrics_answer.ts";
import { type MetricsLeaf, planMetrics } from "./metrics_plan.ts";

export function mergeMetrics(
  request: MetricsRequest,
  answers: readonly MetricsAnswer[],
): Omit<MetricsAnswer, "inspectedTraces" | "inspectedSpans" | "inspectedBytes"> {
  const [only] = answers;
  if (only !== undefined && answers.length === 1) return only;
  const { leaves, grid } = planMetrics(request);
  for (const answer of answers) {
    invariant(answer.leaves.length === leaves.length, "QM-2: answers to one query have its leaves");
  }
  return {
    kind: "metrics",
    coveredBlocks: [...new Set(answers.flatMap(({ coveredBlocks }) => coveredBlocks))],
    leaves: leaves.map((leaf, i) =>
      mergeLeaves(leaf, answers.map((answer) => answer.leaves[i]!), grid.count)
    ),
  };
}

type Merge = (a: number, b: number) => number;

/** NaN is none, so that the other one counts. */
const least: Merge = (a, b) => a < b || Number.isNaN(b) ? a : b;
const greatest: Merge = (a, b) => a > b || Number.isNaN(b) ? a : b;
const sum: Merge = (a, b) => Number.isNaN(a) ? b : Number.isNaN(b) ? a : a + b;

function mergeLeaves(
  { aggregate }: MetricsLeaf,
  parts: readonly MetricsLeafAnswer[],
  width: number,
): MetricsLeafAnswer {
  const merge = aggregate.fn === "min_over_time"
    ? least
    : aggregate.fn === "max_over_time"
    ? greatest
    : sum;
  const series = new Map<string, MetricsSeries>();
  for (const part of parts) {
    for (const one of part.series) {
      const key = seriesKey(one);
      const known = series.get(key);
      series.set(key, known === undefined ? one : mergeSeries(known, one, merge));
    }
  }
  checkCells(series.size, width);
  const crowded = new Set(parts.flatMap((part) => part.crowded));
  const all = [...series.values()];
  const kept = aggregate.fn === "compare" ? withoutCrowded(all, crowded) : all;
  const exemplars = mergeExemplars(parts.map((part) => part.exemplars));
  return { series: kept, crowded: [...crowded].sort(), exemplars };
}

function mergeSeries(a: MetricsSeries, b: MetricsSeries, merge: Merge): MetricsSeries {
  const both = (x: Float64Array, y: Float64Array, how: Merge) => x.map((v, i) => how(v, y[i]!));
  return {
    ...a,
    values: both(a.values, b.values, merge),
    weights: a.weights && b.weights && both(a.weights, b.weights, sum),
  };
}

/** Adds attributes with too many values to the crowded ones, and leaves all those out. */
function withoutCrowded(series: readonly MetricsSeries[], crowded: Set<string>): MetricsSeries[] {
  const values = new Map<string, Set<string>>();
  for (const { labels } of series) {
    const [attribute] = labels.filter(({ key }) => key !== META_TYPE);
    const { key } = attribute!;
    if (!values.has(key)) values.set(key, new Set());
    values.get(key)!.add(seriesKey({ labels: [attribute!], bucket: -1 }));
  }
  for (const [key, { size }] of values) if (size > VALUES_MAX) crowded.add(key);
  return series.filter(({ labels }) => !labels.some(({ key }) => crowded.has(key)));
}
