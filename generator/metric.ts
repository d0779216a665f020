// What the metrics of a tenant have in common: they are collected, swept and ended.

import type { Label, SeriesPoints } from "./series.ts";

export interface Metric {
  readonly name: string;
  /** Appends every series with its value at `time`. */
  collect(time: CollectionTime, out: SeriesPoints[]): void;
  /** Ends what was not touched since `sinceMs`, and appends that it has ended. */
  sweep(sinceMs: number, nowMs: number, out: SeriesPoints[]): void;
}

export interface CollectionTime {
  readonly nowMs: number;
  /** When series that are new were still 0: the last second of the minute before. */
  readonly beforeMs: number;
}

export function collectionTime(nowMs: number): CollectionTime {
  return { nowMs, beforeMs: Math.floor(nowMs / 60_000) * 60_000 - 1000 };
}

/** The labels of a series, sorted by name; of two with one name an entity's own is kept. */
export function seriesLabels(
  name: string,
  own: readonly Label[],
  common: readonly Label[],
  bound?: string,
): readonly Label[] {
  const labels: Label[] = [["__name__", name], ...own];
  if (bound !== undefined) labels.push(["le", bound]);
  for (const label of common) {
    if (!labels.some(([taken]) => taken === label[0])) labels.push(label);
  }
  return labels.sort(([a], [b]) => a < b ? -1 : 1);
}
