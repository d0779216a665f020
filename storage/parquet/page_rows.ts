// A few rows of one page, for traces by id: what lies before them is skipped as far as its encoding
// allows, what lies after is not looked at. Pages of another kind than ours are decoded whole.

import { ByteArrays } from "./byte_arrays.ts";
import { ByteCursor } from "../../lib/byte_cursor.ts";
import { Column } from "./column.ts";
import { countEqual } from "./small_bytes.ts";
import { check } from "../../lib/errors.ts";
import { decodeDelta32, decodeDelta64, decodePlainWords } from "./decodings.ts";
import { decompress } from "./decompress.ts";
import { bitWidth } from "./encodings.ts";
import { countAllLevels, countLevels, decodeRleRange, entriesOfRows } from "./level_runs.ts";
import { type ChunkMetadata, type FileLeaf, PhysicalType } from "./metadata.ts";
import { blamed, Encoding } from "./page_decode.ts";
import { type PageHeader, PageType, readPageHeader, takeBody } from "./page_header.ts";

/** Rows [from, to) of the one page in `bytes`; undefined if it must be decoded whole. */
export function decodeRowsOfPage(
  bytes: Uint8Array,
  chunk: ChunkMetadata,
  dictionary: ByteArrays | undefined,
  page: number,
  rowsOfPage: number,
  from: number,
  to: number,
): Column | undefined {
  try {
    const cursor = new ByteCursor(bytes);
    const header = readPageHeader(cursor);
    if (header.type !== PageType.DataV2 && header.type !== PageType.DataV1) return undefined;
    check(header.entryCount <= chunk.valueCount, `page of ${header.entryCount} entries`, 0);
    const body = takeBody(cursor, header);
    const isDictionary = header.encoding === Encoding.Dictionary ||
      header.encoding === Encoding.PlainDictionary;
    const strings = isDictionary ? dictionary : new ByteArrays();
    if (strings === undefined || cursor.at < bytes.length) return undefined;
    const column = new Column(chunk.leaf, strings, isDictionary);
    const parts = header.type === PageType.DataV2
      ? partsOfV2(header, body, chunk)
      : partsOfV1(header, body, chunk);
    checkLevelsOf(header, parts, column.leaf, rowsOfPage);
    return sliceOf(header, parts, column, from, to) ? column : undefined;
  } catch (error) {
    throw blamed(error, chunk.leaf.path, page, 0);
  }
}

/** Where the parts of a page begin; each is asked for as often as it is read. */
interface PageParts {
  repetition(): ByteCursor;
  definition(): ByteCursor;
  values(): ByteCursor;
}

function partsOfV2(header: PageHeader, body: Uint8Array, { codec }: ChunkMetadata): PageParts {
  const { repetitionBytes, definitionBytes } = header;
  const levelBytes = repetitionBytes + definitionBytes;
  check(levelBytes <= body.length, "levels do not fit", 0);
  check(levelBytes <= header.uncompressedBytes, "levels larger than page", 0);
  const packed = body.subarray(levelBytes);
  const size = header.uncompressedBytes - levelBytes;
  return {
    repetition: () => new ByteCursor(body, 0, repetitionBytes),
    definition: () => new ByteCursor(body, repetitionBytes, levelBytes),
    values: () => new ByteCursor(header.isCompressed ? decompress(codec, packed, size) : packed),
  };
}

function partsOfV1(header: PageHeader, body: Uint8Array, chunk: ChunkMetadata): PageParts {
  const { repetitionMax, definitionMax } = chunk.leaf;
  const cursor = new ByteCursor(decompress(chunk.codec, body, header.uncompressedBytes));
  const levels = (max: number) => {
    const size = max === 0 ? 0 : cursor.u32();
    const start = cursor.advance(size);
    return () => new ByteCursor(cursor.bytes, start, start + size);
  };
  const repetition = levels(repetitionMax);
  const definition = levels(definitionMax);
  return { repetition, definition, values: () => new ByteCursor(cursor.bytes, cursor.at) };
}

/** A header has no checksum: what it says must agree with the index, and with all levels. */
function checkLevelsOf(
  { type, entryCount, nullCount, rows }: PageHeader,
  parts: PageParts,
  { repetitionMax, definitionMax }: FileLeaf,
  rowsOfPage: number,
): void {
  const isVersion2 = type === PageType.DataV2;
  const found = repetitionMax === 0
    ? entryCount
    : countAllLevels(parts.repetition(), bitWidth(repetitionMax), entryCount, 0);
  check(found === rowsOfPage, `${found} rows in a page of ${rowsOfPage}`, 0);
  check(!isVersion2 || rows === rowsOfPage, `${rows} rows in a page of ${rowsOfPage}`, 0);
  if (definitionMax === 0) return;
  const width = bitWidth(definitionMax);
  const values = countAllLevels(parts.definition(), width, entryCount, definitionMax);
  check(!isVersion2 || values === entryCount - nullCount, "levels and null count disagree", 0);
}

