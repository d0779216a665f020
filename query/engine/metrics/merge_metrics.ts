// Partial answers become one: series by series, interval by interval. Commutative, and associative as
// far as sums of floats are.

import { invariant } from "../../../lib/invariant.ts";
import { QueryMemory, seriesBytes } from "../query_memory.ts";
import { checkCells } from "./cells_limit.ts";
import { CompareSums } from "./compare.ts";
import { mergeExemplars } from "./exemplar_choice.ts";
import {
  type MetricsAnswer,
  type MetricsLeafAnswer,
  type MetricsRequest,
  type MetricsSeries,
  seriesKey,
} from "./metrics_answer.ts";
import { type MetricsLeaf, planMetrics } from "./metrics_plan.ts";
import { mergeOf } from "./run_metrics.ts";
import { type Merge, mergeInto, sum } from "./series_sums.ts";

export function mergeMetrics(
  request: MetricsRequest,
  answers: readonly MetricsAnswer[],
): Omit<MetricsAnswer, "inspectedTraces" | "inspectedSpans" | "inspectedBytes"> {
  const [only] = answers;
  if (only !== undefined && answers.length === 1) return only;
  const { leaves, grid } = planMetrics(request);
  const memory = new QueryMemory(request.memoryBytesMax);
  for (const answer of answers) {
    invariant(answer.leaves.length === leaves.length, "QM-2: answers to one query have its leaves");
  }
  const coveredBlocks = [...new Set(answers.flatMap((answer) => answer.coveredBlocks))];
  const full = answers.filter(hasAnything);
  if (full.length === 1) return { kind: "metrics", coveredBlocks, leaves: full[0]!.leaves };
  return {
    kind: "metrics",
    coveredBlocks,
    leaves: leaves.map((leaf, i) =>
      mergeLeaves(leaf, answers.map((answer) => answer.leaves[i]!), grid.count, memory)
    ),
  };
}

function hasAnything({ leaves }: MetricsAnswer): boolean {
  return leaves.some(({ series, exemplars, compared, crowded }) =>
    series.length + exemplars.length + compared.length + crowded.length > 0
  );
}

function mergeLeaves(
  leaf: MetricsLeaf,
  parts: readonly MetricsLeafAnswer[],
  width: number,
  memory: QueryMemory,
): MetricsLeafAnswer {
  if (leaf.aggregate.fn === "compare") {
    const sums = new CompareSums(width, memory);
    for (const { compared, crowded } of parts) sums.addAnswer(compared, crowded);
    return { series: [], exemplars: [], compared: sums.compared, crowded: sums.crowded };
  }
  const merge = mergeOf(leaf);
  const series = new Map<string, MetricsSeries>();
  for (const part of parts) {
    for (const one of part.series) {
      const key = seriesKey(one);
      const known = series.get(key);
      if (known === undefined) memory.take(seriesBytes(one.values, one.weights));
      series.set(key, known === undefined ? one : mergeSeries(known, one, merge));
    }
  }
  checkCells(series.size, width);
  const exemplars = mergeExemplars(parts.map((part) => part.exemplars));
  return { series: [...series.values()], exemplars, compared: [], crowded: [] };
}

function mergeSeries(a: MetricsSeries, b: MetricsSeries, merge: Merge): MetricsSeries {
  return {
    ...a,
    values: merged(a.values, b.values, merge),
    weights: a.weights && b.weights && merged(a.weights, b.weights, sum),
  };
}

function merged(a: Float64Array, b: Float64Array, merge: Merge): Float64Array {
  const values = a.slice();
  mergeInto(values, 0, b, 0, b.length, merge);
  return values;
}
