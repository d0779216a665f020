// Parquet's encodings over typed arrays: https://parquet.apache.org/docs/file-format/data-pages/encodings/
// Each appends values [from, to) to `out`. Bench: ../block/block_writer_bench.ts.

import { ByteWriter } from "../../lib/byte_writer.ts";

export function bitWidth(max: number): number {
  return max > 0xffffffff ? 64 - Math.clz32(max / 4294967296) : 32 - Math.clz32(max);
}

/** RLE / bit-packed hybrid; runs of eight or more become RLE, the rest is packed. */
export function encodeRle(
  out: ByteWriter,
  values: Uint8Array | Int32Array,
  from: number,
  to: number,
  width: number,
): void {
  const widthBytes = (width + 7) >> 3;
  let i = from;
  while (i < to) {
    const value = values[i]!;
    let runEnd = i + 1;
    while (runEnd < to && values[runEnd] === value) runEnd++;
    if (runEnd - i >= 8 || runEnd === to) {
      out.varint((runEnd - i) << 1);
      for (let k = 0; k < widthBytes; k++) out.u8(value >>> (8 * k));
      i = runEnd;
      continue;
    }
    const literalStart = i;
    do i += 8; while (i < to && !isRunOfEight(values, i, to));
    if (i > to) i = to;
    packGroups(out, values, literalStart, i, width);
  }
}

function isRunOfEight(values: Uint8Array | Int32Array, at: number, to: number): boolean {
  if (at + 8 > to) return false;
  const value = values[at];
  return values[at + 1] === value && values[at + 2] === value && values[at + 3] === value &&
    values[at + 4] === value && values[at + 5] === value && values[at + 6] === value &&
    values[at + 7] === value;
}

function packGroups(
  out: ByteWriter,
  values: Uint8Array | Int32Array,
  from: number,
  to: number,
  width: number,
): void {
  const groups = (to - from + 7) >> 3;
  out.varint(groups << 1 | 1);
  out.reserve(groups * width + 8);
  const { view } = out;
  let at = out.length;
  let word = 0;
  let bits = 0;
  for (let i = from; i < to; i++) {
    const value = values[i]!;
    word |= value << bits;
    bits += width;
    if (bits >= 32) {
      view.setInt32(at, word, true);
      at += 4;
      bits -= 32;
      word = bits === 0 ? 0 : value >>> (width - bits);
    }
  }
  view.setInt32(at, word, true); // the rest, and zeros for the padding of the last group
  const end = out.length + groups * width;
  for (at += 4; at < end; at += 4) view.setInt32(at, 0, true);
  out.length = end;
}

let groups = new Int32Array(1 << 14); // eight values are two words
let groupBytes = new Uint8Array(groups.buffer);

/** The same for values of up to four bits, levels above all: eight at a time. */
export function encodeSmall(
  out: ByteWriter,
  values: Uint8Array,
  from: number,
  to: number,
  width: number,
): void {
  const count = to - from;
  const groupCount = (count + 7) >> 3;
  if (groupCount * 2 > groups.length) {
    groups = new Int32Array(groupCount * 4);
    groupBytes = new Uint8Array(groups.buffer);
  }
  groupBytes.set(values.subarray(from, to));
  groupBytes.fill(groupBytes[count - 1] ?? 0, count, groupCount * 8);
  for (let group = 0; group < groupCount;) {
    const runEnd = endOfRun(group, groupCount);
    if (runEnd - group >= 2 || runEnd === groupCount) {
      out.varint((Math.min(count, runEnd * 8) - group * 8) << 1);
      out.u8(groupBytes[group * 8]!);
      group = runEnd;
      continue;
    }
    const start = group;
    // One group of equal values is no longer packed than as a run.
    do group++; while (group < groupCount && endOfRun(group, groupCount) - group < 2);
    packSmall(out, start, group, width);
  }
}

/** The first group that is not eight times the value with which `group` begins. */
function endOfRun(group: number, groupCount: number): number {
  const word = Math.imul(groupBytes[group * 8]!, 0x01010101);
  let end = group;
  while (end < groupCount && groups[end * 2] === word && groups[end * 2 + 1] === word) end++;
  return end;
}

