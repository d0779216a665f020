// Arithmetic between metrics queries: series with the same labels go together, a number or a single
// series without labels goes with all. What has no partner is dropped; nothing comes of a missing point
// or a division by zero.

import type { MetricsOp } from "../../traceql/mod.ts";
import { labelKey, type MetricsLabel } from "./metrics_answer.ts";
import { hasPoints, NAME, type PointSeries } from "./point_series.ts";

type Operation = (a: number, b: number) => number;

const OPERATIONS: Readonly<Record<MetricsOp, Operation>> = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => b === 0 ? NaN : a / b,
};

export function withNumber(
  op: MetricsOp,
  series: readonly PointSeries[],
  number: number,
  isNumberLeft: boolean,
): PointSeries[] {
  const operate = OPERATIONS[op];
  const apply = (value: number) => isNumberLeft ? operate(number, value) : operate(value, number);
  return series.map((one) => ({
    ...one,
    values: one.values.map(apply),
    exemplars: one.exemplars.map((exemplar) => ({ ...exemplar, value: apply(exemplar.value) })),
  })).filter(hasPoints);
}

export function joined(
  op: MetricsOp,
  left: readonly PointSeries[],
  right: readonly PointSeries[],
): PointSeries[] {
  const pairs = pairsOf(left, right);
  return pairs.map(([a, b]) => ({
    labels: joinedLabels(op, a.labels, b.labels),
    values: a.values.map((value, i) => OPERATIONS[op](value, b.values[i]!)),
    exemplars: exemplarsOf(a, b),
  })).filter(hasPoints);
}

const isUnlabelled = ({ labels }: PointSeries) => labels.every(({ key }) => key === NAME);
const lonely = (side: readonly PointSeries[]) =>
  side.length === 1 && isUnlabelled(side[0]!) ? side[0] : undefined;

function pairsOf(
  left: readonly PointSeries[],
  right: readonly PointSeries[],
): [PointSeries, PointSeries][] {
  const ofLeft = lonely(left);
  const ofRight = lonely(right);
  if (ofRight !== undefined) return left.map((one) => [one, ofRight]);
  if (ofLeft !== undefined) return right.map((one) => [ofLeft, one]);
  const byLabels = new Map(right.map((one) => [keyOf(one), one]));
  return left.flatMap((one): [PointSeries, PointSeries][] => {
    const partner = byLabels.get(keyOf(one));
    return partner === undefined ? [] : [[one, partner]];
  });
}

function keyOf({ labels }: PointSeries): string {
  const told = labels.filter(({ key }) => key !== NAME);
  return JSON.stringify(told.map(({ key, value }) => [key, labelKey(value)]).sort());
}

function joinedLabels(
  op: MetricsOp,
  left: readonly MetricsLabel[],
  right: readonly MetricsLabel[],
): MetricsLabel[] {
  const names = [nameOf(left), nameOf(right)];
  const labels = new Map([...right, ...left].map((label) => [label.key, label]));
  labels.delete(NAME);
  const isNamed = names[0] !== undefined && names[1] !== undefined;
  const name = { key: NAME, value: { stringValue: `(${names[0]} ${op} ${names[1]})` } };
  return [...(isNamed ? [name] : []), ...labels.values()];
}

function nameOf(labels: readonly MetricsLabel[]): string | undefined {
  const value = labels.find(({ key }) => key === NAME)?.value;
  return value !== undefined && "stringValue" in value ? value.stringValue : undefined;
}

/** Of both sides, unless one of them only stands beside many: then theirs. */
function exemplarsOf(a: PointSeries, b: PointSeries): PointSeries["exemplars"] {
  if (isUnlabelled(a) === isUnlabelled(b)) return [...a.exemplars, ...b.exemplars];
  return isUnlabelled(a) ? b.exemplars : a.exemplars;
}
