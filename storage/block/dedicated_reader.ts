// Reads dedicated columns of one scope back. What SpanColumns has a slot for goes there; arrays, and
// keys that are dedicated in this block but not in ours, become ordinary attributes. The other way
// round, a key that only ours has a column for is taken out of the list.

import { type AttributeColumns, AttributeType } from "../../model/attribute_columns.ts";
import { type OwnColumns, OwnSlots } from "../../model/own_columns.ts";
import type { DedicatedColumn } from "./dedicated_columns.ts";
import type { RowColumns } from "./row_columns.ts";
import type { StringTable } from "../../model/string_table.ts";
import { ValueCursor } from "./value_cursor.ts";

interface Source {
  readonly cursor: ValueCursor;
  readonly keyCode: number;
  /** -1: none. */
  readonly slot: number;
}

export interface OwnersRead {
  readonly attributes: AttributeColumns;
  readonly own: OwnColumns;
}

export class DedicatedReader {
  readonly #sources: Source[] = [];
  /** Of keys that only ours has a column for. */
  readonly #lifted: OwnSlots | undefined;

  /** `ownerLevel`: the repetition level of the owner; one more and the column holds arrays. */
  constructor(
    rows: RowColumns,
    dedicated: readonly DedicatedColumn[],
    strings: StringTable,
    ownerLevel: number,
    readonly into: OwnersRead,
  ) {
    const { keys } = into.own;
    for (const { key, isInt, path } of dedicated) {
      const column = rows.find(path);
      if (column === undefined || column.valueCount === 0) continue;
      const type = isInt ? AttributeType.Int : AttributeType.String;
      const isRepeated = column.leaf.repetitionMax > ownerLevel;
      this.#sources.push({
        cursor: new ValueCursor(column, type, isRepeated, strings),
        keyCode: strings.internString(key),
        slot: (isInt ? keys.ints : keys.strings).indexOf(key),
      });
    }
    const theirs = new Set(dedicated.map(({ key, isInt }) => `${isInt} ${key}`));
    const isOnlyOurs = (key: string, isInt: boolean) => !theirs.has(`${isInt} ${key}`);
    const isAny = keys.strings.some((key) => isOnlyOurs(key, false)) ||
      keys.ints.some((key) => isOnlyOurs(key, true));
    if (!isAny) return;
    this.#lifted = new OwnSlots(into.own, true);
    this.#lifted.learn(strings, isOnlyOurs);
  }

  /** Stores the values of the next owner, whose row has none and whose list begins at `start`. */
  next(owner: number, start: number): void {
    const { own, attributes: list } = this.into;
    if (this.#lifted !== undefined) this.#lift(this.#lifted, owner, start);
    for (const { cursor, keyCode, slot } of this.#sources) {
      const count = cursor.next();
      if (count === 0) continue;
      if (count > 1) {
        const first = list.elementCount;
        for (let i = 0; i < count; i++) list.appendElement(cursor.low(i), cursor.high(i));
        list.append(keyCode, cursor.type + AttributeType.EmptyArray, first, count);
      } else if (slot < 0) list.append(keyCode, cursor.type, cursor.low(0), cursor.high(0));
      else if (cursor.type === AttributeType.String) own.strings[slot]![owner] = cursor.low(0);
      else {
        const { words, isPresent } = own.ints[slot]!;
        isPresent[owner] = 1;
        words[owner * 2] = cursor.low(0);
        words[owner * 2 + 1] = cursor.high(0);
      }
    }
  }

  /** Moves past an owner that is not wanted. */
  skip(): void {
    for (const { cursor } of this.#sources) cursor.next();
  }

  #lift(slots: OwnSlots, owner: number, start: number): void {
    const { attributes: list } = this.into;
    const end = list.length;
    let first = start;
    while (first < end && slots.slotOf(list.key[first]!) === 0) first++;
    if (first === end) return;
    const rows = Array.from({ length: end - first }, (_, i) => ({
      key: list.key[first + i]!,
      type: list.type[first + i]! as AttributeType,
      low: list.words[(first + i) * 2]!,
      high: list.words[(first + i) * 2 + 1]!,
    }));
    list.length = first;
    for (const row of rows) {
      const slot = slots.slotOf(row.key);
      if (slot !== 0 && slots.put(slot, owner, row.key, row, list, start)) continue;
      list.append(row.key, row.type, row.low, row.high);
    }
  }
}
