// One column chunk: an optional dictionary page, then one data page (v2) per stripe.
//
//   [dictionary header, strings] [page header, repetition, definition, values] …
//
// Everything goes to one buffer that is handed to the sink when the chunk is complete, so the
// memory a block needs is that of its largest column, not of all.

import { ByteWriter } from "../../lib/byte_writer.ts";
import { ThriftWriter } from "./thrift_writer.ts";
import type { Leaf } from "../block/schema.ts";
import type { Compressor } from "./compress.ts";
import { Codec } from "./metadata.ts";

export type Compress = Compressor;

/** Levels of one list in one stripe, encoded; shared by all columns of that list. */
export interface EncodedLevels {
  readonly count: number;
  readonly repetition: Uint8Array;
  readonly definition: Uint8Array;
}

export interface PageLocation {
  readonly offset: number;
  readonly sizeBytes: number;
  readonly firstRow: number;
}

export interface ColumnChunk {
  readonly leaf: Leaf;
  readonly codec: Codec;
  readonly dictionaryOffset: number;
  readonly pages: readonly PageLocation[];
  readonly compressedBytes: number;
  readonly uncompressedBytes: number;
  readonly valueCount: number;
  bounds: { min: Uint8Array; max: Uint8Array }[];
}

const PAGE_DICTIONARY = 2;
const PAGE_DATA_V2 = 3;
const ENCODING_PLAIN = 0;
const encodingNumber = { dictionary: 8, delta: 5, deltaBytes: 6, plain: ENCODING_PLAIN };

export class ColumnChunkWriter {
  readonly #out: ByteWriter;
  readonly #fileOffset: number;
  readonly #leaf: Leaf;
  readonly #compress: Compress;
  readonly #pages: PageLocation[] = [];
  #dictionaryOffset = -1;
  #uncompressedBytes = 0;
  #valueCount = 0;

  constructor(leaf: Leaf, out: ByteWriter, fileOffset: number, compress: Compress) {
    out.clear();
    this.#leaf = leaf;
    this.#out = out;
    this.#fileOffset = fileOffset;
    this.#compress = compress;
  }

  dictionary(strings: ByteWriter, count: number): void {
    const body = this.#leaf.isCompressed
      ? this.#compress.compress(strings.written())
      : strings.written();
    const start = this.#out.length;
    this.#dictionaryOffset = this.#fileOffset + start;
    const header = new ThriftWriter(this.#out);
    header.bareStruct(() => {
      header.i32(1, PAGE_DICTIONARY);
      header.i32(2, strings.length);
      header.i32(3, body.length);
      header.struct(7, () => {
        header.i32(1, count);
        header.i32(2, ENCODING_PLAIN);
      });
    });
    this.#uncompressedBytes += this.#out.length - start + strings.length;
    this.#out.append(body);
  }

  page(
    levels: EncodedLevels,
    firstRow: number,
    rows: number,
    values: ByteWriter,
    valueCount: number,
  ): void {
    const raw = values.written();
    const isCompressed = this.#leaf.isCompressed;
    const body = isCompressed ? this.#compress.compress(raw) : raw;
    const { repetition, definition } = levels;
    const levelBytes = repetition.length + definition.length;
    const start = this.#out.length;
    const header = new ThriftWriter(this.#out);
    header.bareStruct(() => {
      header.i32(1, PAGE_DATA_V2);
      header.i32(2, levelBytes + raw.length);
      header.i32(3, levelBytes + body.length);
      header.struct(8, () => {
        header.i32(1, levels.count);
        header.i32(2, levels.count - valueCount);
        header.i32(3, rows);
        header.i32(4, encodingNumber[this.#leaf.encoding]);
        header.i32(5, definition.length);
        header.i32(6, repetition.length);
        header.bool(7, isCompressed);
      });
    });
    this.#uncompressedBytes += this.#out.length - start + levelBytes + raw.length;
    this.#out.append(repetition);
    this.#out.append(definition);
    this.#out.append(body);
    this.#valueCount += levels.count;
    this.#pages.push({
      offset: this.#fileOffset + start,
      sizeBytes: this.#out.length - start,
      firstRow,
    });
  }

  finish(): ColumnChunk {
    return {
      leaf: this.#leaf,
      codec: this.#leaf.isCompressed ? this.#compress.codec : Codec.None,
      dictionaryOffset: this.#dictionaryOffset,
      pages: this.#pages,
      compressedBytes: this.#out.length,
      uncompressedBytes: this.#uncompressedBytes,
      valueCount: this.#valueCount,
      bounds: [],
    };
  }
}
