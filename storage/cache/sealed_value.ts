// A value as it lies in a cache that others can reach: whatever comes back may be cut off, mixed up,
// of another program or of another version, and must then look like nothing at all.
//
//   "SGC1"   crc32 of key and value   length of the value   value
//   4        4                        4                     …       little-endian
//
// The key is part of the sum, so that a value which a server gives for the wrong key is none.
import { crc32 } from "node:zlib";

const MAGIC = 0x31434753; // "SGC1"
const HEADER_BYTES = 12;
const encoder = new TextEncoder();

export function sealed(key: string, value: Uint8Array): Uint8Array {
  const whole = new Uint8Array(HEADER_BYTES + value.length);
  const view = new DataView(whole.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, sumOf(key, value), true);
  view.setUint32(8, value.length, true);
  whole.set(value, HEADER_BYTES);
  return whole;
}

/** The value, or undefined for whatever is not exactly what was sealed under the key. */
export function unsealed(key: string, whole: Uint8Array): Uint8Array | undefined {
  if (whole.length < HEADER_BYTES) return undefined;
  const view = new DataView(whole.buffer, whole.byteOffset, whole.byteLength);
  const bytes = whole.length - HEADER_BYTES;
  // Not `subarray`: of a client's Buffer it would be a Buffer, whose `slice` is no copy.
  const value = new Uint8Array(whole.buffer, whole.byteOffset + HEADER_BYTES, bytes);
  const isOurs = view.getUint32(0, true) === MAGIC && view.getUint32(8, true) === value.length &&
    view.getUint32(4, true) === sumOf(key, value);
  return isOurs ? value : undefined;
}

function sumOf(key: string, value: Uint8Array): number {
  return crc32(value, crc32(encoder.encode(key)));
}
