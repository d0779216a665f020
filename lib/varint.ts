// Lengths and tags as protobuf writes them: seven bits a byte, low ones first, for values below 2^32.
// Plain functions, for they stand in the inner loops of regrouping and of writing records.

/** Bytes that the value takes. */
export function varintSize(value: number): number {
  return value < 1 << 7 ? 1 : value < 1 << 14 ? 2 : value < 1 << 21 ? 3 : value < 1 << 28 ? 4 : 5;
}

/** Writes the value at `at` and returns where it ends. */
export function writeVarint(to: Uint8Array, at: number, value: number): number {
  while (value > 127) {
    to[at++] = value & 127 | 128;
    value >>>= 7;
  }
  to[at++] = value;
  return at;
}
