// All that one key has among the owners of one attribute list, and in the column of its own that a
// dedicated key has: what `SpanView.attribute` answers for columns in memory.
// A dedicated key may have values in the list too: of the wrong type, or arrays.

import { IntList } from "../lib/growable.ts";
import { type AttributeColumns, AttributeType } from "./attribute_columns.ts";
import type { AttributeStrings, AttributeValues } from "./span_view.ts";
import { ABSENT, type StringTable } from "./string_table.ts";

/** A list and whose rows are whose: those of owner i are [start[i], start[i + 1]). */
export interface OwnedList {
  readonly list: AttributeColumns;
  readonly start: Int32Array;
  readonly ownerCount: number;
  /** Rows of the list to look at. */
  readonly from: number;
  readonly to: number;
}

/** The column of a dedicated key, by owner. */
export type OwnColumn =
  | { readonly codes: Int32Array; readonly absentMax: number }
  | { readonly words: Uint32Array; readonly isPresent: Uint8Array };

export function attributeValues(
  key: number,
  owned: OwnedList,
  own: OwnColumn | undefined,
  strings: StringTable,
  wanted: readonly number[] | undefined,
): AttributeValues {
  const rows = wanted === undefined
    ? rowsOf(owned, key)
    : rowsOfStrings(owned, key, isWanted(wanted, strings.size));
  const found = new FoundValues();
  const { list, start } = owned;
  let owner = 0;
  let taken = 0; // of the column of its own; a key may be in the list of one owner twice
  for (let i = 0; i < rows.length; i++) {
    const row = rows.values[i]!;
    while (start[owner + 1]! <= row) owner++;
    if (own !== undefined && taken <= owner) {
      takeOwn(found, own, taken, owner + 1, wanted);
      taken = owner + 1;
    }
    takeListed(found, list, row, owner, wanted);
  }
  if (own !== undefined) takeOwn(found, own, taken, owned.ownerCount, wanted);
  return found.values(strings);
}

function rowsOf({ list, from, to }: OwnedList, key: number): IntList {
  const rows = new IntList();
  const keys = list.key;
  for (let row = from; row < to; row++) if (keys[row] === key) rows.push(row);
  return rows;
}

/** Rows whose value is one of some strings, or an array, whose elements are looked at later. */
function rowsOfStrings({ list, from, to }: OwnedList, key: number, isWanted: Uint8Array): IntList {
  const rows = new IntList();
  const { key: keys, type, words } = list;
  for (let row = from; row < to; row++) {
    if (keys[row] !== key) continue;
    if (type[row] === AttributeType.String) {
      if (isWanted[words[row * 2]!] === 1) rows.push(row);
    } else if (type[row] === AttributeType.StringArray) rows.push(row);
  }
  return rows;
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

function takeListed(
  found: FoundValues,
  list: AttributeColumns,
  row: number,
  owner: number,
  wanted: readonly number[] | undefined,
): void {
  const type = list.type[row]!;
  const low = list.words[row * 2]!;
  const high = list.words[row * 2 + 1]!;
  if (type < AttributeType.EmptyArray) {
    found.own(owner);
    found.scalar(type, owner, low, high);
    return;
  }
  const words = list.elementWords;
  if (wanted !== undefined) {
    let hit = false;
    for (let i = low; i < low + high && !hit; i++) hit = wanted.includes(words[i * 2]!);
    if (!hit) return;
  }
  found.own(owner);
  found.markArray();
  for (let i = low; type !== AttributeType.EmptyArray && i < low + high; i++) {
    found.scalar(type - AttributeType.EmptyArray, owner, words[i * 2]!, words[i * 2 + 1]!);
  }
}

/** Grows the answer; owners must come ascending. */
class FoundValues {
  readonly #owners = new IntList();
  #arrays: IntList | undefined;
  #strings: Pairs | undefined;
  #ints: WordPairs | undefined;
  #doubles: WordPairs | undefined;
  #bools: Pairs | undefined;
  #others: Pairs | undefined;

  /** A key that an owner has twice counts once. */
  own(owner: number): void {
    const { values, length } = this.#owners;
    if (length === 0 || values[length - 1] !== owner) this.#owners.push(owner);
  }

  /** The owner that came last has an array. */
  markArray(): void {
    (this.#arrays ??= new IntList()).push(this.#owners.length - 1);
  }

  string(owner: number, code: number): void {
    (this.#strings ??= new Pairs()).push(owner, code);
  }

  int(owner: number, low: number, high: number): void {
    (this.#ints ??= new WordPairs()).push(owner, low, high);
  }

  scalar(type: number, owner: number, low: number, high: number): void {
    if (type === AttributeType.String) this.string(owner, low);
    else if (type === AttributeType.Int) this.int(owner, low, high);
    else if (type === AttributeType.Double) {
      (this.#doubles ??= new WordPairs()).push(owner, low, high);
    } else if (type === AttributeType.Bool) (this.#bools ??= new Pairs()).push(owner, low);
    else (this.#others ??= new Pairs()).push(owner, low);
  }

  values(strings: StringTable): AttributeValues {
    const ownerCount = this.#owners.length;
    let isArray: Uint8Array | undefined;
    if (this.#arrays !== undefined) {
      isArray = new Uint8Array(ownerCount);
      for (let i = 0; i < this.#arrays.length; i++) isArray[this.#arrays.values[i]!] = 1;
    }
    const doubles = this.#doubles;
    const bools = this.#bools;
    return {
      ownerCount,
      owners: this.#owners.values,
      isArray,
      strings: coded(this.#strings, strings),
      ints: this.#ints && {
        length: this.#ints.owners.length,
        owners: this.#ints.owners.values,
        words: new Uint32Array(this.#ints.words.values.buffer),
      },
      doubles: doubles && {
        length: doubles.owners.length,
        owners: doubles.owners.values,
        values: new Float64Array(doubles.words.values.buffer),
      },
      bools: bools && {
        length: bools.owners.length,
        owners: bools.owners.values,
        values: Uint8Array.from(bools.values.values),
      },
      others: coded(this.#others, strings),
    };
  }
}

class Pairs {
  readonly owners = new IntList();
  readonly values = new IntList();

  push(owner: number, value: number): void {
    this.owners.push(owner);
    this.values.push(value);
  }
}

class WordPairs {
  readonly owners = new IntList();
  readonly words = new IntList();

  push(owner: number, low: number, high: number): void {
    this.owners.push(owner);
    this.words.push(low);
    this.words.push(high);
  }
}

function coded(pairs: Pairs | undefined, strings: StringTable): AttributeStrings | undefined {
  if (pairs === undefined) return undefined;
  return {
    length: pairs.owners.length,
    owners: pairs.owners.values,
    codes: pairs.values.values,
    strings,
  };
}

/** What a key that was never met has. */
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

/** Codes of the wanted texts that were ever met. */
export function wantedCodes(anyOf: readonly string[], strings: StringTable): number[] {
  return anyOf.map((text) => strings.find(text)).filter((code) => code !== ABSENT);
}
