// The columns of one row group, decoded when first asked for, in the forms that a view gives out, and
// kept within the block cache. Raw levels are not kept: what they say is (owners, starts).

import type { ByteArrays } from "../parquet/byte_arrays.ts";
import { Column } from "../parquet/column.ts";
import { CorruptionError } from "../../lib/errors.ts";
import { ColumnStrings } from "./column_strings.ts";
import type { ParquetFile, Sized } from "../parquet/file.ts";
import { groupByKey, type KeyList, keyListOf } from "./key_groups.ts";
import { PhysicalType, type RowGroup } from "../parquet/metadata.ts";
import { type Nesting, nestingOf, valueOwners } from "./nesting.ts";
import type { StringColumn } from "../../model/span_view.ts";

/** Values of a column and the row of the owner of each, ascending. */
export interface OwnedValues {
  readonly owners: Int32Array;
  readonly values: Values;
}

/** Values of one type in an attribute list, grouped by key. */
export interface ListedValues extends OwnedValues {
  /** The values of key k are [start[k], start[k + 1]). */
  readonly start: Int32Array;
  /** By key: attributes that have a value here. */
  readonly attributeCounts: Int32Array;
}

/** One of the four is filled, by physical type. */
export interface Values {
  readonly count: number;
  /** Codes of `strings`. */
  readonly codes: Int32Array;
  readonly strings: ColumnStrings;
  readonly words: Uint32Array;
  readonly bits: Uint8Array;
  /** In memory, without a dictionary that other columns know too. */
  readonly sizeBytes: number;
}

const SPAN_LEVEL = 3;

export class ViewColumns {
  /** `spanCount`, where known, is what columns of spans must have. */
  constructor(
    readonly file: ParquetFile,
    readonly group: RowGroup,
    readonly spanCount: number | undefined,
  ) {}

  has(path: string): boolean {
    return this.group.chunks.has(path);
  }

  /** A required column of strings: a code for each value. */
  strings(path: string): Promise<StringColumn> {
    return this.#kept("strings", path, async () => {
      const { codes, strings, sizeBytes } = valuesOf(await this.column(path));
      return { value: { codes, strings }, sizeBytes };
    });
  }

  /** A required column of 64-bit integers: two words for each value. */
  words(path: string): Promise<Uint32Array> {
    return this.#kept("words", path, async () => {
      const { words, valueCount } = await this.column(path);
      return sized(words.slice(0, valueCount * 2));
    });
  }

  ints(path: string): Promise<Int32Array> {
    return this.#kept("ints", path, async () => {
      const { ints, valueCount } = await this.column(path);
      return sized(ints.slice(0, valueCount));
    });
  }

  /** A required column of ids, `width` words each, short ones padded on the left. */
  ids(path: string, width: 2 | 4): Promise<Uint32Array> {
    return this.#kept("ids", path, async () => sized(idWords(await this.column(path), width)));
  }

  /** Something made of one or several columns. */
  derived<T>(name: string, load: () => Promise<Sized<T>>, lives = 0): Promise<T> {
    return this.file.keeper.get(`derived ${this.group.index} ${name}`, load, lives);
  }

  nesting(): Promise<Nesting> {
    return this.derived("nesting", async () => {
      const value = nestingOf(await this.column("rs.ss.Spans.Kind"));
      return { value, sizeBytes: value.traceOfSpan.byteLength * 3 };
    });
  }

  /** A column directly below its owners: dedicated attributes. */
  owned(path: string, ownerLevel: number): Promise<OwnedValues> {
    return this.#kept("owned", path, async () => {
      const column = await this.column(path);
      const owners = valueOwners(column, ownerLevel);
      const values = valuesOf(column);
      return { value: { owners, values }, sizeBytes: owners.byteLength + values.sizeBytes };
    });
  }

  async keyList(path: string, ownerLevel: number): Promise<{ keys: ColumnStrings; list: KeyList }> {
    return await this.derived(`list ${path}`, async () => {
      const column = await this.column(`${path}.Key`);
      column.makeDistinct();
      const list = keyListOf(column, ownerLevel);
      return {
        value: { keys: new ColumnStrings(column.dictionary), list },
        sizeBytes: list.codes.byteLength + list.owners.byteLength + 4096,
      };
    });
  }

  /** A value column of an attribute list; undefined where it has no values. */
  listed(path: string, ownerLevel: number, list: KeyList): Promise<ListedValues | undefined> {
    return this.#kept("listed", path, async () => {
      const column = await this.column(path);
      if (column.valueCount === 0) return { value: undefined, sizeBytes: 64 };
      const { start, owners, order, attributeCounts } = groupByKey(column, list, ownerLevel);
      const values = reordered(valuesOf(column), order);
      return {
        value: { start, owners, values, attributeCounts },
        sizeBytes: owners.byteLength + start.byteLength * 2 + values.sizeBytes,
      };
    });
  }

  /** One byte for each value of a column of booleans; undefined if all are 0. */
  bits(path: string): Promise<Uint8Array | undefined> {
    return this.#kept("bits", path, async () => {
      const { bits, valueCount } = await this.column(path);
      if (!bits.subarray(0, valueCount).includes(1)) return { value: undefined, sizeBytes: 64 };
      return sized(bits.slice(0, valueCount));
    });
  }

  dictionary(path: string): Promise<ByteArrays | undefined> {
    return this.file.dictionary(this.group, path);
  }

  /** The decoded column itself, which is not kept. */
  async column(path: string): Promise<Column> {
    const column = await this.file.column(this.group, path);
    if (column === undefined) throw new CorruptionError("no such column", 0).blame(path, 0);
    const { leaf: { definitionMax, repetitionMax }, valueCount } = column;
    const isRequired = definitionMax === SPAN_LEVEL && repetitionMax === SPAN_LEVEL;
    const isOfSpans = isRequired && path.startsWith("rs.ss.Spans.");
    if (isOfSpans && valueCount !== (this.spanCount ?? valueCount)) {
      const reason = `${valueCount} values for ${this.spanCount} spans`;
      throw new CorruptionError(reason, 0).blame(path, 0);
    }
    return column;
  }

  #kept<T>(form: string, path: string, load: () => Promise<Sized<T>>): Promise<T> {
    return this.derived(`${form} ${path}`, load);
  }
}

