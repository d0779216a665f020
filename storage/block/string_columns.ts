// String columns from codes. Rule: a string is never looked at, only its code: per column, `#localOf`
// turns codes of the table into codes of the column's dictionary, and the bytes are copied once.
// A column whose strings are mostly different has no dictionary: it would be as large as the values,
// and whoever reads one page would have to read all of it.

import { ABSENT, EMPTY_STRING, type StringTable } from "../../model/string_table.ts";
import { bitWidth, encodeDelta, encodeRle } from "../parquet/encodings.ts";
import type { ListLevels } from "../parquet/list_levels.ts";
import type { ChunkOutput, LevelsOf, Steps, Stripes } from "./chunk_output.ts";
import type { Leaf } from "./schema.ts";

/** Distinct strings per value above which there is no dictionary; queries gain less from it then. */
const DISTINCT_MAX = 0.7;
const DICTIONARY_VALUES_MIN = 1000;

/** Whether so many different strings among so many values are worth a dictionary. */
export function deservesDictionary(distinct: number, values: number): boolean {
  return values < DICTIONARY_VALUES_MIN || distinct <= values * DISTINCT_MAX;
}

/** Collects codes of entries [from, to) and returns how many there are. */
export type GatherCodes = (from: number, to: number, out: Int32Array) => number;

export class StringColumns {
  /** Dictionary code + 1 of a string code in the present column; all zero between columns. */
  readonly #localOf: Int32Array;

  constructor(readonly output: ChunkOutput, readonly strings: StringTable) {
    this.#localOf = new Int32Array(strings.size);
  }

  /** A required leaf: one string for every element of the list. */
  column(leaf: Leaf, list: ListLevels, codes: Int32Array): Steps {
    const { row } = list;
    return this.entries(leaf, list, (stripe) => list.encoded(stripe), (from, to, out) => {
      let count = 0;
      for (let i = from; i < to; i++) if (row[i]! >= 0) out[count++] = codes[row[i]!]!;
      return count;
    });
  }

  *entries(leaf: Leaf, entries: Stripes, levelsOf: LevelsOf, gather: GatherCodes): Steps {
    const { output } = this;
    const codes = output.codes(entries.length);
    const ends: number[] = [];
    let length = 0;
    for (let stripe = 0; stripe < entries.stripeStart.length; stripe++) {
      const from = entries.stripeStart[stripe]!;
      const to = entries.stripeEnd(stripe);
      length += gather(from, to, codes.subarray(length));
      ends.push(length);
    }
    if (leaf.encoding !== "dictionary") return yield* this.#plain(leaf, codes, ends, levelsOf);
    const used = this.#toLocalCodes(codes, length);
    yield length;
    if (deservesDictionary(used.length, length)) {
      return yield* this.#dictionary(leaf, used, codes, ends, levelsOf);
    }
    for (let i = 0; i < length; i++) codes[i] = used[codes[i]!]!;
    yield* this.#plain(leaf, codes, ends, levelsOf);
  }

  /** Overwrites the codes, and returns which strings the new ones stand for. */
  #toLocalCodes(codes: Int32Array, length: number): number[] {
    const localOf = this.#localOf;
    const used: number[] = [];
    for (let i = 0; i < length; i++) {
      const code = codes[i]! === ABSENT ? EMPTY_STRING : codes[i]!;
      let local = localOf[code]!;
      if (local === 0) {
        local = used.push(code);
        localOf[code] = local;
      }
      codes[i] = local - 1;
    }
    for (const code of used) localOf[code] = 0;
    return used;
  }

  *#dictionary(
    leaf: Leaf,
    used: readonly number[],
    codes: Int32Array,
    ends: readonly number[],
    levelsOf: LevelsOf,
  ): Steps {
    const { output, strings } = this;
    const chunk = output.startChunk(leaf, "dictionary");
    const { body } = output;
    body.clear();
    for (const code of used) {
      const size = code <= EMPTY_STRING ? 0 : strings.byteLength(code);
      body.u32(size);
      body.reserve(size);
      if (size > 0) strings.copyTo(code, body.bytes, body.length);
      body.length += size;
    }
    chunk.dictionary(body, used.length);
    yield used.length;
    const width = Math.max(1, bitWidth(used.length - 1));
    let from = 0;
    for (const [stripe, to] of ends.entries()) {
      output.values.clear();
      output.values.u8(width);
      encodeRle(output.values, codes, from, to, width);
      output.page(chunk, stripe, levelsOf(stripe), to - from);
      yield to - from;
      from = to;
    }
    output.finishChunk(chunk);
  }

  *#plain(leaf: Leaf, codes: Int32Array, ends: readonly number[], levelsOf: LevelsOf): Steps {
    const { output } = this;
    const chunk = output.startChunk(leaf, "deltaBytes");
    let from = 0;
    for (const [stripe, to] of ends.entries()) {
      output.values.clear();
      this.#putStrings(codes, from, to);
      output.page(chunk, stripe, levelsOf(stripe), to - from);
      yield to - from;
      from = to;
    }
    output.finishChunk(chunk);
  }

  /** Lengths first, then the bytes; overwrites the codes. */
  #putStrings(codes: Int32Array, from: number, to: number): void {
    const { strings } = this;
    const { values, body } = this.output;
    body.clear();
    for (let i = from; i < to; i++) {
      const code = codes[i]!;
      const size = code <= EMPTY_STRING ? 0 : strings.byteLength(code);
      codes[i] = size;
      if (size === 0) continue;
      body.reserve(size);
      strings.copyTo(code, body.bytes, body.length);
      body.length += size;
    }
    encodeDelta(values, codes, from, to);
    values.append(body.written());
  }
}
