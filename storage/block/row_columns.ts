// The columns of a row range, fetched together and looked up by path.

import { attributeLeaves, AttributeReader } from "./attribute_reader.ts";
import type { Column } from "../parquet/column.ts";
import { CorruptionError } from "../../lib/errors.ts";
import type { ParquetFile } from "../parquet/file.ts";
import type { RowGroup } from "../parquet/metadata.ts";
import type { StringTable } from "../../model/string_table.ts";

export class RowColumns {
  private constructor(readonly columns: ReadonlyMap<string, Column>) {}

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
