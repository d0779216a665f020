// The checksum of a page: the CRC-32 of its body as it stands in the file, levels and values, header not
// included (parquet-format, "Checksumming"). Without it a flipped bit in uncompressed ids or times is a
// wrong answer that nobody notices.
// 7–11 GB per CPU-s (node:zlib), a thousandth of what the page costs otherwise.
import { crc32 } from "node:zlib";

/** Of the parts end to end, as the signed 32 bits that the header holds. */
export function checksum(...parts: readonly Uint8Array[]): number {
  let sum = 0;
  for (const part of parts) sum = crc32(part, sum);
  return sum | 0;
}
