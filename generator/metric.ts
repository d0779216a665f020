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

/**
 * The labels of a series, sorted by name. `special` are its name and bound, the same for all series of a
 * metric: what 100,000 series have in common is there once. Where names meet, what the operator says is
 * kept, because clients choose the names of some labels, and must not speak for another tenant.
 */
export function seriesLabels(
  special: readonly Label[],
  own: readonly Label[],
  common: readonly Label[],
): readonly Label[] {
  // Not pushed to: an array that has grown keeps room for more.
  const given = special.concat(without(common, special));
  return given.concat(without(own, given)).toSorted(([a], [b]) => a < b ? -1 : 1);
}

export function nameLabel(name: string): Label {
  return ["__name__", name];
}

function without(labels: readonly Label[], taken: readonly Label[]): readonly Label[] {
  return labels.filter(([name]) => !taken.some(([other]) => other === name));
}
