// The frame of the embedded log: one record, or a mark. Frames of all partitions lie in one segment
// file, so that one fdatasync commits them all. Little-endian, each frame begins at a multiple of 8:
//
//    0 u32 marker          where to look for the next true frame behind a damaged one
//    4 u32 headerChecksum  crc32 of bytes 8…48, so that a reader may step over a frame unread
//    8 u32 bodyChecksum    crc32 of tenant and value
//   12 u32 valueSize
//   16 u32 partition
//   20 u16 tenantSize
//   22 u16 kind            0 record, 1 mark
//   24 f64 offset          of the record in its partition, a whole number below 2^53
//   32 f64 appendedMs
//   40 f64 durableBytes    of this segment when the frame was sealed: whatever is false below it
//                          was true once, and not left behind by a crash
//   48 tenant, value, zeros up to the next multiple of 8
//
// Both checksums are seeded with the segment's number: a frame of another segment, in a block that
// the file system used before, never passes for one of this.
import { crc32 } from "node:zlib";

export const FRAME_HEADER_BYTES = 48;
export const RECORD_FRAME = 0;
export const MARK_FRAME = 1;
export const TENANT_BYTES_MAX = 0xffff;
const MARKER = [0x53, 0x4e, 0xa7, 0x1e] as const;
const MARKER_WORD = 0x1ea74e53;

export interface FrameHeader {
  readonly kind: number;
  readonly partition: number;
  readonly offset: number;
  readonly appendedMs: number;
  readonly durableBytes: number;
  readonly bodyChecksum: number;
  readonly tenantSize: number;
  readonly valueSize: number;
  /** From the marker to where the next frame begins. */
  readonly sizeBytes: number;
}

export function frameSize(tenantSize: number, valueSize: number): number {
  return alignFrame(FRAME_HEADER_BYTES + tenantSize + valueSize);
}

export function alignFrame(position: number): number {
  return Math.ceil(position / 8) * 8;
}

/** What is known of a frame when it is appended; tenant and value already lie behind the header. */
export function describeFrame(
  view: DataView,
  at: number,
  kind: number,
  partition: number,
  tenantSize: number,
  valueSize: number,
  appendedMs: number,
): void {
  view.setUint32(at, MARKER_WORD, true);
  view.setUint32(at + 12, valueSize, true);
  view.setUint32(at + 16, partition, true);
  view.setUint16(at + 20, tenantSize, true);
  view.setUint16(at + 22, kind, true);
  view.setFloat64(at + 32, appendedMs, true);
  const end = at + FRAME_HEADER_BYTES + tenantSize + valueSize;
  for (let i = end; i < alignFrame(end); i++) view.setUint8(i, 0);
}

/** What is known when it is written: its place. */
export function sealFrame(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  segment: number,
  offset: number,
  durableBytes: number,
): void {
  const bodyAt = at + FRAME_HEADER_BYTES;
  const end = bodyAt + view.getUint16(at + 20, true) + view.getUint32(at + 12, true);
  view.setUint32(at + 8, crc32(bytes.subarray(bodyAt, end), segment), true);
  view.setFloat64(at + 24, offset, true);
  view.setFloat64(at + 40, durableBytes, true);
  view.setUint32(at + 4, crc32(bytes.subarray(at + 8, bodyAt), segment), true);
}

/** The header at `at` if it is a true one; 48 bytes must be there. */
export function readFrameHeader(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  segment: number,
): FrameHeader | undefined {
  if (view.getUint32(at, true) !== MARKER_WORD) return undefined;
  const checksum = crc32(bytes.subarray(at + 8, at + FRAME_HEADER_BYTES), segment);
  if (checksum !== view.getUint32(at + 4, true)) return undefined;
  const tenantSize = view.getUint16(at + 20, true);
  const valueSize = view.getUint32(at + 12, true);
  return {
    kind: view.getUint16(at + 22, true),
    partition: view.getUint32(at + 16, true),
    offset: view.getFloat64(at + 24, true),
    appendedMs: view.getFloat64(at + 32, true),
    durableBytes: view.getFloat64(at + 40, true),
    bodyChecksum: view.getUint32(at + 8, true),
    tenantSize,
    valueSize,
    sizeBytes: frameSize(tenantSize, valueSize),
  };
}

/** Whether tenant and value are what was written; the whole frame must be there. */
export function isBodyTrue(
  bytes: Uint8Array,
  at: number,
  header: FrameHeader,
  segment: number,
): boolean {
  const bodyAt = at + FRAME_HEADER_BYTES;
  const end = bodyAt + header.tenantSize + header.valueSize;
  return crc32(bytes.subarray(bodyAt, end), segment) === header.bodyChecksum;
}

/** Where in `[at, end)` a frame may begin, in steps of 8 from `at`; `end` or beyond if nowhere. */
export function findMarker(bytes: Uint8Array, at: number, end: number): number {
  const [a, b, c, d] = MARKER;
  while (at < end) {
    if (bytes[at] === a && bytes[at + 1] === b && bytes[at + 2] === c && bytes[at + 3] === d) break;
    at += 8;
  }
  return at;
}
