// Where a block is cut into row groups: ranges of traces of about the wanted number of spans.
// Rule: a trace is never cut, and groups are of about equal size, so that no small rest remains.

import type { TraceLayout } from "../../model/trace_layout.ts";

/** A group may be a quarter larger than wanted before one more is made. */
const OVERSIZE = 1.25;

/** Ends of the groups, as numbers of traces, ascending; the last is the number of all traces. */
export function rowGroupEnds(layout: TraceLayout, spansPerRowGroup: number): number[] {
  const spans = layout.order.length;
  const traces = layout.traces.length;
  const groups = Math.max(
    1,
    Math.round(spans / spansPerRowGroup),
    Math.ceil(spans / (spansPerRowGroup * OVERSIZE)),
  );
  const ends: number[] = [];
  let wanted = spans / groups;
  for (let trace = 1; trace <= traces; trace++) {
    const end = firstSpan(layout, trace);
    if (end < wanted) continue;
    ends.push(trace);
    // One long trace may pass several of the places where a group should have ended.
    wanted = spans * (Math.floor(end * groups / spans) + 1) / groups;
  }
  if (ends.at(-1) !== traces) ends.push(traces);
  return ends;
}

/** The layout of traces [from, to) alone, its positions counted from 0. */
export function traceRange(layout: TraceLayout, from: number, to: number): TraceLayout {
  const resources = { from: layout.traceStart[from]!, to: layout.traceStart[to]! };
  const scopes = {
    from: layout.resourceStart[resources.from]!,
    to: layout.resourceStart[resources.to]!,
  };
  const spans = { from: layout.scopeStart[scopes.from]!, to: layout.scopeStart[scopes.to]! };
  return {
    traces: layout.traces.subarray(from, to),
    order: layout.order.subarray(spans.from, spans.to),
    traceStart: shifted(layout.traceStart, from, to, resources.from),
    resourceStart: shifted(layout.resourceStart, resources.from, resources.to, scopes.from),
    resourceRow: layout.resourceRow.subarray(resources.from, resources.to),
    scopeStart: shifted(layout.scopeStart, scopes.from, scopes.to, spans.from),
    scopeRow: layout.scopeRow.subarray(scopes.from, scopes.to),
  };
}

function firstSpan({ traceStart, resourceStart, scopeStart }: TraceLayout, trace: number): number {
  return scopeStart[resourceStart[traceStart[trace]!]!]!;
}

function shifted(starts: Int32Array, from: number, to: number, by: number): Int32Array {
  return starts.slice(from, to + 1).map((start) => start - by);
}
