// The attributes of one list column, grouped by key: what a predicate on a key looks at instead of
// all attributes of all keys. Built once per row group by counting sort, 8 bytes an attribute.
//
//   codes     k1 k0 k1 | k0 | k1 …            of attributes in file order, | between owners
//   start     k0: 0, k1: 2, …                  by code of the key
//   attributes, owners   grouped by key, ascending within
//
// Bench: attribute_bench.ts.

import type { Column } from "../parquet/column.ts";
import { CorruptionError } from "../../lib/errors.ts";

export interface KeyGroups {
  readonly attributeCount: number;
  /** The group of key k is [start[k], start[k + 1]). */
  readonly start: Int32Array;
  readonly attributes: Int32Array;
  readonly owners: Int32Array;
}

export function keyGroupsOf(keys: Column, ownerLevel: number): KeyGroups {
  const { repetition, definition, entryCount, valueCount, codes, dictionary, leaf } = keys;
  const next = new Int32Array(dictionary.length + 1);
  for (let i = 0; i < valueCount; i++) next[codes[i]! + 1]!++;
  for (let k = 1; k < next.length; k++) next[k]! += next[k - 1]!;
  const start = next.slice();
  const attributes = new Int32Array(valueCount);
  const owners = new Int32Array(valueCount);
  const { definitionMax } = leaf;
  let owner = -1;
  let attribute = 0;
  for (let entry = 0; entry < entryCount; entry++) {
    const depth = definition[entry]!;
    if (repetition[entry]! <= ownerLevel && depth >= ownerLevel) owner++;
    if (depth !== definitionMax) continue;
    const at = next[codes[attribute]!]!++;
    attributes[at] = attribute++;
    owners[at] = owner;
  }
  return { attributeCount: valueCount, start, attributes, owners };
}

/** Where the values of each attribute start in a value column; one entry more than attributes. */
export function valueStarts(
  values: Column,
  ownerLevel: number,
  attributeCount: number,
): Int32Array {
  const { repetition, definition, entryCount, leaf: { definitionMax, path } } = values;
  const starts = new Int32Array(attributeCount + 1);
  const level = ownerLevel + 1;
  let attribute = 0;
  let value = 0;
  for (let entry = 0; entry < entryCount; entry++) {
    const depth = definition[entry]!;
    if (depth < level) continue;
    if (repetition[entry]! <= level) starts[attribute++] = value;
    if (depth === definitionMax) value++;
  }
  if (attribute !== attributeCount) {
    const reason = `${attribute} attributes where there are ${attributeCount}`;
    throw new CorruptionError(reason, 0).blame(path, 0);
  }
  starts[attribute] = value;
  return starts;
}

/** Values of one key: their owners, and where they lie in the value column. */
export interface KeyValues {
  readonly owners: Int32Array;
  readonly values: Int32Array;
}

export function valuesOfKey(groups: KeyGroups, key: number, starts: Int32Array): KeyValues {
  const { attributes, owners } = groups;
  const from = groups.start[key]!;
  const to = groups.start[key + 1]!;
  let count = 0;
  for (let i = from; i < to; i++) count += starts[attributes[i]! + 1]! - starts[attributes[i]!]!;
  const found = { owners: new Int32Array(count), values: new Int32Array(count) };
  let n = 0;
  for (let i = from; i < to; i++) {
    const end = starts[attributes[i]! + 1]!;
    for (let value = starts[attributes[i]!]!; value < end; value++) {
      found.owners[n] = owners[i]!;
      found.values[n++] = value;
    }
  }
  return found;
}

/** Only values whose string code is one of the wanted. */
export function matchesOfKey(
  groups: KeyGroups,
  key: number,
  starts: Int32Array,
  codes: Int32Array,
  wanted: readonly number[],
): KeyValues {
  const { attributes, owners } = groups;
  const from = groups.start[key]!;
  const to = groups.start[key + 1]!;
  const first = wanted[0]!;
  const others = wanted.length > 1 ? new Set(wanted) : undefined;
  const found: KeyValues = { owners: new Int32Array(to - from), values: new Int32Array(to - from) };
  let n = 0;
  for (let i = from; i < to; i++) {
    const end = starts[attributes[i]! + 1]!;
    for (let value = starts[attributes[i]!]!; value < end; value++) {
      const code = codes[value]!;
      if (code !== first && (others === undefined || !others.has(code))) continue;
      found.owners[n] = owners[i]!;
      found.values[n++] = value;
      break; // an array that has one of them is in, once
    }
  }
  return { owners: found.owners.subarray(0, n), values: found.values.subarray(0, n) };
}
