// Reads the seven columns of an attribute list back into AttributeColumns, in file order.
//
//   Key        r d            one entry per attribute, or one below the maximum for an empty list
//   Value…     r d d+1        for every attribute one entry at least: null, a value, or an array
//
// Columns without values are left alone: most lists lack most types. Those that have some are walked
// once, one after the other, which costs a third of asking each of them for every attribute.

import { type AttributeColumns, AttributeType } from "../../model/attribute_columns.ts";
import { CodeMap } from "./code_map.ts";
import type { Column } from "../parquet/column.ts";
import { endsEarly } from "../../lib/errors.ts";
import type { StringTable } from "../../model/string_table.ts";

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

/** A column of values that has some. */
interface Values {
  readonly type: AttributeType;
  readonly column: Column;
  readonly codes: CodeMap;
}

export class AttributeReader {
  #entry = 0;
  #attribute = 0;
  readonly #keys: CodeMap;
  readonly #values: Values[] = [];
  /** By attribute: which of `#values` has its value, from 1; where there; and how many. */
  readonly #where: Uint8Array;
  readonly #first: Int32Array;
  readonly #count: Int32Array;

  constructor(readonly source: AttributeSource, strings: StringTable) {
    const { keys, values } = source;
    const attributes = keys?.valueCount ?? 0;
    this.#keys = new CodeMap(keys, strings);
    this.#where = new Uint8Array(attributes);
    this.#first = new Int32Array(attributes);
    this.#count = new Int32Array(attributes);
    values.forEach((column, i) => {
      if (keys === undefined || column === undefined || column.valueCount === 0) return;
      const type = types[i]!;
      this.#values.push({ type, column, codes: new CodeMap(column, strings) });
      const repeated = type === AttributeType.Unsupported ? -1 : column.leaf.repetitionMax;
      const number = this.#values.length;
      placeValues(keys, column, repeated, number, this.#where, this.#first, this.#count);
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
      return;
    }
    const { repetitionMax } = leaf;
    do {
      if (pool !== undefined) this.#append(pool);
      this.#attribute++;
      this.#entry++;
    } while (this.#entry < entryCount && repetition[this.#entry] === repetitionMax);
  }

  #append(pool: AttributeColumns): void {
    const attribute = this.#attribute;
    const key = this.#keys.code(attribute);
    const where = this.#where[attribute]!;
    const first = this.#first[attribute]!;
    const isArray = this.source.isArray?.bits[attribute] === 1;
    if (where === 0) {
      pool.append(key, isArray ? AttributeType.EmptyArray : AttributeType.String, 0, 0);
      return;
    }
    const values = this.#values[where - 1]!;
    if (!isArray) {
      pool.append(key, values.type, lowOf(values, first), highOf(values, first));
      return;
    }
    const count = this.#count[attribute]!;
    const start = pool.elementCount;
    for (let i = first; i < first + count; i++) {
      pool.appendElement(lowOf(values, i), highOf(values, i));
    }
    pool.append(key, values.type + AttributeType.EmptyArray, start, count);
  }
}

function lowOf({ type, column, codes }: Values, at: number): number {
  if (type === AttributeType.String || type === AttributeType.Unsupported) return codes.code(at);
  return type === AttributeType.Bool ? column.bits[at]! : column.words[at * 2]!;
}

function highOf({ type, column }: Values, at: number): number {
  const isWide = type === AttributeType.Int || type === AttributeType.Double;
  return isWide ? column.words[at * 2 + 1]! : 0;
}

/** Notes for every attribute that has values in this column where they are. */
function placeValues(
  keys: Column,
  { repetition, definition, entryCount, leaf }: Column,
  repeated: number,
  number: number,
  where: Uint8Array,
  firsts: Int32Array,
  counts: Int32Array,
): void {
  const keyDefinition = keys.definition;
  const keyMax = keys.leaf.definitionMax;
  const owners = keys.entryCount;
  const present = leaf.definitionMax;
  let owner = -1;
  let attribute = -1;
  let isAttribute = false;
  let value = 0;
  for (let entry = 0; entry < entryCount; entry++) {
    if (repetition[entry] !== repeated) {
      if (++owner === owners) break;
      isAttribute = keyDefinition[owner] === keyMax;
      if (isAttribute) attribute++;
      if (definition[entry] !== present) continue;
      if (isAttribute) {
        where[attribute] = number;
        firsts[attribute] = value;
        counts[attribute] = 1;
      }
      value++;
    } else if (definition[entry] === present) {
      if (isAttribute) counts[attribute]!++;
      value++;
    }
  }
  if (owner < owners - 1) throw endsEarly(leaf.path, entryCount);
}
