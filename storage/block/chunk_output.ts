// Where the columns of a file go, one after the other: cuts a column into pages of its stripes, and
// knows the place of everything for the footer. Owns the scratch space that columns share.
// Rule: columns come in the order of the schema, each whole before the next.

import { ByteWriter } from "../../lib/byte_writer.ts";
import { grown } from "../../lib/growable.ts";
import { invariant } from "../../lib/invariant.ts";
import {
  type ColumnChunk,
  ColumnChunkWriter,
  type EncodedLevels,
  type PageBounds,
} from "../parquet/column_chunk.ts";
import { type Compressor, compressorOf } from "../parquet/compress.ts";
import type { WrittenRowGroup } from "../parquet/footer.ts";
import type { ListLevels } from "../parquet/list_levels.ts";
import type { Encoding, Leaf } from "./schema.ts";

/** Work in steps: yields how many entries were just written, so that the caller can rest. */
export type Steps = Generator<number, void>;

export type Stripes = Pick<ListLevels, "length" | "stripeStart" | "stripeEnd">;
export type LevelsOf = (stripe: number) => EncodedLevels;
/** Puts the values of entries [from, to) into `values` and returns how many there are. */
export type PutValues = (from: number, to: number) => number;

export class ChunkOutput {
  /** The values of the page in the making. */
  readonly values = new ByteWriter(1 << 16);
  /** What must follow its own lengths or count: strings of a page, or a dictionary. */
  readonly body = new ByteWriter(1 << 16);
  /** Set by whoever puts values, of leaves that have bounds; taken by the page. */
  bounds: PageBounds | undefined;
  fileOffset = 0;

  #chunks: ColumnChunk[] = [];
  #rows: Stripes = { length: 0, stripeStart: [], stripeEnd: () => 0 };
  #rowGroupOffset = 0;
  #numbers = new Float64Array(1 << 14);
  #codes = new Int32Array(1 << 14);
  #definitions = new Uint8Array(1 << 14);
  readonly #bytes = new ByteWriter(1 << 18);

  constructor(
    readonly leaves: readonly Leaf[],
    readonly compressor: Compressor,
    readonly sink: (bytes: Uint8Array) => void,
  ) {}

  startRowGroup(rows: Stripes): void {
    this.#rows = rows;
    this.#chunks = [];
    this.#rowGroupOffset = this.fileOffset;
  }

  endRowGroup(): WrittenRowGroup {
    invariant(this.#chunks.length === this.leaves.length, "every column of a row group is written");
    return { chunks: this.#chunks, rows: this.#rows.length, fileOffset: this.#rowGroupOffset };
  }

  *pages(leaf: Leaf, entries: Stripes, levelsOf: LevelsOf, putValues: PutValues): Steps {
    const chunk = this.startChunk(leaf, leaf.encoding);
    for (let stripe = 0; stripe < entries.stripeStart.length; stripe++) {
      const from = entries.stripeStart[stripe]!;
      const to = entries.stripeEnd(stripe);
      this.values.clear();
      const count = putValues(from, to);
      this.page(chunk, stripe, levelsOf(stripe), count);
      yield to - from;
    }
    this.finishChunk(chunk);
  }

  startChunk(leaf: Leaf, encoding: Encoding): ColumnChunkWriter {
    invariant(
      leaf.path === this.leaves[this.#chunks.length]?.path,
      `${leaf.column} is not the next column`,
    );
    const compressor = leaf.isBlob ? compressorOf("zstd") : this.compressor;
    return new ColumnChunkWriter(leaf, encoding, this.#bytes, this.fileOffset, compressor);
  }

  /** A page of what `values` holds. */
  page(chunk: ColumnChunkWriter, stripe: number, levels: EncodedLevels, count: number): void {
    const firstRow = this.#rows.stripeStart[stripe]!;
    const rows = this.#rows.stripeEnd(stripe) - firstRow;
    chunk.page(levels, firstRow, rows, this.values.written(), count, this.bounds);
    this.bounds = undefined;
  }

  finishChunk(chunk: ColumnChunkWriter): void {
    this.#chunks.push(chunk.finish());
    this.emit(this.#bytes.written());
  }

  emit(bytes: Uint8Array): void {
    this.sink(bytes);
    this.fileOffset += bytes.length;
  }

  numbers(length: number): Float64Array {
    if (this.#numbers.length < length) this.#numbers = grown(this.#numbers, length);
    return this.#numbers;
  }

  codes(length: number): Int32Array {
    if (this.#codes.length < length) this.#codes = grown(this.#codes, length);
    return this.#codes;
  }

  definitions(length: number): Uint8Array {
    if (this.#definitions.length < length) this.#definitions = grown(this.#definitions, length);
    return this.#definitions;
  }
}
