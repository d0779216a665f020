// Which of the matching traces are returned: those that overlap the time asked about, the newest first.
// Always the newest, not any: then a merge of partial answers is the answer of the whole.

import type { TraceColumns } from "../../model/span_view.ts";
import { hexOfWords } from "./id_words.ts";
import type { SearchPlace } from "./query_request.ts";

/** Unix seconds, both inclusive; 0 and 0 mean no bound. */
export interface TimeWindow {
  readonly startSeconds: number;
  readonly endSeconds: number;
}

const SECOND = 1_000_000_000n;

/** Those that stand behind a place in the order of `newest`. */
export function tracesAfter(
  { startUnixNano, idWords }: TraceColumns,
  rows: readonly number[],
  { startUnixNano: start, traceId }: SearchPlace,
): number[] {
  return rows.filter((row) => {
    const own = BigInt(startUnixNano[row * 2 + 1]!) << 32n | BigInt(startUnixNano[row * 2]!);
    return own !== start ? own < start : hexOfWords(idWords, row * 4, 4) > traceId;
  });
}

/** Rows of the traces with a mark that overlap the window. */
export function tracesInWindow(
  { startUnixNano, endUnixNano }: TraceColumns,
  marks: Uint8Array,
  { startSeconds, endSeconds }: TimeWindow,
): number[] {
  const beforeFirst = placeOf(BigInt(startSeconds) * SECOND - 1n);
  const last = placeOf(BigInt(endSeconds) * SECOND);
  const found: number[] = [];
  for (let trace = 0; trace < marks.length; trace++) {
    if (marks[trace] === 0) continue;
    if (endSeconds > 0 && isAfter(startUnixNano, trace, last)) continue;
    if (startSeconds > 0 && !isAfter(endUnixNano, trace, beforeFirst)) continue;
    found.push(trace);
  }
  return found;
}

/** A time as two words, so that a hundred thousand traces are compared without big integers. */
interface Place {
  readonly high: number;
  readonly low: number;
}

function placeOf(nano: bigint): Place {
  return { high: Number(nano >> 32n), low: Number(nano & 0xffffffffn) };
}

function isAfter(words: Uint32Array, row: number, { high, low }: Place): boolean {
  const own = words[row * 2 + 1]!;
  return own !== high ? own > high : words[row * 2]! > low;
}

/** At most `limit`, latest start first, then by id. */
export function newest(traces: TraceColumns, rows: readonly number[], limit: number): number[] {
  const { startUnixNano, idWords } = traces;
  const compare = (a: number, b: number): number => {
    const high = startUnixNano[b * 2 + 1]! - startUnixNano[a * 2 + 1]!;
    if (high !== 0) return high;
    const low = startUnixNano[b * 2]! - startUnixNano[a * 2]!;
    if (low !== 0) return low;
    for (let i = 0; i < 4; i++) {
      const difference = bigEndian(idWords[a * 4 + i]!) - bigEndian(idWords[b * 4 + i]!);
      if (difference !== 0) return difference;
    }
    return a - b;
  };
  if (limit <= 0 || rows.length <= limit * 4) {
    const sorted = rows.toSorted(compare);
    return limit > 0 ? sorted.slice(0, limit) : sorted;
  }
  // Sorting tens of thousands to keep twenty costs more than the query: most are skipped, and more of them
  // from the end, for traces in memory lie as they arrived.
  let best: number[] = [];
  let worst = -1;
  for (let i = rows.length - 1; i >= 0; i--) {
    const row = rows[i]!;
    if (worst >= 0 && compare(row, worst) > 0) continue;
    best.push(row);
    if (best.length < limit * 2) continue;
    best = best.sort(compare).slice(0, limit);
    worst = best[limit - 1]!;
  }
  return best.sort(compare).slice(0, limit);
}

function bigEndian(word: number): number {
  return (word & 255) * 16777216 + (word >>> 8 & 255) * 65536 + (word >>> 16 & 255) * 256 +
    (word >>> 24);
}
