// CRC-32C (Castagnoli), four bytes at a time: one table for each place of a byte in its word.
// 1.1 GB/s where a byte at a time is 330 MB/s (lib/snappy_bench.ts).
const TABLES = Array.from({ length: 4 }, () => new Int32Array(256));
const [ONE, TWO, THREE, FOUR] = TABLES as [Int32Array, Int32Array, Int32Array, Int32Array];

for (let byte = 0; byte < 256; byte++) {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >>> 1 ^ 0x82f63b78 : crc >>> 1;
  ONE[byte] = crc;
}
for (let byte = 0; byte < 256; byte++) {
  for (let place = 1; place < 4; place++) {
    const before = TABLES[place - 1]![byte]!;
    TABLES[place]![byte] = before >>> 8 ^ ONE[before & 255]!;
  }
}

/** Unsigned. */
export function crc32c(bytes: Uint8Array): number {
  const { length } = bytes;
  const words = length & ~3;
  let crc = -1;
  let at = 0;
  for (; at < words; at += 4) {
    crc ^= bytes[at]! | bytes[at + 1]! << 8 | bytes[at + 2]! << 16 | bytes[at + 3]! << 24;
    crc = FOUR[crc & 255]! ^ THREE[crc >>> 8 & 255]! ^ TWO[crc >>> 16 & 255]! ^ ONE[crc >>> 24]!;
  }
  for (; at < length; at++) crc = ONE[(crc ^ bytes[at]!) & 255]! ^ crc >>> 8;
  return ~crc >>> 0;
}
