// The series of one function, from all that was added up: rates, averages, quantiles, histograms; those of
// `compare()` in finish_compare.ts.
// Rule: of labels made by `by`, nil ones are left out, unless all are nil: then they say so.

import type { MetricsAggregate } from "../../traceql/mod.ts";
import { finishCompare } from "./finish_compare.ts";
import {
  type MetricsExemplar,
  type MetricsLabel,
  type MetricsLeafAnswer,
  type MetricsSeries,
  seriesKey,
} from "./metrics_answer.ts";
import type { MetricsLeaf } from "./metrics_plan.ts";
import { NAME, type PointExemplar, type PointSeries } from "./point_series.ts";
import { quantileOf } from "./quantile.ts";
import type { TimeGrid } from "./time_grid.ts";

const NANO = 1e9;

export function finishLeaf(
  leaf: MetricsLeaf,
  answer: MetricsLeafAnswer,
  grid: TimeGrid,
): PointSeries[] {
  const { aggregate } = leaf;
  const unit = leaf.isDuration ? NANO : 1;
  switch (aggregate.fn) {
    case "quantile_over_time":
      return quantiles(aggregate, answer, grid, unit);
    case "histogram_over_time":
      return histograms(aggregate, answer, unit);
    case "compare":
      return finishCompare(answer, grid, Number(aggregate.top));
    default:
      return numbers(aggregate, answer, grid, unit);
  }
}

function numbers(
  aggregate: MetricsAggregate,
  answer: MetricsLeafAnswer,
  grid: TimeGrid,
  unit: number,
): PointSeries[] {
  const stepSeconds = grid.stepNano / NANO;
  const valueOf = ({ values, weights }: MetricsSeries): Float64Array => {
    if (aggregate.fn === "rate") return values.map((count) => count / stepSeconds);
    if (aggregate.fn === "count_over_time") return values;
    return weights === undefined
      ? values.map((value) => value / unit)
      : values.map((sum, i) => sum / weights[i]! / unit);
  };
  const exemplars = exemplarsBySeries(answer.exemplars, unit);
  const found = answer.series.map((series) => ({
    labels: labelled(aggregate, series.labels),
    values: valueOf(series),
    exemplars: exemplars.get(seriesKey(series)) ?? [],
  }));
  const isCount = aggregate.fn === "rate" || aggregate.fn === "count_over_time";
  if (found.length > 0 || !isCount || aggregate.by.length > 0) return found;
  return [{
    labels: labelled(aggregate, []),
    values: new Float64Array(grid.count),
    exemplars: [],
  }];
}

function labelled(
  { fn, by }: MetricsAggregate,
  labels: readonly MetricsLabel[],
  more: readonly MetricsLabel[] = [],
): MetricsLabel[] {
  if (by.length === 0) {
    return more.length > 0 ? [...more] : [{ key: NAME, value: { stringValue: fn } }];
  }
  const told = labels.filter(({ value }) => value !== undefined);
  return [...(told.length > 0 ? told : labels), ...more];
}

function exemplarsBySeries(
  exemplars: readonly MetricsExemplar[],
  unit: number,
): Map<string, PointExemplar[]> {
  const found = new Map<string, PointExemplar[]>();
  for (const { series, labels, interval, timestampMs, value } of exemplars) {
    if (!found.has(series)) found.set(series, []);
    found.get(series)!.push({ labels, interval, timestampMs, value: value / unit });
  }
  return found;
}

// ---- Buckets ----

interface BucketSet {
  readonly labels: readonly MetricsLabel[];
  /** Ascending by bucket. */
  readonly buckets: readonly MetricsSeries[];
}

function byLabels(series: readonly MetricsSeries[]): BucketSet[] {
  const sets = new Map<string, { labels: readonly MetricsLabel[]; buckets: MetricsSeries[] }>();
  for (const one of series) {
    const key = seriesKey({ labels: one.labels, bucket: -1 });
    if (!sets.has(key)) sets.set(key, { labels: one.labels, buckets: [] });
    sets.get(key)!.buckets.push(one);
  }
  for (const { buckets } of sets.values()) buckets.sort((a, b) => a.bucket - b.bucket);
  return [...sets.values()];
}

function quantiles(
  aggregate: Extract<MetricsAggregate, { fn: "quantile_over_time" }>,
  answer: MetricsLeafAnswer,
  grid: TimeGrid,
  unit: number,
): PointSeries[] {
  const exemplars = exemplarsBySeries(answer.exemplars, unit);
  return byLabels(answer.series).flatMap(({ labels, buckets }) => {
    const exponents = buckets.map(({ bucket }) => bucket);
    const counts = new Float64Array(buckets.length);
    const lines = aggregate.quantiles.map(() => new Float64Array(grid.count));
    for (let i = 0; i < grid.count; i++) {
      for (let b = 0; b < counts.length; b++) counts[b] = buckets[b]!.values[i]!;
      lines.forEach((line, q) => {
        line[i] = quantileOf(aggregate.quantiles[q]!, exponents, counts) / unit;
      });
    }
    const own = buckets.flatMap((bucket) => exemplars.get(seriesKey(bucket)) ?? []);
    const lineOf = nearestLine(lines);
    return aggregate.quantiles.map((p, line) => ({
      labels: labelled(aggregate, labels, [{ key: "p", value: { doubleValue: p } }]),
      values: lines[line]!,
      exemplars: own.filter((exemplar) => lineOf(exemplar) === line),
    }));
  });
}

/** An example goes with the quantile that it is nearest to. */
function nearestLine(lines: readonly Float64Array[]): (exemplar: PointExemplar) => number {
  return ({ interval, value }) => {
    let nearest = 0;
    const distance = (line: number) => Math.abs(lines[line]![interval]! - value);
    lines.forEach((_, line) => {
      if (distance(line) < distance(nearest)) nearest = line;
    });
    return nearest;
  };
}

function histograms(
  aggregate: MetricsAggregate,
  answer: MetricsLeafAnswer,
  unit: number,
): PointSeries[] {
  const exemplars = exemplarsBySeries(answer.exemplars, unit);
  return answer.series.map((series) => {
    const bound = { key: "__bucket", value: { doubleValue: 2 ** series.bucket / unit } };
    return {
      labels: labelled(aggregate, series.labels, [bound]),
      values: series.values,
      exemplars: exemplars.get(seriesKey(series)) ?? [],
    };
  });
}
