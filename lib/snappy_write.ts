// Snappy in frames, the writing half; snappy_frames.ts reads it and draws it.
import { snappyBlock } from "./snappy_block.ts";
import { CHUNK_BYTES_MAX, maskedCrc, STREAM_START } from "./snappy_frames.ts";

const CHUNK_HEAD_BYTES = 8;

export function writeSnappyFrames(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const chunks = Math.ceil(bytes.length / CHUNK_BYTES_MAX);
  // A chunk is never longer than what is in it.
  const out = new Uint8Array(STREAM_START.length + chunks * CHUNK_HEAD_BYTES + bytes.length);
  out.set(STREAM_START);
  let to = STREAM_START.length;
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES_MAX) {
    to = writeChunk(out, to, bytes.subarray(at, at + CHUNK_BYTES_MAX));
  }
  return out.slice(0, to);
}

function writeChunk(out: Uint8Array, start: number, bytes: Uint8Array): number {
  const block = snappyBlock(bytes);
  const saves = block.length <= bytes.length - (bytes.length >>> 3); // an eighth, or it is left as it is
  const body = saves ? block : bytes;
  const size = body.length + 4;
  const checksum = maskedCrc(bytes);
  out[start] = saves ? 0 : 1;
  for (let i = 0; i < 3; i++) out[start + 1 + i] = size >>> 8 * i;
  for (let i = 0; i < 4; i++) out[start + 4 + i] = checksum >>> 8 * i;
  out.set(body, start + CHUNK_HEAD_BYTES);
  return start + CHUNK_HEAD_BYTES + body.length;
}
