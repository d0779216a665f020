// The rows of chosen traces among all spans of a view, or among those that a query has left.

import type { TraceColumns } from "../../model/span_view.ts";
import type { Rows } from "./row_lists.ts";
import { rowsByTrace, type SpanSet, type SpanSets } from "./spansets.ts";

export interface Traces {
  readonly traces: TraceColumns;
  readonly traceOfSpan: Int32Array;
}

/** What is left of a view after its scans. */
export interface Found extends Traces {
  readonly sets: SpanSets;
}

/** In the order of `chosen`. */
export function setsByTrace(found: Found, chosen: readonly number[]): Map<number, SpanSet[]> {
  const { sets } = found;
  const byTrace = new Map<number, SpanSet[]>(chosen.map((trace) => [trace, []]));
  if (sets.node === "grouped") {
    for (const set of sets.sets) byTrace.get(set.trace)?.push(set);
    return byTrace;
  }
  for (const [trace, rows] of rowsOfChosen(sets.rows, found, chosen)) {
    byTrace.get(trace)!.push({ trace, rows, attributes: [] });
  }
  return byTrace;
}

/** Rows of a list, or of all spans, that belong to chosen traces. */
export function rowsOfChosen(
  rows: Rows | undefined,
  found: Traces,
  chosen: readonly number[],
): Map<number, Rows> {
  const { traceOfSpan, traces } = found;
  const byTrace = rowsByTrace(traceOfSpan, traces.length, rowsAmong(found, chosen, rows));
  return new Map(byTrace.map(({ trace, rows }) => [trace, rows]));
}

export function rowsAmong(
  { traceOfSpan, traces }: Traces,
  chosen: readonly number[],
  rows?: Rows,
): Rows {
  const isChosen = new Uint8Array(traces.length);
  for (const trace of chosen) isChosen[trace] = 1;
  const length = rows === undefined ? traceOfSpan.length : rows.length;
  const from = rows === undefined ? firstOf(traces, chosen) : 0;
  const kept = new Int32Array(length - from);
  let at = 0;
  for (let i = from; i < length; i++) {
    const row = rows === undefined ? i : rows[i]!;
    if (isChosen[traceOfSpan[row]!] === 1) kept[at++] = row;
  }
  return kept.subarray(0, at);
}

/** No span of these traces lies before it: new traces in memory are near the end. */
function firstOf({ firstSpan }: TraceColumns, chosen: readonly number[]): number {
  if (firstSpan === undefined) return 0;
  let first = firstSpan[chosen[0] ?? 0] ?? 0;
  for (const trace of chosen) first = Math.min(first, firstSpan[trace]!);
  return first;
}
