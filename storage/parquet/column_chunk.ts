// One column chunk: an optional dictionary page, then one data page per stripe.
//
//   v1   header [repetition size, repetition, definition size, definition, values]   [] is compressed
//   v2   header repetition, definition, values
//
// Version 1 where compression pays: only there it takes the levels too, which are most of an
// attribute column (28 of 146 bytes a span). Version 2 where nothing is compressed. Without a
// dictionary the first page decides which; one with a dictionary is always compressed.
// Everything goes to one buffer that is handed on when the chunk is complete, so the memory a block
// needs is that of its largest column, not of all.

import { ByteWriter } from "../../lib/byte_writer.ts";
import type { Encoding, Leaf } from "../block/schema.ts";
import type { Compressor } from "./compress.ts";
import { Codec } from "./metadata.ts";
import { checksum } from "./page_checksum.ts";
import { ThriftWriter } from "./thrift_writer.ts";

/** Levels of one list in one stripe, encoded; shared by all columns of that list. */
export interface EncodedLevels {
  readonly count: number;
  readonly repetition: Uint8Array;
  readonly definition: Uint8Array;
}

/** Smallest and largest value, in Parquet's plain encoding without a length. */
export interface PageBounds {
  readonly min: Uint8Array;
  readonly max: Uint8Array;
}

export interface PageLocation {
  readonly offset: number;
  readonly sizeBytes: number;
  readonly firstRow: number;
  readonly nullCount: number;
  /** Undefined where the page has no values, or the column no bounds at all. */
  readonly bounds: PageBounds | undefined;
}

export interface ColumnChunk {
  readonly leaf: Leaf;
  readonly encoding: Encoding;
  readonly codec: Codec;
  readonly dictionaryOffset: number;
  readonly pages: readonly PageLocation[];
  readonly compressedBytes: number;
  readonly uncompressedBytes: number;
  readonly valueCount: number;
}

const PAGE_DATA_V1 = 0;
const PAGE_DICTIONARY = 2;
const PAGE_DATA_V2 = 3;
const ENCODING_PLAIN = 0;
const ENCODING_RLE = 3;
export const encodingNumber = { dictionary: 8, delta: 5, deltaBytes: 6, plain: ENCODING_PLAIN };

/** Below this a page is all header anyway, and a call of the codec costs 40 µs. */
const WORTH_TRYING_BYTES = 256;
const WORTH_KEEPING = 0.95;

export class ColumnChunkWriter {
  readonly #pages: PageLocation[] = [];
  #codec: Codec | undefined;
  #dictionaryOffset = -1;
  #uncompressedBytes = 0;
  #valueCount = 0;

  constructor(
    readonly leaf: Leaf,
    readonly encoding: Encoding,
    readonly out: ByteWriter,
    readonly fileOffset: number,
    readonly compressor: Compressor,
  ) {
    out.clear();
  }

  dictionary(strings: ByteWriter, count: number): void {
    this.#codec = this.compressor.codec;
    const body = this.compressor.compress(strings.written());
    const start = this.out.length;
    this.#dictionaryOffset = this.fileOffset + start;
    const header = new ThriftWriter(this.out);
    header.bareStruct(() => {
      header.i32(1, PAGE_DICTIONARY);
      header.i32(2, strings.length);
      header.i32(3, body.length);
      header.i32(4, checksum(body));
      header.struct(7, () => {
        header.i32(1, count);
        header.i32(2, ENCODING_PLAIN);
      });
    });
    this.#uncompressedBytes += this.out.length - start + strings.length;
    this.out.append(body);
  }

  page(
    levels: EncodedLevels,
    firstRow: number,
    rows: number,
    values: Uint8Array,
    valueCount: number,
    bounds: PageBounds | undefined,
  ): void {
    const start = this.out.length;
    const isCompressed = this.#codec === undefined
      ? this.#tryCompressed(levels, values)
      : this.#codec !== Codec.None && this.#compressed(levels, values) > 0;
    if (!isCompressed) this.#plain(levels, rows, values, valueCount);
    this.#valueCount += levels.count;
    this.#pages.push({
      offset: this.fileOffset + start,
      sizeBytes: this.out.length - start,
      firstRow,
      nullCount: levels.count - valueCount,
      bounds,
    });
  }

  finish(): ColumnChunk {
    return {
      leaf: this.leaf,
      encoding: this.encoding,
      codec: this.#codec ?? Codec.None,
      dictionaryOffset: this.#dictionaryOffset,
      pages: this.#pages,
      compressedBytes: this.out.length,
      uncompressedBytes: this.#uncompressedBytes,
      valueCount: this.#valueCount,
    };
  }

  /** Writes the page if compression pays, and decides for the pages that follow. */
  #tryCompressed(levels: EncodedLevels, values: Uint8Array): boolean {
    const size = levels.repetition.length + levels.definition.length + values.length;
    const { length } = this.out;
    const uncompressedBytes = this.#uncompressedBytes;
    if (this.compressor.codec !== Codec.None && size >= WORTH_TRYING_BYTES) {
      this.#codec = this.compressor.codec;
      if (this.#compressed(levels, values) < size * WORTH_KEEPING) return true;
    }
    this.out.length = length;
    this.#uncompressedBytes = uncompressedBytes;
    this.#codec = Codec.None;
    return false;
  }

  /** Returns the size of what was compressed. */
  #compressed(levels: EncodedLevels, values: Uint8Array): number {
    raw.clear();
    putLevels(this.leaf.repetitionMax, levels.repetition);
    putLevels(this.leaf.definitionMax, levels.definition);
    raw.append(values);
    const body = this.compressor.compress(raw.written());
    const start = this.out.length;
    const header = new ThriftWriter(this.out);
    header.bareStruct(() => {
      header.i32(1, PAGE_DATA_V1);
      header.i32(2, raw.length);
      header.i32(3, body.length);
      header.i32(4, checksum(body));
      header.struct(5, () => {
        header.i32(1, levels.count);
        header.i32(2, encodingNumber[this.encoding]);
        header.i32(3, ENCODING_RLE);
        header.i32(4, ENCODING_RLE);
      });
    });
    this.#uncompressedBytes += this.out.length - start + raw.length;
    this.out.append(body);
    return body.length;
  }

  #plain(levels: EncodedLevels, rows: number, values: Uint8Array, valueCount: number): void {
    const { repetition, definition } = levels;
    const size = repetition.length + definition.length + values.length;
    const start = this.out.length;
    const header = new ThriftWriter(this.out);
    header.bareStruct(() => {
      header.i32(1, PAGE_DATA_V2);
      header.i32(2, size);
      header.i32(3, size);
      header.i32(4, checksum(repetition, definition, values));
      header.struct(8, () => {
        header.i32(1, levels.count);
        header.i32(2, levels.count - valueCount);
        header.i32(3, rows);
        header.i32(4, encodingNumber[this.encoding]);
        header.i32(5, definition.length);
        header.i32(6, repetition.length);
        header.bool(7, false);
      });
    });
    this.out.append(repetition);
    this.out.append(definition);
    this.out.append(values);
    this.#uncompressedBytes += this.out.length - start;
  }
}

/** What is to be compressed; used within one call only. */
const raw = new ByteWriter(1 << 16);

function putLevels(max: number, levels: Uint8Array): void {
  if (max === 0) return;
  raw.u32(levels.length);
  raw.append(levels);
}
