// A Parquet file in some store: knows where things lie and reads no more than asked for.
// What is needed again and again (offset indexes, dictionaries, ids) is kept by whoever opened it,
// under names that are unique within the file.

import { crc32 } from "node:zlib";
import { ByteArrays } from "./byte_arrays.ts";
import type { ByteSource, FilePart } from "./batched_source.ts";
import { ByteCursor } from "../../lib/byte_cursor.ts";
import { Column } from "./column.ts";
import { check, CorruptionError } from "../../lib/errors.ts";
import type { LevelPages } from "./level_pages.ts";
import { decodePages } from "./page_decode.ts";
import { decodeRowsOfPage } from "./page_rows.ts";
import type { FooterChecksums } from "./footer.ts";
import type { HeldSource } from "./held_source.ts";
import { type PageSpot, readOffsetIndex, readPageMaxima } from "./page_header.ts";
import {
  type ChunkMetadata,
  type FileMetadata,
  metadataSize,
  parseMetadata,
  type RowGroup,
  TRAILER_BYTES,
} from "./metadata.ts";

export type { ByteSource, FilePart };

export interface Sized<T> {
  readonly value: T;
  /** What it takes in memory, roughly. */
  readonly sizeBytes: number;
}

/** Remembers what was loaded under a name, or loads it. */
export interface Keeper {
  /** One that forgets passes over it so many times before. */
  get<T>(name: string, load: () => Promise<Sized<T>>, lives?: number): Promise<T>;
}

/** Remembers everything: for a file that is read once. */
export class KeepAll implements Keeper {
  readonly #kept = new Map<string, Promise<unknown>>();

  get<T>(name: string, load: () => Promise<Sized<T>>): Promise<T> {
    const known = this.#kept.get(name) as Promise<T> | undefined;
    if (known !== undefined) return known;
    const loading = load().then(({ value }) => value);
    this.#kept.set(name, loading);
    return loading;
  }
}

export class ParquetFile {
  constructor(
    readonly source: ByteSource,
    readonly metadata: FileMetadata,
    readonly keeper: Keeper,
    /** What is known of bytes that the file itself has no checksum for. */
    readonly checksums: FooterChecksums | undefined,
  ) {}

  /** `footerBytes`, where known, saves a read. */
  static async open(
    source: ByteSource,
    keeper: Keeper = new KeepAll(),
    footerBytes = 0,
    checksums: FooterChecksums | undefined = undefined,
  ): Promise<ParquetFile> {
    const metadata = await readMetadata(source, footerBytes, checksums);
    return new ParquetFile(source, metadata, keeper, checksums);
  }

  /** The same file, read through another source. */
  through(source: ByteSource): ParquetFile {
    return new ParquetFile(source, this.metadata, this.keeper, this.checksums);
  }

  /** The same file, whose columns somebody else remembers. */
  keptBy(keeper: Keeper): ParquetFile {
    return new ParquetFile(this.source, this.metadata, keeper, this.checksums);
  }

  /** A whole column of a row group; undefined if the file has no such column. */
  async column(
    group: RowGroup,
    path: string,
    part: FilePart = "page",
  ): Promise<Column | undefined> {
    const chunk = group.chunks.get(path);
    if (chunk === undefined) return undefined;
    const dictionaryBytes = chunk.dataOffset - chunk.offset;
    const [dictionary, bytes] = await Promise.all([
      this.#dictionary(group, chunk),
      this.source.read(chunk.dataOffset, chunk.sizeBytes - dictionaryBytes, part),
    ]);
    const column = columnOf(chunk, dictionary);
    column.reserve(Math.min(chunk.valueCount, VALUES_BELIEVED_MAX), 0);
    decodePages(bytes, chunk.codec, column, 0, chunk.valueCount);
    if (column.entryCount !== chunk.valueCount) {
      throw new CorruptionError("column is incomplete", chunk.offset).blame(path, 0);
    }
    return column;
  }

