// A segment of a delivery log: a file of collections, each in a frame with its checksum. Little-endian:
//
//    0 u32 marker, 4 u32 version, 8 f64 createdMs, 16 u32 crc32 of bytes 0…16
//   20 frames: u32 size, u32 crc32 of the payload, payload
//
// Checksums are seeded with the segment's number. What comes behind the first false frame is no part of it: a crash
// has torn it, or a disk has failed, after which another segment was begun.
import { crc32 } from "node:zlib";

import { CorruptionError } from "../../lib/errors.ts";
import type { Directory, File } from "../../lib/fs.ts";

export const SEGMENT_HEADER_BYTES = 20;
export const FRAME_HEADER_BYTES = 8;
const MARKER = 0x4c444753; // "SGDL"
const VERSION = 1;
const NAME = /^(\d{8,})\.segment$/;

export interface SegmentHeader {
  readonly createdMs: number;
}

export function segmentName(number: number): string {
  return `${String(number).padStart(8, "0")}.segment`;
}

export function segmentNumber(name: string): number | undefined {
  const digits = NAME.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** Resolves when file and name survive a crash. */
export async function createSegment(
  directory: Directory,
  number: number,
  createdMs: number,
): Promise<File> {
  const file = await directory.open(segmentName(number), "write"); // one begun in vain may be there
  try {
    await file.truncate(0);
    const header = new DataView(new ArrayBuffer(SEGMENT_HEADER_BYTES));
    header.setUint32(0, MARKER, true);
    header.setUint32(4, VERSION, true);
    header.setFloat64(8, createdMs, true);
    header.setUint32(16, crc32(new Uint8Array(header.buffer, 0, 16), number), true);
    await file.write(new Uint8Array(header.buffer), 0);
    await file.sync();
    await directory.sync();
    return file;
  } catch (error) {
    file.close();
    await directory.remove(segmentName(number)).catch(() => {});
    throw error;
  }
}

/** Undefined for what is no segment, or was never finished. */
export async function readHeader(file: File, number: number): Promise<SegmentHeader | undefined> {
  const bytes = new Uint8Array(SEGMENT_HEADER_BYTES);
  if (await file.read(bytes, 0) < SEGMENT_HEADER_BYTES) return undefined;
  const view = new DataView(bytes.buffer);
  if (view.getUint32(0, true) !== MARKER || view.getUint32(4, true) !== VERSION) return undefined;
  if (view.getUint32(16, true) !== crc32(bytes.subarray(0, 16), number)) return undefined;
  return { createdMs: view.getFloat64(8, true) };
}

export function frameOf(payload: Uint8Array, number: number): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(FRAME_HEADER_BYTES + payload.length);
  const view = new DataView(frame.buffer);
  view.setUint32(0, payload.length, true);
  view.setUint32(4, crc32(payload, number), true);
  frame.set(payload, FRAME_HEADER_BYTES);
  return frame;
}

/** The payload of the frame at a position. Throws CorruptionError where there is no true one below `end`. */
export async function readFrame(
  file: File,
  number: number,
  position: number,
  end: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const path = segmentName(number);
  const head = new Uint8Array(FRAME_HEADER_BYTES);
  if (position + FRAME_HEADER_BYTES > end || await file.read(head, position) < head.length) {
    throw new CorruptionError("a frame ends early", position, path);
  }
  const view = new DataView(head.buffer);
  const size = view.getUint32(0, true);
  if (position + FRAME_HEADER_BYTES + size > end) {
    throw new CorruptionError(`a frame of ${size} bytes does not fit`, position, path);
  }
  const payload = new Uint8Array(size);
  if (await file.read(payload, position + FRAME_HEADER_BYTES) < size) {
    throw new CorruptionError("a frame ends early", position, path);
  }
  if (crc32(payload, number) !== view.getUint32(4, true)) {
    throw new CorruptionError("a frame's checksum is false", position, path);
  }
  return payload;
}
