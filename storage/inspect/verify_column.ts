// One column chunk, read from its first byte to its last: every page decoded, every checksum taken,
// and what the footer and the indexes say of it compared with what is there.
// Rule: a wrong claim is a problem only if a reader that believes it would miss or invent something.

import { ByteCursor } from "../../lib/byte_cursor.ts";
import { CorruptionError } from "../../lib/errors.ts";
import { ByteArrays } from "../parquet/byte_arrays.ts";
import { Column } from "../parquet/column.ts";
import type { ParquetFile } from "../parquet/file.ts";
import type { ChunkMetadata, RowGroup } from "../parquet/metadata.ts";
import { decodePages } from "../parquet/page_decode.ts";
import { PageType, readPageHeader } from "../parquet/page_header.ts";
import { rangeOf } from "./column_values.ts";
import type { LeafDetails } from "./footer_details.ts";
import { readPageBounds } from "./page_bounds.ts";
import { compareValues, type PlainValue, plainValue, valueText } from "./plain_values.ts";

export interface VerifiedColumn {
  readonly column: Column;
  readonly pages: number;
  readonly pagesWithoutChecksum: number;
  readonly problems: readonly string[];
}

interface Page {
  readonly offset: number;
  readonly sizeBytes: number;
  readonly firstRow: number;
  readonly valueStart: number;
  readonly valueEnd: number;
  readonly nulls: number;
}

/** Throws CorruptionError where bytes cannot be read as what they are said to be. */
export async function verifyColumn(
  file: ParquetFile,
  group: RowGroup,
  leaf: LeafDetails,
): Promise<VerifiedColumn> {
  const chunk = group.chunks.get(leaf.path);
  if (chunk === undefined) throw new CorruptionError(`no column ${leaf.path}`, 0);
  const bytes = await file.source.read(chunk.offset, chunk.sizeBytes);
  const read = readPages(bytes, chunk);
  const { column, pages, pagesWithoutChecksum } = read;
  const problems: string[] = [];
  if (column.entryCount !== chunk.valueCount) {
    problems.push(`${column.entryCount} entries where the footer says ${chunk.valueCount}`);
  }
  const rows = rowsOf(column, 0, column.entryCount);
  if (rows !== group.rows) problems.push(`${rows} rows where the row group has ${group.rows}`);
  const nulls = column.entryCount - column.valueCount;
  const { nullCount } = chunk.statistics;
  if (nullCount !== undefined && nullCount !== nulls) {
    problems.push(`${nulls} nulls where the footer says ${nullCount}`);
  }
  problems.push(...boundsOfChunk(column, chunk, leaf));
  problems.push(...await placesOfPages(file, group, leaf, pages));
  problems.push(...await boundsOfPages(file, chunk, leaf, column, pages));
  return { column, pages: pages.length, pagesWithoutChecksum, problems };
}

function readPages(
  bytes: Uint8Array,
  chunk: ChunkMetadata,
): { column: Column; pages: Page[]; pagesWithoutChecksum: number } {
  const dictionaryBytes = chunk.dataOffset - chunk.offset;
  const hasDictionary = dictionaryBytes > 0;
  const dictionary = new ByteArrays();
  const path = chunk.leaf.path;
  if (hasDictionary) {
    const target = new Column(chunk.leaf, dictionary);
    decodePages(bytes.subarray(0, dictionaryBytes), chunk.codec, target, -1, 0);
  }
  const column = new Column(chunk.leaf, dictionary, hasDictionary);
  const pages: Page[] = [];
  let pagesWithoutChecksum = 0;
  let rows = 0;
  let at = dictionaryBytes;
  while (at < bytes.length) {
    const cursor = new ByteCursor(bytes, at);
    const header = headerAt(cursor, path, pages.length);
    if (header.type === PageType.Dictionary) {
      throw new CorruptionError("a dictionary among the pages", at).blame(path, pages.length);
    }
    const end = cursor.at + header.bodyBytes;
    if (header.checksum === undefined) pagesWithoutChecksum++;
    const { entryCount, valueCount } = column;
    decodePages(bytes.subarray(at, end), chunk.codec, column, pages.length, chunk.valueCount);
    pages.push({
      offset: chunk.offset + at,
      sizeBytes: end - at,
      firstRow: rows,
      valueStart: valueCount,
      valueEnd: column.valueCount,
      nulls: column.entryCount - entryCount - (column.valueCount - valueCount),
    });
    rows += rowsOf(column, entryCount, column.entryCount);
    at = end;
  }
  return { column, pages, pagesWithoutChecksum };
}

