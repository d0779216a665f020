// How often a level occurs among packed ones, without unpacking them: three bytes are 24 bits, which is a whole
// number of levels of any width up to four, and each half of them is looked up in a table.
//
//   width 3:  b2 b1 b0 = hhh ggg fff eee | ddd ccc bbb aaa   counts[eee…hhh] + counts[aaa…ddd]
//
// Slow twin: the levels written down one by one, in the test. Bench: block_view_bench.ts ("a trace by id").

export const PACKED_WIDTH_MAX = 4;
const STEP_BITS = 24;
const HALF_BITS = 12;
const HALF_MASK = (1 << HALF_BITS) - 1;

/** By width and level; of every twelve bits. */
const tables: (Uint8Array | undefined)[] = [];

/** Of `count` levels of `width` bits, one to four, from the byte `at` on. */
export function countPacked(
  bytes: Uint8Array,
  at: number,
  width: number,
  count: number,
  wanted: number,
): number {
  const counts = tableOf(width, wanted);
  const step = STEP_BITS / width;
  const whole = count - count % step;
  let found = 0;
  for (let done = 0; done < whole; done += step, at += 3) {
    const bits = bytes[at]! | bytes[at + 1]! << 8 | bytes[at + 2]! << 16;
    found += counts[bits & HALF_MASK]! + counts[bits >>> HALF_BITS]!;
  }
  for (let i = 0; i < count - whole; i++) if (levelAt(bytes, at, width, i) === wanted) found++;
  return found;
}

/** Where the n-th `wanted` (from 0) is among them; `count` if there are not so many. */
export function positionOfPacked(
  bytes: Uint8Array,
  at: number,
  width: number,
  count: number,
  wanted: number,
  n: number,
): number {
  const counts = tableOf(width, wanted);
  const step = STEP_BITS / width;
  let left = n;
  let done = 0;
  for (; done + step <= count; done += step, at += 3) {
    const bits = bytes[at]! | bytes[at + 1]! << 8 | bytes[at + 2]! << 16;
    const found = counts[bits & HALF_MASK]! + counts[bits >>> HALF_BITS]!;
    if (found > left) break;
    left -= found;
  }
  for (let i = 0; done < count; i++, done++) {
    if (levelAt(bytes, at, width, i) === wanted && left-- === 0) return done;
  }
  return count;
}

/** The i-th level from the byte `at` on. */
function levelAt(bytes: Uint8Array, at: number, width: number, i: number): number {
  const bit = i * width;
  const byte = at + (bit >>> 3);
  const word = bytes[byte]! | (byte + 1 < bytes.length ? bytes[byte + 1]! << 8 : 0);
  return word >>> (bit & 7) & ((1 << width) - 1);
}

function tableOf(width: number, wanted: number): Uint8Array {
  return tables[width * 16 + wanted] ??= newTable(width, wanted);
}

function newTable(width: number, wanted: number): Uint8Array {
  const mask = (1 << width) - 1;
  return Uint8Array.from({ length: HALF_MASK + 1 }, (_, bits) => {
    let count = 0;
    for (let shift = 0; shift < HALF_BITS; shift += width) {
      if ((bits >>> shift & mask) === wanted) count++;
    }
    return count;
  });
}
