// Writes a row group by copying rows of other files, column by column, without knowing what a column
// means: levels and values pass through, strings as codes of a joined dictionary. Hence it serves every
// version of the format and every set of dedicated columns, if only the schemas are equal.
// Rules: what is decoded at a time is one column of the wanted rows; encodings are chosen as by the writer
// (string_columns.ts), pages are cut at stripes as there.
// Slow twin: reading spans and writing them, in merge_blocks_test.ts. Measure: bench/merge_blocks.ts.

import type { EncodedLevels } from "../parquet/column_chunk.ts";
import { bitWidth, encodeDelta32, encodeDeltaWords, encodeRle } from "../parquet/encodings.ts";
import { encodeOne } from "../parquet/list_levels.ts";
import type { ChunkOutput, Steps } from "./chunk_output.ts";
import {
  gatherBits,
  gatherCodes,
  gatherDefinition,
  gatherInts,
  gatherRepetition,
  gatherSizes,
  gatherStrings,
  gatherWords,
} from "./gather.ts";
import { JoinedDictionary } from "./joined_dictionary.ts";
import { BitWriter } from "./number_columns.ts";
import { bytesBounds, intBounds, wordBounds } from "./page_bounds.ts";
import type { RowRuns } from "./row_runs.ts";
import type { Encoding, Leaf } from "./schema.ts";
import type { SourceColumn } from "./source_column.ts";
import { deservesDictionary } from "./string_columns.ts";

/** Copies the columns of one row group one after the other; keeps its scratch space for the next. */
export class ColumnCopier {
  #runs: RowRuns;
  #sources: readonly SourceColumn[] = [];
  /** By stripe, of the column before where it has the same levels. */
  #repetition: Uint8Array[] = [];
  #definition: Uint8Array[] = [];
  #entryCount: number[] = [];
  readonly #joined = new JoinedDictionary();
  #levels = new Uint8Array(1 << 16);
  #bits = new Uint8Array(1 << 12);
  #ints = new Int32Array(1 << 13);
  #words = new Uint32Array(1 << 14);

  constructor(readonly output: ChunkOutput, runs: RowRuns) {
    this.#runs = runs;
  }

  startRowGroup(runs: RowRuns): void {
    this.#runs = runs;
    this.#sources = [];
    this.output.startRowGroup(runs);
  }

  /** The next column, of all sources in the order of the runs. */
  *column(leaf: Leaf, sources: readonly SourceColumn[]): Steps {
    const before = this.#sources;
    this.#sources = sources;
    const isSame = before.length > 0;
    if (!isSame || !sources.every((source) => source.hasEqualRepetition)) this.#repetition = [];
    if (!isSame || !sources.every((source) => source.hasEqualDefinition)) this.#definition = [];
    const hasValues = sources.some(({ column }) => column.valueCount > 0);
    switch (leaf.encoding) {
      case "dictionary":
        return yield* hasValues && !this.#areMostlyDifferent()
          ? this.#joinedStrings(leaf)
          : this.#strings(leaf);
      case "deltaBytes":
        return yield* this.#strings(leaf);
      case "delta":
        return yield* this.#integers(leaf);
      case "plain":
        return yield* this.#plain(leaf);
    }
  }

