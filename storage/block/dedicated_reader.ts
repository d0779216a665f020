// Reads dedicated columns of one scope back. What SpanColumns has a slot for goes there; arrays, and
// keys that are dedicated in this block but not in ours, become ordinary attributes.

import { type AttributeColumns, AttributeType } from "../../model/attribute_columns.ts";
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

export class DedicatedReader {
  readonly #sources: Source[] = [];

  /** `ownerLevel`: the repetition level of the owner; one more and the column holds arrays. */
  constructor(
    rows: RowColumns,
    dedicated: readonly DedicatedColumn[],
    strings: StringTable,
    ownerLevel: number,
    slotOf: (key: string, isInt: boolean) => number,
  ) {
    for (const { key, isInt, path } of dedicated) {
      const column = rows.find(path);
      if (column === undefined || column.valueCount === 0) continue;
      const type = isInt ? AttributeType.Int : AttributeType.String;
      const isRepeated = column.leaf.repetitionMax > ownerLevel;
      this.#sources.push({
        cursor: new ValueCursor(column, type, isRepeated, strings),
        keyCode: strings.internString(key),
        slot: slotOf(key, isInt),
      });
    }
  }

  /** Moves past the next owner, and stores its values unless it is skipped. */
  next(
    pool: AttributeColumns | undefined,
    store: (slot: number, type: AttributeType, low: number, high: number) => void,
  ): void {
    for (const { cursor, keyCode, slot } of this.#sources) {
      const count = cursor.next();
      if (count === 0 || pool === undefined) continue;
      if (count === 1 && slot >= 0) store(slot, cursor.type, cursor.low(0), cursor.high(0));
      else if (count === 1) pool.append(keyCode, cursor.type, cursor.low(0), cursor.high(0));
      else {
        const first = pool.elementCount;
        for (let i = 0; i < count; i++) pool.appendElement(cursor.low(i), cursor.high(i));
        pool.append(keyCode, cursor.type + AttributeType.EmptyArray, first, count);
      }
    }
  }
}
