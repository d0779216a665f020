// The nested order of a block, as a permutation of spans: traces ascend by id; within a trace,
// spans of one resource stand together, within it those of one scope, groups in order of first
// sight, spans in order of arrival. Since equal resources have one row, Tempo's "rebatch" is this.
//
//   traceStart ──▶ resourceStart ──▶ scopeStart ──▶ order ──▶ row in SpanColumns
//
// Each `…Start` has one more entry than things, so thing i is [start[i], start[i + 1]).

import { IntList } from "../lib/growable.ts";
import type { SpanColumns } from "./span_columns.ts";

/** What a layout looks at; a view passes a prefix of columns that go on growing. */
export type LaidOutColumns = Pick<
  SpanColumns,
  "length" | "trace" | "traces" | "resource" | "scope"
>;

export interface TraceLayout {
  readonly traces: Int32Array;
  readonly traceStart: Int32Array;
  readonly resourceStart: Int32Array;
  readonly scopeStart: Int32Array;
  readonly order: Int32Array;
}

export function layoutTraces(columns: LaidOutColumns): TraceLayout {
  const { trace, length } = columns;
  const counts = new Int32Array(columns.traces.length);
  for (let row = 0; row < length; row++) counts[trace[row]!]!++;
  const traces = sortedTraces(columns, counts);
  const order = orderByTrace(columns, traces, counts);

  const traceStart = new IntList();
  const resourceStart = new IntList();
  const scopeStart = new IntList();
  let end = 0;
  for (const traceRow of traces) {
    const start = end;
    end += counts[traceRow]!;
    traceStart.push(resourceStart.length);
    groupSpans(columns, order.subarray(start, end));
    for (let i = start; i < end; i++) {
      const isNewResource = i === start ||
        columns.resource[order[i]!] !== columns.resource[order[i - 1]!];
      if (isNewResource) resourceStart.push(scopeStart.length);
      if (isNewResource || columns.scope[order[i]!] !== columns.scope[order[i - 1]!]) {
        scopeStart.push(i);
      }
    }
  }
  traceStart.push(resourceStart.length);
  resourceStart.push(scopeStart.length);
  scopeStart.push(length);
  return {
    traces,
    order,
    traceStart: traceStart.values.subarray(0, traceStart.length),
    resourceStart: resourceStart.values.subarray(0, resourceStart.length),
    scopeStart: scopeStart.values.subarray(0, scopeStart.length),
  };
}

/** Rows of the traces that have spans, ascending by id. */
function sortedTraces(columns: LaidOutColumns, counts: Int32Array): Int32Array {
  const { words } = columns.traces;
  const view = new DataView(words.buffer);
  const rows = new Int32Array(counts.length);
  let count = 0;
  for (let row = 0; row < counts.length; row++) if (counts[row]! > 0) rows[count++] = row;
  return rows.subarray(0, count).sort((a, b) => {
    for (let i = 0; i < 16; i += 4) {
      const difference = view.getUint32(a * 16 + i) - view.getUint32(b * 16 + i);
      if (difference !== 0) return difference;
    }
    return 0;
  });
}

/** A stable counting sort of the span rows. */
function orderByTrace(columns: LaidOutColumns, traces: Int32Array, counts: Int32Array): Int32Array {
  const next = new Int32Array(counts.length);
  let start = 0;
  for (const trace of traces) {
    next[trace] = start;
    start += counts[trace]!;
  }
  const order = new Int32Array(columns.length);
  const { trace } = columns;
  for (let row = 0; row < columns.length; row++) order[next[trace[row]!]!++] = row;
  return order;
}

/** Brings the rows of one trace together by resource, then by scope; mostly they already are. */
function groupSpans(columns: LaidOutColumns, rows: Int32Array): void {
  const { resource, scope } = columns;
  const rank = new Map<number, number>();
  const keyOf = (row: number) => resource[row]! * 67108864 + scope[row]!;
  let isGrouped = true;
  let previousKey = -1;
  const resourceRank = new Map<number, number>();
  let previousResource = -1;
  for (const row of rows) {
    const key = keyOf(row);
    if (key !== previousKey) {
      if (rank.has(key)) isGrouped = false;
      else rank.set(key, rank.size);
      if (resource[row] !== previousResource) {
        if (resourceRank.has(resource[row]!)) isGrouped = false;
        else resourceRank.set(resource[row]!, resourceRank.size);
      }
      previousResource = resource[row]!;
    }
    previousKey = key;
  }
  if (isGrouped) return;
  const sorted = Array.from(rows, (row, position) => ({
    row,
    position,
    resource: resourceRank.get(resource[row]!)!,
    scope: rank.get(keyOf(row))!,
  }));
  sorted.sort((a, b) => a.resource - b.resource || a.scope - b.scope || a.position - b.position);
  sorted.forEach(({ row }, i) => rows[i] = row);
}
