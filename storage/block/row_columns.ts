// The columns of a row range, fetched together and looked up by path.

import { attributeLeaves, AttributeReader } from "./attribute_reader.ts";
import type { Column } from "../parquet/column.ts";
import { CorruptionError } from "../../lib/errors.ts";
import type { ParquetFile } from "../parquet/file.ts";
import type { RowGroup } from "../parquet/metadata.ts";
import type { StringTable } from "../../model/string_table.ts";

export class RowColumns {
  constructor(readonly columns: ReadonlyMap<string, Column>) {
    checkLists(columns);
  }

  static async read(
    file: ParquetFile,
    group: RowGroup,
    from: number,
    to: number,
    isWanted: (path: string) => boolean,
  ): Promise<RowColumns> {
    const paths = [...group.chunks.keys()].filter(isWanted);
    const columns = await Promise.all(paths.map((path) => file.rows(group, path, from, to)));
    return new RowColumns(new Map(paths.map((path, i) => [path, columns[i]!])));
  }

  /** A column that every block has. */
  of(path: string): Column {
    const column = this.columns.get(path);
    if (column === undefined) throw new CorruptionError(`no column ${path}`, 0);
    return column;
  }

  find(path: string): Column | undefined {
    return this.columns.get(path);
  }

  attributes(path: string, strings: StringTable): AttributeReader {
    return new AttributeReader({
      keys: this.find(`${path}.Key`),
      isArray: this.find(`${path}.IsArray`),
      values: attributeLeaves.map((leaf) => this.find(`${path}.${leaf}`)),
    }, strings);
  }
}

/** The lists of a block and their levels, inner ones first. */
const LISTS: readonly (readonly [string, number])[] = [
  ["rs.ss.Spans.Events.Attrs.", 5],
  ["rs.ss.Spans.Links.Attrs.", 5],
  ["rs.ss.Spans.Events.", 4],
  ["rs.ss.Spans.Links.", 4],
  ["rs.ss.Spans.Attrs.", 4],
  ["rs.ss.Spans.", 3],
  ["rs.ss.Scope.Attrs.", 3],
  ["rs.ss.", 2],
  ["rs.Resource.Attrs.", 2],
  ["rs.", 1],
];

/** Columns that every element of a list has are equally long: a page may claim to be shorter. */
function checkLists(columns: ReadonlyMap<string, Column>): void {
  const entries = new Map<string, number>();
  for (const [path, { leaf, entryCount }] of columns) {
    if (leaf.definitionMax !== leaf.repetitionMax) continue;
    const list = LISTS.find(([prefix]) => path.startsWith(prefix));
    // Values of attributes, and dedicated ones, are a list of their own.
    if (list === undefined || list[1] !== leaf.repetitionMax) continue;
    const known = entries.get(list[0]) ?? entryCount;
    entries.set(list[0], known);
    if (known === entryCount) continue;
    const reason = `${entryCount} entries where columns beside it have ${known}`;
    throw new CorruptionError(reason, 0).blame(path, 0);
  }
}