function headerAt(cursor: ByteCursor, path: string, page: number) {
  const { at } = cursor;
  try {
    const header = readPageHeader(cursor);
    if (header.bodyBytes > cursor.end - cursor.at) {
      throw new CorruptionError("page does not fit into its column", at);
    }
    return header;
  } catch (error) {
    throw error instanceof CorruptionError ? error.blame(path, page) : error;
  }
}

function rowsOf({ leaf, repetition }: Column, from: number, to: number): number {
  if (leaf.repetitionMax === 0) return to - from;
  let rows = 0;
  for (let i = from; i < to; i++) if (repetition[i] === 0) rows++;
  return rows;
}

/** Readers pass over a row group by these. */
function boundsOfChunk(column: Column, chunk: ChunkMetadata, leaf: LeafDetails): string[] {
  const { min, max } = chunk.statistics;
  if (min === undefined || max === undefined) return [];
  return outside("the footer", column, 0, column.valueCount, min, max, leaf);
}

function outside(
  who: string,
  column: Column,
  from: number,
  to: number,
  min: Uint8Array,
  max: Uint8Array,
  { logical }: LeafDetails,
): string[] {
  const { type } = column.leaf;
  const actual = rangeOf(column, from, to, logical);
  if (actual === undefined) return [];
  const least = plainValue(min, type, logical);
  const most = plainValue(max, type, logical);
  const text = (value: PlainValue) => JSON.stringify(valueText(value, type, logical).slice(0, 60));
  if (least === null || most === null) return [`${who} has bounds that are no values`];
  if (compareValues(actual.min, least) < 0) {
    return [`smallest value ${text(actual.min)} where ${who} says ${text(least)}`];
  }
  if (compareValues(actual.max, most) > 0) {
    return [`largest value ${text(actual.max)} where ${who} says ${text(most)}`];
  }
  return [];
}

/** A trace by id is read by these. */
async function placesOfPages(
  file: ParquetFile,
  group: RowGroup,
  { path }: LeafDetails,
  pages: readonly Page[],
): Promise<string[]> {
  const spots = (await file.pageSpots(group)).get(path) ?? [];
  if (spots.length === 0) return [];
  if (spots.length !== pages.length) {
    return [`${pages.length} pages where the offset index has ${spots.length}`];
  }
  const wrong = spots.findIndex(({ offset, sizeBytes, firstRow }, i) => {
    const page = pages[i]!;
    return offset !== page.offset || sizeBytes !== page.sizeBytes || firstRow !== page.firstRow;
  });
  if (wrong < 0) return [];
  const [is, said] = [pages[wrong]!, spots[wrong]!];
  return [
    `page ${wrong} has row ${is.firstRow} and ${is.sizeBytes} bytes at ${is.offset} where the ` +
    `offset index says ${said.firstRow}, ${said.sizeBytes} and ${said.offset}`,
  ];
}

async function boundsOfPages(
  file: ParquetFile,
  { columnIndex, statistics }: ChunkMetadata,
  leaf: LeafDetails,
  column: Column,
  pages: readonly Page[],
): Promise<string[]> {
  // Without bounds of its own a chunk has an index that says nothing.
  if (columnIndex.sizeBytes === 0 || statistics.min === undefined) return [];
  const bytes = await file.source.read(columnIndex.offset, columnIndex.sizeBytes);
  const bounds = readPageBounds(new ByteCursor(bytes));
  if (bounds.length !== pages.length) {
    return [`${pages.length} pages where the column index has ${bounds.length}`];
  }
  return bounds.flatMap(({ isNull, min, max }, i) => {
    const { valueStart, valueEnd } = pages[i]!;
    const who = `the column index of page ${i}`;
    if (!isNull) return outside(who, column, valueStart, valueEnd, min, max, leaf);
    return valueEnd > valueStart ? [`${who} says there are no values`] : [];
  });
}
