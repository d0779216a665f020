// A histogram of seconds: classic buckets, native ones, or both, for each entity.
//
//   row r of an entity with bounds b0 … bn-1
//     counts  [r·(n+1), (r+1)·(n+1))   observations by bucket, the last one is above all bounds
//     sums    [r]
//     native  [r]                      exponential buckets, where wanted
//
// Rules: counts of classic buckets are added up when they are collected, not when they are observed; a
// series that is new was 0 a moment before, but for its sum; exemplars go with classic buckets where
// there are any.

import { grown } from "../lib/growable.ts";
import { Exemplars } from "./exemplars.ts";
import type { LabelSets } from "./label_sets.ts";
import { type CollectionTime, type Metric, nameLabel, seriesLabels } from "./metric.ts";
import { NativeBuckets } from "./native_histogram.ts";
import { type Exemplar, type Label, type Point, type SeriesPoints, STALE } from "./series.ts";
import type { SeriesCounts } from "./series_counts.ts";
import { ROWS_AT_FIRST, SeriesRows } from "./series_rows.ts";
import type { HistogramKind, NativeSettings } from "./settings.ts";

export interface HistogramMetricOptions {
  readonly name: string;
  /** Upper bounds, ascending; what is equal to one belongs to it. */
  readonly bounds: readonly number[];
  readonly kind: HistogramKind;
  readonly native: NativeSettings;
  readonly traceIdLabel: string;
  readonly commonLabels: readonly Label[];
}

export class HistogramMetric implements Metric {
  readonly name: string;
  readonly #options: HistogramMetricOptions;
  readonly #sets: LabelSets;
  readonly #rows: SeriesRows;
  readonly #bounds: Float64Array;
  /** With the one above all bounds. */
  readonly #buckets: number;
  readonly #isClassic: boolean;
  readonly #isNative: boolean;
  readonly #exemplars: Exemplars;
  #counts: Float64Array;
  #sums = new Float64Array(ROWS_AT_FIRST);
  readonly #native: (NativeBuckets | undefined)[] = [];
  readonly #special: RowLabels;
  readonly #labels: (RowLabels | undefined)[] = [];

