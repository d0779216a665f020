// One column of the rows that an input gives to a row group, decoded, and where each row begins in it.
// Columns of one list have the same levels: what was found out about the levels of the column before
// is used again where they are equal, which is mostly so.

import { check } from "../../lib/errors.ts";
import type { Column } from "../parquet/column.ts";
import type { LevelPages } from "../parquet/level_pages.ts";
import type { ChunkMetadata } from "../parquet/metadata.ts";
import { ByteCounter, findZeros } from "../parquet/small_bytes.ts";

export class SourceColumn {
  private constructor(
    readonly column: Column,
    /** Rows of the first page that come before the wanted ones. */
    readonly skipped: number,
    /** Rows, and one more: entry and value with which each begins. */
    readonly entryAt: Int32Array,
    readonly valueAt: Int32Array,
    readonly hasEqualRepetition: boolean,
    readonly hasEqualDefinition: boolean,
    /** The strings of the values lie end to end: there is no dictionary. */
    readonly isEndToEnd: boolean,
    /** By code of its own dictionary, the code in the joined one plus one; 0: not met yet. */
    readonly joinedCode: Int32Array,
    /** How many values there are in the whole row group of the input, about. */
    readonly valuesInGroup: number,
  ) {}

  /** The wanted `rows` behind the first `skipped`; `before` is the column before, of the same rows. */
  static of(
    column: Column,
    skipped: number,
    rows: number,
    chunk: ChunkMetadata,
    levels: Pick<LevelPages, "hasEqualRepetition" | "hasEqualDefinition">,
    before: SourceColumn | undefined,
  ): SourceColumn {
    const { entryCount, valueCount } = column;
    const isAlike = before !== undefined && skipped === before.skipped &&
      entryCount === before.column.entryCount && levels.hasEqualRepetition;
    const entryAt = isAlike ? before.entryAt : entriesOfRows(column, skipped, rows);
    const hasEqualDefinition = isAlike && levels.hasEqualDefinition &&
      column.leaf.definitionMax === before.column.leaf.definitionMax;
    const valueAt = hasEqualDefinition ? before.valueAt : valuesOfRows(column, entryAt);
    return new SourceColumn(
      column,
      skipped,
      entryAt,
      valueAt,
      isAlike,
      hasEqualDefinition,
      !column.isShared && column.dictionary.length === valueCount,
      new Int32Array(column.dictionary.length),
      entryCount === 0 ? 0 : valueCount * chunk.valueCount / entryCount,
    );
  }
}

function entriesOfRows(
  { repetition, entryCount, leaf }: Column,
  skipped: number,
  rows: number,
): Int32Array {
  if (leaf.repetitionMax === 0) {
    const entryAt = new Int32Array(rows + 1);
    check(entryCount >= skipped + rows, `${entryCount} entries of ${skipped + rows} traces`, 0);
    for (let row = 0; row <= rows; row++) entryAt[row] = skipped + row;
    return entryAt;
  }
  const starts = new Int32Array(skipped + rows + 1);
  const found = findZeros(repetition, entryCount, starts);
  check(found >= skipped + rows, `entries of ${found} traces where there are ${skipped + rows}`, 0);
  if (found === skipped + rows) starts[found] = entryCount;
  return starts.subarray(skipped);
}

function valuesOfRows(column: Column, entryAt: Int32Array): Int32Array {
  const { definition, entryCount, valueCount, leaf: { definitionMax } } = column;
  if (valueCount === entryCount) return entryAt;
  const valueAt = new Int32Array(entryAt.length);
  if (valueCount === 0) return valueAt;
  const counter = new ByteCounter(definition, definitionMax);
  let value = counter.count(0, entryAt[0]!);
  valueAt[0] = value;
  for (let row = 1; row < entryAt.length; row++) {
    value += counter.count(entryAt[row - 1]!, entryAt[row]!);
    valueAt[row] = value;
  }
  return valueAt;
}
