// Ids as words, little-endian: their bytes in order. Hex is what queries compare with.

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** Hex of `count` words from `at`. */
export function hexOfWords(words: Uint32Array, at: number, count: number): string {
  let text = "";
  for (let i = at; i < at + count; i++) {
    const word = words[i]!;
    text += HEX[word & 255]! + HEX[word >>> 8 & 255]! + HEX[word >>> 16 & 255]! + HEX[word >>> 24]!;
  }
  return text;
}

/** Words of a hex text of exactly that many, lower case; undefined if it is none. */
export function wordsOfHex(text: string, count: number): number[] | undefined {
  if (text.length !== count * 8 || !/^[0-9a-f]*$/.test(text)) return undefined;
  return Array.from({ length: count }, (_, i) => {
    const byte = (k: number) => parseInt(text.slice(i * 8 + k * 2, i * 8 + k * 2 + 2), 16);
    return (byte(0) | byte(1) << 8 | byte(2) << 16 | byte(3) << 24) >>> 0;
  });
}

/** Trace ids are compared without leading zeros. */
export const withoutLeadingZeros = (hex: string): string => hex.replace(/^0+/, "");

/** Rows of a table of ids, `count` words each, that are one of some. */
export function rowsOfIds(
  ids: Uint32Array,
  length: number,
  width: 2 | 4,
  wanted: readonly (readonly number[])[],
): Int32Array {
  const found: number[] = [];
  for (let row = 0; row < length; row++) {
    const first = ids[row * width]!;
    const second = ids[row * width + 1]!;
    for (const words of wanted) {
      if (first !== words[0] || second !== words[1]) continue;
      if (
        width === 4 && (ids[row * 4 + 2] !== words[2] || ids[row * 4 + 3] !== words[3])
      ) continue;
      found.push(row);
      break;
    }
  }
  return Int32Array.from(found);
}
