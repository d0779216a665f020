// Groups by an attribute that spans have themselves, from its (owner, value) pairs.

import type { AttributeValues } from "../../../model/span_view.ts";
import {
  eachPosition,
  type GroupColumn,
  groupColumnOf,
  type Label,
  type Positions,
  TABLE_MAX,
  textOf,
} from "./label_column.ts";

const NIL_CODE = 0;
const SEVERAL = -1;
const SMALL_MAX = 65_536;

export function spanAttributeColumn(values: AttributeValues, at: Positions): GroupColumn {
  const codes = new Int32Array(at.count); // nil
  // A text is its code until it is asked for.
  const labels: (Label | number)[] = [undefined];
  const { strings, ints, doubles, bools } = values;
  const put = (i: number, code: number) => codes[i] = codes[i] === NIL_CODE ? code : SEVERAL;
  if (strings !== undefined) {
    const known = codeTable(strings.strings.size);
    eachPosition(strings.owners, strings.length, at, (i, j) => {
      const code = strings.codes[j]!;
      let dense = known.get(code);
      if (dense === 0) {
        dense = labels.push(code) - 1;
        known.set(code, dense);
      }
      put(i, dense);
    });
  }
  if (ints !== undefined) {
    const small = new Int32Array(SMALL_MAX);
    const known = new Map<bigint | number, number>();
    const add = (value: bigint | number) => labels.push({ intValue: String(value) }) - 1;
    eachPosition(ints.owners, ints.length, at, (i, j) => {
      const low = ints.words[j * 2]!;
      const high = ints.words[j * 2 + 1]!;
      if (high === 0 && low < SMALL_MAX) {
        return put(i, small[low] === 0 ? small[low] = add(low) : small[low]!);
      }
      const near = (high | 0) * 4294967296 + low;
      const value = Number.isSafeInteger(near) ? near : BigInt(high | 0) << 32n | BigInt(low);
      let dense = known.get(value);
      if (dense === undefined) known.set(value, dense = add(value));
      put(i, dense);
    });
  }
  if (doubles !== undefined) {
    const known = new Map<number, number>();
    eachPosition(doubles.owners, doubles.length, at, (i, j) => {
      const value = doubles.values[j]!;
      let dense = known.get(value);
      if (dense === undefined) known.set(value, dense = labels.push({ doubleValue: value }) - 1);
      put(i, dense);
    });
  }
  if (bools !== undefined) {
    const known = [0, 0];
    eachPosition(bools.owners, bools.length, at, (i, j) => {
      const value = bools.values[j]!;
      put(i, known[value] ||= labels.push({ boolValue: value === 1 }) - 1);
    });
  }
  for (let i = 0; i < codes.length; i++) if (codes[i] === SEVERAL) codes[i] = NIL_CODE;
  const label = (code: number): Label => {
    const label = labels[code];
    return typeof label === "number" ? textOf(strings!.strings, label) : label;
  };
  return groupColumnOf(codes, labels.length, label);
}

/** From codes to dense codes, 0 where unknown. */
function codeTable(
  size: number,
): { get(code: number): number; set(code: number, to: number): void } {
  if (size > TABLE_MAX) {
    const map = new Map<number, number>();
    return { get: (code) => map.get(code) ?? 0, set: (code, to) => void map.set(code, to) };
  }
  const table = new Int32Array(size + 1);
  return { get: (code) => table[code]!, set: (code, to) => void (table[code] = to) };
}
