// Walks a column whose owners (attributes, or spans for a dedicated column) have no value, one, or an
// array of them: every owner has one entry at least. `low` and `high` are as in AttributeColumns.

import { AttributeType } from "../../model/attribute_columns.ts";
import { CodeMap } from "./code_map.ts";
import type { Column } from "../parquet/column.ts";
import { endsEarly } from "../../lib/errors.ts";
import type { StringTable } from "../../model/string_table.ts";

export class ValueCursor {
  #entry = 0;
  #value = 0;
  #start = 0;
  readonly #codes: CodeMap;

  constructor(
    readonly column: Column,
    readonly type: AttributeType,
    readonly isRepeated: boolean,
    strings: StringTable,
  ) {
    this.#codes = new CodeMap(column, strings);
  }

  /** The number of values of the next owner. */
  next(): number {
    const { repetition, definition, entryCount, leaf } = this.column;
    if (this.#entry >= entryCount) throw endsEarly(leaf.path, this.#entry);
    this.#start = this.#value;
    if (definition[this.#entry++] !== leaf.definitionMax) return 0;
    let count = 1;
    if (this.isRepeated) {
      while (this.#entry < entryCount && repetition[this.#entry] === leaf.repetitionMax) {
        this.#entry++;
        count++;
      }
    }
    this.#value += count;
    return count;
  }

  low(i: number): number {
    const at = this.#start + i;
    if (this.type === AttributeType.Bool) return this.column.bits[at]!;
    if (this.type === AttributeType.Int || this.type === AttributeType.Double) {
      return this.column.words[at * 2]!;
    }
    return this.#codes.code(at);
  }

  high(i: number): number {
    const isWide = this.type === AttributeType.Int || this.type === AttributeType.Double;
    return isWide ? this.column.words[(this.#start + i) * 2 + 1]! : 0;
  }
}
