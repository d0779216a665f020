// Columns of dedicated attributes: single values by slot and owner, of one kind of owner. Arrays, and
// values of another type than the column's, stand among the owner's ordinary attributes.
// Rule (OwnSlots): the last value of a key wins, as in the peer. So an owner has at most one value of
// the right type: here, or as an array of two and more in the list. Blocks cannot tell an array of one
// from a single value, nor an empty one from none, so such are not told apart here either. Where
// columns keep no arrays (vParquet4), only single values count: another type takes nothing away.

import { grown } from "../lib/growable.ts";
import { type AttributeColumns, AttributeType } from "./attribute_columns.ts";
import type { DedicatedKeys } from "./dedicated_attributes.ts";
import { ABSENT, type StringTable } from "./string_table.ts";

export class OwnColumns {
  /** By slot; a string code per owner, ABSENT if it lacks the attribute. */
  readonly strings: Int32Array[];
  readonly ints: IntColumn[];
  readonly bytesPerOwner: number;
  readonly isEmpty: boolean;

  constructor(readonly keys: DedicatedKeys, capacity: number) {
    this.strings = keys.strings.map(() => new Int32Array(capacity));
    this.ints = keys.ints.map(() => new IntColumn(capacity));
    this.bytesPerOwner = 4 * this.strings.length + 9 * this.ints.length;
    this.isEmpty = this.bytesPerOwner === 0;
  }

  grow(capacity: number): void {
    for (const [slot, column] of this.strings.entries()) {
      this.strings[slot] = grown(column, capacity);
    }
    for (const column of this.ints) column.grow(capacity);
  }

  /** Of owners [from, to) nothing is known any more. */
  clear(from: number, to: number): void {
    for (const column of this.strings) column.fill(ABSENT, from, to);
    for (const { words, isPresent } of this.ints) {
      words.fill(0, from * 2, to * 2);
      isPresent.fill(0, from, to);
    }
  }
}

/** 64-bit integers with absence. */
export class IntColumn {
  words: Uint32Array;
  isPresent: Uint8Array;

  constructor(capacity = 0) {
    this.words = new Uint32Array(capacity * 2);
    this.isPresent = new Uint8Array(capacity);
  }

  grow(capacity: number): void {
    this.words = grown(this.words, capacity * 2);
    this.isPresent = grown(this.isPresent, capacity);
  }
}

/** A value in the making, as OtlpValueReader leaves it. */
export interface ReadValue {
  readonly type: AttributeType;
  readonly low: number;
  readonly high: number;
}

const FIRST_INT = 128;

/** Finds the slot of a key by its code, and brings values there. */
export class OwnSlots {
  /** 0: none; from 1: strings; from 128: ints. Dedicated keys are interned first, so it stays small. */
  #slotOfKey = new Uint8Array(0);
  /** Which owner has an array in the list that a later value of the key must take away. */
  #arrayOwner = -1;

  constructor(readonly own: OwnColumns, readonly hasArrays: boolean) {}

  learn(
    strings: StringTable,
    isWanted: (key: string, isInt: boolean) => boolean = () => true,
  ): void {
    const { keys } = this.own;
    const slots = [
      ...keys.strings.map((key, slot) => ({ key, slot: slot + 1, isInt: false })),
      ...keys.ints.map((key, slot) => ({ key, slot: slot + FIRST_INT, isInt: true })),
    ].filter(({ key, isInt }) => isWanted(key, isInt))
      .map(({ key, slot }) => ({ code: strings.internString(key), slot }));
    this.#slotOfKey = new Uint8Array(Math.max(0, ...slots.map(({ code }) => code)) + 1);
    for (const { code, slot } of slots) this.#slotOfKey[code] = slot;
    this.#arrayOwner = -1;
  }

  /** 0 if the key has no column. */
  slotOf(key: number): number {
    const slots = this.#slotOfKey;
    return key < slots.length ? slots[key]! : 0;
  }

  /** The usual case: a single value of the column's type; false if it is another. */
  putSingle(slot: number, owner: number, type: AttributeType, low: number, high: number): boolean {
    if (owner === this.#arrayOwner) return false;
    if (slot < FIRST_INT) {
      if (type !== AttributeType.String) return false;
      this.own.strings[slot - 1]![owner] = low;
      return true;
    }
    if (type !== AttributeType.Int) return false;
    const { words, isPresent } = this.own.ints[slot - FIRST_INT]!;
    words[owner * 2] = low;
    words[owner * 2 + 1] = high;
    isPresent[owner] = 1;
    return true;
  }

  /**
   * Puts any value of a key with this slot where it belongs; false if that is the list, whose rows of this
   * owner begin at `start`.
   */
  put(
    slot: number,
    owner: number,
    key: number,
    value: ReadValue,
    list: AttributeColumns,
    start: number,
  ): boolean {
    if (this.#arrayOwner === owner) this.#takeAwayArrays(list, start, key, slot);
    const type = slot < FIRST_INT ? AttributeType.String : AttributeType.Int;
    const isRight = value.type === type;
    if (isRight || this.hasArrays) this.#set(slot, owner, isRight, value.low, value.high);
    if (isRight) return true;
    if (!this.hasArrays) return false;
    if (value.type === AttributeType.EmptyArray) return true;
    if (value.type !== type + AttributeType.EmptyArray) return false;
    if (value.high > 1) {
      this.#arrayOwner = owner;
      return false;
    }
    const { elementWords } = list;
    this.#set(slot, owner, true, elementWords[value.low * 2]!, elementWords[value.low * 2 + 1]!);
    if (value.low + 1 === list.elementCount) list.elementCount = value.low;
    return true;
  }

  #set(slot: number, owner: number, isThere: boolean, low: number, high: number): void {
    if (slot < FIRST_INT) {
      this.own.strings[slot - 1]![owner] = isThere ? low : ABSENT;
      return;
    }
    const { words, isPresent } = this.own.ints[slot - FIRST_INT]!;
    words[owner * 2] = isThere ? low : 0;
    words[owner * 2 + 1] = isThere ? high : 0;
    isPresent[owner] = isThere ? 1 : 0;
  }

  #takeAwayArrays(list: AttributeColumns, start: number, key: number, slot: number): void {
    const type = slot < FIRST_INT ? AttributeType.StringArray : AttributeType.IntArray;
    for (let row = list.length - 1; row >= start; row--) {
      if (list.key[row] === key && list.type[row] === type) list.remove(row);
    }
  }
}