function packSmall(out: ByteWriter, from: number, to: number, width: number): void {
  out.varint((to - from) << 1 | 1);
  out.reserve((to - from) * width + 4);
  const { view } = out;
  let at = out.length;
  for (let group = from; group < to; group++, at += width) {
    const a = groups[group * 2]!;
    const b = groups[group * 2 + 1]!;
    const low = (a & 15) | (a >>> 8 & 15) << width | (a >>> 16 & 15) << 2 * width |
      (a >>> 24) << 3 * width;
    const high = (b & 15) | (b >>> 8 & 15) << width | (b >>> 16 & 15) << 2 * width |
      (b >>> 24) << 3 * width;
    view.setInt32(at, low | high << 4 * width, true);
  }
  out.length = at;
}

const deltas32 = new Int32Array(128);

/** DELTA_BINARY_PACKED of 32-bit integers, whose differences wrap around as they are put together again. */
export function encodeDelta32(
  out: ByteWriter,
  values: Int32Array,
  from: number,
  to: number,
): void {
  out.varint(128);
  out.varint(4);
  out.varint(to - from);
  if (from === to) {
    out.varint(0);
    return;
  }
  out.zigzag(values[from]!);
  let previous = values[from]!;
  for (let start = from + 1; start < to; start += 128) {
    const count = Math.min(128, to - start);
    let min = (values[start]! - previous) | 0;
    let max = min;
    for (let k = 0; k < count; k++) {
      const value = values[start + k]!;
      const delta = (value - previous) | 0;
      previous = value;
      deltas32[k] = delta;
      if (delta < min) min = delta;
      else if (delta > max) max = delta;
    }
    out.zigzag(min);
    out.reserve(4 + 128 * 4 + 8);
    const widthsAt = out.length;
    out.view.setUint32(widthsAt, 0);
    out.length += 4;
    if (min === max) continue;
    for (let block = 0; block * 32 < count; block++) {
      const end = Math.min(block * 32 + 32, count);
      let bits = 0;
      for (let k = block * 32; k < end; k++) {
        const above = (deltas32[k]! - min) | 0;
        deltas32[k] = above;
        bits |= above;
      }
      const width = 32 - Math.clz32(bits);
      out.bytes[widthsAt + block] = width;
      if (width !== 0) packBlock32(out, block * 32, end, width);
    }
  }
}

/** Packs deltas [from, to), padded to 32, of up to 32 bits each. */
function packBlock32(out: ByteWriter, from: number, to: number, width: number): void {
  const { view } = out;
  const end = out.length + width * 4;
  let at = out.length;
  let word = 0;
  let bits = 0;
  for (let k = from; k < to; k++) {
    const value = deltas32[k]!;
    word |= value << bits;
    bits += width;
    if (bits >= 32) {
      view.setInt32(at, word, true);
      at += 4;
      bits -= 32;
      word = bits === 0 ? 0 : value >>> (width - bits);
    }
  }
  for (; at < end; at += 4) {
    view.setInt32(at, word, true);
    word = 0;
  }
  out.length = end;
}

/** Beyond this a difference of differences would lose its last bit. */
const DELTA_MAX = 2 ** 51;

/** DELTA_BINARY_PACKED of 64-bit integers of two words each, low first: exact for any. */
export function encodeDeltaWords(
  out: ByteWriter,
  words: Uint32Array,
  from: number,
  to: number,
): void {
  const start = out.length;
  if (encodeNearWords(out, words, from, to)) return;
  out.length = start;
  const exact = words.slice(from * 2, to * 2);
  encodeDelta64(out, new BigInt64Array(exact.buffer));
}

/** False if neighbours lie too far apart. */
function encodeNearWords(out: ByteWriter, words: Uint32Array, from: number, to: number): boolean {
  out.varint(128);
  out.varint(4);
  out.varint(to - from);
  if (from === to) {
    out.varint(0);
    return true;
  }
  let low = words[from * 2]!;
  let high = words[from * 2 + 1]! | 0;
  out.zigzagBig(BigInt(high) * 4294967296n + BigInt(low));
  for (let start = from + 1; start < to; start += 128) {
    const count = Math.min(128, to - start);
    let min = Infinity;
    let max = -Infinity;
    for (let k = 0; k < count; k++) {
      const nextLow = words[(start + k) * 2]!;
      const nextHigh = words[(start + k) * 2 + 1]! | 0;
      const delta = (nextHigh - high) * 4294967296 + (nextLow - low);
      low = nextLow;
      high = nextHigh;
      deltas[k] = delta;
      if (delta < min) min = delta;
      if (delta > max) max = delta;
    }
    if (min < -DELTA_MAX || max > DELTA_MAX) return false;
    putDeltas(out, count, min, max);
  }
  return true;
}

