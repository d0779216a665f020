// Decompresses a request's body, never to more than the limit: a small body may claim to be huge.
import { gunzipSync, inflateSync, zstdDecompressSync } from "node:zlib";
import { InputError } from "./errors.ts";
import { snappyFrames, TooMuchError } from "./snappy_frames.ts";

type Decompress = (body: Uint8Array, options: { maxOutputLength: number }) => Uint8Array;

const DECOMPRESS: Readonly<Record<string, Decompress>> = {
  gzip: gunzipSync,
  deflate: inflateSync,
  zlib: inflateSync,
  zstd: zstdDecompressSync as Decompress,
  snappy: (body, { maxOutputLength }) => snappyFrames(body, maxOutputLength),
};

export function decompressBody(body: Uint8Array, encoding: string, bytesMax: number): Uint8Array {
  if (encoding === "" || encoding === "identity") return body;
  const decompress = DECOMPRESS[encoding];
  if (decompress === undefined) {
    throw new InputError("invalid_argument", `unsupported content encoding ${encoding}`);
  }
  try {
    if (encoding === "zstd") checkZstdIsWhole(body);
    return decompress(body, { maxOutputLength: bytesMax });
  } catch (error) {
    const isTooMuch = error instanceof TooMuchError ||
      (error as { code?: string }).code === "ERR_BUFFER_TOO_LARGE";
    if (isTooMuch) throw tooLarge(bytesMax);
    const reason = error instanceof Error ? error.message : String(error);
    throw new InputError("invalid_argument", `broken ${encoding} body: ${reason}`, {
      cause: error,
    });
  }
}

export function tooLarge(bytesMax: number): InputError {
  return new InputError("too_large", `request body too large, the limit is ${bytesMax} bytes`);
}

const ZSTD_MAGIC = 0xfd2fb528;
const ZSTD_SKIPPABLE = 0x184d2a5; // without its low four bits
const LAST_BLOCK = 1;
const RLE_BLOCK = 1;

/**
 * Walks frames and blocks (RFC 8878): the decompressor answers a cut body with what it has so far,
 * and what is missing would be lost in silence.
 */
function checkZstdIsWhole(body: Uint8Array): void {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  let at = 0;
  while (at < body.length) {
    const magic = view.getUint32(at, true);
    if (magic >>> 4 === ZSTD_SKIPPABLE) {
      at += 8 + view.getUint32(at + 4, true);
      continue;
    }
    if (magic !== ZSTD_MAGIC) throw new Error(`not a zstd frame at byte ${at}`);
    const descriptor = view.getUint8(at + 4);
    const isSingleSegment = (descriptor & 0x20) !== 0;
    const contentSizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >>> 6]!;
    const dictionaryIdBytes = [0, 1, 2, 4][descriptor & 3]!;
    at += 5 + (isSingleSegment ? 0 : 1) + dictionaryIdBytes + contentSizeBytes;
    for (let header = 0; (header & LAST_BLOCK) === 0;) {
      header = view.getUint16(at, true) | view.getUint8(at + 2) << 16;
      at += 3 + ((header >>> 1 & 3) === RLE_BLOCK ? 1 : header >>> 3);
    }
    if ((descriptor & 4) !== 0) at += 4; // checksum
  }
  if (at > body.length) throw new Error(`${at - body.length} bytes are missing at the end`);
}
