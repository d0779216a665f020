// Reads the seven columns of an attribute list back into AttributeColumns, in file order.
//
//   Key        r d            one entry per attribute, or one below the maximum for an empty list
//   Value…     r d d+1        for every attribute one entry at least: null, a value, or an array
//
// Columns without values are left alone: most lists lack most types.

import { type AttributeColumns, AttributeType } from "../../model/attribute_columns.ts";
import { CodeMap } from "./code_map.ts";
import type { Column } from "../parquet/column.ts";
import { endsEarly } from "../../lib/errors.ts";
import type { StringTable } from "../../model/string_table.ts";
import { ValueCursor } from "./value_cursor.ts";

export interface AttributeSource {
  readonly keys: Column | undefined;
  readonly isArray: Column | undefined;
  /** Value, ValueInt, ValueDouble, ValueBool, ValueUnsupported. */
  readonly values: readonly (Column | undefined)[];
}

export const attributeLeaves = [
  "Value",
  "ValueInt",
  "ValueDouble",
  "ValueBool",
  "ValueUnsupported",
];
const types = [
  AttributeType.String,
  AttributeType.Int,
  AttributeType.Double,
  AttributeType.Bool,
  AttributeType.Unsupported,
];

export class AttributeReader {
  #entry = 0;
  #attribute = 0;
  readonly #keys: CodeMap;
  readonly #values: ValueCursor[] = [];

  constructor(readonly source: AttributeSource, strings: StringTable) {
    this.#keys = new CodeMap(source.keys, strings);
    source.values.forEach((column, i) => {
      if (column === undefined || column.valueCount === 0) return;
      const isRepeated = types[i] !== AttributeType.Unsupported;
      this.#values.push(new ValueCursor(column, types[i]!, isRepeated, strings));
    });
  }

  /** Reads the list of the next owner; `pool` undefined skips it. */
  next(pool: AttributeColumns | undefined): void {
    const { keys } = this.source;
    if (keys === undefined) return;
    const { repetition, definition, entryCount, leaf } = keys;
    if (this.#entry >= entryCount) throw endsEarly(leaf.path, this.#entry);
    if (definition[this.#entry]! < leaf.definitionMax) {
      this.#entry++;
      for (const value of this.#values) value.next();
      return;
    }
    do {
      if (pool === undefined) { for (const value of this.#values) value.next(); }
      else this.#append(pool);
      this.#attribute++;
      this.#entry++;
    } while (this.#entry < entryCount && repetition[this.#entry] === leaf.repetitionMax);
  }

  #append(pool: AttributeColumns): void {
    const key = this.#keys.code(this.#attribute);
    const isArray = this.source.isArray?.bits[this.#attribute] === 1;
    let type = isArray ? AttributeType.EmptyArray : AttributeType.String;
    let low = 0;
    let high = 0;
    for (const value of this.#values) {
      const count = value.next();
      if (count === 0) continue;
      type = value.type;
      if (isArray) {
        type += AttributeType.EmptyArray;
        low = pool.elementCount;
        high = count;
        for (let i = 0; i < count; i++) pool.appendElement(value.low(i), value.high(i));
      } else {
        low = value.low(0);
        high = value.high(0);
      }
    }
    pool.append(key, type, low, high);
  }
}
