// The question and the partial answer of TraceQL metrics. Plain data: it crosses threads.
// A partial answer holds what adds up (counts, sums, extremes, counts by power of two), per series and
// interval; rates, averages, quantiles and everything between series are made of the whole, at the end.

import type { QueryCost, RequestBounds, ResultAttribute, ResultValue } from "../query_request.ts";

export interface MetricsRequest extends RequestBounds {
  readonly kind: "metrics";
  readonly tenant: string;
  /** A TraceQL metrics query; already validated by whoever asks. */
  readonly query: string;
  /** Intervals are (start + i * step, start + (i + 1) * step]; an instant has but one, to the end. */
  readonly startNano: bigint;
  readonly endNano: bigint;
  readonly stepNano: bigint;
  readonly isInstant: boolean;
  /** Unix seconds around it all: for passing over blocks. */
  readonly startSeconds: number;
  readonly endSeconds: number;
  /** At most so many; 0: none. */
  readonly exemplars: number;
  /** Of the result; 0: no bound. */
  readonly maxSeries: number;
  /**
   * Bounds of what is counted, by when spans start, the first included and the other not: for places that
   * share the counting among them. Neither moves an interval.
   */
  readonly spansFromNano?: bigint;
  readonly spansToNano?: bigint;
  /** If given, no other blocks are looked into, and all of these are. */
  readonly onlyBlocks?: readonly string[];
}

/** No value is nil. */
export interface MetricsLabel {
  readonly key: string;
  readonly value: ResultValue | undefined;
}

export interface MetricsSeries {
  readonly labels: readonly MetricsLabel[];
  /** Of quantiles and histograms: values are at most 2^bucket and more than half of it. -1: no bucket. */
  readonly bucket: number;
  /** By interval: counts; or sums or extremes, NaN where there is none. */
  readonly values: Float64Array;
  /** Of averages: how many values are in a sum. */
  readonly weights: Float64Array | undefined;
}

export interface MetricsExemplar {
  /** Which of the series: `seriesKey`. */
  readonly series: string;
  readonly interval: number;
  readonly timestampMs: number;
  /** What was observed; NaN for rates and counts. */
  readonly value: number;
  /** Hex. */
  readonly traceId: string;
  readonly spanId: string;
  readonly labels: readonly ResultAttribute[];
  /** Stretch of time it stands for, and its place there: the lowest are kept. */
  readonly slot: number;
  readonly rank: number;
}

/** Of one attribute, what each of its values was counted. */
export interface ComparedAttribute {
  readonly attribute: string;
  readonly labels: readonly ResultValue[];
  /** For each label and interval two: of the rest, and of the selection. */
  readonly cells: Float64Array;
}

/** Of one `{ … } | rate()`; a query with arithmetic has several. */
export interface MetricsLeafAnswer {
  readonly series: readonly MetricsSeries[];
  readonly exemplars: readonly MetricsExemplar[];
  /** Of `compare()`. */
  readonly compared: readonly ComparedAttribute[];
  /** Of `compare()`: attributes with too many values to be told. */
  readonly crowded: readonly string[];
}

export interface MetricsAnswer extends QueryCost {
  readonly kind: "metrics";
  readonly leaves: readonly MetricsLeafAnswer[];
  /** Blocks that hold what was counted here from memory: whoever adds blocks must leave them out. */
  readonly coveredBlocks: readonly string[];
}

/** Equal for equal labels and bucket. */
export function seriesKey({ labels, bucket }: Pick<MetricsSeries, "labels" | "bucket">): string {
  return JSON.stringify([bucket, ...labels.map(({ key, value }) => [key, labelKey(value)])]);
}

export function labelKey(value: ResultValue | undefined): string {
  if (value === undefined) return "";
  // JSON has no word for these.
  if ("doubleValue" in value) return `doubleValue ${value.doubleValue}`;
  return JSON.stringify(value);
}
