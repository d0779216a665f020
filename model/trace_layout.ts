// The nested order of a block, as a permutation of spans: traces ascend by id; within a trace,
// spans of one resource stand together, within it those of one scope, groups in order of first
// sight, spans in order of arrival. Since equal resources have one row, Tempo's "rebatch" is this.
//
//   traceStart ──▶ resourceStart ──▶ scopeStart ──▶ order ──▶ row in SpanColumns
//                  resourceRow       scopeRow                 of the groups' resource and scope
//
// Each `…Start` has one more entry than things, so thing i is [start[i], start[i + 1]).

import { IntList } from "../lib/growable.ts";
import type { SpanColumns } from "./span_columns.ts";
import type { EmptyGroup } from "./span_oddities.ts";

/** What a layout looks at; a view passes a prefix of columns that go on growing. */
export type LaidOutColumns =
  & Pick<SpanColumns, "length" | "trace" | "traces" | "resource" | "scope">
  & { readonly oddities?: { readonly emptyGroups: readonly EmptyGroup[] } };

export interface TraceLayout {
  readonly traces: Int32Array;
  readonly traceStart: Int32Array;
  readonly resourceStart: Int32Array;
  readonly resourceRow: Int32Array;
  readonly scopeStart: Int32Array;
  readonly scopeRow: Int32Array;
  readonly order: Int32Array;
}

/** Brings the spans of a trace into another order than that of arrival. */
export type OrderSpans = (trace: number, rows: Int32Array) => void;

export function layoutTraces(columns: LaidOutColumns, orderSpans?: OrderSpans): TraceLayout {
  const { trace, length, resource, scope } = columns;
  const counts = new Int32Array(columns.traces.length);
  for (let row = 0; row < length; row++) counts[trace[row]!]!++;
  const traces = sortedTraces(columns, counts);
  const order = orderByTrace(columns, traces, counts);
  const emptyGroups = Map.groupBy(columns.oddities?.emptyGroups ?? [], (group) => group.trace);

  const traceStart = new IntList();
  const resourceStart = new IntList();
  const resourceRow = new IntList();
  const scopeStart = new IntList();
  const scopeRow = new IntList();
  let end = 0;
  for (const traceRow of traces) {
    const start = end;
    end += counts[traceRow]!;
    traceStart.push(resourceStart.length);
    orderSpans?.(traceRow, order.subarray(start, end));
    const empty = emptyGroups.size > 0 ? emptyGroups.get(traceRow) : undefined;
    if (empty !== undefined) {
      layOutWithEmpty(columns, order.subarray(start, end), empty, {
        resource: (row) => {
          resourceStart.push(scopeStart.length);
          resourceRow.push(row);
        },
        scope: (row, position) => {
          scopeStart.push(start + position);
          scopeRow.push(row);
        },
      });
      continue;
    }
    groupSpans(columns, order.subarray(start, end));
    let lastResource = -1;
    let lastScope = -1;
    for (let i = start; i < end; i++) {
      const row = order[i]!;
      const isNewResource = resource[row] !== lastResource;
      if (isNewResource) {
        lastResource = resource[row]!;
        resourceStart.push(scopeStart.length);
        resourceRow.push(lastResource);
      }
      if (isNewResource || scope[row] !== lastScope) {
        lastScope = scope[row]!;
        scopeStart.push(i);
        scopeRow.push(lastScope);
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
    resourceRow: resourceRow.values.subarray(0, resourceRow.length),
    scopeStart: scopeStart.values.subarray(0, scopeStart.length),
    scopeRow: scopeRow.values.subarray(0, scopeRow.length),
  };
}

/** Rows of the traces that have spans, ascending by id. */
function sortedTraces(columns: LaidOutColumns, counts: Int32Array): Int32Array {
  const { words } = columns.traces;
  const view = new DataView(words.buffer, words.byteOffset, words.byteLength);
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

/** Runs of equal resource and scope in one trace; scratch, because nearly every trace has few. */
const runResource = new Int32Array(64);
const runScope = new Int32Array(64);

/** Whether each resource, and each scope of it, stands together already; false also if unsure. */
function isGrouped({ resource, scope }: LaidOutColumns, rows: Int32Array): boolean {
  let runs = 0;
  for (let i = 0; i < rows.length; i++) {
    const ofResource = resource[rows[i]!]!;
    const ofScope = scope[rows[i]!]!;
    const isSame = runs > 0 && runResource[runs - 1] === ofResource;
    if (isSame && runScope[runs - 1] === ofScope) continue;
    if (runs === runResource.length) return false;
    let known = runs - 1;
    if (isSame) {
      // A new scope of the same resource: only its own scopes may not come back.
      for (; known >= 0 && runResource[known] === ofResource; known--) {
        if (runScope[known] === ofScope) return false;
      }
    } else {
      for (; known >= 0; known--) if (runResource[known] === ofResource) return false;
    }
    runResource[runs] = ofResource;
    runScope[runs++] = ofScope;
  }
  return true;
}

/** Brings the rows of one trace together by resource, then by scope; mostly they already are. */
function groupSpans(columns: LaidOutColumns, rows: Int32Array): void {
  if (isGrouped(columns, rows)) return;
  const { resource, scope } = columns;
  const keyOf = (row: number) => resource[row]! * 67108864 + scope[row]!;
  const resourceRank = new Map<number, number>();
  const scopeRank = new Map<number, number>();
  for (const row of rows) {
    const key = keyOf(row);
    if (scopeRank.has(key)) continue;
    scopeRank.set(key, scopeRank.size);
    if (!resourceRank.has(resource[row]!)) resourceRank.set(resource[row]!, resourceRank.size);
  }
  const sorted = Array.from(rows, (row, position) => ({
    row,
    position,
    resource: resourceRank.get(resource[row]!)!,
    scope: scopeRank.get(keyOf(row))!,
  }));
  sorted.sort((a, b) => a.resource - b.resource || a.scope - b.scope || a.position - b.position);
  sorted.forEach(({ row }, i) => rows[i] = row);
}

interface Groups {
  resource(row: number): void;
  scope(row: number, position: number): void;
}

/** The same for a trace that has resources or scopes without spans; they keep their place. */
function layOutWithEmpty(
  columns: LaidOutColumns,
  rows: Int32Array,
  empty: readonly EmptyGroup[],
  groups: Groups,
): void {
  const tree = new Map<number, Map<number, number[]>>();
  const scopesOf = (resource: number) => {
    let scopes = tree.get(resource);
    if (scopes === undefined) tree.set(resource, scopes = new Map());
    return scopes;
  };
  const spansOf = (resource: number, scope: number) => {
    const scopes = scopesOf(resource);
    let spans = scopes.get(scope);
    if (spans === undefined) scopes.set(scope, spans = []);
    return spans;
  };
  let next = 0;
  const meetEmpty = (beforeRow: number) => {
    for (; next < empty.length && empty[next]!.beforeRow <= beforeRow; next++) {
      const { resource, scope } = empty[next]!;
      if (scope < 0) scopesOf(resource);
      else spansOf(resource, scope);
    }
  };
  for (const row of rows) {
    meetEmpty(row);
    spansOf(columns.resource[row]!, columns.scope[row]!).push(row);
  }
  meetEmpty(Infinity);
  let position = 0;
  for (const [resource, scopes] of tree) {
    groups.resource(resource);
    for (const [scope, spans] of scopes) {
      groups.scope(scope, position);
      for (const row of spans) rows[position++] = row;
    }
  }
}
