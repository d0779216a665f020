// Chance as the program sees it. Rule: nothing but this file rolls the real dice; with a seed, a run
// can be repeated exactly.

export interface Random {
  /** In [0, 1). */
  next(): number;
  /** Fills and returns the array. */
  fill<T extends Uint8Array | Int32Array | Uint32Array>(array: T): T;
  /** A version 4 UUID. */
  uuid(): string;
}

export const systemRandom: Random = {
  next: () => Math.random(),
  fill: (array) => crypto.getRandomValues(array as Uint8Array<ArrayBuffer>) as typeof array,
  uuid: () => crypto.randomUUID(),
};

/** The same numbers for the same seed (xorshift128, Marsaglia 2003). */
export function seededRandom(seed: number): Random {
  let a = seed | 0 || 1, b = 0x9e3779b9, c = 0x243f6a88, d = 0xb7e15162;
  const word = () => {
    let t = a ^ (a << 11);
    t ^= t >>> 8;
    [a, b, c] = [b, c, d];
    d ^= (d >>> 19) ^ t;
    return d >>> 0;
  };
  for (let i = 0; i < 16; i++) word(); // a small seed must not show in the first numbers
  const fill: Random["fill"] = (array) => {
    for (let i = 0; i < array.length; i++) array[i] = word();
    return array;
  };
  const uuid = () => {
    const bytes = fill(new Uint8Array(16));
    bytes[6] = bytes[6]! & 0x0f | 0x40;
    bytes[8] = bytes[8]! & 0x3f | 0x80;
    const hex = bytes.toHex();
    return [0, 8, 12, 16, 20].map((from, i, at) => hex.slice(from, at[i + 1])).join("-");
  };
  return { next: () => word() / 2 ** 32, fill, uuid };
}
