// Stages after the functions: the highest or lowest points of each interval, and comparisons.
// Points that fail are dropped, and series without any left.

import type { SecondStage, StaticValue } from "../../traceql/mod.ts";
import { compareSeries, hasPoints, type PointSeries } from "./point_series.ts";

export function secondStages(
  stages: readonly SecondStage[],
  series: readonly PointSeries[],
): readonly PointSeries[] {
  return stages.reduce((left, stage) => secondStage(stage, left), series);
}

function secondStage(stage: SecondStage, series: readonly PointSeries[]): PointSeries[] {
  if (stage.node === "top_bottom") return extremes(series, Number(stage.limit), stage.fn);
  const bound = numberOf(stage.value);
  const holds = HOLDS[stage.op];
  return kept(series, (value) => holds(value, bound));
}

type Comparison = Extract<SecondStage, { node: "series_filter" }>["op"];

const HOLDS: Readonly<Record<Comparison, (a: number, b: number) => boolean>> = {
  "=": (a, b) => a === b,
  "!=": (a, b) => a !== b && !Number.isNaN(a),
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
};

/** A duration is its seconds. */
export function numberOf(value: StaticValue): number {
  switch (value.type) {
    case "int":
    case "float":
      return Number(value.value);
    case "duration":
      return Number(value.value) / 1e9;
    default:
      return NaN;
  }
}

function extremes(
  series: readonly PointSeries[],
  limit: number,
  fn: "topk" | "bottomk",
): PointSeries[] {
  const sign = fn === "topk" ? -1 : 1;
  // Of equal points those of the first labels are on top, those of the last at the bottom.
  const ordered = series.toSorted((a, b) => -sign * compareSeries(a, b));
  const width = series[0]?.values.length ?? 0;
  const chosen = new Map(ordered.map((one) => [one, new Uint8Array(width)]));
  for (let i = 0; i < width; i++) {
    const points = ordered.filter(({ values }) => !Number.isNaN(values[i]!));
    points.sort((a, b) => sign * (a.values[i]! - b.values[i]!));
    for (const one of points.slice(0, limit)) chosen.get(one)![i] = 1;
  }
  return kept(series, (_, i, one) => chosen.get(one)![i] === 1);
}

function kept(
  series: readonly PointSeries[],
  keeps: (value: number, interval: number, series: PointSeries) => boolean,
): PointSeries[] {
  return series.map((one) => ({
    ...one,
    values: one.values.map((value, i) => keeps(value, i, one) ? value : NaN),
  })).filter(hasPoints);
}
