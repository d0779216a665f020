// What the series of one function add up to over many views: a row of cells for each series, found by
// what its labels are, so that a view costs its groups once and not its series.
// Rule: the sums of several views are the sums of their union, in any order.

import { type QueryMemory, seriesBytes } from "../query_memory.ts";
import { checkCells } from "./cells_limit.ts";
import { labelKey, type MetricsLabel, type MetricsSeries } from "./metrics_answer.ts";
import { BUCKETS } from "./metrics_loops.ts";

/** How two cells become one; NaN is none. */
export type Merge = (a: number, b: number) => number;

export const least: Merge = (a, b) => a < b || Number.isNaN(b) ? a : b;
export const greatest: Merge = (a, b) => a > b || Number.isNaN(b) ? a : b;
export const sum: Merge = (a, b) => Number.isNaN(a) ? b : Number.isNaN(b) ? a : a + b;

/** The groups of a view, as far as sums ask. */
export interface SummedGroups {
  key(group: number): string;
  labels(group: number): readonly MetricsLabel[];
}

interface Row {
  readonly labels: readonly MetricsLabel[];
  readonly bucket: number;
  readonly values: Float64Array;
  readonly weights: Float64Array | undefined;
}

export class SeriesSums {
  readonly #rows: Row[] = [];
  /** By group, then by bucket, or one alone: the row and 1. */
  readonly #byGroup = new Map<string, Int32Array>();

  constructor(
    readonly width: number,
    readonly merge: Merge,
    readonly hasBuckets: boolean,
    /** Cells are counts: nothing is 0 and not NaN. */
    readonly isCount: boolean,
    readonly memory: QueryMemory,
  ) {}

  /** A view's own sums, for each of `count` groups. */
  add(groups: SummedGroups, count: number, cells: ViewCells, weights?: Float64Array): void {
    const { values, width } = cells;
    for (let group = 0; group < count; group++) {
      const from = group * width;
      if (!isTouched(values, from, width, this.isCount)) continue;
      this.#addRow(groups, group, 0, -1, cells, weights, from);
    }
  }

  /** Rows of cells for pairs of group and bucket; a row without a count is none. */
  addBuckets(
    groups: SummedGroups,
    groupOf: readonly number[],
    bucketOf: readonly number[],
    cells: ViewCells,
  ): void {
    const { values, width } = cells;
    for (let code = 0; code < groupOf.length; code++) {
      const from = code * width;
      if (!isTouched(values, from, width, true)) continue;
      const bucket = bucketOf[code]!;
      this.#addRow(groups, groupOf[code]!, bucket, bucket, cells, undefined, from);
    }
  }

  /** A series that was summed elsewhere, over the same intervals. */
  addSeries({ labels, bucket, values, weights }: MetricsSeries): void {
    const named = {
      key: () => labels.map(({ value }) => labelKey(value)).join("\0"),
      labels: () => labels,
    };
    const cells = { values, first: 0, width: this.width };
    this.#addRow(named, 0, Math.max(bucket, 0), bucket, cells, weights, 0);
  }

  get series(): MetricsSeries[] {
    return this.#rows.map((row) => ({ ...row }));
  }

  #addRow(
    groups: SummedGroups,
    group: number,
    slot: number,
    bucket: number,
    { values, first, width }: ViewCells,
    weights: Float64Array | undefined,
    from: number,
  ): void {
    const key = groups.key(group);
    let slots = this.#byGroup.get(key);
    if (slots === undefined) {
      slots = new Int32Array(this.hasBuckets ? BUCKETS : 1);
      this.#byGroup.set(key, slots);
    }
    if (slots[slot] === 0) {
      checkCells(this.#rows.length + 1, this.width);
      const row: Row = {
        labels: groups.labels(group),
        bucket,
        values: new Float64Array(this.width).fill(this.isCount ? 0 : NaN),
        weights: weights && new Float64Array(this.width),
      };
      this.memory.take(seriesBytes(row.values, row.weights));
      slots[slot] = this.#rows.push(row);
    }
    const row = this.#rows[slots[slot]! - 1]!;
    mergeInto(row.values, first, values, from, width, this.merge);
    if (weights !== undefined) mergeInto(row.weights!, first, weights, from, width, sum);
  }
}

/** `width` cells for each group, of the intervals from `first` on. */
export interface ViewCells {
  readonly values: Float64Array;
  readonly first: number;
  readonly width: number;
}

/** Adds `width` cells to those of a row, from interval `first` on. */
export function mergeInto(
  row: Float64Array,
  first: number,
  values: Float64Array,
  from: number,
  width: number,
  merge: Merge,
): void {
  if (merge !== sum) {
    for (let i = 0; i < width; i++) {
      row[first + i] = merge(row[first + i]!, values[from + i]!);
    }
    return;
  }
  for (let i = 0; i < width; i++) {
    const value = values[from + i]!;
    if (value !== value) continue;
    const known = row[first + i]!;
    row[first + i] = known === known ? known + value : value;
  }
}

function isTouched(
  values: Float64Array,
  from: number,
  width: number,
  isCount: boolean,
): boolean {
  for (let i = from; i < from + width; i++) {
    const value = values[i]!;
    if (isCount ? value > 0 : value === value) return true;
  }
  return false;
}
