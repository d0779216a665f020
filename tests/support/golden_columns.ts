// Our block of some spans beside the peer's of the same: every column, in every value and level.
import assert from "node:assert/strict";
import { dataKey } from "../../model/block_meta.ts";
import type { BlockMeta } from "../../model/block_meta.ts";
import { ParquetFile } from "../../storage/parquet/file.ts";
import type { ObjectStore } from "../../storage/store/object_store.ts";
import { type ColumnText, columnText, joined } from "./column_text.ts";
import { type GoldenColumn, goldenColumns } from "./golden_blocks.ts";

export async function parquetOf(store: ObjectStore, meta: BlockMeta): Promise<ParquetFile> {
  const bytes = await store.read(dataKey(meta.tenantID, meta.blockID));
  return await ParquetFile.open({
    sizeBytes: bytes.length,
    read: (offset, size) => Promise.resolve(bytes.subarray(offset, offset + size)),
  });
}

/** The name under which reader and writer know a column of the golden files. */
export function columnName(path: string): string {
  return path.replaceAll(/\.(list|element|key_value|value)\b/g, "");
}

/** Row groups one after the other, wherever they were cut. */
export async function columnOf(file: ParquetFile, golden: GoldenColumn): Promise<ColumnText> {
  const parts: ColumnText[] = [];
  for (const group of file.metadata.rowGroups) {
    parts.push(columnText((await file.column(group, columnName(golden.path)))!, golden));
  }
  return joined(parts);
}

export interface ColumnDifference {
  readonly column: string;
  readonly at: number;
  readonly ours: string | undefined;
  readonly peers: string | undefined;
}

/** Order of columns and all levels must agree; of values the differences are told. */
export async function valueDifferences(
  file: ParquetFile,
  name: string,
): Promise<ColumnDifference[]> {
  const golden = goldenColumns(name);
  const names = golden.map(({ path }) => columnName(path));
  assert.deepEqual(file.metadata.leaves.map(({ path }) => path), names);
  const differences: ColumnDifference[] = [];
  for (const column of golden) {
    const { r, d, v } = await columnOf(file, column);
    const of = (of: "r" | "d") => column.row_groups.map((group) => group[of]).join("");
    assert.equal(r, of("r"), `repetition of ${column.path}`);
    assert.equal(d, of("d"), `definition of ${column.path}`);
    const wanted = column.row_groups.flatMap((group) => group.v.map((v) => JSON.stringify(v)));
    for (let at = 0; at < Math.max(v.length, wanted.length); at++) {
      if (v[at] === wanted[at]) continue;
      differences.push({
        column: columnName(column.path),
        at,
        ours: v[at],
        peers: wanted[at],
      });
    }
  }
  return differences;
}

/** Columns by row (trace) in which two files of the same traces differ, in values or levels. */
export async function rowDifferences(
  ours: ParquetFile,
  peers: ParquetFile,
  name: string,
): Promise<Map<number, string[]>> {
  const differences = new Map<number, string[]>();
  for (const column of goldenColumns(name)) {
    const path = columnName(column.path);
    const [all, allWanted] = await Promise.all([ours, peers].map((file) => columnOf(file, column)));
    if (JSON.stringify(all) === JSON.stringify(allWanted)) continue;
    const { definitionMax } = ours.metadata.leaves.find((leaf) => leaf.path === path)!;
    const [mine, wanted] = [all, allWanted].map((text) => rowsOf(text!, definitionMax));
    assert.equal(mine!.length, wanted!.length);
    for (const [row, text] of mine!.entries()) {
      if (text === wanted![row]) continue;
      differences.set(row, [...differences.get(row) ?? [], path]);
    }
  }
  return differences;
}

/** The part of each row: it begins where nothing is repeated. */
export function rowsOf({ r, d, v }: ColumnText, definitionMax: number): string[] {
  const rows: string[] = [];
  let value = 0;
  for (const [i, repetition] of [...r].entries()) {
    const isThere = Number(d[i]) === definitionMax;
    const entry = `${repetition}${d[i]}${isThere ? v[value++] : ""} `;
    if (repetition === "0") rows.push(entry);
    else rows[rows.length - 1] += entry;
  }
  return rows;
}
