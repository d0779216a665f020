// Snappy in frames, the writing half; snappy_frames.ts reads it and draws it.
// Copies are looked for as the format's own compressor does it: a table of where four bytes were last seen, and the
// longer nothing is found, the larger the steps.
// 280 MB/s of columns as answers have them (lib/snappy_bench.ts).
import { CHUNK_BYTES_MAX, maskedCrc, STREAM_START } from "./snappy_frames.ts";

const TABLE_BITS = 13;
/** What is shorter is written as it is. */
const BLOCK_BYTES_MIN = 16;
/** Before the end no copies begin, so that four bytes can always be read. */
const MARGIN_BYTES = 15;
const COPY_BYTES_MAX = 64;
const CHUNK_HEAD_BYTES = 8;

const table = new Uint16Array(1 << TABLE_BITS);

export function writeSnappyFrames(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const chunks = Math.ceil(bytes.length / CHUNK_BYTES_MAX);
  const out = new Uint8Array(
    STREAM_START.length + chunks * (CHUNK_HEAD_BYTES + blockBytesMax(CHUNK_BYTES_MAX)),
  );
  out.set(STREAM_START);
  let to = STREAM_START.length;
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES_MAX) {
    to = writeChunk(out, to, bytes.subarray(at, at + CHUNK_BYTES_MAX));
  }
  return out.slice(0, to);
}

function writeChunk(out: Uint8Array, start: number, bytes: Uint8Array): number {
  const body = start + CHUNK_HEAD_BYTES;
  let end = writeBlock(out, body, bytes);
  let type = 0;
  if (end - body > bytes.length - (bytes.length >>> 3)) { // saves less than an eighth
    type = 1;
    out.set(bytes, body);
    end = body + bytes.length;
  }
  const size = end - start - 4;
  const checksum = maskedCrc(bytes);
  out[start] = type;
  for (let i = 0; i < 3; i++) out[start + 1 + i] = size >>> 8 * i;
  for (let i = 0; i < 4; i++) out[start + 4 + i] = checksum >>> 8 * i;
  return end;
}

const blockBytesMax = (length: number) => 32 + length + Math.floor(length / 6);

/** Length as a varint, then literals and copies. Answers where it ends. */
function writeBlock(out: Uint8Array, to: number, bytes: Uint8Array): number {
  const { length } = bytes;
  let size = length;
  for (; size >= 128; size >>>= 7) out[to++] = size & 127 | 128;
  out[to++] = size;
  if (length < BLOCK_BYTES_MIN) return writeLiteral(out, to, bytes, 0, length);
  table.fill(0);
  const last = length - MARGIN_BYTES;
  let literal = 0;
  let at = 1;
  let missed = 32;
  while (at < last) {
    const four = word(bytes, at);
    const slot = Math.imul(four, 0x1e35a7bd) >>> 32 - TABLE_BITS;
    const before = table[slot]!;
    table[slot] = at;
    if (before >= at || word(bytes, before) !== four) {
      at += missed++ >>> 5;
      continue;
    }
    if (literal < at) to = writeLiteral(out, to, bytes, literal, at);
    let end = at + 4;
    while (end < length && bytes[end] === bytes[before + end - at]) end++;
    to = writeCopy(out, to, at - before, end - at);
    at = literal = end;
    missed = 32;
  }
  return literal < length ? writeLiteral(out, to, bytes, literal, length) : to;
}

function writeLiteral(
  out: Uint8Array,
  to: number,
  bytes: Uint8Array,
  from: number,
  end: number,
): number {
  const less = end - from - 1;
  if (less < 60) out[to++] = less << 2;
  else if (less < 256) {
    out[to++] = 60 << 2;
    out[to++] = less;
  } else {
    out[to++] = 61 << 2;
    out[to++] = less;
    out[to++] = less >>> 8;
  }
  if (end - from < 32) { for (let at = from; at < end; at++) out[to++] = bytes[at]!; }
  else {
    out.set(bytes.subarray(from, end), to);
    to += end - from;
  }
  return to;
}

/** With offsets of two bytes; a chunk is not longer than they reach. */
function writeCopy(out: Uint8Array, to: number, offset: number, length: number): number {
  for (let left = length; left > 0;) {
    const part = Math.min(left, COPY_BYTES_MAX);
    out[to++] = part - 1 << 2 | 2;
    out[to++] = offset;
    out[to++] = offset >>> 8;
    left -= part;
  }
  return to;
}

const word = (bytes: Uint8Array, at: number) =>
  bytes[at]! | bytes[at + 1]! << 8 | bytes[at + 2]! << 16 | bytes[at + 3]! << 24;
