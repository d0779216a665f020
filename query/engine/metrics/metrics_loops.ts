// The loops of metrics over positions: position i stands for the i-th of a list of rows, or for row i
// where there is no list. An interval of -1 is left out.
// Goal: 500,000 positions in 1-3 ms each (metrics_bench.ts). Slow twins: metrics_loops_test.ts.

import type { Rows } from "../row_lists.ts";
import type { TimeGrid } from "./time_grid.ts";

/** By position; steps that a view remembers are intervals as they are, where all of them are in a grid. */
export type Intervals = Int32Array | Uint16Array;

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
  const perStep = 1 / stepNano;
  const intervals = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    const at = rows === undefined ? i << 1 : rows[i]! << 1;
    // Exact within 104 days, and beyond them far from any interval.
    const after = (starts[at + 1]! - high) * 4294967296 + (starts[at]! - low);
    if (after <= 0 || after > spanNano) {
      intervals[i] = -1;
      continue;
    }
    // A multiplication is off by one at an interval's end: the exact product decides.
    let interval = (after * perStep) | 0;
    if (interval * stepNano >= after) interval--;
    else if ((interval + 1) * stepNano < after) interval++;
    intervals[i] = interval > last ? last : interval;
  }
  return intervals;
}

export interface Steps {
  /** The step that 0 stands for, counted from the beginning of time. */
  readonly first: bigint;
  /** How many there are. */
  readonly count: number;
  readonly steps: Uint16Array;
}

/**
 * In which step of the clock each span starts: step n is (n * step, (n + 1) * step]. Undefined where
 * that would be too many different ones.
 */
export function stepsOf(
  starts: Uint32Array,
  count: number,
  stepNano: bigint,
  stepsMax: number,
): Steps | undefined {
  let least = 0;
  let most = 0;
  const isBelow = (a: number, b: number) =>
    starts[a * 2 + 1]! !== starts[b * 2 + 1]!
      ? starts[a * 2 + 1]! < starts[b * 2 + 1]!
      : starts[a * 2]! < starts[b * 2]!;
  for (let row = 1; row < count; row++) {
    if (isBelow(row, least)) least = row;
    else if (isBelow(most, row)) most = row;
  }
  const nano = (row: number) => BigInt(starts[row * 2 + 1]!) << 32n | BigInt(starts[row * 2]!);
  const before = nano(least) - 1n;
  if (before < 0n) return undefined;
  const first = before / stepNano;
  const stepCount = (nano(most) - 1n) / stepNano - first + 1n;
  if (stepCount > BigInt(stepsMax)) return undefined;
  const spanNano = Number(stepCount * stepNano);
  const grid = {
    startNano: first * stepNano,
    spanNano,
    stepNano: Number(stepNano),
    count: Number(stepCount),
  };
  const steps = Uint16Array.from(intervalsOf(starts, undefined, count, grid));
  return { first, count: grid.count, steps };
}

/** Steps as intervals of a grid that begins `offset` steps before them; -1 outside. */
export function shiftedSteps(
  steps: Uint16Array,
  rows: Rows | undefined,
  count: number,
  offset: number,
  intervalCount: number,
): Int32Array {
  const intervals = new Int32Array(count);
  if (rows === undefined) {
    for (let i = 0; i < count; i++) {
      const interval = steps[i]! + offset;
      intervals[i] = interval < intervalCount && interval >= 0 ? interval : -1;
    }
  } else {
    for (let i = 0; i < count; i++) {
      const interval = steps[rows[i]!]! + offset;
      intervals[i] = interval < intervalCount && interval >= 0 ? interval : -1;
    }
  }
  return intervals;
}

/** Leaves out what starts before `fromNano`, or not before `toNano`. */
export function leaveOut(
  starts: Uint32Array,
  rows: Rows | undefined,
  intervals: Int32Array,
  fromNano: bigint,
  toNano: bigint,
): void {
  const [fromHigh, fromLow] = words(fromNano);
  const [toHigh, toLow] = words(toNano);
  for (let i = 0; i < intervals.length; i++) {
    const at = rows === undefined ? i << 1 : rows[i]! << 1;
    const low = starts[at]!;
    const high = starts[at + 1]!;
    const isBefore = high < fromHigh || (high === fromHigh && low < fromLow);
    if (isBefore || high > toHigh || (high === toHigh && low >= toLow)) intervals[i] = -1;
  }
}

/** Of 64 bits; what lies beyond them is as far off as can be. */
function words(nano: bigint): [high: number, low: number] {
  if (nano <= 0n) return [0, 0];
  if (nano >= 1n << 64n) return [Infinity, 0];
  return [Number(nano >> 32n), Number(nano & 0xffffffffn)];
}

/** Those of some rows, where all of them are in the grid. */
export function pickedSteps(steps: Uint16Array, rows: Rows): Uint16Array {
  const picked = new Uint16Array(rows.length);
  for (let i = 0; i < rows.length; i++) picked[i] = steps[rows[i]!]!;
  return picked;
}

export function countInto(
  cells: Float64Array,
  groups: Int32Array | undefined,
  intervals: Intervals,
  width: number,
): void {
  const { length } = intervals;
  if (groups === undefined) {
    // Spans of a trace start together: a run of equal intervals is one addition.
    let interval = -1;
    let run = 0;
    for (let i = 0; i < length; i++) {
      if (intervals[i] === interval) run++;
      else {
        if (interval >= 0) cells[interval]! += run;
        interval = intervals[i]!;
        run = 1;
      }
    }
    if (interval >= 0) cells[interval]! += run;
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
  intervals: Intervals,
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
  intervals: Intervals,
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

/** `bucketOf` of every value, 255 where there is none. */
export function bucketsOf(values: Float64Array): Uint8Array {
  const buckets = new Uint8Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const bucket = bucketOf(values[i]!);
    buckets[i] = bucket < 0 || bucket >= BUCKETS ? NO_BUCKET : bucket;
  }
  return buckets;
}

export const NO_BUCKET = 255;

/**
 * Counts by group, bucket and interval: row `group * BUCKETS + bucket`. Answers how many positions had no
 * bucket, and so no part in it.
 */
export function countBucketsInto(
  cells: Float64Array,
  buckets: Uint8Array,
  groups: Int32Array | undefined,
  intervals: Intervals,
  width: number,
): number {
  const { length } = intervals;
  let without = 0;
  for (let i = 0; i < length; i++) {
    const bucket = buckets[i]!;
    const interval = intervals[i]!;
    if (bucket === NO_BUCKET) without++;
    else if (interval >= 0) {
      const group = groups === undefined ? 0 : groups[i]!;
      cells[(group * BUCKETS + bucket) * width + interval]!++;
    }
  }
  return without;
}

/** By position, dense codes of (group, bucket); what has no bucket gets an interval of -1. */
export function bucketGroups(
  buckets: Uint8Array,
  groups: Int32Array | undefined,
  groupCount: number,
  intervals: Int32Array,
): { readonly codes: Int32Array; readonly groupOf: number[]; readonly bucketOf: number[] } {
  const codes = new Int32Array(intervals.length);
  const known = new Int32Array(groupCount * BUCKETS).fill(-1);
  const groupOfCode: number[] = [];
  const bucketOfCode: number[] = [];
  for (let i = 0; i < intervals.length; i++) {
    const bucket = buckets[i]!;
    if (intervals[i]! < 0) continue;
    if (bucket === NO_BUCKET) {
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
