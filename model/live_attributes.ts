// All that one key has among the owners of one attribute list, and in the column of its own that a
// dedicated key has: what `SpanView.attribute` answers for columns in memory.
// A dedicated key may have values in the list too: of the wrong type, or arrays.

import { IntList } from "../lib/growable.ts";
import { type AttributeColumns, AttributeType } from "./attribute_columns.ts";
import { FoundValues, noValues } from "./found_values.ts";
import type { AttributeValues } from "./span_view.ts";
import { ABSENT, type StringTable } from "./string_table.ts";

/** A list and whose rows are whose: those of owner i are [start[i], start[i + 1]). */
export interface OwnedList {
  readonly list: AttributeColumns;
  readonly start: Int32Array;
  readonly ownerCount: number;
  /** Whether the key is in the list at all. */
  readonly isListed: boolean;
  /** Whether an owner may have the key twice. */
  readonly isRepeated: boolean;
}

/** The column of a dedicated key, by owner. */
export type OwnColumn =
  | { readonly codes: Int32Array; readonly absentMax: number }
  | { readonly words: Uint32Array; readonly isPresent: Uint8Array };

/** With `wanted`, only owners that have one of these strings; with `among`, only these owners. */
export function attributeValues(
  key: number,
  owned: OwnedList,
  own: OwnColumn | undefined,
  strings: StringTable,
  wanted: readonly number[] | undefined,
  among: Int32Array | undefined,
): AttributeValues {
  if (!owned.isListed && own !== undefined && among === undefined && wanted === undefined) {
    return "codes" in own
      ? allCodes(own, owned.ownerCount, strings)
      : allInts(own, owned.ownerCount);
  }
  const hits = owned.isListed ? findHits(owned, key, among) : NO_HITS;
  const found = new FoundValues();
  const flags = wanted && isWanted(wanted, strings.size);
  let next = 0; // owners before it have been taken from the column of their own
  const takeOwnUpTo = (end: number) => {
    if (own !== undefined && next < end) {
      if (among === undefined) takeOwn(found, own, next, end, wanted);
      else takeOwnAmong(found, own, among, next, end, wanted);
      next = end;
    }
  };
  for (let i = 0; i < hits.rows.length; i++) {
    const owner = hits.owners.values[i]!;
    takeOwnUpTo(owner + 1);
    takeListed(found, owned.list, hits.rows.values[i]!, owner, flags);
  }
  takeOwnUpTo(owned.ownerCount);
  return found.values(strings);
}

/** A dedicated column whose key is nowhere else: the usual case, and dense, so sized before. */
function allCodes(
  { codes, absentMax }: Extract<OwnColumn, { codes: Int32Array }>,
  ownerCount: number,
  strings: StringTable,
): AttributeValues {
  let length = 0;
  for (let owner = 0; owner < ownerCount; owner++) if (codes[owner]! > absentMax) length++;
  const owners = new Int32Array(length);
  const values = new Int32Array(length);
  for (let owner = 0, at = 0; owner < ownerCount; owner++) {
    if (codes[owner]! <= absentMax) continue;
    owners[at] = owner;
    values[at++] = codes[owner]!;
  }
  return {
    ...noValues,
    ownerCount: length,
    owners,
    strings: length === 0 ? undefined : { length, owners, codes: values, strings },
  };
}

function allInts(
  { words, isPresent }: Extract<OwnColumn, { words: Uint32Array }>,
  ownerCount: number,
): AttributeValues {
  let length = 0;
  for (let owner = 0; owner < ownerCount; owner++) length += isPresent[owner]!;
  const owners = new Int32Array(length);
  const values = new Uint32Array(length * 2);
  for (let owner = 0, at = 0; owner < ownerCount; owner++) {
    if (isPresent[owner] === 0) continue;
    owners[at] = owner;
    values[at * 2] = words[owner * 2]!;
    values[at * 2 + 1] = words[owner * 2 + 1]!;
    at++;
  }
  return {
    ...noValues,
    ownerCount: length,
    owners,
    ints: length === 0 ? undefined : { length, owners, words: values },
  };
}

interface Hits {
  readonly rows: IntList;
  readonly owners: IntList;
}

const NO_HITS: Hits = { rows: new IntList(), owners: new IntList() };

