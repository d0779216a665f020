// Levels and dictionary codes of a few rows in the middle of a page: runs before them are counted or
// skipped, not written down. A trace is some 400 of the 85,000 entries of an attribute page.
//
//   [run of 500 × 3] [64 packed] [run of 9 × 0] …      RLE / bit-packed hybrid, see decodings.ts
//
// Slow twin: decodeRle of all, in the test. Bench: block_view_bench.ts.

import type { ByteCursor } from "../../lib/byte_cursor.ts";
import { check } from "../../lib/errors.ts";
import { unpack, unpackGroups } from "./decodings.ts";

const PACKED_MAX = 4096;
const packed = new Uint8Array(PACKED_MAX);

/** The entries [start, end) of rows [from, to): a row starts where its repetition is 0. */
export function entriesOfRows(
  cursor: ByteCursor,
  width: number,
  entryCount: number,
  from: number,
  to: number,
): { start: number; end: number } {
  let rows = -1; // of the row before the first
  let start = entryCount;
  let end = entryCount;
  eachRun(cursor, width, entryCount, (levels, value, at, count) => {
    if (levels === undefined) {
      if (value !== 0) return true;
      // A run of zeros is as many rows, each of one entry.
      if (rows < from && rows + count >= from) start = at + from - rows - 1;
      if (rows < to && rows + count >= to) end = at + to - rows - 1;
      rows += count;
      return rows < to;
    }
    for (let i = 0; i < count; i++) {
      if (levels[i] !== 0) continue;
      if (++rows === from) start = at + i;
      if (rows !== to) continue;
      end = at + i;
      return false;
    }
    return true;
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
  eachRun(cursor, width, entries, (levels, value, _, count) => {
    if (levels === undefined) found += value === wanted ? count : 0;
    else for (let i = 0; i < count; i++) if (levels[i] === wanted) found++;
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

type Visit = (
  levels: Uint8Array | undefined,
  value: number,
  at: number,
  count: number,
) => boolean;

/** Visits runs of one value, and stretches of packed ones, until there are no more or it is told. */
function eachRun(cursor: ByteCursor, width: number, entries: number, visit: Visit): void {
  for (let o = 0; o < entries;) {
    const head = cursor.varint();
    const length = Math.floor(head / 2);
    if (head % 2 === 0) {
      const value = width === 0 ? 0 : cursor.u8(); // levels take a byte
      const count = Math.min(length, entries - o);
      check(count > 0, "run of nothing", cursor.at);
      if (!visit(undefined, value, o, count)) return;
      o += count;
      continue;
    }
    const wanted = Math.min(length * 8, entries - o);
    check(wanted > 0, "run of nothing", cursor.at);
    const at = cursor.advance(Math.ceil(wanted * width / 8));
    for (let done = 0; done < wanted; done += PACKED_MAX) {
      const count = Math.min(PACKED_MAX, wanted - done);
      unpackLevels(cursor.bytes, at + done * width / 8, width, count);
      if (!visit(packed, 0, o + done, count)) return;
    }
    o += wanted;
    cursor.at = Math.min(cursor.end, at + length * width);
  }
}

function unpackLevels(bytes: Uint8Array, at: number, width: number, count: number): void {
  const whole = width <= 4 ? count & ~7 : 0;
  if (whole > 0) unpackGroups(bytes, at, width, packed, 0, whole);
  unpack(bytes, at + whole * width / 8, width, packed, whole, count);
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
