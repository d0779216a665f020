// Decodes pages of a column chunk: appends what a page holds to a Column.
//
//   v2   repetition, definition, [compressed] values
//   v1   compressed: size + repetition, size + definition, values

import { ByteCursor } from "../../lib/byte_cursor.ts";
import { type Column } from "./column.ts";
import { areAtMost, countEqual } from "./small_bytes.ts";
import { check, CorruptionError } from "../../lib/errors.ts";
import { decompress } from "./decompress.ts";
import {
  PAGE_ENTRIES_MAX,
  type PageHeader,
  PageType,
  readPageHeader,
  takeBody,
} from "./page_header.ts";
import {
  decodeDelta32,
  decodeDelta64,
  decodePlainBools,
  decodePlainWords,
  decodeRle,
} from "./decodings.ts";
import { bitWidth } from "./encodings.ts";
import type { LevelPages } from "./level_pages.ts";
import { type Codec, PhysicalType } from "./metadata.ts";

export const enum Encoding {
  Plain = 0,
  PlainDictionary = 2,
  Rle = 3,
  Delta = 5,
  DeltaLength = 6,
  Dictionary = 8,
}

/**
 * Decodes all pages in `bytes`, of `entriesMax` entries at most: a few damaged bytes can claim millions.
 * `firstPage` is only for messages. `levels`, if given, knows the levels of a neighbouring column.
 */
export function decodePages(
  bytes: Uint8Array,
  codec: Codec,
  column: Column,
  firstPage: number,
  entriesMax = PAGE_ENTRIES_MAX,
  levels: LevelPages | undefined = undefined,
): void {
  const cursor = new ByteCursor(bytes);
  for (let page = firstPage; cursor.at < cursor.end; page++) {
    const start = cursor.at;
    try {
      const header = readPageHeader(cursor);
      const isBelieved = header.type === PageType.Dictionary ||
        column.entryCount + header.entryCount <= entriesMax;
      check(isBelieved, `page of ${header.entryCount} entries in a column of ${entriesMax}`, start);
      decodePage(header, takeBody(cursor, header), codec, column, levels);
    } catch (error) {
      throw blamed(error, column.leaf.path, page, start);
    }
  }
}

/** Whatever went wrong, these bytes did it; a RangeError is an absurd size that was believed. */
export function blamed(error: unknown, path: string, page: number, at: number): unknown {
  const isAbsurd = error instanceof RangeError;
  const corruption = isAbsurd ? new CorruptionError(error.message, at) : error;
  return corruption instanceof CorruptionError ? corruption.blame(path, page) : error;
}

function decodePage(
  header: PageHeader,
  body: Uint8Array,
  codec: Codec,
  column: Column,
  levels: LevelPages | undefined,
): void {
  switch (header.type) {
    case PageType.Dictionary: {
      const isStrings = column.leaf.type === PhysicalType.ByteArray;
      check(isStrings && column.dictionary.length === 0, "unexpected dictionary", 0);
      const raw = new ByteCursor(decompress(codec, body, header.uncompressedBytes));
      column.dictionary.appendPlain(raw, header.entryCount);
      check(raw.at === raw.end, `more than the ${header.entryCount} strings of a dictionary`, 0);
      return;
    }
    case PageType.DataV2:
      return decodeV2(header, body, codec, column, levels);
    case PageType.DataV1:
      return decodeV1(header, body, codec, column, levels);
    default:
      throw new CorruptionError(`page of type ${header.type}`, 0);
  }
}

function decodeV2(
  header: PageHeader,
  body: Uint8Array,
  codec: Codec,
  column: Column,
  known: LevelPages | undefined,
): void {
  const { entryCount, repetitionBytes, definitionBytes } = header;
  const levelBytes = repetitionBytes + definitionBytes;
  check(levelBytes <= body.length, "levels do not fit", 0);
  check(levelBytes <= header.uncompressedBytes, "levels larger than page", 0);
  column.reserve(column.entryCount + entryCount, 0);
  const count = appendLevels(
    column,
    new ByteCursor(body, 0, repetitionBytes),
    new ByteCursor(body, repetitionBytes, levelBytes),
    entryCount,
    known,
  );
  const packed = body.subarray(levelBytes);
  const size = header.uncompressedBytes - levelBytes;
  check(count === entryCount - header.nullCount, "levels and null count disagree", 0);
  const values = header.isCompressed ? decompress(codec, packed, size) : packed;
  appendValues(header.encoding, new ByteCursor(values), column, count);
  column.entryCount += entryCount;
}