  /** Rows [from, to) of a column, reading only the pages that hold them. */
  async rows(
    group: RowGroup,
    path: string,
    from: number,
    to: number,
    part: FilePart = "page",
  ): Promise<Column | undefined> {
    const chunk = group.chunks.get(path);
    if (chunk === undefined) return undefined;
    const spots = (await this.pageSpots(group)).get(path)!;
    if (spots.length === 0) return (await this.column(group, path, part))!.rows(from, to);
    const { first, last, range: { offset, sizeBytes } } = pagesOfRows(spots, from, to);
    const [dictionary, bytes] = await Promise.all([
      this.#dictionary(group, chunk),
      this.source.read(offset, sizeBytes, part),
    ]);
    if (first === last) {
      const firstRow = spots[first]!.firstRow;
      const rows = [from - firstRow, to - firstRow] as const;
      const rowsOfPage = (spots[first + 1]?.firstRow ?? group.rows) - firstRow;
      const slice = decodeRowsOfPage(bytes, chunk, dictionary, first, rowsOfPage, ...rows);
      if (slice !== undefined) return slice;
    }
    const column = columnOf(chunk, dictionary);
    decodePages(bytes, chunk.codec, column, first, chunk.valueCount);
    return column.rows(from - spots[first]!.firstRow, to - spots[first]!.firstRow);
  }

  /** The pages that hold rows [from, to) of a column, not decoded. */
  async pages(
    group: RowGroup,
    path: string,
    from: number,
    to: number,
  ): Promise<ColumnPages | undefined> {
    const chunk = group.chunks.get(path);
    if (chunk === undefined) return undefined;
    const spots = (await this.pageSpots(group)).get(path)!;
    const isIndexed = spots.length > 0;
    const first = isIndexed ? pageOfRow(spots, from) : 0;
    const last = isIndexed ? spots[pageOfRow(spots, to - 1)]! : undefined;
    const start = isIndexed ? spots[first]!.offset : chunk.dataOffset;
    const end = last ? last.offset + last.sizeBytes : chunk.offset + chunk.sizeBytes;
    const bytes = await this.source.read(start, end - start);
    return new ColumnPages(chunk, bytes, first, isIndexed ? spots[first]!.firstRow : 0);
  }

  /** The dictionary page of a column as it lies in the file; empty if there is none. */
  dictionaryPage(group: RowGroup, path: string): Promise<Uint8Array> {
    const { offset, dataOffset } = group.chunks.get(path)!;
    return this.source.read(offset, dataOffset - offset);
  }

  /**
   * Fetches what `rows` of any rows in [from, to) will ask for, all at once and at the same time as
   * whatever else is asked of the source now. What fails is told to whoever reads it.
   */
  async fetchRows(
    group: RowGroup,
    paths: readonly string[],
    from: number,
    to: number,
    source: HeldSource,
  ): Promise<void> {
    const spots = await this.pageSpots(group);
    for (const path of paths) {
      const chunk = group.chunks.get(path)!;
      const pages = spots.get(path)!;
      if (pages.length === 0) continue;
      source.hold(pagesOfRows(pages, from, to).range, path === ROW_IDS ? "row-ids" : "page");
      this.#dictionary(group, chunk).catch(() => {});
    }
  }

  /** Where the pages of every column lie; an empty list where the file does not say. */
  pageSpots(group: RowGroup): Promise<ReadonlyMap<string, PageSpot[]>> {
    // They lie together, so they are fetched at once.
    return this.keeper.get(`spots ${group.index}`, async () => {
      const value = await this.#readSpots(group);
      let pages = 0;
      for (const spots of value.values()) pages += spots.length;
      return { value, sizeBytes: pages * 48 + value.size * 100 };
    });
  }

