// Levels and dictionary codes of a few rows in the middle of a page: runs before them are counted or
// skipped, not written down. A trace is some 400 of the 85,000 entries of an attribute page.
//
//   [run of 500 × 3] [64 packed] [run of 9 × 0] …      RLE / bit-packed hybrid, see decodings.ts
//
// Slow twin: decodeRle of all, in the test. Bench: block_view_bench.ts.

import type { ByteCursor } from "../../lib/byte_cursor.ts";
import { check } from "../../lib/errors.ts";
import { countPacked, PACKED_WIDTH_MAX, positionOfPacked } from "./packed_counts.ts";

/** The entries [start, end) of rows [from, to): a row starts where its repetition is 0. */
export function entriesOfRows(
  cursor: ByteCursor,
  width: number,
  entryCount: number,
  from: number,
  to: number,
): { start: number; end: number } {
  let rows = 0; // before this run
  let start = entryCount;
  let end = entryCount;
  eachRun(cursor, width, entryCount, (value, packedAt, at, count) => {
    const found = countInRun(cursor.bytes, width, 0, value, packedAt, count);
    const startOf = (row: number) =>
      at + positionInRun(cursor.bytes, width, packedAt, count, row - rows);
    if (from >= rows && from < rows + found) start = startOf(from);
    if (to >= rows && to < rows + found) end = startOf(to);
    rows += found;
    return rows <= to;
  });
  return { start, end };
}

/** How many of the first `entries` levels are `wanted`. */
export function countLevels(
  cursor: ByteCursor,
  width: number,
  entries: number,
  wanted: number,
): number {
  let found = 0;
  eachRun(cursor, width, entries, (value, packedAt, _, count) => {
    found += countInRun(cursor.bytes, width, wanted, value, packedAt, count);
    return true;
  });
  return found;
}

/** The same for all entries there are: no more levels may follow. */
export function countAllLevels(
  cursor: ByteCursor,
  width: number,
  entries: number,
  wanted: number,
): number {
  const found = countLevels(cursor, width, entries, wanted);
  check(cursor.at === cursor.end, `more than ${entries} levels`, cursor.at);
  return found;
}

/** `packedAt`: where they are packed; -1: all of them are `value`. */
function countInRun(
  bytes: Uint8Array,
  width: number,
  wanted: number,
  value: number,
  packedAt: number,
  count: number,
): number {
  if (packedAt < 0) return value === wanted ? count : 0;
  return countPacked(bytes, packedAt, width, count, wanted);
}

/** Of the n-th zero, which is in this run. */
function positionInRun(
  bytes: Uint8Array,
  width: number,
  packedAt: number,
  count: number,
  n: number,
): number {
  return packedAt < 0 ? n : positionOfPacked(bytes, packedAt, width, count, 0, n);
}

type Visit = (value: number, packedAt: number, at: number, count: number) => boolean;

/** Visits runs of one value and of packed ones, until there are no more or it is told. */
function eachRun(cursor: ByteCursor, width: number, entries: number, visit: Visit): void {
  check(width <= PACKED_WIDTH_MAX, `levels of ${width} bits`, cursor.at);
  for (let o = 0; o < entries;) {
    const head = cursor.varint();
    const length = Math.floor(head / 2);
    const isPacked = head % 2 === 1 && width > 0;
    const count = Math.min(head % 2 === 1 ? length * 8 : length, entries - o);
    check(count > 0, "run of nothing", cursor.at);
    const value = head % 2 === 1 || width === 0 ? 0 : cursor.u8(); // levels take a byte
    const packedAt = isPacked ? cursor.advance(Math.ceil(count * width / 8)) : -1;
    if (!visit(value, packedAt, o, count)) return;
    if (isPacked) cursor.at = Math.min(cursor.end, packedAt + length * width);
    o += count;
  }
}

/** Values [skip, skip + out.length) of a run-length encoded sequence. */
export function decodeRleRange(
  cursor: ByteCursor,
  width: number,
  skip: number,
  out: Uint8Array | Int32Array,
): void {
  if (width === 0) return; // all zero, as they are
  check(width <= 32, `width ${width}`, cursor.at);
  const valueBytes = (width + 7) >> 3;
  const end = skip + out.length;
  for (let o = 0; o < end;) {
    const head = cursor.varint();
    const length = Math.floor(head / 2);
    check(length > 0, "run of nothing", cursor.at);
    const from = Math.max(o, skip);
    if (head % 2 === 0) {
      let at = cursor.advance(valueBytes);
      let value = 0;
      for (let shift = 0; shift < width; shift += 8) value |= cursor.bytes[at++]! << shift;
      check(width === 32 || value >>> width === 0, `value of more than ${width} bits`, at);
      const to = Math.min(end, o + length);
      if (from < to) out.fill(value, from - skip, to - skip);
      o += length;
      continue;
    }
    const to = Math.min(end, o + length * 8);
    const at = cursor.advance(Math.ceil((to - o) * width / 8));
    for (let i = from; i < to; i++) {
      out[i - skip] = bitsAt(cursor.bytes, at, (i - o) * width, width);
    }
    o += length * 8;
    cursor.at = Math.min(cursor.end, at + length * width);
  }
}

function bitsAt(bytes: Uint8Array, at: number, bit: number, width: number): number {
  let byte = at + Math.floor(bit / 8);
  const shift = bit % 8;
  let value = bytes[byte++]! >>> shift;
  for (let have = 8 - shift; have < width; have += 8) value |= bytes[byte++]! << have;
  return width === 32 ? value : value & ((1 << width) - 1);
}
