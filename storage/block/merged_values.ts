// Joins what a key has in a column of its own with what it has in the list of all other keys: arrays
// and values of another type than the column's. Rare, so it is written to be read.

import type {
  AttributeBools,
  AttributeDoubles,
  AttributeInts,
  AttributeStrings,
  AttributeValues,
} from "../../model/span_view.ts";
import { mergedStrings } from "./column_strings.ts";

export const noValues: AttributeValues = {
  ownerCount: 0,
  owners: new Int32Array(0),
  isArray: undefined,
  strings: undefined,
  ints: undefined,
  doubles: undefined,
  bools: undefined,
  others: undefined,
};

export function mergedValues(own: AttributeValues, listed: AttributeValues): AttributeValues {
  if (listed.ownerCount === 0) return own;
  if (own.ownerCount === 0) return listed;
  const { ownerCount, owners, isArray } = mergedOwners(own, listed);
  return {
    ownerCount,
    owners,
    isArray,
    strings: mergedAny(own.strings, listed.strings, mergedStrings),
    ints: mergedAny(own.ints, listed.ints, mergedInts),
    doubles: mergedAny(own.doubles, listed.doubles, mergedDoubles),
    bools: mergedAny(own.bools, listed.bools, mergedBools),
    others: mergedAny<AttributeStrings>(own.others, listed.others, mergedStrings),
  };
}

function mergedAny<T>(a: T | undefined, b: T | undefined, merge: (a: T, b: T) => T): T | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return merge(a, b);
}

/** An owner that has the key on both sides counts once, as an array if either is one. */
function mergedOwners(a: AttributeValues, b: AttributeValues) {
  const owners: number[] = [];
  const arrays: number[] = [];
  let i = 0;
  let k = 0;
  while (i < a.ownerCount || k < b.ownerCount) {
    const left = i < a.ownerCount ? a.owners[i]! : Infinity;
    const right = k < b.ownerCount ? b.owners[k]! : Infinity;
    owners.push(Math.min(left, right));
    const isLeft = left <= right && a.isArray?.[i] === 1;
    const isRight = right <= left && b.isArray?.[k] === 1;
    arrays.push(isLeft || isRight ? 1 : 0);
    if (left <= right) i++;
    if (right <= left) k++;
  }
  const isArray = a.isArray || b.isArray ? Uint8Array.from(arrays) : undefined;
  return { ownerCount: owners.length, owners: Int32Array.from(owners), isArray };
}

/** Positions of a and b (b's after a's) in the order of owners; of one owner a's come first. */
function mergedOrder(a: Owned, b: Owned): { owners: Int32Array; order: Int32Array } {
  const length = a.length + b.length;
  const owners = new Int32Array(length);
  const order = new Int32Array(length);
  let i = 0;
  let k = 0;
  for (let n = 0; n < length; n++) {
    const isLeft = k === b.length || (i < a.length && a.owners[i]! <= b.owners[k]!);
    owners[n] = isLeft ? a.owners[i]! : b.owners[k]!;
    order[n] = isLeft ? i++ : a.length + k++;
  }
  return { owners, order };
}

interface Owned {
  readonly length: number;
  readonly owners: Int32Array;
}

function mergedInts(a: AttributeInts, b: AttributeInts): AttributeInts {
  const { owners, order } = mergedOrder(a, b);
  const words = new Uint32Array(order.length * 2);
  order.forEach((from, to) => {
    const source = from < a.length ? a.words : b.words;
    const at = from < a.length ? from : from - a.length;
    words[to * 2] = source[at * 2]!;
    words[to * 2 + 1] = source[at * 2 + 1]!;
  });
  return { length: order.length, owners, words };
}

function mergedDoubles(a: AttributeDoubles, b: AttributeDoubles): AttributeDoubles {
  const { owners, order } = mergedOrder(a, b);
  const values = new Float64Array(order.length);
  order.forEach((from, to) => {
    values[to] = from < a.length ? a.values[from]! : b.values[from - a.length]!;
  });
  return { length: order.length, owners, values };
}

function mergedBools(a: AttributeBools, b: AttributeBools): AttributeBools {
  const { owners, order } = mergedOrder(a, b);
  const values = new Uint8Array(order.length);
  order.forEach((from, to) => {
    values[to] = from < a.length ? a.values[from]! : b.values[from - a.length]!;
  });
  return { length: order.length, owners, values };
}
