// The four 64-bit hashes that a bloom filter of trace ids is made of: murmur3 x64 128 of the id, and of the
// id followed by a byte 1 (bits-and-blooms). In halves of 32 bits: with big integers an id costs 3 µs instead
// of 0.8, and traces of a few spans are many.
// Slow twin: with big integers, in the test. Bench: block_writer_bench.ts.

/** Low and high half of each hash. */
export const hashes = new Uint32Array(8);

const view = new DataView(new ArrayBuffer(16));
const bytes = new Uint8Array(view.buffer);

/** Hashes an id of 16 bytes into `hashes`. */
export function hashTraceId(id: Uint8Array): void {
  bytes.set(id);
  let h1 = start;
  let h2 = start;
  h1 = mix1(word(0));
  h1 = rotl(h1, 27);
  h1 = add(times5(h1), { low: 0x52dce729, high: 0 });
  h2 = mul(rotl(mul(word(8), C2), 33), C1);
  h2 = add(rotl(h2, 31), h1);
  h2 = add(times5(h2), { low: 0x38495ab5, high: 0 });
  finish(h1, h2, 16, 0);
  // The tail is one byte, which is always the same.
  finish(xor(h1, TAIL), h2, 17, 4);
}

interface Wide {
  readonly low: number;
  readonly high: number;
}

const start: Wide = { low: 0, high: 0 };
const C1: Wide = { low: 0x114253d5, high: 0x87c37b91 };
const C2: Wide = { low: 0x2745937f, high: 0x4cf5ad43 };
const F1: Wide = { low: 0xed558ccd, high: 0xff51afd7 };
const F2: Wide = { low: 0x1a85ec53, high: 0xc4ceb9fe };
const TAIL = mix1({ low: 1, high: 0 });

function word(at: number): Wide {
  return { low: view.getUint32(at, true), high: view.getUint32(at + 4, true) };
}

function mix1(k: Wide): Wide {
  return mul(rotl(mul(k, C1), 31), C2);
}

function finish(h1: Wide, h2: Wide, length: number, at: number): void {
  const lengthWide = { low: length, high: 0 };
  h1 = xor(h1, lengthWide);
  h2 = xor(h2, lengthWide);
  h1 = add(h1, h2);
  h2 = add(h2, h1);
  h1 = avalanche(h1);
  h2 = avalanche(h2);
  h1 = add(h1, h2);
  h2 = add(h2, h1);
  hashes[at] = h1.low;
  hashes[at + 1] = h1.high;
  hashes[at + 2] = h2.low;
  hashes[at + 3] = h2.high;
}

function avalanche(k: Wide): Wide {
  k = mul(shifted33(k), F1);
  k = mul(shifted33(k), F2);
  return shifted33(k);
}

/** k ^ k >> 33 */
function shifted33({ low, high }: Wide): Wide {
  return { low: (low ^ high >>> 1) >>> 0, high };
}

function xor(a: Wide, b: Wide): Wide {
  return { low: (a.low ^ b.low) >>> 0, high: (a.high ^ b.high) >>> 0 };
}

function add(a: Wide, b: Wide): Wide {
  const low = a.low + b.low;
  return { low: low >>> 0, high: (a.high + b.high + (low > 0xffffffff ? 1 : 0)) >>> 0 };
}

function times5(a: Wide): Wide {
  const low = a.low * 5;
  return { low: low >>> 0, high: (a.high * 5 + Math.floor(low / 4294967296)) >>> 0 };
}

function mul(a: Wide, b: Wide): Wide {
  // The product of the low halves needs all its 64 bits, in parts of 16.
  const a0 = a.low & 0xffff;
  const a1 = a.low >>> 16;
  const b0 = b.low & 0xffff;
  const b1 = b.low >>> 16;
  const middle = a1 * b0 + (Math.imul(a0, b0) >>> 16);
  const middle2 = a0 * b1 + (middle & 0xffff);
  const high = a1 * b1 + Math.floor(middle / 65536) + Math.floor(middle2 / 65536);
  return {
    low: Math.imul(a.low, b.low) >>> 0,
    high: (high + Math.imul(a.low, b.high) + Math.imul(a.high, b.low)) >>> 0,
  };
}

function rotl({ low, high }: Wide, by: number): Wide {
  if (by >= 32) return rotl({ low: high, high: low }, by - 32);
  if (by === 0) return { low, high };
  return {
    low: (low << by | high >>> (32 - by)) >>> 0,
    high: (high << by | low >>> (32 - by)) >>> 0,
  };
}
