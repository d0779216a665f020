// In which row of an attribute list each key was first met, and which keys one owner had twice. Rows are
// append only, so an answer for a prefix never changes while the list grows: a key is in the prefix iff
// its first row is.
// Saves a scan of the whole list for keys that are not there: 5 million rows for 500,000 spans.

import { grown } from "../lib/growable.ts";
import type { AttributeColumns } from "./attribute_columns.ts";

export class KeyIndex {
  #owners = 0;
  /** Row + 1 by code of the key. */
  #firstRow = new Int32Array(64);
  #lastRow = new Int32Array(64);
  #isRepeated = new Uint8Array(64);
  readonly #keys: number[] = [];

  constructor(readonly list: AttributeColumns) {}

  /** Looks at the rows of the first owners; those seen before cost nothing. */
  cover(start: Int32Array, owners: number): void {
    const { key } = this.list;
    for (let owner = this.#owners; owner < owners; owner++) {
      const from = start[owner]!;
      const to = start[owner + 1]!;
      for (let row = from; row < to; row++) {
        const code = key[row]!;
        if (code >= this.#firstRow.length) this.#grow(code + 1);
        if (this.#firstRow[code] === 0) {
          this.#firstRow[code] = row + 1;
          this.#keys.push(code);
        } else if (this.#lastRow[code]! > from) this.#isRepeated[code] = 1;
        this.#lastRow[code] = row + 1;
      }
    }
    this.#owners = Math.max(this.#owners, owners);
  }

  /** -1 if the key was not met. */
  firstRow(key: number): number {
    return (this.#firstRow[key] ?? 0) - 1;
  }

  /** Whether an owner may have the key twice. */
  isRepeated(key: number): boolean {
    return this.#isRepeated[key] === 1;
  }

  /** Codes of the keys in the first `rows` rows. */
  keys(rows: number): number[] {
    return this.#keys.filter((key) => this.firstRow(key) < rows);
  }

  #grow(size: number): void {
    this.#firstRow = grown(this.#firstRow, size);
    this.#lastRow = grown(this.#lastRow, size);
    this.#isRepeated = grown(this.#isRepeated, size);
  }
}
