// What the values of one attribute would take as a column of their own: they are encoded as a block
// would, and the bytes thrown away.

import { ByteWriter } from "../../lib/byte_writer.ts";
import { type Encoding, type Leaf, leaf, Repetition } from "../block/schema.ts";
import type { Column } from "../parquet/column.ts";
import { ColumnChunkWriter } from "../parquet/column_chunk.ts";
import { type CodecName, compressorOf } from "../parquet/compress.ts";
import { bitWidth, encodeDelta, encodeRle } from "../parquet/encodings.ts";
import { encodeLevels } from "../parquet/list_levels.ts";

/** The list of owners as levels: an entry is an owner, or stands for an empty list (owner -1). */
export interface OwnerEntries {
  readonly count: number;
  readonly level: number;
  readonly length: number;
  readonly owner: Int32Array;
  readonly repetition: Uint8Array;
  readonly definition: Uint8Array;
}

/** Of the owners of a list of attributes, from the column of keys. */
export function ownerEntries(keys: Column, level: number): OwnerEntries {
  const { repetition, definition, entryCount } = keys;
  const entries = {
    count: 0,
    level,
    length: 0,
    owner: new Int32Array(entryCount),
    repetition: new Uint8Array(entryCount),
    definition: new Uint8Array(entryCount),
  };
  for (let i = 0; i < entryCount; i++) {
    if (repetition[i]! > level) continue;
    const at = entries.length++;
    entries.repetition[at] = repetition[i]!;
    entries.definition[at] = Math.min(definition[i]!, level);
    entries.owner[at] = definition[i]! >= level ? entries.count++ : -1;
  }
  return entries;
}

/** Values by ascending owner; `order` is where each lies in `column`, whose strings are distinct. */
export interface OwnedValues {
  readonly owners: Int32Array;
  readonly order: Int32Array;
  readonly column: Column;
}

const ENTRIES_PER_PAGE = 20_000;
const out = new ByteWriter(1 << 16);
const body = new ByteWriter(1 << 16);
const page = new ByteWriter(1 << 16);

export function sizeOfStrings(
  { owners, order, column }: OwnedValues,
  entries: OwnerEntries,
  codec: CodecName,
): number {
  const { dictionary } = column;
  const codeOf = new Int32Array(dictionary.length).fill(-1);
  const codes = new Int32Array(order.length);
  let used = 0;
  body.clear();
  for (let i = 0; i < order.length; i++) {
    const code = column.codes[order[i]!]!;
    if (codeOf[code] === -1) {
      codeOf[code] = used++;
      const bytes = dictionary.at(code);
      body.u32(bytes.length);
      body.append(bytes);
    }
    codes[i] = codeOf[code]!;
  }
  const width = Math.max(1, bitWidth(used - 1));
  const chunk = newChunk(entries.level, "string", "dictionary", codec);
  chunk.dictionary(body, used);
  return putPages(chunk, owners, entries, (from, to) => {
    page.u8(width);
    encodeRle(page, codes, from, to, width);
  });
}

/** All lengths, then all bytes, compressed with zstd as the option says. */
export function sizeOfBlobs({ owners, order, column }: OwnedValues, entries: OwnerEntries): number {
  const { dictionary } = column;
  const sizes = Int32Array.from(order, (at) => dictionary.at(column.codes[at]!).length);
  const chunk = newChunk(entries.level, "string", "deltaBytes", "zstd");
  return putPages(chunk, owners, entries, (from, to) => {
    encodeDelta(page, sizes, from, to);
    for (let i = from; i < to; i++) page.append(dictionary.at(column.codes[order[i]!]!));
  });
}

export function sizeOfInts(
  { owners, order, column }: OwnedValues,
  entries: OwnerEntries,
  codec: CodecName,
): number {
  const chunk = newChunk(entries.level, "i64", "plain", codec);
  return putPages(chunk, owners, entries, (from, to) => {
    for (let i = from; i < to; i++) {
      page.u32(column.words[order[i]! * 2]!);
      page.u32(column.words[order[i]! * 2 + 1]!);
    }
  });
}

function newChunk(
  level: number,
  type: Leaf["type"],
  encoding: Encoding,
  codec: CodecName,
): ColumnChunkWriter {
  const draft = leaf("", type, encoding, { repetition: Repetition.Repeated });
  const place = { ...draft(top) as Leaf, repetitionMax: level + 1, definitionMax: level + 1 };
  return new ColumnChunkWriter(place, encoding, out, 0, compressorOf(codec));
}

const top = { path: [], column: "", repetitionMax: 0, definitionMax: 0 };

/** `put` writes values [from, to) to `page`. Returns the size of the chunk. */
function putPages(
  chunk: ColumnChunkWriter,
  owners: Int32Array,
  entries: OwnerEntries,
  put: (from: number, to: number) => void,
): number {
  const max = entries.level + 1;
  let value = 0;
  for (let start = 0; start < entries.length;) {
    let end = Math.min(entries.length, start + ENTRIES_PER_PAGE);
    while (end < entries.length && entries.repetition[end] !== 0) end++; // whole rows
    const first = value;
    const repetition = new Uint8Array(end - start + owners.length - first);
    const definition = new Uint8Array(repetition.length);
    let length = 0;
    for (let i = start; i < end; i++) {
      const owner = entries.owner[i]!;
      repetition[length] = entries.repetition[i]!;
      definition[length++] = entries.definition[i]!;
      if (owner < 0 || owners[value] !== owner) continue;
      definition[length - 1] = max;
      for (value++; value < owners.length && owners[value] === owner; value++) {
        repetition[length] = max;
        definition[length++] = max;
      }
    }
    page.clear();
    put(first, value);
    const levels = encodeLevels(repetition, definition, 0, length, max, max);
    chunk.page(levels, 0, 0, page.written(), value - first, undefined);
    start = end;
  }
  return chunk.finish().compressedBytes;
}