function sliceOf(
  { encoding, entryCount }: PageHeader,
  parts: PageParts,
  column: Column,
  from: number,
  to: number,
): boolean {
  const { repetitionMax, definitionMax } = column.leaf;
  let [start, end] = [Math.min(from, entryCount), Math.min(to, entryCount)];
  if (repetitionMax > 0) {
    const width = bitWidth(repetitionMax);
    ({ start, end } = entriesOfRows(parts.repetition(), width, entryCount, from, to));
    check(start < end, `rows ${from} to ${to} are not there`, 0);
    column.repetition = new Uint8Array(end - start);
    decodeRleRange(parts.repetition(), width, start, column.repetition);
    checkLevels(column.repetition, repetitionMax);
  }
  let valueStart = start;
  let count = end - start;
  let stored = () => entryCount;
  if (definitionMax > 0) {
    const width = bitWidth(definitionMax);
    column.definition = new Uint8Array(end - start);
    decodeRleRange(parts.definition(), width, start, column.definition);
    checkLevels(column.definition, definitionMax);
    count = countEqual(column.definition, definitionMax, 0, end - start);
    stored = () => countLevels(parts.definition(), width, entryCount, definitionMax);
    if (count > 0) valueStart = countLevels(parts.definition(), width, start, definitionMax);
  }
  column.entryCount = end - start;
  column.valueCount = count;
  return count === 0 || readValues(encoding, parts.values(), column, valueStart, count, stored);
}

function checkLevels(levels: Uint8Array, max: number): void {
  for (const level of levels) if (level > max) check(false, `level ${level} of at most ${max}`, 0);
}

/** Values [from, from + count) of those stored; false if of a kind that is not ours. */
function readValues(
  encoding: number,
  cursor: ByteCursor,
  column: Column,
  from: number,
  count: number,
  stored: () => number,
): boolean {
  const { type } = column.leaf;
  const isWide = type === PhysicalType.Int64 || type === PhysicalType.Double;
  if (type === PhysicalType.ByteArray) {
    column.codes = new Int32Array(count);
    if (column.isShared) readCodes(cursor, column, from);
    else if (encoding === Encoding.DeltaLength) readDeltaLength(cursor, column, from, stored());
    else return false;
  } else if (type === PhysicalType.Int32 && encoding === Encoding.Delta) {
    const ints = new Int32Array(from + count);
    decodeDelta32(cursor, ints, 0, from + count, stored());
    column.ints = ints.subarray(from);
  } else if (type === PhysicalType.Int32 && encoding === Encoding.Plain) {
    cursor.advance(from * 4);
    decodePlainWords(cursor, column.ints = new Int32Array(count), 0, count);
  } else if (type === PhysicalType.Int64 && encoding === Encoding.Delta) {
    const words = new Uint32Array((from + count) * 2);
    decodeDelta64(cursor, words, 0, from + count, stored());
    column.words = words.slice(from * 2); // a copy, so that doubles and words are aligned alike
  } else if (isWide && encoding === Encoding.Plain) {
    cursor.advance(from * 8);
    decodePlainWords(cursor, column.words = new Uint32Array(count * 2), 0, count * 2);
  } else if (type === PhysicalType.Boolean && encoding === Encoding.Plain) {
    column.bits = new Uint8Array(count);
    const at = cursor.advance((from + count + 7) >> 3);
    for (let i = 0; i < count; i++) {
      column.bits[i] = cursor.bytes[at + ((from + i) >> 3)]! >> ((from + i) & 7) & 1;
    }
  } else return false;
  return true;
}

function readCodes(cursor: ByteCursor, { codes, dictionary }: Column, from: number): void {
  decodeRleRange(cursor, cursor.u8(), from, codes);
  for (const code of codes) {
    if (code >>> 0 >= dictionary.length) check(false, `code ${code} of ${dictionary.length}`, 0);
  }
}

/** All lengths come before all bytes, so the lengths before are added up and the bytes stepped over. */
function readDeltaLength(cursor: ByteCursor, column: Column, from: number, stored: number): void {
  const lengths = new Int32Array(stored);
  decodeDelta32(cursor, lengths, 0, stored);
  const count = column.valueCount;
  let skipped = 0;
  for (let i = 0; i < from; i++) skipped += lengths[i]!;
  const own = lengths.slice(from, from + count);
  let size = 0;
  for (const length of own) {
    if (length < 0) check(false, "string of negative size", cursor.at);
    size += length;
  }
  cursor.advance(skipped);
  column.dictionary.appendParts(cursor.take(size), own);
  for (let i = 0; i < count; i++) column.codes[i] = i;
}
