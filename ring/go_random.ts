// The numbers of Go's math/rand for a seed. Which partitions are a tenant's follows from them, so that the
// same ones are chosen whoever distributes.
//
// The generator is an additive lagged Fibonacci one over 64 bits,
//
//   y[t] = y[t - 607] + y[t - 273]
//
// whose first 607 values are made from the seed and xored with those that it has itself, seeded with 1,
// after 7.8e12 steps. Go has them as a table; here they are computed, by the power of x modulo the
// characteristic polynomial, x^607 = x^334 + 1 (D. P. Mitchell and J. A. Reeds' design; published with Go).
const LENGTH = 607;
const TAP = 273;
const MODULUS = 2 ** 31 - 1;
const STEPS_OF_TABLE = 7_800_000_000_000;
/** What a seed of 0 stands for. */
const SEED_OF_ZERO = 89_482_311;
const WARM_UP = 20;

export class GoRandom {
  readonly #vector: BigUint64Array;
  #tap = 0;
  #feed = LENGTH - TAP;

  constructor(seed: bigint) {
    this.#vector = firstValues(startOf(seed), 40n, 20n);
    const table = stepsOfOne ??= afterSteps(firstValues(1, 20n, 10n), STEPS_OF_TABLE);
    for (let i = 0; i < LENGTH; i++) this.#vector[i]! ^= table[i]!;
  }

  uint32(): number {
    this.#tap = this.#tap === 0 ? LENGTH - 1 : this.#tap - 1;
    this.#feed = this.#feed === 0 ? LENGTH - 1 : this.#feed - 1;
    this.#vector[this.#feed]! += this.#vector[this.#tap]!;
    // Of the lower 63 bits the upper 32.
    return Number(this.#vector[this.#feed]! >> 31n & 0xffffffffn);
  }
}

/** Computed once, some 30 ms, when the first is made. */
let stepsOfOne: BigUint64Array | undefined;

function startOf(seed: bigint): number {
  const start = Number(seed % BigInt(MODULUS)); // has the sign of the seed, as in Go
  return start === 0 ? SEED_OF_ZERO : start < 0 ? start + MODULUS : start;
}

/** Three numbers of a small generator each, the first two shifted so far. */
function firstValues(start: number, high: bigint, middle: bigint): BigUint64Array {
  let x = start;
  const next = () => x = 48_271 * x % MODULUS; // below 2^53
  for (let i = 0; i < WARM_UP; i++) next();
  const values = new BigUint64Array(LENGTH);
  for (let i = 0; i < LENGTH; i++) {
    values[i] = BigInt(next()) << high ^ BigInt(next()) << middle ^ BigInt(next());
  }
  return values;
}

/** The vector of the generator after so many steps. */
export function afterSteps(vector: BigUint64Array, steps: number): BigUint64Array {
  // Step t writes to (LENGTH - TAP - t) mod LENGTH: the first values in the order of time, t = -606 … 0.
  const place = (t: number) => ((LENGTH - TAP - t) % LENGTH + LENGTH) % LENGTH;
  const series = Array.from({ length: LENGTH }, (_, i) => vector[place(i - LENGTH + 1)]!);
  for (let i = LENGTH; i < 2 * LENGTH - 1; i++) {
    series.push(BigInt.asUintN(64, series[i - LENGTH]! + series[i - TAP]!));
  }
  // x^steps = Σ r[j] x^j, so series[steps + i] = Σ r[j] series[j + i]: a product of polynomials.
  const power = powerOfX(steps);
  const products = product(power.toReversed(), series);
  const after = new BigUint64Array(LENGTH);
  for (let i = 0; i < LENGTH; i++) {
    after[place(steps - LENGTH + 1 + i)] = products[LENGTH - 1 + i]!;
  }
  return after;
}

/** x to that power modulo the characteristic polynomial, lowest coefficient first. */
function powerOfX(power: number): bigint[] {
  let result = [1n, ...new Array<bigint>(LENGTH - 1).fill(0n)];
  for (const bit of power.toString(2)) {
    result = reduced(product(result, result));
    if (bit === "1") result = reduced([0n, ...result]);
  }
  return result;
}

function reduced(polynomial: readonly bigint[]): bigint[] {
  const result = [...polynomial];
  for (let i = result.length - 1; i >= LENGTH; i--) {
    result[i - LENGTH]! += result[i]!;
    result[i - TAP]! += result[i]!;
  }
  return result.slice(0, LENGTH).map((value) => BigInt.asUintN(64, value));
}

/** Hex digits of a coefficient in the products: two words and the carries of a thousand. */
const DIGITS = 36;

/** Of coefficients below 2^64, by one product of large numbers. */
function product(a: readonly bigint[], b: readonly bigint[]): bigint[] {
  const packed = packedOf(a) * packedOf(b);
  const length = a.length + b.length - 1;
  const digits = packed.toString(16).padStart(length * DIGITS, "0");
  return Array.from({ length }, (_, i) => {
    const end = digits.length - i * DIGITS;
    return BigInt.asUintN(64, BigInt(`0x${digits.slice(end - DIGITS, end)}`));
  });
}

function packedOf(coefficients: readonly bigint[]): bigint {
  const parts = coefficients.map((value) => value.toString(16).padStart(DIGITS, "0"));
  return BigInt(`0x${parts.reverse().join("")}`);
}