const deltas = new Float64Array(128);

/** DELTA_BINARY_PACKED; neighbours must differ by less than 2^53, see `encodeDelta64`. */
export function encodeDelta(
  out: ByteWriter,
  values: Int32Array | Float64Array,
  from: number,
  to: number,
  base = 0n,
): void {
  out.varint(128);
  out.varint(4);
  out.varint(to - from);
  if (from === to) {
    out.varint(0);
    return;
  }
  if (base === 0n) out.zigzag(values[from]!);
  else out.zigzagBig(base + BigInt(values[from]!));
  let previous = values[from]!;
  for (let start = from + 1; start < to; start += 128) {
    const count = Math.min(128, to - start);
    let min = Infinity;
    let max = -Infinity;
    for (let k = 0; k < count; k++) {
      const value = values[start + k]!;
      const delta = value - previous;
      previous = value;
      deltas[k] = delta;
      if (delta < min) min = delta;
      if (delta > max) max = delta;
    }
    putDeltas(out, count, min, max);
  }
}

/** A block of 128 or fewer `deltas`. */
function putDeltas(out: ByteWriter, count: number, min: number, max: number): void {
  out.zigzag(min);
  out.reserve(4 + 128 * 8 + 8);
  const widthsAt = out.length;
  out.view.setUint32(widthsAt, 0);
  out.length += 4;
  if (min === max) return;
  for (let block = 0; block < 4 && block * 32 < count; block++) {
    const blockStart = block * 32;
    const blockEnd = Math.min(blockStart + 32, count);
    let largest = 0;
    for (let k = blockStart; k < blockEnd; k++) {
      const above = deltas[k]! - min;
      deltas[k] = above;
      if (above > largest) largest = above;
    }
    const width = bitWidth(largest);
    out.bytes[widthsAt + block] = width;
    if (width !== 0) packBlock(out, blockStart, blockEnd, width);
  }
}

/** Packs deltas [from, to), padded to 32, of up to 53 bits each. */
function packBlock(out: ByteWriter, from: number, to: number, width: number): void {
  const { view } = out;
  const end = out.length + width * 4;
  let at = out.length;
  let word = 0;
  let bits = 0;
  const lowWidth = Math.min(width, 32);
  const highWidth = width - lowWidth;
  for (let k = from; k < to; k++) {
    const value = deltas[k]!;
    const low = value >>> 0;
    word |= low << bits;
    bits += lowWidth;
    if (bits >= 32) {
      view.setInt32(at, word, true);
      at += 4;
      bits -= 32;
      word = bits === 0 ? 0 : low >>> (lowWidth - bits);
    }
    if (highWidth === 0) continue;
    const high = (value - low) / 4294967296;
    word |= high << bits;
    bits += highWidth;
    if (bits >= 32) {
      view.setInt32(at, word, true);
      at += 4;
      bits -= 32;
      word = bits === 0 ? 0 : high >>> (highWidth - bits);
    }
  }
  for (; at < end; at += 4) {
    view.setInt32(at, word, true);
    word = 0;
  }
  out.length = end;
}

/** DELTA_BINARY_PACKED for any 64-bit values; slow, for pages with absurd times in them. */
export function encodeDelta64(out: ByteWriter, values: BigInt64Array): void {
  out.varint(128);
  out.varint(4);
  out.varint(values.length);
  out.zigzagBig(values[0] ?? 0n);
  for (let start = 1; start < values.length; start += 128) {
    const block = Array.from(
      values.subarray(start, start + 128),
      (value, k) => BigInt.asIntN(64, value - values[start + k - 1]!),
    );
    const min = block.reduce((a, b) => a < b ? a : b);
    out.zigzagBig(min);
    const above = block.map((delta) => BigInt.asUintN(64, delta - min));
    const minis = [0, 32, 64, 96].map((from) => above.slice(from, from + 32));
    const widths = minis.map((mini) => Math.max(0, ...mini.map((v) => v.toString(2).length)));
    minis.forEach((mini, i) => out.u8(mini.every((v) => v === 0n) ? 0 : widths[i]!));
    minis.forEach((mini, i) => {
      if (mini.every((v) => v === 0n)) return;
      const width = BigInt(widths[i]!);
      let packed = mini.reduce((all, v, k) => all | v << (BigInt(k) * width), 0n);
      for (let byte = 0; byte < widths[i]! * 4; byte++, packed >>= 8n) {
        out.u8(Number(packed & 255n));
      }
    });
  }
}