  constructor(sets: LabelSets, counts: SeriesCounts, options: HistogramMetricOptions) {
    this.name = options.name;
    this.#options = options;
    this.#sets = sets;
    this.#bounds = Float64Array.from(options.bounds);
    this.#special = specialLabels(options.name, options.bounds);
    this.#buckets = options.bounds.length + 1;
    this.#isClassic = options.kind !== "native";
    this.#isNative = options.kind !== "classic";
    this.#counts = new Float64Array(ROWS_AT_FIRST * this.#buckets);
    this.#exemplars = new Exemplars(this.#buckets);
    this.#exemplars.grow(ROWS_AT_FIRST);
    const weight = (this.#isClassic ? this.#buckets + 2 : 0) + (this.#isNative ? 1 : 0);
    this.#rows = new SeriesRows(sets, counts, weight, (capacity) => {
      this.#counts = grown(this.#counts, capacity * this.#buckets);
      this.#sums = grown(this.#sums, capacity);
      this.#exemplars.grow(capacity);
    });
  }

  /** One that stands for `weight`; its trace id begins at `at` of `traceIds`. */
  observe(
    entity: number,
    seconds: number,
    weight: number,
    traceIds: Uint32Array,
    at: number,
    nowMs: number,
  ): void {
    const row = this.#rows.touch(entity, nowMs);
    const bounds = this.#bounds;
    let bucket = 0;
    while (bucket < bounds.length && seconds > bounds[bucket]!) bucket++;
    if (this.#isClassic) {
      const slot = row * this.#buckets + bucket;
      this.#counts[slot] = this.#counts[slot]! + weight;
      this.#sums[row] = this.#sums[row]! + seconds * weight;
    }
    if (this.#isNative) {
      const native = this.#native[row] ??= new NativeBuckets(this.#options.native, nowMs);
      native.observe(seconds, weight, nowMs);
    }
    this.#exemplars.put(row, bucket, seconds, traceIds, at, nowMs);
  }

  collect(time: CollectionTime, out: SeriesPoints[]): void {
    const { length, entity, isNew } = this.#rows;
    for (let row = 0; row < length; row++) {
      if (entity[row]! < 0) continue;
      if (this.#isNative) this.#collectNative(row, time, out);
      if (this.#isClassic) this.#collectClassic(row, time, isNew[row] === 1, out);
      isNew[row] = 0;
    }
    this.#exemplars.clear();
  }

  /** What was observed since the last collection has no collection to go with. */
  forgetExemplars(): void {
    this.#exemplars.clear();
  }

  sweep(sinceMs: number, nowMs: number, out: SeriesPoints[]): void {
    this.#rows.sweep(sinceMs, (row) => {
      if (this.#rows.isNew[row] === 0) {
        const points = [{ timeMs: nowMs, value: STALE }];
        const { buckets, count, sum, native } = this.#labelsOf(row);
        const ended = [...this.#isNative ? [native] : []];
        if (this.#isClassic) ended.push(...buckets, count, sum);
        for (const labels of ended) out.push({ labels, points, exemplars: [] });
      }
      this.#counts.fill(0, row * this.#buckets, (row + 1) * this.#buckets);
      this.#sums[row] = 0;
      this.#native[row] = undefined;
      this.#exemplars.forget(row);
      this.#labels[row] = undefined;
    });
  }

  askAnew(): void {
    this.#rows.askAnew();
  }

  #collectNative(row: number, { nowMs }: CollectionTime, out: SeriesPoints[]): void {
    const value = this.#native[row]!.collect();
    const exemplars: Exemplar[] = [];
    for (let bucket = 0; bucket < this.#buckets && !this.#isClassic; bucket++) {
      const exemplar = this.#exemplars.of(row, bucket, this.#options.traceIdLabel);
      if (exemplar !== undefined) exemplars.push(exemplar);
    }
    // Prometheus takes those of one series in order of time alone.
    exemplars.sort((a, b) => a.timeMs - b.timeMs);
    const points = [{ timeMs: nowMs, value }];
    out.push({ labels: this.#labelsOf(row).native, points, exemplars });
  }

  #collectClassic(
    row: number,
    { nowMs, beforeMs }: CollectionTime,
    isNew: boolean,
    out: SeriesPoints[],
  ): void {
    const { buckets, count, sum } = this.#labelsOf(row);
    const counted = (value: number): Point[] =>
      isNew
        ? [{ timeMs: beforeMs, value: 0 }, { timeMs: nowMs, value }]
        : [{ timeMs: nowMs, value }];
    let total = 0;
    for (const [bucket, labels] of buckets.entries()) {
      total += this.#counts[row * this.#buckets + bucket]!;
      const exemplar = this.#exemplars.of(row, bucket, this.#options.traceIdLabel);
      const exemplars = exemplar === undefined ? [] : [exemplar];
      out.push({ labels, points: counted(total), exemplars });
    }
    out.push({ labels: count, points: counted(total), exemplars: [] });
    const points = [{ timeMs: nowMs, value: this.#sums[row]! }];
    out.push({ labels: sum, points, exemplars: [] });
  }

  #labelsOf(row: number): RowLabels {
    return this.#labels[row] ??= this.#makeLabels(this.#sets.labels(this.#rows.entity[row]!));
  }

  #makeLabels(own: readonly Label[]): RowLabels {
    const { commonLabels } = this.#options;
    const { buckets, count, native, sum } = this.#special;
    const labels = (special: readonly Label[]) => seriesLabels(special, own, commonLabels);
    return {
      native: this.#isNative ? labels(native) : NO_LABELS,
      buckets: this.#isClassic ? buckets.map(labels) : [],
      count: this.#isClassic ? labels(count) : NO_LABELS,
      sum: this.#isClassic ? labels(sum) : NO_LABELS,
    };
  }
}

const NO_LABELS: readonly Label[] = [];

/** Names and bounds, which all rows share. */
function specialLabels(name: string, bounds: readonly number[]): RowLabels {
  return {
    native: [nameLabel(name)],
    buckets: [...bounds.map(String), "+Inf"].map((bound) => [
      nameLabel(`${name}_bucket`),
      ["le", bound],
    ]),
    count: [nameLabel(`${name}_count`)],
    sum: [nameLabel(`${name}_sum`)],
  };
}

interface RowLabels {
  readonly native: readonly Label[];
  readonly buckets: readonly (readonly Label[])[];
  readonly count: readonly Label[];
  readonly sum: readonly Label[];
}
