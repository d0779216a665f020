// The loops of metrics over positions: position i stands for the i-th of a list of rows, or for row i
// where there is no list. An interval of -1 is left out.
// Goal: 500,000 positions in 1-3 ms each (metrics_bench.ts). Slow twins: metrics_loops_test.ts.

import type { Rows } from "../row_lists.ts";
import type { TimeGrid } from "./time_grid.ts";

/** In which interval each span starts; -1 outside. `starts` has two words per row, low first. */
export function intervalsOf(
  starts: Uint32Array,
  rows: Rows | undefined,
  count: number,
  grid: TimeGrid,
): Int32Array {
  const { spanNano, stepNano } = grid;
  const high = Number(grid.startNano >> 32n);
  const low = Number(grid.startNano & 0xffffffffn);
  const last = grid.count - 1;
  const intervals = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    const at = (rows === undefined ? i : rows[i]!) * 2;
    // Exact within 104 days, and beyond them far from any interval.
    const after = (starts[at + 1]! - high) * 4294967296 + (starts[at]! - low);
    if (after <= 0 || after > spanNano) intervals[i] = -1;
    else if (last === 0) intervals[i] = 0;
    else {
      // No float division is off by a whole interval's end: the exact remainder decides.
      let interval = Math.floor((after - 1) / stepNano);
      if (interval * stepNano >= after) interval--;
      intervals[i] = interval > last ? last : interval;
    }
  }
  return intervals;
}

export function countInto(
  cells: Float64Array,
  groups: Int32Array | undefined,
  intervals: Int32Array,
  width: number,
): void {
  const { length } = intervals;
  if (groups === undefined) {
    for (let i = 0; i < length; i++) {
      const interval = intervals[i]!;
      if (interval >= 0) cells[interval]!++;
    }
    return;
  }
  for (let i = 0; i < length; i++) {
    const interval = intervals[i]!;
    if (interval >= 0) cells[groups[i]! * width + interval]!++;
  }
}

/** Where there is no value yet a cell is NaN; so is a missing value. */
export function sumInto(
  cells: Float64Array,
  values: Float64Array,
  groups: Int32Array | undefined,
  intervals: Int32Array,
  width: number,
): void {
  for (let i = 0; i < intervals.length; i++) {
    const interval = intervals[i]!;
    const value = values[i]!;
    if (interval < 0 || value !== value) continue;
    const cell = groups === undefined ? interval : groups[i]! * width + interval;
    const sum = cells[cell]!;
    cells[cell] = sum === sum ? sum + value : value;
  }
}

/** Keeps the greatest of `sign` times the values: 1 for the maximum, -1 for the minimum. */
export function extremeInto(
  cells: Float64Array,
  values: Float64Array,
  groups: Int32Array | undefined,
  intervals: Int32Array,
  width: number,
  sign: 1 | -1,
): void {
  for (let i = 0; i < intervals.length; i++) {
    const interval = intervals[i]!;
    const value = values[i]!;
    if (interval < 0 || value !== value) continue;
    const cell = groups === undefined ? interval : groups[i]! * width + interval;
    const known = cells[cell]!;
    if (!(known * sign >= value * sign)) cells[cell] = value;
  }
}

export const BUCKETS = 64;

/** The power of two that a whole number is rounded up to; -1 below 2. */
export function bucketOf(value: number): number {
  if (!(value >= 2)) return -1;
  const high = Math.floor(value / 4294967296);
  const low = value - high * 4294967296;
  const floor = high > 0 ? 63 - Math.clz32(high) : 31 - Math.clz32(low);
  const isPower = high > 0 ? low === 0 && (high & (high - 1)) === 0 : (low & (low - 1)) === 0;
  return isPower ? floor : floor + 1;
}

/** By position, dense codes of (group, bucket); what has no bucket gets an interval of -1. */
export function bucketGroups(
  values: Float64Array,
  groups: Int32Array | undefined,
  groupCount: number,
  intervals: Int32Array,
): { readonly codes: Int32Array; readonly groupOf: number[]; readonly bucketOf: number[] } {
  const codes = new Int32Array(intervals.length);
  const known = new Int32Array(groupCount * BUCKETS).fill(-1);
  const groupOfCode: number[] = [];
  const bucketOfCode: number[] = [];
  for (let i = 0; i < intervals.length; i++) {
    if (intervals[i]! < 0) continue;
    const bucket = bucketOf(values[i]!);
    if (bucket < 0 || bucket >= BUCKETS) {
      intervals[i] = -1;
      continue;
    }
    const group = groups === undefined ? 0 : groups[i]!;
    let code = known[group * BUCKETS + bucket]!;
    if (code < 0) {
      code = groupOfCode.length;
      known[group * BUCKETS + bucket] = code;
      groupOfCode.push(group);
      bucketOfCode.push(bucket);
    }
    codes[i] = code;
  }
  return { codes, groupOf: groupOfCode, bucketOf: bucketOfCode };
}
