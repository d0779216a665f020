// A decoded column, or a range of its rows: levels per entry, and values per entry that has one
// (definition === leaf.definitionMax), in typed arrays according to the physical type:
//
//   ByteArray      codes → dictionary   of a column without dictionary, every value is an entry
//   Int32          ints
//   Int64, Double  words                two per value, low first; `doubles()` is the same memory
//   Boolean        bits                 one byte each
//
// Levels are empty arrays where the maximum is 0: such a column has one value per row.

import { ByteArrays } from "./byte_arrays.ts";
import { countEqual } from "./small_bytes.ts";
import { grown } from "../../lib/growable.ts";
import { type FileLeaf, PhysicalType } from "./metadata.ts";

export class Column {
  entryCount = 0;
  valueCount = 0;
  repetition = new Uint8Array(0);
  definition = new Uint8Array(0);
  codes = new Int32Array(0);
  ints = new Int32Array(0);
  words = new Uint32Array(0);
  bits = new Uint8Array(0);
  /** Strings of columns without a dictionary, where this one is recycled. */
  #own: ByteArrays | undefined;

  /** `isShared`: others have the same dictionary, so values that are not in it need a copy. */
  constructor(public leaf: FileLeaf, public dictionary: ByteArrays, public isShared = false) {}

  /** The same memory for another column, which may have a dictionary; what it held is gone. */
  recycle(leaf: FileLeaf, dictionary: ByteArrays | undefined): void {
    this.leaf = leaf;
    this.isShared = dictionary !== undefined;
    if (dictionary === undefined) {
      this.#own ??= new ByteArrays();
      this.#own.clear();
    }
    this.dictionary = dictionary ?? this.#own!;
    this.entryCount = 0;
    this.valueCount = 0;
  }

  /** The dictionary, to append to. */
  ownDictionary(): ByteArrays {
    if (this.isShared) this.dictionary = this.dictionary.copy();
    this.isShared = false;
    return this.dictionary;
  }

  /** Makes each string of the dictionary a different one, as it is already in a dictionary page. */
  makeDistinct(): void {
    if (this.isShared || this.leaf.type !== PhysicalType.ByteArray) return;
    this.dictionary = this.dictionary.distinct(this.codes, this.valueCount);
  }

  doubles(): Float64Array {
    return new Float64Array(this.words.buffer, this.words.byteOffset, this.valueCount);
  }

  reserve(entries: number, values: number): void {
    const { leaf } = this;
    if (leaf.repetitionMax > 0 && entries > this.repetition.length) {
      this.repetition = grown(this.repetition, entries);
    }
    if (leaf.definitionMax > 0 && entries > this.definition.length) {
      this.definition = grown(this.definition, entries);
    }
    if (leaf.type === PhysicalType.ByteArray) {
      if (values > this.codes.length) this.codes = grown(this.codes, values);
    } else if (leaf.type === PhysicalType.Int32) {
      if (values > this.ints.length) this.ints = grown(this.ints, values);
    } else if (leaf.type === PhysicalType.Boolean) {
      if (values > this.bits.length) this.bits = grown(this.bits, values);
    } else if (values * 2 > this.words.length) this.words = grown(this.words, values * 2);
  }

  /** Rows [from, to) of this column, whose first row is row 0; nothing is copied. */
  rows(from: number, to: number): Column {
    const start = this.#entryOfRow(from, 0);
    const end = this.#entryOfRow(to - from, start);
    const valueStart = this.#valuesIn(0, start);
    const valueEnd = valueStart + this.#valuesIn(start, end);
    const part = new Column(this.leaf, this.dictionary, this.isShared);
    part.entryCount = end - start;
    part.valueCount = valueEnd - valueStart;
    part.repetition = this.repetition.subarray(start, end);
    part.definition = this.definition.subarray(start, end);
    part.codes = this.codes.subarray(valueStart, valueEnd);
    part.ints = this.ints.subarray(valueStart, valueEnd);
    part.words = this.words.subarray(valueStart * 2, valueEnd * 2);
    part.bits = this.bits.subarray(valueStart, valueEnd);
    return part;
  }

  /** The entry `rows` rows after the one that starts at `start`. */
  #entryOfRow(rows: number, start: number): number {
    if (this.leaf.repetitionMax === 0) return Math.min(this.entryCount, start + rows);
    const { repetition, entryCount } = this;
    let entry = start;
    let seen = -1;
    for (; entry < entryCount; entry++) if (repetition[entry] === 0 && ++seen === rows) break;
    return entry;
  }

  #valuesIn(from: number, to: number): number {
    if (this.leaf.definitionMax === 0) return to - from;
    return countEqual(this.definition, this.leaf.definitionMax, from, to);
  }
}

/** Memory to be recycled; of no column yet. */
export function emptyColumn(): Column {
  const leaf = { path: "", type: PhysicalType.ByteArray, repetitionMax: 0, definitionMax: 0 };
  return new Column(leaf, new ByteArrays());
}
