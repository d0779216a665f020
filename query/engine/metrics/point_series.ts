// Series as they are told: labels, a value per interval or NaN, and examples. What stages after the
// functions work on.

import type { ResultAttribute } from "../query_request.ts";
import { labelKey, type MetricsLabel } from "./metrics_answer.ts";

export interface PointExemplar {
  readonly labels: readonly ResultAttribute[];
  readonly interval: number;
  readonly timestampMs: number;
  readonly value: number;
}

export interface PointSeries {
  readonly labels: readonly MetricsLabel[];
  readonly values: Float64Array;
  readonly exemplars: readonly PointExemplar[];
}

export const NAME = "__name__";

export const hasPoints = ({ values }: PointSeries): boolean =>
  values.some((value) => !Number.isNaN(value));

export const compareSeries = (a: PointSeries, b: PointSeries): number =>
  compareLabels(a.labels, b.labels);

/** Fewer labels first, then by keys, then by values. */
export function compareLabels(a: readonly MetricsLabel[], b: readonly MetricsLabel[]): number {
  if (a.length !== b.length) return a.length - b.length;
  for (let i = 0; i < a.length; i++) {
    const order = compareText(a[i]!.key, b[i]!.key);
    if (order !== 0) return order;
  }
  for (let i = 0; i < a.length; i++) {
    const order = compareValues(a[i]!.value, b[i]!.value);
    if (order !== 0) return order;
  }
  return 0;
}

/** None first, then numbers, then texts. */
export function compareValues(a: Value | undefined, b: Value | undefined): number {
  if (a === undefined || b === undefined) return Number(a !== undefined) - Number(b !== undefined);
  const [x, y] = [numberOf(a), numberOf(b)];
  // Numbers before texts, or the order would go in circles.
  if ((x === undefined) !== (y === undefined)) return x !== undefined ? -1 : 1;
  if (x !== undefined && y !== undefined && x !== y) return x < y ? -1 : 1;
  return compareText(textOf(a), textOf(b));
}

type Value = NonNullable<MetricsLabel["value"]>;

const numberOf = (value: Value): number | undefined =>
  "intValue" in value
    ? Number(value.intValue)
    : "doubleValue" in value
    ? value.doubleValue
    : undefined;

const textOf = (value: Value): string =>
  "stringValue" in value ? value.stringValue : labelKey(value);

const compareText = (a: string, b: string): number => a < b ? -1 : a > b ? 1 : 0;
