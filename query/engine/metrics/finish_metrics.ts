// The result of a metrics query, from the merged partial answer: what only the whole can tell.

import type { MetricsExpr } from "../../traceql/mod.ts";
import type { ResultAttribute } from "../query_request.ts";
import { finishLeaf } from "./finish_leaf.ts";
import type { MetricsAnswer, MetricsLabel, MetricsRequest } from "./metrics_answer.ts";
import { type MetricsPlan, planMetrics } from "./metrics_plan.ts";
import { compareSeries, type PointSeries } from "./point_series.ts";
import { numberOf, secondStages } from "./second_stage.ts";
import { joined, withNumber } from "./series_arithmetic.ts";
import { timestampsMs } from "./time_grid.ts";

export interface MetricsSample {
  readonly timestampMs: number;
  readonly value: number;
}

export interface ResultSeries {
  readonly labels: readonly ResultAttribute[];
  /** Ascending; an instant has one. */
  readonly samples: readonly MetricsSample[];
  readonly exemplars: readonly (MetricsSample & { readonly labels: readonly ResultAttribute[] })[];
}

export interface MetricsResult {
  readonly series: readonly ResultSeries[];
  /** Not empty where something is missing: why. */
  readonly partialBecause: string;
}

export function finishMetrics(request: MetricsRequest, answer: MetricsAnswer): MetricsResult {
  const plan = planMetrics(request);
  const all = [...evaluate(plan, plan.tree, answer)].sort(compareSeries);
  const { maxSeries } = request;
  const isCut = maxSeries > 0 && all.length > maxSeries;
  const timestamps = timestampsMs(request);
  return {
    series: (isCut ? all.slice(0, maxSeries) : all)
      .map((series) => told(series, timestamps))
      .filter(({ samples }) => samples.length > 0),
    partialBecause: isCut
      ? `Response exceeds maximum series limit of ${maxSeries}, a partial response is returned. ` +
        "Warning: the accuracy of each individual value is not guaranteed."
      : "",
  };
}

function evaluate(
  plan: MetricsPlan,
  expr: MetricsExpr,
  answer: MetricsAnswer,
): readonly PointSeries[] {
  switch (expr.node) {
    case "metrics_constant":
      return []; // A text has at least one query, and whoever holds it takes the number.
    case "metrics_pipeline": {
      const leaf = plan.leafOf(expr);
      const series = finishLeaf(plan.leaves[leaf]!, answer.leaves[leaf]!, plan.grid);
      return secondStages(expr.second, series);
    }
    case "metrics_operation": {
      const { op, left, right } = expr;
      if (left.node === "metrics_constant") {
        const series = evaluate(plan, right, answer);
        return secondStages(expr.second, withNumber(op, series, numberOf(left.value), true));
      }
      const ofLeft = evaluate(plan, left, answer);
      const combined = right.node === "metrics_constant"
        ? withNumber(op, ofLeft, numberOf(right.value), false)
        : joined(op, ofLeft, evaluate(plan, right, answer));
      return secondStages(expr.second, combined);
    }
  }
}

function told({ labels, values, exemplars }: PointSeries, timestamps: number[]): ResultSeries {
  const samples: MetricsSample[] = [];
  values.forEach((value, i) => {
    if (!Number.isNaN(value)) samples.push({ timestampMs: timestamps[i]!, value });
  });
  return {
    labels: labels.map(toldLabel),
    samples,
    exemplars: exemplars.flatMap(({ labels, interval, timestampMs, value }) => {
      const sample = values[interval]!;
      if (Number.isNaN(sample)) return [];
      return [{ labels, timestampMs, value: Number.isNaN(value) ? sample : value }];
    }).sort((a, b) => a.timestampMs - b.timestampMs),
  };
}

const toldLabel = ({ key, value }: MetricsLabel): ResultAttribute => ({
  key,
  value: value ?? { stringValue: "nil" },
});
