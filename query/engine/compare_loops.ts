// Comparisons of a column of numbers with a constant: one loop per operator, so that the operator is
// decided once. Integers of 64 bits stay two words: exact, and no BigInt per row.
// Bench: engine_bench.ts; 500,000 durations 1 ms.

import type { CompareOp } from "../traceql/mod.ts";
import type { Rows } from "./row_lists.ts";

type Numbers = Float64Array | Int32Array | Uint8Array;

/** The rows of `from`, or of all `count`, whose value compares so with `constant`. */
export function rowsComparing(
  values: Numbers,
  op: CompareOp,
  constant: number,
  from: Rows | undefined,
  count: number,
): Rows {
  const length = from === undefined ? count : from.length;
  const found = new Int32Array(length);
  let at = 0;
  // Two comparisons say all six operators; NaN fails both, which is right for all but "!=".
  const less = op === "<" || op === "<=" || op === "!=";
  const greater = op === ">" || op === ">=" || op === "!=";
  const equal = op === "=" || op === "<=" || op === ">=";
  const isUnequal = op === "!=";
  if (from === undefined) {
    for (let row = 0; row < length; row++) {
      const value = values[row]!;
      const holds = value < constant
        ? less
        : value > constant
        ? greater
        : value === constant
        ? equal
        : isUnequal;
      if (holds) found[at++] = row;
    }
  } else {
    for (let i = 0; i < length; i++) {
      const value = values[from[i]!]!;
      const holds = value < constant
        ? less
        : value > constant
        ? greater
        : value === constant
        ? equal
        : isUnequal;
      if (holds) found[at++] = from[i]!;
    }
  }
  return found.subarray(0, at);
}

/** By position in a list of doubles: 1 where the value compares so with the constant. */
export function doublesComparing(
  values: Float64Array,
  length: number,
  op: CompareOp,
  constant: number,
): Uint8Array {
  const verdict = new Uint8Array(length);
  for (let i = 0; i < length; i++) verdict[i] = comparesNumber(values[i]!, op, constant) ? 1 : 0;
  return verdict;
}

function comparesNumber(value: number, op: CompareOp, constant: number): boolean {
  switch (op) {
    case "=":
      return value === constant;
    case "!=":
      return value !== constant;
    case "<":
      return value < constant;
    case "<=":
      return value <= constant;
    case ">":
      return value > constant;
    case ">=":
      return value >= constant;
  }
}

/** By position in a list of 64-bit integers. */
export function intsComparing(
  words: Uint32Array,
  length: number,
  op: CompareOp,
  constant: bigint,
): Uint8Array {
  const verdict = new Uint8Array(length);
  const low = Number(BigInt.asUintN(32, constant));
  const high = Number(BigInt.asIntN(32, constant >> 32n));
  const less = op === "<" || op === "<=" || op === "!=" ? 1 : 0;
  const greater = op === ">" || op === ">=" || op === "!=" ? 1 : 0;
  const equal = op === "=" || op === "<=" || op === ">=" ? 1 : 0;
  for (let i = 0; i < length; i++) {
    const valueHigh = words[i * 2 + 1]! | 0;
    const valueLow = words[i * 2]!;
    verdict[i] = valueHigh < high
      ? less
      : valueHigh > high
      ? greater
      : valueLow < low
      ? less
      : valueLow > low
      ? greater
      : equal;
  }
  return verdict;
}

/** The rows of `from`, or of all `count`, whose value is one of several. */
export function rowsAmong(
  values: Numbers,
  wanted: ReadonlySet<number>,
  from: Rows | undefined,
  count: number,
): Rows {
  const length = from === undefined ? count : from.length;
  const found = new Int32Array(length);
  let at = 0;
  for (let i = 0; i < length; i++) {
    const row = from === undefined ? i : from[i]!;
    if (wanted.has(values[row]!)) found[at++] = row;
  }
  return found.subarray(0, at);
}

/** By position in a list of doubles: 1 where the value is one of several. */
export function doublesAmong(
  values: Float64Array,
  length: number,
  wanted: ReadonlySet<number>,
): Uint8Array {
  const verdict = new Uint8Array(length);
  for (let i = 0; i < length; i++) verdict[i] = wanted.has(values[i]!) ? 1 : 0;
  return verdict;
}

/** By position in a list of 64-bit integers; those that no number can tell are compared exactly. */
export function intsAmong(
  words: Uint32Array,
  length: number,
  wanted: readonly bigint[],
): Uint8Array {
  const near = new Set(wanted.map(Number));
  const exact = new Set(wanted);
  const verdict = new Uint8Array(length);
  for (let i = 0; i < length; i++) {
    const high = words[i * 2 + 1]! | 0;
    const low = words[i * 2]!;
    const value = high * 4294967296 + low;
    if (!near.has(value)) continue;
    const isIn = Number.isSafeInteger(value) || exact.has(BigInt(high) << 32n | BigInt(low));
    verdict[i] = isIn ? 1 : 0;
  }
  return verdict;
}
