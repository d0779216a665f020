// Codecs of pages, the writing half. Snappy is the native module, zstd and its level are node's:
// level 1 of zstd costs about what snappy costs and saves a quarter of the bytes (block_writer_bench.ts).

import { constants, zstdCompressSync } from "node:zlib";
import { compressSync } from "snappy";
import { Codec } from "./metadata.ts";

export type CodecName = "zstd" | "snappy" | "none";

export interface Compressor {
  readonly codec: Codec;
  compress(bytes: Uint8Array): Uint8Array;
}

const zstdOptions = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };

const compressors: Readonly<Record<CodecName, Compressor>> = {
  zstd: { codec: Codec.Zstd, compress: (bytes) => zstdCompressSync(bytes, zstdOptions) },
  // The module's types want a Buffer; it takes any Uint8Array.
  snappy: { codec: Codec.Snappy, compress: (bytes) => compressSync(bytes as Buffer) },
  none: { codec: Codec.None, compress: (bytes) => bytes },
};

export function compressorOf(name: CodecName): Compressor {
  return compressors[name];
}
