// Codecs of pages, the writing half. Snappy is a native module (lib/snappy_block.ts), zstd that of node (zstd.ts).

import { snappyBlock } from "../../lib/snappy_block.ts";
import { Codec } from "./metadata.ts";
import { zstdCompress } from "./zstd.ts";

export type CodecName = "zstd" | "snappy" | "none";

export interface Compressor {
  readonly codec: Codec;
  compress(bytes: Uint8Array): Uint8Array;
}

const compressors: Readonly<Record<CodecName, Compressor>> = {
  zstd: { codec: Codec.Zstd, compress: (bytes) => zstdCompress(bytes, 1) },
  snappy: { codec: Codec.Snappy, compress: snappyBlock },
  none: { codec: Codec.None, compress: (bytes) => bytes },
};

/** Dictionaries, mostly: there looking closer pays, and elsewhere it costs a fifth more for nothing. */
const LARGE_PAGE_BYTES = 1 << 16;

const closer: Compressor = {
  codec: Codec.Zstd,
  compress: (bytes) => zstdCompress(bytes, bytes.length >= LARGE_PAGE_BYTES ? 2 : 1),
};

export function compressorOf(name: CodecName): Compressor {
  return compressors[name];
}

/** Of blocks that are merged, and so read and kept longer than they were new. */
export function closerCompressorOf(name: CodecName): Compressor {
  return name === "zstd" ? closer : compressors[name];
}