/**
 * Rows of the key, and whose they are. Owners mostly have their attributes in the same order, so the
 * place where the last one had the key is looked at first: one look an owner instead of ten.
 */
function findHits(
  { list, start, ownerCount, isRepeated }: OwnedList,
  key: number,
  among: Int32Array | undefined,
): Hits {
  const hits: Hits = { rows: new IntList(), owners: new IntList() };
  const keys = list.key;
  const count = among === undefined ? ownerCount : among.length;
  let guess = 0;
  for (let i = 0; i < count; i++) {
    const owner = among === undefined ? i : among[i]!;
    const from = start[owner]!;
    const to = start[owner + 1]!;
    let row = from + guess;
    if (isRepeated || row >= to || keys[row] !== key) {
      row = from;
      while (row < to && keys[row] !== key) row++;
      if (row === to) continue;
      guess = row - from;
    }
    hits.rows.push(row);
    hits.owners.push(owner);
    if (!isRepeated) continue;
    while (++row < to) {
      if (keys[row] !== key) continue;
      hits.rows.push(row);
      hits.owners.push(owner);
    }
  }
  return hits;
}

function isWanted(wanted: readonly number[], size: number): Uint8Array {
  const flags = new Uint8Array(size);
  for (const code of wanted) flags[code] = 1;
  return flags;
}

function takeOwn(
  found: FoundValues,
  own: OwnColumn,
  from: number,
  to: number,
  wanted: readonly number[] | undefined,
): void {
  if ("words" in own) {
    if (wanted !== undefined) return;
    for (let owner = from; owner < to; owner++) {
      if (own.isPresent[owner] === 0) continue;
      found.own(owner);
      found.int(owner, own.words[owner * 2]!, own.words[owner * 2 + 1]!);
    }
    return;
  }
  const { codes, absentMax } = own;
  if (wanted === undefined) {
    for (let owner = from; owner < to; owner++) {
      if (codes[owner]! <= absentMax) continue;
      found.own(owner);
      found.string(owner, codes[owner]!);
    }
  } else if (wanted.length === 1) {
    const only = wanted[0]!;
    if (only <= absentMax) return;
    for (let owner = from; owner < to; owner++) {
      if (codes[owner] !== only) continue;
      found.own(owner);
      found.string(owner, only);
    }
  } else {
    for (let owner = from; owner < to; owner++) {
      const code = codes[owner]!;
      if (code <= absentMax || !wanted.includes(code)) continue;
      found.own(owner);
      found.string(owner, code);
    }
  }
}

function takeOwnAmong(
  found: FoundValues,
  own: OwnColumn,
  among: Int32Array,
  from: number,
  to: number,
  wanted: readonly number[] | undefined,
): void {
  for (let i = positionOf(among, from); i < among.length && among[i]! < to; i++) {
    takeOwn(found, own, among[i]!, among[i]! + 1, wanted);
  }
}

/** The first position of an ascending list whose value is not below `value`. */
function positionOf(values: Int32Array, value: number): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (values[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

function takeListed(
  found: FoundValues,
  list: AttributeColumns,
  row: number,
  owner: number,
  wanted: Uint8Array | undefined,
): void {
  const type = list.type[row]!;
  const low = list.words[row * 2]!;
  const high = list.words[row * 2 + 1]!;
  if (type < AttributeType.EmptyArray) {
    if (wanted !== undefined && (type !== AttributeType.String || wanted[low] === 0)) return;
    found.own(owner);
    found.scalar(type, owner, low, high);
    return;
  }
  const words = list.elementWords;
  if (wanted !== undefined) {
    if (type !== AttributeType.StringArray) return;
    let hit = false;
    for (let i = low; i < low + high && !hit; i++) hit = wanted[words[i * 2]!] === 1;
    if (!hit) return;
  }
  found.own(owner);
  found.markArray();
  for (let i = low; type !== AttributeType.EmptyArray && i < low + high; i++) {
    found.scalar(type - AttributeType.EmptyArray, owner, words[i * 2]!, words[i * 2 + 1]!);
  }
}

/** Codes of the wanted texts that were ever met. */
export function wantedCodes(anyOf: readonly string[], strings: StringTable): number[] {
  return anyOf.map((text) => strings.find(text)).filter((code) => code !== ABSENT);
}
