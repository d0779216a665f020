// Turns the dictionary codes of one column into codes of a StringTable. A string is looked at once,
// as bytes, when the first span that has it is read; strings of spans that are left out, never.

import type { Column } from "../parquet/column.ts";
import { EMPTY_STRING, type StringTable } from "../../model/string_table.ts";

export class CodeMap {
  readonly #codes: Int32Array; // 0: not met yet

  constructor(readonly column: Column | undefined, readonly strings: StringTable) {
    this.#codes = new Int32Array(column?.dictionary.length ?? 0);
  }

  /** The string code of value `index` of the column; empty if the file lacks the column. */
  code(index: number): number {
    const { column } = this;
    if (column === undefined) return EMPTY_STRING;
    const local = column.codes[index]!;
    const known = this.#codes[local]!;
    return known !== 0 ? known : this.#meet(column, local);
  }

  #meet({ dictionary }: Column, local: number): number {
    const { bytes, view, offsets } = dictionary;
    return this.#codes[local] = this.strings.intern(
      bytes,
      view,
      offsets[local]!,
      offsets[local + 1]!,
    );
  }
}
