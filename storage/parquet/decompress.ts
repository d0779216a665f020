// Codecs of pages. A page must come out at exactly the size it claims.

import { snappyUncompressor } from "hysnappy";
import { ByteCursor } from "../../lib/byte_cursor.ts";
import { check, CorruptionError } from "../../lib/errors.ts";
import { Codec } from "./metadata.ts";
import { zstdDecompress } from "./zstd.ts";

const unsnap = snappyUncompressor();

export function decompress(codec: Codec, bytes: Uint8Array, sizeBytes: number): Uint8Array {
  if (codec === Codec.None) return bytes;
  const result = codec === Codec.Snappy ? snappy(bytes, sizeBytes) : zstd(codec, bytes, sizeBytes);
  check(result.length === sizeBytes, `page of ${result.length} bytes, not ${sizeBytes}`, 0);
  return result;
}

function snappy(bytes: Uint8Array, sizeBytes: number): Uint8Array {
  const claimed = new ByteCursor(bytes).varint();
  check(claimed === sizeBytes, `snappy of ${claimed} bytes, not ${sizeBytes}`, 0);
  if (sizeBytes === 0) return new Uint8Array(0);
  try {
    return unsnap(bytes, sizeBytes);
  } catch (error) {
    throw new CorruptionError(`snappy: ${error instanceof Error ? error.message : error}`, 0);
  }
}

function zstd(codec: Codec, bytes: Uint8Array, sizeBytes: number): Uint8Array {
  check(codec === Codec.Zstd, `codec ${codec} is not one of ours`, 0);
  if (bytes.length === 0 && sizeBytes === 0) return bytes;
  return zstdDecompress(bytes, sizeBytes);
}
