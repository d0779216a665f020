// The rows that an input gives to a row group: the pages that hold them are fetched at once, as they lie
// in the file, and decoded column by column.
// Dictionaries serve many ranges of rows: those of the inputs at hand are kept, within a limit.

import { check } from "../../lib/errors.ts";
import { ByteArrays } from "../parquet/byte_arrays.ts";
import { Column } from "../parquet/column.ts";
import { type ColumnPages, decodeDictionary, type ParquetFile } from "../parquet/file.ts";
import { LevelPages } from "../parquet/level_pages.ts";
import type { RowGroup } from "../parquet/metadata.ts";
import { SourceColumn } from "./source_column.ts";

export class DictionaryShelf {
  readonly #kept = new Map<RowGroup, Map<string, ByteArrays>>();
  #sizeBytes = 0;

  constructor(readonly bytesMax: number) {}

  find(group: RowGroup, path: string): ByteArrays | undefined {
    return this.#kept.get(group)?.get(path);
  }

  put(group: RowGroup, path: string, dictionary: ByteArrays): void {
    if (this.#sizeBytes + dictionary.sizeBytes > this.bytesMax) return;
    this.#sizeBytes += dictionary.sizeBytes;
    let ofGroup = this.#kept.get(group);
    if (ofGroup === undefined) this.#kept.set(group, ofGroup = new Map());
    ofGroup.set(path, dictionary);
  }

  /** Lets go of all row groups but these. */
  retain(groups: ReadonlySet<RowGroup>): void {
    for (const [group, dictionaries] of this.#kept) {
      if (groups.has(group)) continue;
      for (const { sizeBytes } of dictionaries.values()) this.#sizeBytes -= sizeBytes;
      this.#kept.delete(group);
    }
  }
}

interface Fetched {
  readonly pages: ColumnPages;
  /** Empty if there is none, or if it is on the shelf. */
  readonly dictionaryPage: Uint8Array;
}

export class InputRows {
  readonly #levels = new LevelPages();

  private constructor(
    readonly group: RowGroup,
    readonly from: number,
    readonly to: number,
    readonly fetched: ReadonlyMap<string, Fetched>,
    readonly shelf: DictionaryShelf,
  ) {}

  static async fetch(
    file: ParquetFile,
    group: RowGroup,
    from: number,
    to: number,
    shelf: DictionaryShelf,
  ): Promise<InputRows> {
    const fetched = await Promise.all([...group.chunks.keys()].map(async (path) => {
      const isOnShelf = shelf.find(group, path) !== undefined;
      const [pages, dictionaryPage] = await Promise.all([
        file.pages(group, path, from, to),
        isOnShelf ? new Uint8Array(0) : file.dictionaryPage(group, path),
      ]);
      return [path, { pages: pages!, dictionaryPage }] as const;
    }));
    return new InputRows(group, from, to, new Map(fetched), shelf);
  }

  get rows(): number {
    return this.to - this.from;
  }

  /**
   * Decodes a column, into the memory of another one if that is given; `before` is the column that was
   * decoded last.
   */
  column(path: string, recycled?: Column, before?: SourceColumn): SourceColumn {
    const fetched = this.fetched.get(path);
    check(fetched !== undefined, `no column ${path}`, 0);
    const { pages } = fetched;
    const { leaf } = pages.chunk;
    const dictionary = this.#dictionary(path, fetched);
    const column = recycled ?? new Column(leaf, dictionary ?? new ByteArrays());
    column.recycle(leaf, dictionary);
    this.#levels.next(before?.column);
    pages.decode(column, this.#levels);
    const skipped = this.from - pages.firstRow;
    return SourceColumn.of(column, skipped, this.rows, pages.chunk, this.#levels, before);
  }

  #dictionary(path: string, { pages, dictionaryPage }: Fetched): ByteArrays | undefined {
    const known = this.shelf.find(this.group, path);
    if (known !== undefined || dictionaryPage.length === 0) return known;
    const dictionary = decodeDictionary(pages.chunk, dictionaryPage);
    this.shelf.put(this.group, path, dictionary);
    return dictionary;
  }
}
