// Some rows of a column as a column of their own, of which nothing is in the other's memory; a dictionary
// that others have too stays where it is.

import { ByteArrays } from "../parquet/byte_arrays.ts";
import { Column } from "../parquet/column.ts";
import { PhysicalType } from "../parquet/metadata.ts";
import {
  gatherBits,
  gatherDefinition,
  gatherInts,
  gatherRepetition,
  gatherWords,
} from "./gather.ts";
import { RowRuns } from "./row_runs.ts";
import type { SourceColumn } from "./source_column.ts";

/** Of `rows`, ascending. */
export function pickRows(source: SourceColumn, rows: Int32Array): Column {
  const { column, entryAt, valueAt } = source;
  const { leaf } = column;
  const runs = new RowRuns();
  let entries = 0;
  let values = 0;
  for (const row of rows) {
    runs.push(0, row, 0);
    entries += entryAt[row + 1]! - entryAt[row]!;
    values += valueAt[row + 1]! - valueAt[row]!;
  }
  const picked = column.isShared
    ? new Column(leaf, column.dictionary, true)
    : new Column(leaf, new ByteArrays());
  picked.reserve(entries, values);
  picked.entryCount = entries;
  picked.valueCount = values;
  const from = [runs, 0, runs.runs, [source]] as const;
  if (leaf.repetitionMax > 0) gatherRepetition(...from, picked.repetition, 0);
  if (leaf.definitionMax > 0) gatherDefinition(...from, picked.definition, 0);
  if (leaf.type === PhysicalType.Int32) gatherInts(...from, picked.ints, 0);
  else if (leaf.type === PhysicalType.Boolean) gatherBits(...from, picked.bits, 0);
  else if (leaf.type === PhysicalType.ByteArray) pickStrings(source, rows, picked);
  else gatherWords(...from, picked.words, 0);
  return picked;
}

function pickStrings(
  { column: { codes, dictionary, isShared }, valueAt }: SourceColumn,
  rows: Int32Array,
  picked: Column,
): void {
  let at = 0;
  for (const row of rows) {
    for (let i = valueAt[row]!; i < valueAt[row + 1]!; i++) {
      if (isShared) picked.codes[at++] = codes[i]!;
      else {
        const bytes = dictionary.at(codes[i]!);
        picked.dictionary.appendParts(bytes, Int32Array.of(bytes.length));
        picked.codes[at] = at++;
      }
    }
  }
}
