// Takes the entries and values of a column from several inputs in the order of a row group: the inner
// loops of copying. Each appends what runs [first, end) hold at `at` of `out` and returns where it ends.
// Slow twin: row by row, in the test. Measure: bench/merge_blocks.ts.

import type { JoinedDictionary } from "./joined_dictionary.ts";
import type { RowRuns } from "./row_runs.ts";
import type { SourceColumn } from "./source_column.ts";

/** From here on one call is cheaper than a loop. */
const LONG = 192;

type Sources = readonly SourceColumn[];

export function gatherRepetition(
  runs: RowRuns,
  first: number,
  end: number,
  sources: Sources,
  out: Uint8Array,
  at: number,
): number {
  const { source, from, to } = runs;
  for (let run = first; run < end; run++) {
    const { entryAt, column } = sources[source[run]!]!;
    at = copyBytes(column.repetition, entryAt[from[run]!]!, entryAt[to[run]!]!, out, at);
  }
  return at;
}

export function gatherDefinition(
  runs: RowRuns,
  first: number,
  end: number,
  sources: Sources,
  out: Uint8Array,
  at: number,
): number {
  const { source, from, to } = runs;
  for (let run = first; run < end; run++) {
    const { entryAt, column } = sources[source[run]!]!;
    at = copyBytes(column.definition, entryAt[from[run]!]!, entryAt[to[run]!]!, out, at);
  }
  return at;
}

export function gatherBits(
  runs: RowRuns,
  first: number,
  end: number,
  sources: Sources,
  out: Uint8Array,
  at: number,
): number {
  const { source, from, to } = runs;
  for (let run = first; run < end; run++) {
    const { valueAt, column } = sources[source[run]!]!;
    at = copyBytes(column.bits, valueAt[from[run]!]!, valueAt[to[run]!]!, out, at);
  }
  return at;
}

export function gatherInts(
  runs: RowRuns,
  first: number,
  end: number,
  sources: Sources,
  out: Int32Array,
  at: number,
): number {
  const { source, from, to } = runs;
  for (let run = first; run < end; run++) {
    const { valueAt, column: { ints } } = sources[source[run]!]!;
    const stop = valueAt[to[run]!]!;
    for (let i = valueAt[from[run]!]!; i < stop; i++) out[at++] = ints[i]!;
  }
  return at;
}

/** Two words a value; `at` counts words. */
export function gatherWords(
  runs: RowRuns,
  first: number,
  end: number,
  sources: Sources,
  out: Uint32Array,
  at: number,
): number {
  const { source, from, to } = runs;
  for (let run = first; run < end; run++) {
    const { valueAt, column: { words } } = sources[source[run]!]!;
    const stop = valueAt[to[run]!]! * 2;
    for (let i = valueAt[from[run]!]! * 2; i < stop; i++) out[at++] = words[i]!;
  }
  return at;
}

/** Codes of the joined dictionary. */
export function gatherCodes(
  runs: RowRuns,
  first: number,
  end: number,
  sources: Sources,
  joined: JoinedDictionary,
  out: Int32Array,
  at: number,
): number {
  const { source, from, to } = runs;
  for (let run = first; run < end; run++) {
    const { valueAt, joinedCode, column: { codes, dictionary } } = sources[source[run]!]!;
    const stop = valueAt[to[run]!]!;
    for (let i = valueAt[from[run]!]!; i < stop; i++) {
      const code = codes[i]!;
      let known = joinedCode[code]!;
      if (known === 0) {
        const { bytes, view, offsets } = dictionary;
        known = joined.intern(bytes, view, offsets[code]!, offsets[code + 1]!) + 1;
        joinedCode[code] = known;
      }
      out[at++] = known - 1;
    }
  }
  return at;
}

/** Sizes of strings. */
export function gatherSizes(
  runs: RowRuns,
  first: number,
  end: number,
  sources: Sources,
  out: Int32Array,
  at: number,
): number {
  const { source, from, to } = runs;
  for (let run = first; run < end; run++) {
    const { valueAt, column: { codes, dictionary: { offsets } } } = sources[source[run]!]!;
    const stop = valueAt[to[run]!]!;
    for (let i = valueAt[from[run]!]!; i < stop; i++) {
      const code = codes[i]!;
      out[at++] = offsets[code + 1]! - offsets[code]!;
    }
  }
  return at;
}

/** The bytes of strings end to end; `out` has room for them. */
export function gatherStrings(
  runs: RowRuns,
  first: number,
  end: number,
  sources: Sources,
  out: Uint8Array,
  at: number,
): number {
  const { source, from, to } = runs;
  for (let run = first; run < end; run++) {
    const { valueAt, isEndToEnd, column: { codes, dictionary } } = sources[source[run]!]!;
    const { bytes, offsets } = dictionary;
    const start = valueAt[from[run]!]!;
    const stop = valueAt[to[run]!]!;
    if (isEndToEnd) at = copyBytes(bytes, offsets[start]!, offsets[stop]!, out, at);
    else {
      for (let i = start; i < stop; i++) {
        at = copyBytes(bytes, offsets[codes[i]!]!, offsets[codes[i]! + 1]!, out, at);
      }
    }
  }
  return at;
}

function copyBytes(
  bytes: Uint8Array,
  from: number,
  to: number,
  out: Uint8Array,
  at: number,
): number {
  if (to - from >= LONG) {
    out.set(bytes.subarray(from, to), at);
    return at + to - from;
  }
  for (let i = from; i < to; i++) out[at++] = bytes[i]!;
  return at;
}