  /**
   * Whether the inputs have no dictionary, although their writer looked at about as many values as there
   * are here: then what it found is believed.
   */
  #areMostlyDifferent(): boolean {
    const values = this.#valuesIn(0, this.#runs.runs);
    return this.#sources.every(({ column, valuesInGroup }) =>
      column.valueCount === 0 || (!column.isShared && valuesInGroup * 2 >= values)
    );
  }

  *#joinedStrings(leaf: Leaf): Steps {
    const joined = this.#joined;
    const runs = this.#runs;
    const sources = this.#sources;
    let expected = 0;
    let valuesMax = 0;
    for (const { column, valuesInGroup } of sources) {
      // A part of the rows has about as large a part of the strings.
      const share = Math.min(1, column.valueCount / Math.max(1, valuesInGroup));
      expected += column.dictionary.length * share;
      valuesMax += column.valueCount;
    }
    joined.reset(Math.ceil(Math.min(expected, valuesMax)));
    const codes = this.output.codes(valuesMax);
    const ends: number[] = [];
    let end = 0;
    for (let stripe = 0; stripe < runs.stripeStart.length; stripe++) {
      const [first, last] = [runs.firstRun(stripe), runs.firstRun(stripe + 1)];
      const start = end;
      end = gatherCodes(runs, first, last, sources, joined, codes, end);
      ends.push(end);
      yield end - start;
    }
    yield* deservesDictionary(joined.length, end)
      ? this.#dictionary(leaf, codes, ends)
      : this.#spelledOut(leaf, codes, ends);
  }

  *#dictionary(leaf: Leaf, codes: Int32Array, ends: readonly number[]): Steps {
    const { output } = this;
    const { strings, length } = this.#joined;
    const chunk = output.startChunk(leaf, "dictionary");
    chunk.dictionary(strings, length);
    yield length;
    const width = Math.max(1, bitWidth(length - 1));
    let from = 0;
    for (const [stripe, to] of ends.entries()) {
      output.values.clear();
      output.values.u8(width);
      encodeRle(output.values, codes, from, to, width);
      output.page(chunk, stripe, this.#levelsOf(leaf, stripe), to - from);
      yield to - from;
      from = to;
    }
    output.finishChunk(chunk);
  }

  /** Strings of codes, without a dictionary: sizes, then bytes. Overwrites the codes. */
  *#spelledOut(leaf: Leaf, codes: Int32Array, ends: readonly number[]): Steps {
    const { output } = this;
    const { body, values } = output;
    const chunk = output.startChunk(leaf, "deltaBytes");
    let from = 0;
    for (const [stripe, to] of ends.entries()) {
      values.clear();
      body.clear();
      for (let i = from; i < to; i++) {
        const code = codes[i]!;
        this.#joined.appendTo(body, code);
        codes[i] = this.#joined.byteLength(code);
      }
      encodeDelta32(values, codes, from, to);
      values.append(body.written());
      output.page(chunk, stripe, this.#levelsOf(leaf, stripe), to - from);
      yield to - from;
      from = to;
    }
    output.finishChunk(chunk);
  }

  /** Strings as they are. */
  #strings(leaf: Leaf): Steps {
    const { body, values } = this.output;
    return this.#pages(leaf, "deltaBytes", (first, last, count) => {
      const sizes = this.#intsOf(count);
      gatherSizes(this.#runs, first, last, this.#sources, sizes, 0);
      let size = 0;
      for (let i = 0; i < count; i++) size += sizes[i]!;
      body.clear();
      body.reserve(size);
      body.length = gatherStrings(this.#runs, first, last, this.#sources, body.bytes, 0);
      if (leaf.hasBounds) this.output.bounds = bytesBounds(body.bytes, sizes, count);
      encodeDelta32(values, sizes, 0, count);
      values.append(body.written());
    });
  }

  #integers(leaf: Leaf): Steps {
    const { output } = this;
    if (leaf.type === "i32" || leaf.type === "u32") {
      return this.#pages(leaf, "delta", (first, last, count) => {
        const ints = this.#intsOf(count);
        gatherInts(this.#runs, first, last, this.#sources, ints, 0);
        if (leaf.hasBounds) output.bounds = intBounds(ints, count, leaf.type === "u32");
        encodeDelta32(output.values, ints, 0, count);
      });
    }
    return this.#pages(leaf, "delta", (first, last, count) => {
      const words = this.#wordsOf(count);
      gatherWords(this.#runs, first, last, this.#sources, words, 0);
      if (leaf.hasBounds) output.bounds = wordBounds(words, count, leaf.type === "u64");
      encodeDeltaWords(output.values, words, 0, count);
    });
  }

  #plain(leaf: Leaf): Steps {
    const { output: { values } } = this;
    if (leaf.type === "bool") {
      return this.#pages(leaf, "plain", (first, last, count) => {
        if (count > this.#bits.length) this.#bits = new Uint8Array(count * 2);
        gatherBits(this.#runs, first, last, this.#sources, this.#bits, 0);
        const writer = new BitWriter(values, count);
        for (let i = 0; i < count; i++) writer.put(this.#bits[i]!);
        writer.finish();
      });
    }
    if (leaf.type === "i32" || leaf.type === "u32") {
      return this.#pages(leaf, "plain", (first, last, count) => {
        const ints = this.#intsOf(count);
        gatherInts(this.#runs, first, last, this.#sources, ints, 0);
        values.append(new Uint8Array(ints.buffer, 0, count * 4));
      });
    }
    return this.#pages(leaf, "plain", (first, last, count) => {
      const words = this.#wordsOf(count);
      gatherWords(this.#runs, first, last, this.#sources, words, 0);
      values.append(new Uint8Array(words.buffer, 0, count * 8));
    });
  }

  /** `put` writes the values of runs [first, last), of which there are `count`. */
  *#pages(
    leaf: Leaf,
    encoding: Encoding,
    put: (first: number, last: number, count: number) => void,
  ): Steps {
    const { output } = this;
    const runs = this.#runs;
    const chunk = output.startChunk(leaf, encoding);
    for (let stripe = 0; stripe < runs.stripeStart.length; stripe++) {
      const [first, last] = [runs.firstRun(stripe), runs.firstRun(stripe + 1)];
      output.values.clear();
      const count = this.#valuesIn(first, last);
      put(first, last, count);
      const levels = this.#levelsOf(leaf, stripe);
      output.page(chunk, stripe, levels, count);
      yield levels.count;
    }
    output.finishChunk(chunk);
  }

  #valuesIn(first: number, last: number): number {
    const { source, from, to } = this.#runs;
    let count = 0;
    for (let run = first; run < last; run++) {
      const { valueAt } = this.#sources[source[run]!]!;
      count += valueAt[to[run]!]! - valueAt[from[run]!]!;
    }
    return count;
  }

  #levelsOf(leaf: Leaf, stripe: number): EncodedLevels {
    const runs = this.#runs;
    const [first, last] = [runs.firstRun(stripe), runs.firstRun(stripe + 1)];
    let repetition = this.#repetition[stripe];
    if (repetition === undefined) {
      const count = this.#entryCount[stripe] = this.#entriesIn(first, last);
      if (leaf.repetitionMax > 0) {
        gatherRepetition(runs, first, last, this.#sources, this.#levelSpace(count), 0);
      }
      repetition = encodeOne(this.#levels, 0, count, leaf.repetitionMax);
      this.#repetition[stripe] = repetition;
    }
    const count = this.#entryCount[stripe]!;
    let definition = this.#definition[stripe];
    if (definition === undefined) {
      if (leaf.definitionMax > 0) {
        gatherDefinition(runs, first, last, this.#sources, this.#levelSpace(count), 0);
      }
      definition = encodeOne(this.#levels, 0, count, leaf.definitionMax);
      this.#definition[stripe] = definition;
    }
    return { count, repetition, definition };
  }

  #entriesIn(first: number, last: number): number {
    const { source, from, to } = this.#runs;
    let count = 0;
    for (let run = first; run < last; run++) {
      const { entryAt } = this.#sources[source[run]!]!;
      count += entryAt[to[run]!]! - entryAt[from[run]!]!;
    }
    return count;
  }

  #levelSpace(count: number): Uint8Array {
    if (count > this.#levels.length) this.#levels = new Uint8Array(count * 2);
    return this.#levels;
  }

  #intsOf(count: number): Int32Array {
    if (count > this.#ints.length) this.#ints = new Int32Array(count * 2);
    return this.#ints;
  }

  #wordsOf(count: number): Uint32Array {
    if (count * 2 > this.#words.length) this.#words = new Uint32Array(count * 4);
    return this.#words;
  }
}
