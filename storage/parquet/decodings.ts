// Parquet's encodings, the way back: https://parquet.apache.org/docs/file-format/data-pages/encodings/
// Each fills `out` with exactly the values asked for. Room is checked once per run or miniblock,
// so the inner loops read without looking. Integers wrap at 32 or 64 bits as the writers' do: the
// peer pads its last block so that a minimum delta can be about -2^61, which is harmless then.
// Bench: decodings_bench.ts.

import type { ByteCursor } from "../../lib/byte_cursor.ts";
import { check } from "../../lib/errors.ts";

/** RLE / bit-packed hybrid: levels and dictionary codes. */
export function decodeRle(
  cursor: ByteCursor,
  width: number,
  out: Uint8Array | Int32Array,
  from: number,
  to: number,
): void {
  if (width === 0) {
    out.fill(0, from, to);
    return;
  }
  const { bytes } = cursor;
  const valueBytes = (width + 7) >> 3;
  let o = from;
  while (o < to) {
    const head = cursor.varint();
    const count = Math.floor(head / 2);
    if (head % 2 === 0) {
      let at = cursor.advance(valueBytes);
      let value = 0;
      for (let shift = 0; shift < width; shift += 8) value |= bytes[at++]! << shift;
      check(width === 32 || value >>> width === 0, `value of more than ${width} bits`, at);
      const end = Math.min(to, o + count);
      // Calling fill costs more than a few dozen stores.
      if (end - o > 32) out.fill(value, o, end);
      else for (let i = o; i < end; i++) out[i] = value;
      o = end;
      continue;
    }
    const wanted = Math.min(count * 8, to - o);
    // Some writers cut the padding of the last group, so only what is wanted must be there.
    const at = cursor.advance(Math.ceil(wanted * width / 8));
    const whole = width <= 4 ? wanted & ~7 : 0;
    if (whole > 0) unpackGroups(bytes, at, width, out, o, o + whole);
    const rest = at + whole * width / 8;
    if (width <= 24) unpack(bytes, rest, width, out, o + whole, o + wanted);
    else unpackWide(bytes, at, width, out, o, o + wanted);
    o += wanted;
    cursor.at = Math.min(cursor.end, at + count * width);
  }
}

/** Levels: eight values of up to four bits are one word. */
export function unpackGroups(
  bytes: Uint8Array,
  at: number,
  width: number,
  out: Uint8Array | Int32Array,
  from: number,
  to: number,
): void {
  const mask = (1 << width) - 1;
  for (let o = from; o < to; o += 8) {
    let word = 0;
    for (let shift = 0; shift < width * 8; shift += 8) word |= bytes[at++]! << shift;
    out[o] = word & mask;
    out[o + 1] = word >>> width & mask;
    out[o + 2] = word >>> 2 * width & mask;
    out[o + 3] = word >>> 3 * width & mask;
    out[o + 4] = word >>> 4 * width & mask;
    out[o + 5] = word >>> 5 * width & mask;
    out[o + 6] = word >>> 6 * width & mask;
    out[o + 7] = word >>> 7 * width & mask;
  }
}

export function unpack(
  bytes: Uint8Array,
  at: number,
  width: number,
  out: Uint8Array | Int32Array,
  from: number,
  to: number,
): void {
  const mask = (1 << width) - 1;
  let word = 0;
  let bits = 0;
  for (let o = from; o < to; o++) {
    while (bits < width) {
      word |= bytes[at++]! << bits;
      bits += 8;
    }
    out[o] = word & mask;
    word >>>= width;
    bits -= width;
  }
}

/** Dictionaries beyond 16 million strings: so rare that bit by bit will do. */
function unpackWide(
  bytes: Uint8Array,
  at: number,
  width: number,
  out: Uint8Array | Int32Array,
  from: number,
  to: number,
): void {
  check(width <= 32, `width ${width}`, at);
  let bit = 0;
  for (let o = from; o < to; o++) {
    let value = 0;
    for (let i = 0; i < width; i++, bit++) {
      value |= (bytes[at + (bit >> 3)]! >> (bit & 7) & 1) << i;
    }
    out[o] = value;
  }
}

const MINIBLOCK_MAX = 1024;
const scratch = new Uint8Array(MINIBLOCK_MAX * 8 + 16);
const scratchView = new DataView(scratch.buffer);
const lows = new Int32Array(MINIBLOCK_MAX);
const highs = new Int32Array(MINIBLOCK_MAX);

/** DELTA_BINARY_PACKED into 32-bit integers: all of a run, or the first of `stored` values. */
export function decodeDelta32(
  cursor: ByteCursor,
  out: Int32Array,
  from: number,
  to: number,
  stored = to - from,
): void {
  const blocks = new DeltaBlocks(cursor, stored);
  if (from === to) return;
  let value = cursor.low;
  out[from] = value;
  let o = from + 1;
  while (o < to) {
    const count = blocks.nextMiniblock(to - o);
    const min = blocks.minLow;
    if (blocks.width === 0) {
      for (let i = 0; i < count; i++) out[o++] = value = (value + min) | 0;
    } else {
      for (let i = 0; i < count; i++) out[o++] = value = (value + min + lows[i]!) | 0;
    }
  }
}

