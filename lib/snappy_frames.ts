// Snappy in frames, which is what gRPC clients of the peer's world call `snappy`, the reading half.
// https://github.com/google/snappy/blob/main/framing_format.txt, format_description.txt
//
//   ff 06 00 00 "sNaPpY"      then chunks: type u8 │ length u24 │ body
//   00: checksum u32 │ block  01: checksum u32 │ bytes as they are   80 … fe: passed over
//
// Rule: never more than the limit comes out, and a chunk no more than 64 kB; whatever is wrong throws RangeError.
import { crc32c } from "./crc32c.ts";

export const STREAM_START = [0xff, 6, 0, 0, 0x73, 0x4e, 0x61, 0x50, 0x70, 0x59];
export const CHUNK_BYTES_MAX = 65_536;
const CHECKSUM_BYTES = 4;

export class TooMuchError extends RangeError {}

export function snappyFrames(bytes: Uint8Array, bytesMax: number): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [];
  let sizeBytes = 0;
  if (STREAM_START.some((byte, i) => bytes[i] !== byte)) throw new RangeError("not in frames");
  for (let at = STREAM_START.length; at < bytes.length;) {
    const end = at + 4 + (bytes[at + 1]! | bytes[at + 2]! << 8 | bytes[at + 3]! << 16);
    if (!(end <= bytes.length)) throw new RangeError(`a chunk at byte ${at} is cut off`);
    const type = bytes[at]!;
    const body = bytes.subarray(at + 4, end);
    at = end;
    if (type > 1) {
      if (type < 0x80) throw new RangeError(`chunk of unknown type ${type}`);
      continue;
    }
    if (body.length < CHECKSUM_BYTES) throw new RangeError("a chunk without a checksum");
    const part = type === 0
      ? snappyBlock(body.subarray(CHECKSUM_BYTES), CHUNK_BYTES_MAX)
      : body.subarray(CHECKSUM_BYTES);
    if (part.length > CHUNK_BYTES_MAX) throw new RangeError("a chunk of more than 64 kB");
    const checksum = new DataView(body.buffer, body.byteOffset).getUint32(0, true);
    if (maskedCrc(part) !== checksum) throw new RangeError("a chunk's checksum is wrong");
    sizeBytes += part.length;
    if (sizeBytes > bytesMax) throw new TooMuchError(`more than ${bytesMax} bytes`);
    parts.push(part);
  }
  const all = new Uint8Array(sizeBytes);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Length as a varint, then literals and copies of what came before. */
function snappyBlock(bytes: Uint8Array, bytesMax: number): Uint8Array {
  let size = 0;
  let at = 0;
  for (let shift = 0;; shift += 7) {
    const byte = bytes[at++];
    if (byte === undefined || shift > 28) throw new RangeError("a block without a length");
    size += (byte & 127) * 2 ** shift;
    if (byte < 128) break;
  }
  if (size > bytesMax) throw new RangeError(`a block of ${size} bytes`);
  const out = new Uint8Array(size);
  let to = 0;
  const little = (count: number) => {
    let value = 0;
    for (let i = 0; i < count; i++) value += bytes[at + i]! * 2 ** (8 * i);
    at += count;
    return value;
  };
  while (at < bytes.length) {
    const tag = bytes[at++]!;
    if ((tag & 3) === 0) {
      const short = tag >>> 2;
      const length = 1 + (short < 60 ? short : little(short - 59));
      if (!(at + length <= bytes.length && to + length <= size)) throw new RangeError("cut off");
      if (length < 32) { for (const end = to + length; to < end;) out[to++] = bytes[at++]!; }
      else {
        out.set(bytes.subarray(at, at + length), to);
        at += length;
        to += length;
      }
      continue;
    }
    const isShort = (tag & 3) === 1;
    const length = isShort ? 4 + (tag >>> 2 & 7) : 1 + (tag >>> 2);
    // What is cut off here is no number, and so no offset.
    let offset: number;
    if (isShort) offset = (tag >>> 5) * 256 + bytes[at++]!;
    else if ((tag & 3) === 2) {
      offset = bytes[at]! + bytes[at + 1]! * 256;
      at += 2;
    } else offset = little(4);
    if (!(offset > 0 && offset <= to && to + length <= size)) throw new RangeError("a bad copy");
    // One by one, for a copy may reach into itself, and is short.
    for (const end = to + length; to < end; to++) out[to] = out[to - offset]!;
  }
  if (to !== size) throw new RangeError(`${to} bytes instead of ${size}`);
  return out;
}

export function maskedCrc(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return ((crc >>> 15 | crc << 17) + 0xa282ead8) >>> 0;
}
