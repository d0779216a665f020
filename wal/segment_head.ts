// The head of a segment file: all that is known of the log when the segment is begun. It tells where
// each partition stands, so that a reader finds its segment without scanning, and up to where each
// earlier segment was durable, so that what is false below that is damage and what lies beyond it
// does not exist. Little-endian:
//
//    0  8 bytes "SEGNOLOG"
//    8  u32 checksum      crc32 of bytes 12…sizeBytes
//   12  u32 sizeBytes     of the head, a multiple of 8: the first frame begins here
//   16  u32 version       1
//   20  u32 partitions, u32 earlier segments, u32 torn stretches
//   32  f64 segment, f64 createdMs
//   48  partitions × { f64 partition, f64 nextOffset }
//       earlier    × { f64 segment, f64 endBytes }
//       torn       × { f64 segment, f64 fromByte, f64 toByte }
import { crc32 } from "node:zlib";
import type { Directory, File } from "../lib/fs.ts";

export interface Stretch {
  readonly segment: number;
  readonly fromByte: number;
  readonly toByte: number;
}

export interface SegmentHead {
  readonly segment: number;
  readonly createdMs: number;
  readonly sizeBytes: number;
  /** The first offset that a record of the partition can have in this segment. */
  readonly nextOffsets: ReadonlyMap<number, number>;
  /** How much of each earlier segment, still kept when this one was begun, is part of the log. */
  readonly endBytes: ReadonlyMap<number, number>;
  /** Stretches of earlier segments that a crash left unwritten: no damage. */
  readonly torn: readonly Stretch[];
}

const MAGIC = new TextEncoder().encode("SEGNOLOG");
const VERSION = 1;
const FIXED_BYTES = 48;
const FIRST_READ_BYTES = 1 << 14;
const HEAD_BYTES_MAX = 64 << 20;

export function segmentName(segment: number): string {
  return `${String(segment).padStart(10, "0")}.log`;
}

/** Present where a segment has been found damaged. */
export function damageName(segment: number): string {
  return `${segmentName(segment)}.damaged`;
}

/** Ascending. */
export async function listSegments(directory: Directory): Promise<number[]> {
  const names = (await directory.list()).filter((name) => /^\d{10,}\.log$/.test(name));
  return names.map((name) => parseInt(name)).sort((a, b) => a - b);
}

export function encodeSegmentHead(head: Omit<SegmentHead, "sizeBytes">): Uint8Array {
  const { nextOffsets, endBytes, torn } = head;
  const sizeBytes = FIXED_BYTES + 16 * nextOffsets.size + 16 * endBytes.size + 24 * torn.length;
  const bytes = new Uint8Array(sizeBytes);
  const view = new DataView(bytes.buffer);
  bytes.set(MAGIC);
  [sizeBytes, VERSION, nextOffsets.size, endBytes.size, torn.length].forEach((value, i) =>
    view.setUint32(12 + 4 * i, value, true)
  );
  const numbers = [
    head.segment,
    head.createdMs,
    ...[...nextOffsets].flat(),
    ...[...endBytes].flat(),
    ...torn.flatMap(({ segment, fromByte, toByte }) => [segment, fromByte, toByte]),
  ];
  numbers.forEach((value, i) => view.setFloat64(32 + 8 * i, value, true));
  view.setUint32(8, crc32(bytes.subarray(12)), true);
  return bytes;
}

/** Undefined where the file does not begin with a true head of this segment. */
export async function readSegmentHead(
  file: File,
  segment: number,
): Promise<SegmentHead | undefined> {
  const first = new Uint8Array(FIRST_READ_BYTES);
  const size = await file.read(first, 0);
  if (size < FIXED_BYTES || MAGIC.some((byte, i) => first[i] !== byte)) return undefined;
  const sizeBytes = new DataView(first.buffer).getUint32(12, true);
  if (sizeBytes < FIXED_BYTES || sizeBytes > HEAD_BYTES_MAX) return undefined;
  if (sizeBytes <= size) return decodeSegmentHead(first.subarray(0, sizeBytes), segment);
  const whole = new Uint8Array(sizeBytes);
  if (await file.read(whole, 0) < sizeBytes) return undefined;
  return decodeSegmentHead(whole, segment);
}

function decodeSegmentHead(bytes: Uint8Array, segment: number): SegmentHead | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (crc32(bytes.subarray(12)) !== view.getUint32(8, true)) return undefined;
  const [version, partitions = 0, earlier = 0] = [16, 20, 24].map((at) => view.getUint32(at, true));
  const numbers: number[] = [];
  for (let at = 32; at < bytes.length; at += 8) numbers.push(view.getFloat64(at, true));
  if (version !== VERSION || numbers[0] !== segment) return undefined;
  const endAt = 2 + 2 * partitions;
  const tornAt = endAt + 2 * earlier;
  const tuples = (from: number, to: number, size: number) =>
    Array.from({ length: (to - from) / size }, (_, i) => {
      return numbers.slice(from + i * size, from + (i + 1) * size);
    });
  return {
    segment,
    createdMs: numbers[1]!,
    sizeBytes: bytes.length,
    nextOffsets: new Map(tuples(2, endAt, 2) as [number, number][]),
    endBytes: new Map(tuples(endAt, tornAt, 2) as [number, number][]),
    torn: (tuples(tornAt, numbers.length, 3) as [number, number, number][]).map(
      ([segment, fromByte, toByte]) => ({ segment, fromByte, toByte }),
    ),
  };
}
