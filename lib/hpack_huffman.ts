// The Huffman code of HTTP/2 headers (RFC 7541, appendix B). It is canonical: codes of one length
// ascend with their symbols, so the lengths say it all.

/** By symbol; the last is the end of string, which must not occur. */
const LENGTHS = Uint8Array.of(
  ...[13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28],
  ...[28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28],
  ...[6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6],
  ...[5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10],
  ...[13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7],
  ...[7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6],
  ...[15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5],
  ...[6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28],
  ...[20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23],
  ...[24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24],
  ...[22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23],
  ...[21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23],
  ...[26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25],
  ...[19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27],
  ...[20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23],
  ...[26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26],
  30,
);
const END_OF_STRING = 256;
const LENGTH_MAX = 30;

/** Symbols in the order of their codes, and how many codes each length has. */
const SYMBOLS = Uint16Array.from(LENGTHS.keys()).sort((a, b) => LENGTHS[a]! - LENGTHS[b]! || a - b);
const COUNTS = new Uint16Array(LENGTH_MAX + 1);
for (const length of LENGTHS) COUNTS[length]!++;

/** `undefined` if the bytes are not such a code. */
export function decodeHuffman(bytes: Uint8Array): Uint8Array | undefined {
  const out = new Uint8Array(Math.floor(bytes.length * 8 / 5)); // the shortest code has 5 bits
  let outLength = 0;
  let code = 0;
  let length = 0;
  let firstCode = 0; // of this length
  let firstSymbol = 0;
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    code = code << 1 | bytes[bit >> 3]! >> (7 - (bit & 7)) & 1;
    firstCode <<= 1;
    const count = COUNTS[++length]!;
    if (code - firstCode < count) {
      const symbol = SYMBOLS[firstSymbol + code - firstCode]!;
      if (symbol === END_OF_STRING) return undefined;
      out[outLength++] = symbol;
      code =
        length =
        firstCode =
        firstSymbol =
          0;
    } else {
      firstCode += count;
      firstSymbol += count;
    }
  }
  // What is left over is padding: ones, less than a byte.
  if (length > 7 || code !== (1 << length) - 1) return undefined;
  return out.subarray(0, outLength);
}