/** DELTA_BINARY_PACKED into 64-bit integers of two words, low first; `stored` as above. */
export function decodeDelta64(
  cursor: ByteCursor,
  out: Uint32Array,
  from: number,
  to: number,
  stored = to - from,
): void {
  const blocks = new DeltaBlocks(cursor, stored);
  if (from === to) return;
  let low = cursor.low;
  let high = cursor.high;
  out[from * 2] = low;
  out[from * 2 + 1] = high;
  let o = from * 2 + 2;
  while (o < to * 2) {
    const count = blocks.nextMiniblock(to - o / 2);
    const { minLow, minHigh } = blocks;
    for (let i = 0; i < count; i++) {
      // Three low words add up to less than 2^34: exact, and the excess is the carry.
      const sum = (low >>> 0) + (minLow >>> 0) + (lows[i]! >>> 0);
      low = sum | 0;
      high = (high + minHigh + highs[i]! + Math.floor(sum / 4294967296)) | 0;
      out[o] = low;
      out[o + 1] = high;
      o += 2;
    }
  }
}

/** The blocks of one delta-packed run; a miniblock's differences land in `lows` and `highs`. */
class DeltaBlocks {
  minLow = 0;
  minHigh = 0;
  width = 0;
  readonly #miniblocks: number;
  readonly #miniblockSize: number;
  #widthsAt = 0;
  #next: number;

  /** Leaves the first value in the cursor's `low` and `high`. */
  constructor(readonly cursor: ByteCursor, count: number) {
    const blockSize = cursor.varint();
    this.#miniblocks = this.#next = cursor.varint();
    this.#miniblockSize = blockSize / this.#miniblocks;
    const isSane = this.#miniblockSize % 8 === 0 && this.#miniblockSize > 0 &&
      this.#miniblockSize <= MINIBLOCK_MAX && this.#miniblocks <= MINIBLOCK_MAX;
    check(isSane, `${this.#miniblocks} miniblocks in a block of ${blockSize}`, cursor.at);
    const stored = cursor.varint();
    check(stored === count, `${stored} values where there are ${count}`, cursor.at);
    cursor.zigzag64();
  }

  /** Unpacks the next miniblock and returns how many of its values are real. */
  nextMiniblock(remaining: number): number {
    const { cursor } = this;
    if (this.#next === this.#miniblocks) {
      cursor.zigzag64();
      this.minLow = cursor.low;
      this.minHigh = cursor.high;
      this.#widthsAt = cursor.advance(this.#miniblocks);
      this.#next = 0;
    }
    const width = this.width = cursor.bytes[this.#widthsAt + this.#next++]!;
    check(width <= 64, "width over 64 bits", cursor.at);
    const size = width * this.#miniblockSize / 8;
    const at = cursor.advance(size);
    const count = Math.min(this.#miniblockSize, remaining);
    if (width === 0) {
      lows.fill(0, 0, count);
      highs.fill(0, 0, count);
    } else unpackMiniblock(cursor.bytes.subarray(at, at + size), width, count);
    return count;
  }
}

/** Goes through a padded copy, so that eight bytes can be read at any value. */
function unpackMiniblock(packed: Uint8Array, width: number, count: number): void {
  scratch.set(packed);
  if (width <= 25) {
    const mask = (1 << width) - 1;
    for (let i = 0, bit = 0; i < count; i++, bit += width) {
      lows[i] = scratchView.getInt32(bit >> 3, true) >>> (bit & 7) & mask;
    }
    highs.fill(0, 0, count);
    return;
  }
  const lowMask = width >= 32 ? -1 : (1 << width) - 1;
  const highMask = width <= 32 ? 0 : width === 64 ? -1 : (1 << (width - 32)) - 1;
  for (let i = 0, bit = 0; i < count; i++, bit += width) {
    const at = bit >> 3;
    const shift = bit & 7;
    let low = scratchView.getInt32(at, true);
    let high = scratchView.getInt32(at + 4, true);
    if (shift !== 0) {
      low = (low >>> shift) | (high << (32 - shift));
      high = (high >>> shift) | (scratch[at + 8]! << (32 - shift));
    }
    lows[i] = low & lowMask;
    highs[i] = high & highMask;
  }
}

/** PLAIN integers and doubles: words as they lie, low first. */
export function decodePlainWords(
  cursor: ByteCursor,
  out: Uint32Array | Int32Array,
  from: number,
  to: number,
): void {
  const size = (to - from) * 4;
  const at = cursor.advance(size);
  new Uint8Array(out.buffer, out.byteOffset + from * 4, size)
    .set(cursor.bytes.subarray(at, at + size));
}

/** PLAIN booleans: eight to a byte. */
export function decodePlainBools(
  cursor: ByteCursor,
  out: Uint8Array,
  from: number,
  to: number,
): void {
  const at = cursor.advance((to - from + 7) >> 3);
  for (let i = 0; i < to - from; i++) out[from + i] = cursor.bytes[at + (i >> 3)]! >> (i & 7) & 1;
}
