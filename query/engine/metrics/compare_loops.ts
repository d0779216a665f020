// The loops of `compare()`: spans of each value of one attribute, by where they count. A place stands for
// an interval and a side; `cells` has `places` of them for each value.
// One loop for each form of column, so that each sees arrays of one type.
// Goal: 1 ns a span and attribute (metrics_bench.ts). Slow twin: compare_loops_test.ts.

import type { Rows } from "../row_lists.ts";

/** `place` is by position of `rows`, or by span; none is -1. */
export function countBytes(
  cells: Float64Array,
  places: number,
  codes: Uint8Array,
  rows: Rows | undefined,
  place: Int32Array,
): void {
  const { length } = place;
  if (rows === undefined) {
    for (let i = 0; i < length; i++) cells[codes[i]! * places + place[i]!]!++;
  } else {
    for (let i = 0; i < length; i++) cells[codes[rows[i]!]! * places + place[i]!]!++;
  }
}

export function countShorts(
  cells: Float64Array,
  places: number,
  codes: Uint16Array,
  rows: Rows | undefined,
  place: Int32Array,
): void {
  const { length } = place;
  if (rows === undefined) {
    for (let i = 0; i < length; i++) cells[codes[i]! * places + place[i]!]!++;
  } else {
    for (let i = 0; i < length; i++) cells[codes[rows[i]!]! * places + place[i]!]!++;
  }
}

/** `placeOfSpan` is by span, -1 for those that are not looked at. */
export function countList(
  cells: Float64Array,
  places: number,
  owners: Int32Array,
  codes: Uint16Array,
  placeOfSpan: Int32Array,
): void {
  for (let i = 0; i < owners.length; i++) {
    const place = placeOfSpan[owners[i]!]!;
    if (place >= 0) cells[codes[i]! * places + place]!++;
  }
}
