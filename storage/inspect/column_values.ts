// Values of a decoded column, one by one: for people, and for checks that compare with bounds.

import type { Column } from "../parquet/column.ts";
import { PhysicalType } from "../parquet/metadata.ts";
import { compareValues, isUnsigned, type PlainValue } from "./plain_values.ts";

export function valueAt(column: Column, index: number, logical: string | undefined): PlainValue {
  switch (column.leaf.type) {
    case PhysicalType.ByteArray:
      return column.dictionary.at(column.codes[index]!);
    case PhysicalType.Int32: {
      const int = column.ints[index]!;
      return BigInt(isUnsigned(logical) ? int >>> 0 : int);
    }
    case PhysicalType.Int64: {
      const word = BigInt(column.words[index * 2 + 1]!) << 32n | BigInt(column.words[index * 2]!);
      return isUnsigned(logical) ? word : BigInt.asIntN(64, word);
    }
    case PhysicalType.Double:
      return column.doubles()[index]!;
    default:
      return column.bits[index]!;
  }
}

export interface ValueRange {
  readonly min: PlainValue;
  readonly max: PlainValue;
}

/** Of values [from, to); undefined if there are none that have an order. */
export function rangeOf(
  column: Column,
  from: number,
  to: number,
  logical: string | undefined,
): ValueRange | undefined {
  if (from >= to) return undefined;
  switch (column.leaf.type) {
    case PhysicalType.ByteArray:
      return rangeOfStrings(column, from, to, logical);
    case PhysicalType.Int32:
    case PhysicalType.Int64:
      return rangeOfInts(column, from, to, logical);
    case PhysicalType.Double:
      return rangeOfDoubles(column.doubles(), from, to);
    default:
      return rangeOfBits(column.bits, from, to);
  }
}

/** Each string of the dictionary is looked at once. */
function rangeOfStrings(
  column: Column,
  from: number,
  to: number,
  logical: string | undefined,
): ValueRange {
  const seen = new Uint8Array(column.dictionary.length);
  let [first, least, most] = [true, 0, 0];
  for (let i = from; i < to; i++) {
    const code = column.codes[i]!;
    if (seen[code] === 1) continue;
    seen[code] = 1;
    if (first) [first, least, most] = [false, i, i];
    const value = column.dictionary.at(code);
    if (compareValues(value, valueAt(column, least, logical)) < 0) least = i;
    if (compareValues(value, valueAt(column, most, logical)) > 0) most = i;
  }
  return { min: valueAt(column, least, logical), max: valueAt(column, most, logical) };
}

/** By words, for a BigInt a value would cost 200 ns. */
function rangeOfInts(
  column: Column,
  from: number,
  to: number,
  logical: string | undefined,
): ValueRange {
  const isWide = column.leaf.type === PhysicalType.Int64;
  const flip = isUnsigned(logical) ? 0 : 0x80000000; // makes signed order that of plain numbers
  const { words, ints } = column;
  const high = (i: number) => ((isWide ? words[i * 2 + 1]! : ints[i]!) ^ flip) >>> 0;
  const low = (i: number) => isWide ? words[i * 2]! : 0;
  let [least, most] = [from, from];
  for (let i = from + 1; i < to; i++) {
    const order = high(i);
    if (order < high(least) || order === high(least) && low(i) < low(least)) least = i;
    if (order > high(most) || order === high(most) && low(i) > low(most)) most = i;
  }
  return { min: valueAt(column, least, logical), max: valueAt(column, most, logical) };
}

function rangeOfDoubles(
  values: Float64Array,
  from: number,
  to: number,
): ValueRange | undefined {
  let [min, max] = [Infinity, -Infinity];
  let hasOrder = false;
  for (let i = from; i < to; i++) {
    if (Number.isNaN(values[i]!)) continue;
    hasOrder = true;
    min = Math.min(min, values[i]!);
    max = Math.max(max, values[i]!);
  }
  return hasOrder ? { min, max } : undefined;
}

function rangeOfBits(bits: Uint8Array, from: number, to: number): ValueRange {
  let [min, max] = [1, 0];
  for (let i = from; i < to; i++) {
    min = Math.min(min, bits[i]!);
    max = Math.max(max, bits[i]!);
  }
  return { min, max };
}
