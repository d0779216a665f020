// Questions about many small bytes (levels: below 128), asked of four at a time.
//
//   bytes ≤ max?      x + (127 - max) sets the top bit of each byte that is larger
//   bytes = wanted?   x ^ wanted is zero there, and adding 127 sets the top bit of all others
//
// Slow twin: byte by byte, in the test. Bench: decodings_bench.ts.

const ONES = 0x01010101;
const TOPS = 0x80808080 | 0;
const LOWS = 0x7f7f7f7f;

/** `bytes` as words; the first starts at byte `skipped`. */
interface Words {
  readonly words: Int32Array;
  readonly skipped: number;
}

function wordsOf(bytes: Uint8Array): Words {
  const skipped = -bytes.byteOffset & 3;
  const count = Math.max(0, bytes.length - skipped) >> 2;
  if (count === 0) return { words: new Int32Array(0), skipped: bytes.length };
  return { words: new Int32Array(bytes.buffer, bytes.byteOffset + skipped, count), skipped };
}

/** Whether none of bytes [from, to) is larger than `max`. */
export function areAtMost(bytes: Uint8Array, max: number, from: number, to: number): boolean {
  const { words, skipped } = wordsOf(bytes);
  const addend = Math.imul(127 - max, ONES);
  let at = from;
  for (; at < to && (at - skipped & 3) !== 0; at++) if (bytes[at]! > max) return false;
  let seen = 0;
  for (; at + 4 <= to && at >= skipped; at += 4) {
    const word = words[(at - skipped) >> 2]!;
    seen |= word | (word + addend);
  }
  if ((seen & TOPS) !== 0) return false;
  for (; at < to; at++) if (bytes[at]! > max) return false;
  return true;
}

/** How many of bytes [from, to) are `wanted`. */
export function countEqual(bytes: Uint8Array, wanted: number, from: number, to: number): number {
  return new ByteCounter(bytes, wanted).count(from, to);
}

/** The same for many ranges of the same bytes. */
export class ByteCounter {
  readonly #words: Int32Array;
  readonly #skipped: number;

  constructor(readonly bytes: Uint8Array, readonly wanted: number) {
    const { words, skipped } = wordsOf(bytes);
    this.#words = words;
    this.#skipped = skipped;
  }

  count(from: number, to: number): number {
    const { bytes, wanted } = this;
    const words = this.#words;
    const skipped = this.#skipped;
    const pattern = Math.imul(wanted, ONES);
    let found = 0;
    let at = from;
    for (; at < to && (at - skipped & 3) !== 0; at++) if (bytes[at] === wanted) found++;
    let others = 0;
    const start = at;
    for (; at + 4 <= to && at >= skipped; at += 4) {
      const flags = ((words[(at - skipped) >> 2]! ^ pattern) + LOWS) & TOPS;
      others += Math.imul(flags >>> 7, ONES) >>> 24;
    }
    found += at - start - others;
    for (; at < to; at++) if (bytes[at] === wanted) found++;
    return found;
  }
}

/** Puts where the zeros among the first `count` bytes are into `places`, as many as there is room for. */
export function findZeros(bytes: Uint8Array, count: number, places: Int32Array): number {
  const { words, skipped } = wordsOf(bytes);
  let found = 0;
  let at = 0;
  const note = () => {
    if (bytes[at] !== 0) return;
    if (found < places.length) places[found] = at;
    found++;
  };
  for (; at < count && at < skipped; at++) note();
  for (; at + 4 <= count; at += 4) {
    if (((words[(at - skipped) >> 2]! + LOWS) & TOPS) === TOPS) continue;
    for (const end = at + 4; at < end; at++) note();
    at -= 4;
  }
  for (; at < count; at++) note();
  return found;
}
