// A Parquet file in some store: knows where things lie and reads no more than asked for.
// Offset indexes of a row group lie together, so they are fetched at once and kept; so are
// dictionaries, because every page of a column needs all of its dictionary.

import { ByteArrays } from "./byte_arrays.ts";
import { ByteCursor } from "../../lib/byte_cursor.ts";
import { Column } from "./column.ts";
import { check, CorruptionError } from "../../lib/errors.ts";
import { decodePages } from "./page_decode.ts";
import { type PageSpot, readOffsetIndex, readPageMaxima } from "./page_header.ts";
import {
  type ChunkMetadata,
  type FileMetadata,
  metadataSize,
  parseMetadata,
  type RowGroup,
  TRAILER_BYTES,
} from "./metadata.ts";

export interface ByteSource {
  readonly sizeBytes: number;
  read(offset: number, sizeBytes: number): Promise<Uint8Array>;
}

export class ParquetFile {
  readonly #spots = new Map<RowGroup, Map<string, PageSpot[]>>();
  readonly #dictionaries = new Map<ChunkMetadata, ByteArrays>();

  private constructor(readonly source: ByteSource, readonly metadata: FileMetadata) {}

  static async open(source: ByteSource): Promise<ParquetFile> {
    const { sizeBytes } = source;
    check(sizeBytes >= TRAILER_BYTES, "too short for a Parquet file", 0);
    const size = metadataSize(await source.read(sizeBytes - TRAILER_BYTES, TRAILER_BYTES));
    check(size <= sizeBytes - TRAILER_BYTES, "metadata larger than the file", 0);
    const bytes = await source.read(sizeBytes - TRAILER_BYTES - size, size);
    try {
      return new ParquetFile(source, parseMetadata(bytes, sizeBytes));
    } catch (error) {
      throw error instanceof CorruptionError ? error.blame("(footer)", 0) : error;
    }
  }

  /** A whole column of a row group; undefined if the file has no such column. */
  async column(group: RowGroup, path: string): Promise<Column | undefined> {
    const chunk = group.chunks.get(path);
    if (chunk === undefined) return undefined;
    const column = new Column(chunk.leaf, new ByteArrays());
    column.reserve(Math.min(chunk.valueCount, VALUES_BELIEVED_MAX), 0);
    decodePages(await this.source.read(chunk.offset, chunk.sizeBytes), chunk.codec, column, 0);
    check(column.entryCount === chunk.valueCount, `column ${path} is incomplete`, chunk.offset);
    return column;
  }

  /** Rows [from, to) of a column, reading only the pages that hold them. */
  async rows(
    group: RowGroup,
    path: string,
    from: number,
    to: number,
  ): Promise<Column | undefined> {
    const chunk = group.chunks.get(path);
    if (chunk === undefined) return undefined;
    const spots = (await this.pageSpots(group)).get(path)!;
    if (spots.length === 0) return (await this.column(group, path))!.rows(from, to);
    const first = pageOfRow(spots, from);
    const last = pageOfRow(spots, to - 1);
    const end = spots[last]!.offset + spots[last]!.sizeBytes;
    const [dictionary, bytes] = await Promise.all([
      this.#dictionary(chunk, spots[0]!.offset),
      this.source.read(spots[first]!.offset, end - spots[first]!.offset),
    ]);
    const column = new Column(chunk.leaf, dictionary ?? new ByteArrays());
    decodePages(bytes, chunk.codec, column, first);
    return column.rows(from - spots[first]!.firstRow, to - spots[first]!.firstRow);
  }

  /** Where the pages of every column lie; an empty list where the file does not say. */
  async pageSpots(group: RowGroup): Promise<ReadonlyMap<string, PageSpot[]>> {
    const known = this.#spots.get(group);
    if (known !== undefined) return known;
    const indexes = [...group.chunks.values()].map((chunk) => chunk.offsetIndex);
    const isThere = indexes.every((index) => index.sizeBytes > 0);
    const start = Math.min(...indexes.map((index) => index.offset));
    const end = Math.max(...indexes.map((index) => index.offset + index.sizeBytes));
    const bytes = isThere ? await this.source.read(start, end - start) : new Uint8Array(0);
    const spots = new Map<string, PageSpot[]>();
    for (const [path, { offsetIndex, offset, sizeBytes }] of group.chunks) {
      const at = offsetIndex.offset - start;
      const cursor = new ByteCursor(bytes, at, at + offsetIndex.sizeBytes);
      const pages = isThere ? readOffsetIndex(cursor) : [];
      pages.forEach((page, i) => {
        const isInside = page.offset >= offset &&
          page.offset + page.sizeBytes <= offset + sizeBytes;
        const isAscending = i === 0
          ? page.firstRow === 0
          : page.firstRow > pages[i - 1]!.firstRow && page.offset > pages[i - 1]!.offset;
        check(isInside && isAscending, `page index of ${path} is damaged`, offsetIndex.offset);
      });
      spots.set(path, pages);
    }
    this.#spots.set(group, spots);
    return spots;
  }

  /** The largest value of every page of a column; empty if the file does not say. */
  async pageMaxima(group: RowGroup, path: string): Promise<Uint8Array[]> {
    const index = group.chunks.get(path)!.columnIndex;
    if (index.sizeBytes === 0) return [];
    return readPageMaxima(new ByteCursor(await this.source.read(index.offset, index.sizeBytes)));
  }

  /** The dictionary alone: whether a string occurs at all costs no more than this. */
  async dictionary(group: RowGroup, path: string): Promise<ByteArrays | undefined> {
    const chunk = group.chunks.get(path);
    const first = (await this.pageSpots(group)).get(path)?.[0];
    if (chunk === undefined || first === undefined) return undefined;
    return await this.#dictionary(chunk, first.offset);
  }

  async #dictionary(chunk: ChunkMetadata, firstPage: number): Promise<ByteArrays | undefined> {
    const size = firstPage - chunk.offset;
    if (size === 0) return undefined;
    let dictionary = this.#dictionaries.get(chunk);
    if (dictionary === undefined) {
      const column = new Column(chunk.leaf, dictionary = new ByteArrays());
      decodePages(await this.source.read(chunk.offset, size), chunk.codec, column, -1);
      this.#dictionaries.set(chunk, dictionary);
    }
    return dictionary;
  }
}

/** More than this a footer is not trusted with: memory then grows as pages prove it needed. */
const VALUES_BELIEVED_MAX = 1 << 24;

/** The last page that starts at or before the row. */
function pageOfRow(spots: readonly PageSpot[], row: number): number {
  let low = 0;
  let high = spots.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (spots[middle]!.firstRow <= row) low = middle;
    else high = middle - 1;
  }
  return low;
}