function decodeV1(
  header: PageHeader,
  body: Uint8Array,
  codec: Codec,
  column: Column,
  known: LevelPages | undefined,
): void {
  const cursor = new ByteCursor(decompress(codec, body, header.uncompressedBytes));
  const { repetitionMax, definitionMax } = column.leaf;
  const levels = (max: number) => {
    const size = max === 0 ? 0 : cursor.u32();
    const start = cursor.advance(size);
    return new ByteCursor(cursor.bytes, start, start + size);
  };
  column.reserve(column.entryCount + header.entryCount, 0);
  const [repetition, definition] = [levels(repetitionMax), levels(definitionMax)];
  const count = appendLevels(column, repetition, definition, header.entryCount, known);
  appendValues(header.encoding, cursor, column, count);
  column.entryCount += header.entryCount;
}

/** Returns how many values there are. */
function appendLevels(
  column: Column,
  repetition: ByteCursor,
  definition: ByteCursor,
  count: number,
  known: LevelPages | undefined,
): number {
  const { repetitionMax, definitionMax } = column.leaf;
  const from = column.entryCount;
  const to = from + count;
  const isRepetitionKnown = known?.takeRepetition(column, repetition, count) ?? false;
  if (repetitionMax > 0 && !isRepetitionKnown) {
    decodeRle(repetition, bitWidth(repetitionMax), column.repetition, from, to);
    checkLevels(column.repetition, repetitionMax, from, to);
    check(repetition.at === repetition.end, `more than ${count} levels`, 0);
    check(count === 0 || column.repetition[from] === 0, "page does not start on a row", 0);
  }
  if (definitionMax === 0) return count;
  const knownCount = known?.takeDefinition(column, definition, count);
  if (knownCount !== undefined) return knownCount;
  decodeRle(definition, bitWidth(definitionMax), column.definition, from, to);
  checkLevels(column.definition, definitionMax, from, to);
  check(definition.at === definition.end, `more than ${count} levels`, 0);
  const values = countEqual(column.definition, definitionMax, from, to);
  known?.noteValues(values);
  return values;
}

function checkLevels(levels: Uint8Array, max: number, from: number, to: number): void {
  if ((max & (max + 1)) === 0) return; // every level of so many bits is possible
  check(areAtMost(levels, max, from, to), `a level of more than ${max}`, 0);
}

function appendValues(
  encoding: number,
  cursor: ByteCursor,
  column: Column,
  count: number,
): void {
  // A page of nulls may hold nothing at all.
  if (count === 0) return;
  const from = column.valueCount;
  const to = from + count;
  column.reserve(0, to);
  const { type } = column.leaf;
  if (type === PhysicalType.ByteArray) appendStrings(encoding, cursor, column, from, to);
  else if (type === PhysicalType.Int32 && encoding === Encoding.Delta) {
    decodeDelta32(cursor, column.ints, from, to);
  } else if (type === PhysicalType.Int32 && encoding === Encoding.Plain) {
    decodePlainWords(cursor, column.ints, from, to);
  } else if (type === PhysicalType.Int64 && encoding === Encoding.Delta) {
    decodeDelta64(cursor, column.words, from, to);
  } else if (
    (type === PhysicalType.Int64 || type === PhysicalType.Double) && encoding === Encoding.Plain
  ) decodePlainWords(cursor, column.words, from * 2, to * 2);
  else if (type === PhysicalType.Boolean && encoding === Encoding.Plain) {
    decodePlainBools(cursor, column.bits, from, to);
  } else if (type === PhysicalType.Boolean && encoding === Encoding.Rle) {
    cursor.u32();
    decodeRle(cursor, 1, column.bits, from, to);
  } else throw new CorruptionError(`encoding ${encoding} of type ${type}`, 0);
  column.valueCount = to;
}

function appendStrings(
  encoding: number,
  cursor: ByteCursor,
  column: Column,
  from: number,
  to: number,
): void {
  const { codes, dictionary } = column;
  if (encoding === Encoding.Dictionary || encoding === Encoding.PlainDictionary) {
    decodeRle(cursor, cursor.u8(), codes, from, to);
    const { length } = dictionary;
    let largest = 0;
    for (let i = from; i < to; i++) if (codes[i]! >>> 0 > largest) largest = codes[i]! >>> 0;
    check(largest < length, `code ${largest} of ${length} strings`, 0);
    return;
  }
  const own = column.ownDictionary();
  let code = own.length;
  if (encoding === Encoding.DeltaLength) own.appendDeltaLength(cursor, to - from);
  else if (encoding === Encoding.Plain) own.appendPlain(cursor, to - from);
  else throw new CorruptionError(`encoding ${encoding} of strings`, 0);
  for (let i = from; i < to; i++) codes[i] = code++;
}