function valuesOf(column: Column): Values {
  const { valueCount: count, leaf: { type } } = column;
  const isStrings = type === PhysicalType.ByteArray;
  if (isStrings) column.makeDistinct();
  const codes = new Int32Array(isStrings ? count : 0);
  for (let i = 0; i < codes.length; i++) codes[i] = column.codes[i]! + 1;
  const isWide = type === PhysicalType.Int64 || type === PhysicalType.Double;
  const words = isWide ? column.words.slice(0, count * 2) : column.words;
  const bits = type === PhysicalType.Boolean ? column.bits.slice(0, count) : column.bits;
  const ownBytes = column.isShared ? 0 : column.dictionary.sizeBytes;
  const sizeBytes = codes.byteLength + words.byteLength + bits.byteLength + ownBytes;
  return { count, codes, strings: new ColumnStrings(column.dictionary), words, bits, sizeBytes };
}

function reordered(values: Values, order: Int32Array): Values {
  const codes = new Int32Array(values.codes.length);
  for (let i = 0; i < codes.length; i++) codes[i] = values.codes[order[i]!]!;
  const words = new Uint32Array(values.words.length);
  for (let i = 0; i < words.length; i += 2) {
    words[i] = values.words[order[i >> 1]! * 2]!;
    words[i + 1] = values.words[order[i >> 1]! * 2 + 1]!;
  }
  const bits = new Uint8Array(values.bits.length);
  for (let i = 0; i < bits.length; i++) bits[i] = values.bits[order[i]!]!;
  return { ...values, codes, words, bits };
}

function sized<T extends ArrayBufferView>(value: T): Sized<T> {
  return { value, sizeBytes: value.byteLength };
}

export function idWords({ dictionary, codes, valueCount }: Column, width: 2 | 4): Uint32Array {
  const ids = new Uint32Array(valueCount * width);
  const bytes = new Uint8Array(ids.buffer);
  const size = width * 4;
  const { offsets } = dictionary;
  for (let i = 0; i < valueCount; i++) {
    const start = offsets[codes[i]!]!;
    const idBytes = offsets[codes[i]! + 1]! - start;
    // Short ones are padded on the left, long ones cut.
    let to = i * size + Math.max(0, size - idBytes);
    const end = start + Math.min(size, idBytes);
    for (let from = start; from < end; from++) bytes[to++] = dictionary.bytes[from]!;
  }
  return ids;
}
