// Snappy of a whole message, without frames: pages of Parquet, Prometheus' remote writes, and what
// stands in frames (snappy_write.ts). The native module's home.
// https://github.com/google/snappy/blob/main/format_description.txt
import { compressSync } from "snappy";

export function snappyBlock(bytes: Uint8Array): Uint8Array {
  return compressSync(bytes as Buffer); // the module's types want a Buffer; it takes any Uint8Array
}