  async #readSpots(group: RowGroup): Promise<ReadonlyMap<string, PageSpot[]>> {
    const indexes = [...group.chunks.values()].map((chunk) => chunk.offsetIndex);
    const isThere = indexes.every((index) => index.sizeBytes > 0);
    const start = Math.min(...indexes.map((index) => index.offset));
    const end = Math.max(...indexes.map((index) => index.offset + index.sizeBytes));
    const bytes = isThere
      ? await this.source.read(start, end - start, "offset-index")
      : new Uint8Array(0);
    const wanted = this.checksums?.offsetIndexes[group.index];
    check(wanted === undefined || wanted === crc32(bytes), "page index is damaged", start);
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
        if (isInside && isAscending) return;
        throw new CorruptionError("page index is damaged", offsetIndex.offset).blame(path, i);
      });
      spots.set(path, pages);
    }
    return spots;
  }

  /** The largest value of every page of a column; empty if the file does not say. */
  pageMaxima(group: RowGroup, path: string): Promise<Uint8Array[]> {
    return this.keeper.get(`maxima ${group.index} ${path}`, async () => {
      const index = group.chunks.get(path)?.columnIndex;
      if (index === undefined || index.sizeBytes === 0) return { value: [], sizeBytes: 64 };
      const bytes = await this.source.read(index.offset, index.sizeBytes, "column-index");
      return { value: readPageMaxima(new ByteCursor(bytes)), sizeBytes: bytes.length * 4 };
    });
  }

  /**
   * The dictionary alone: whether a string occurs at all costs no more than this. Undefined where there
   * is none, or where it is not all there is.
   */
  dictionary(group: RowGroup, path: string): Promise<ByteArrays | undefined> {
    const chunk = group.chunks.get(path);
    const isAll = chunk !== undefined && !chunk.hasPlainPages;
    return isAll ? this.#dictionary(group, chunk) : Promise.resolve(undefined);
  }

  #dictionary(group: RowGroup, chunk: ChunkMetadata): Promise<ByteArrays | undefined> {
    const size = chunk.dataOffset - chunk.offset;
    if (size === 0) return Promise.resolve(undefined);
    return this.keeper.get(`dictionary ${group.index} ${chunk.leaf.path}`, async () => {
      const dictionary = decodeDictionary(chunk, await this.source.read(chunk.offset, size));
      // An index comes on top, and the text of all where a pattern is tried on each.
      return { value: dictionary, sizeBytes: dictionary.sizeBytes + dictionary.length * 12 };
    });
  }
}

/** Pages of one column, as they lie in the file. */
export class ColumnPages {
  constructor(
    readonly chunk: ChunkMetadata,
    readonly bytes: Uint8Array,
    readonly firstPage: number,
    /** The first row of the first page. */
    readonly firstRow: number,
  ) {}

  /** Into a column made for this leaf, with its dictionary if there is one. */
  decode(column: Column, levels?: LevelPages): void {
    const { codec, valueCount } = this.chunk;
    decodePages(this.bytes, codec, column, this.firstPage, valueCount, levels);
  }
}

/** The strings of a dictionary page. */
export function decodeDictionary(chunk: ChunkMetadata, page: Uint8Array): ByteArrays {
  const dictionary = new ByteArrays();
  decodePages(page, chunk.codec, new Column(chunk.leaf, dictionary), -1, 0);
  return dictionary;
}

/** The column that says which row is whose. */
export const ROW_IDS = "TraceID";

/** More than this a footer is not trusted with: memory then grows as pages prove it needed. */
const VALUES_BELIEVED_MAX = 1 << 24;

async function readMetadata(
  source: ByteSource,
  footerBytes: number,
  checksums: FooterChecksums | undefined,
): Promise<FileMetadata> {
  const { sizeBytes } = source;
  check(sizeBytes >= TRAILER_BYTES, "too short for a Parquet file", 0);
  const guess = Math.min(sizeBytes, footerBytes + TRAILER_BYTES);
  const tail = await source.read(sizeBytes - guess, guess, "footer");
  const size = metadataSize(tail.subarray(guess - TRAILER_BYTES));
  check(size <= sizeBytes - TRAILER_BYTES, "metadata larger than the file", 0);
  const bytes = size <= guess - TRAILER_BYTES
    ? tail.subarray(guess - TRAILER_BYTES - size, guess - TRAILER_BYTES)
    : await source.read(sizeBytes - TRAILER_BYTES - size, size, "footer");
  try {
    const isWhole = checksums === undefined || checksums.footer === crc32(bytes);
    check(isWhole, "metadata does not match its checksum", sizeBytes - TRAILER_BYTES - size);
    return parseMetadata(bytes, sizeBytes);
  } catch (error) {
    throw error instanceof CorruptionError ? error.blame("(footer)", 0) : error;
  }
}

function columnOf(chunk: ChunkMetadata, dictionary: ByteArrays | undefined): Column {
  return new Column(chunk.leaf, dictionary ?? new ByteArrays(), dictionary !== undefined);
}

/** The pages with rows [from, to), and the bytes from the first to the last of them. */
function pagesOfRows(spots: readonly PageSpot[], from: number, to: number) {
  const first = pageOfRow(spots, from);
  const last = pageOfRow(spots, to - 1);
  const { offset } = spots[first]!;
  const sizeBytes = spots[last]!.offset + spots[last]!.sizeBytes - offset;
  return { first, last, range: { offset, sizeBytes } };
}

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
