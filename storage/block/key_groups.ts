// The attributes of one list (of spans, say), and the values of one type, grouped by key: what a
// question about a key looks at instead of all attributes of all keys.
//
//   list     codes, owners   k1 k0 k1 | k0 | k1 …    attributes in file order, | between owners
//   grouped  start           k0: 0, k1: 2, …          by code of the key
//            owners, values  of k0, then of k1, …     ascending by owner within a key
//
// Grouping is counting sort, once per row group and type: 2 ms for 935,000 attributes. An answer is
// then a slice of what is there. Bench: block_view_bench.ts.

import type { Column } from "../parquet/column.ts";
import { CorruptionError } from "../../lib/errors.ts";

export interface KeyList {
  /** By attribute: the code of its key, and the row of its owner. */
  readonly codes: Uint16Array | Int32Array;
  readonly owners: Int32Array;
  /** Attributes by key. */
  readonly counts: Int32Array;
}

export function keyListOf(keys: Column, ownerLevel: number): KeyList {
  const { repetition, definition, entryCount, valueCount, dictionary, leaf } = keys;
  const isSmall = dictionary.length <= 1 << 16;
  const codes = isSmall ? new Uint16Array(valueCount) : new Int32Array(valueCount);
  codes.set(keys.codes.subarray(0, valueCount));
  const counts = new Int32Array(dictionary.length);
  for (let i = 0; i < valueCount; i++) counts[keys.codes[i]!]!++;
  const owners = new Int32Array(valueCount);
  const { definitionMax } = leaf;
  let owner = -1;
  let attribute = 0;
  for (let entry = 0; entry < entryCount; entry++) {
    const depth = definition[entry]!;
    if (repetition[entry]! <= ownerLevel && depth >= ownerLevel) owner++;
    if (depth === definitionMax) owners[attribute++] = owner;
  }
  return { codes, owners, counts };
}

export interface KeyGroups {
  /** The values of key k are [start[k], start[k + 1]). */
  readonly start: Int32Array;
  readonly owners: Int32Array;
  /** Where each value lies in its column. */
  readonly order: Int32Array;
  /** By key: attributes that have a value here; arrays have several. */
  readonly attributeCounts: Int32Array;
}

export function groupByKey(values: Column, list: KeyList, ownerLevel: number): KeyGroups {
  const { repetition, definition, entryCount, valueCount, leaf } = values;
  const { definitionMax, path } = leaf;
  const level = ownerLevel + 1;
  const { codes } = list;
  const start = new Int32Array(list.counts.length + 1);
  const attributeCounts = new Int32Array(list.counts.length);
  let attribute = -1;
  for (let entry = 0; entry < entryCount; entry++) {
    const depth = definition[entry]!;
    if (depth < level) continue;
    const isFirst = repetition[entry]! <= level;
    if (isFirst) attribute++;
    if (depth !== definitionMax) continue;
    const key = codes[attribute]!;
    start[key + 1]!++;
    if (isFirst) attributeCounts[key]!++;
  }
  if (attribute + 1 !== codes.length) {
    const reason = `${attribute + 1} attributes where there are ${codes.length}`;
    throw new CorruptionError(reason, 0).blame(path, 0);
  }
  for (let key = 1; key < start.length; key++) start[key]! += start[key - 1]!;
  const next = start.slice();
  const owners = new Int32Array(valueCount);
  const order = new Int32Array(valueCount);
  attribute = -1;
  let value = 0;
  for (let entry = 0; entry < entryCount; entry++) {
    const depth = definition[entry]!;
    if (depth < level) continue;
    if (repetition[entry]! <= level) attribute++;
    if (depth !== definitionMax) continue;
    const at = next[codes[attribute]!]!++;
    owners[at] = list.owners[attribute]!;
    order[at] = value++;
  }
  return { start, owners, order, attributeCounts };
}

/** Owners of a key, each once, and which of them have an array. */
export interface KeyOwners {
  readonly ownerCount: number;
  readonly owners: Int32Array;
  readonly isArray: Uint8Array | undefined;
}

/** `arrays`, by attribute: whether it is one; undefined if none is. */
export function ownersOfKey(
  list: KeyList,
  key: number,
  arrays: Uint8Array | undefined,
): KeyOwners {
  const size = list.counts[key]!;
  const owners = new Int32Array(size);
  const isArray = new Uint8Array(arrays === undefined ? 0 : size);
  const { codes } = list;
  let count = 0;
  let hasArrays = false;
  for (let attribute = 0; attribute < codes.length; attribute++) {
    if (codes[attribute] !== key) continue;
    const owner = list.owners[attribute]!;
    if (count === 0 || owners[count - 1] !== owner) owners[count++] = owner;
    if (arrays === undefined || arrays[attribute] !== 1) continue;
    isArray[count - 1] = 1;
    hasArrays = true;
  }
  const found = hasArrays ? isArray.subarray(0, count) : undefined;
  return { ownerCount: count, owners: owners.subarray(0, count), isArray: found };
}

/** Owners of ascending values, each once; one with several values has an array. */
export function distinctOwners(owners: Int32Array): KeyOwners {
  let repeats = 0;
  for (let i = 1; i < owners.length; i++) if (owners[i] === owners[i - 1]) repeats++;
  if (repeats === 0) return { ownerCount: owners.length, owners, isArray: undefined };
  const distinct = new Int32Array(owners.length - repeats);
  const isArray = new Uint8Array(distinct.length);
  let count = 0;
  for (const owner of owners) {
    if (count === 0 || distinct[count - 1] !== owner) distinct[count++] = owner;
    else isArray[count - 1] = 1;
  }
  return { ownerCount: count, owners: distinct, isArray };
}
