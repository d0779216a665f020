// The smallest and largest value of a page whose meaning is not known, only its type. Parquet's order:
// bytes as they stand, integers signed or not. Undefined for a page without values.

import { compareBytes } from "../../lib/compare_bytes.ts";
import type { PageBounds } from "../parquet/column_chunk.ts";

/** Of `count` strings end to end. */
export function bytesBounds(
  bytes: Uint8Array,
  sizes: Int32Array,
  count: number,
): PageBounds | undefined {
  if (count === 0) return undefined;
  let min = bytes.subarray(0, sizes[0]);
  let max = min;
  let at = sizes[0]!;
  for (let i = 1; i < count; i++) {
    const value = bytes.subarray(at, at += sizes[i]!);
    if (compareBytes(value, min) < 0) min = value;
    else if (compareBytes(value, max) > 0) max = value;
  }
  return { min: min.slice(), max: max.slice() };
}

export function intBounds(
  ints: Int32Array,
  count: number,
  isUnsigned: boolean,
): PageBounds | undefined {
  if (count === 0) return undefined;
  const flip = isUnsigned ? 0x80000000 : 0;
  let min = 0x7fffffff;
  let max = -0x80000000;
  for (let i = 0; i < count; i++) {
    const value = ints[i]! ^ flip;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return { min: bytesOf(min ^ flip), max: bytesOf(max ^ flip) };
}

/** Of 64-bit integers of two words, low first. */
export function wordBounds(
  words: Uint32Array,
  count: number,
  isUnsigned: boolean,
): PageBounds | undefined {
  if (count === 0) return undefined;
  const flip = isUnsigned ? 0 : 0x80000000;
  let min = 0;
  let max = 0;
  for (let i = 1; i < count; i++) {
    if (isLess(words, i, min, flip)) min = i;
    if (isLess(words, max, i, flip)) max = i;
  }
  return {
    min: bytesOf(words[min * 2]!, words[min * 2 + 1]!),
    max: bytesOf(words[max * 2]!, words[max * 2 + 1]!),
  };
}

function isLess(words: Uint32Array, a: number, b: number, flip: number): boolean {
  const x = (words[a * 2 + 1]! ^ flip) >>> 0;
  const y = (words[b * 2 + 1]! ^ flip) >>> 0;
  return x < y || (x === y && words[a * 2]! < words[b * 2]!);
}

function bytesOf(...words: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(words.length * 4);
  const view = new DataView(bytes.buffer);
  words.forEach((word, i) => view.setInt32(i * 4, word | 0, true));
  return bytes;
}
