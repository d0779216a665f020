// Where a block is cut into row groups: ranges of traces of about the wanted number of spans, and none
// larger than may be by the peer's estimate of bytes, which is far from the bytes of the file.
// Rules: a trace is never cut; groups are of about equal numbers of spans, so that no small rest
// remains; where bytes cut earlier, they cut as the peer does, once a group has passed the limit.

import type { AttributeColumns } from "../../model/attribute_columns.ts";
import type { OwnColumns } from "../../model/own_columns.ts";
import type { SpanColumns } from "../../model/span_columns.ts";
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

/** The same ends and more, so that no group passes the limit by more than its last trace. */
export function endsWithin(
  bytesMax: number,
  columns: SpanColumns,
  layout: TraceLayout,
  ends: readonly number[],
): readonly number[] {
  if (largestEstimate(columns, layout) <= bytesMax) return ends;
  const estimate = new SizeEstimate(columns, layout);
  const cut: number[] = [];
  let trace = 0;
  for (const end of ends) {
    let bytes = 0;
    while (trace < end) {
      bytes += estimate.ofTrace(trace++);
      if (bytes <= bytesMax && trace < end) continue;
      cut.push(trace);
      bytes = 0;
    }
  }
  return cut;
}

/** What a thing weighs besides its attributes and ids, and an attribute, in the peer's estimate. */
export const WEIGHTS = {
  trace: 7 + 16,
  resource: 31,
  scope: 6,
  span: 45,
  event: 14,
  link: 5,
  attribute: 7,
  spanId: 8,
  traceId: 16,
} as const;

/** Not less than the estimate of everything, without looking at every span. */
function largestEstimate(columns: SpanColumns, layout: TraceLayout): number {
  const { resources, scopes, events, links } = columns;
  // Resources and scopes are listed again for every trace that has them.
  const perResource = WEIGHTS.resource + WEIGHTS.attribute * longest(resources);
  const perScope = WEIGHTS.scope + WEIGHTS.attribute * longest(scopes);
  return layout.traces.length * WEIGHTS.trace +
    layout.resourceRow.length * perResource + layout.scopeRow.length * perScope +
    columns.length * (WEIGHTS.span + 2 * WEIGHTS.spanId) +
    events.length * WEIGHTS.event +
    links.length * (WEIGHTS.link + WEIGHTS.traceId + WEIGHTS.spanId) +
    [columns, events, links].reduce(
      (bytes, { attributes }) => bytes + WEIGHTS.attribute * attributes.length,
      0,
    );
}

interface ListOwners {
  readonly length: number;
  readonly attributeStart: Int32Array;
  readonly attributes: AttributeColumns;
  readonly own?: OwnColumns;
}

function longest({ length, attributeStart }: ListOwners): number {
  let most = 0;
  for (let row = 0; row < length; row++) {
    most = Math.max(most, attributeStart[row + 1]! - attributeStart[row]!);
  }
  return most;
}

class SizeEstimate {
  constructor(readonly columns: SpanColumns, readonly layout: TraceLayout) {}

  ofTrace(trace: number): number {
    const { columns, layout } = this;
    const { traceStart, resourceStart, scopeStart } = layout;
    let bytes = WEIGHTS.trace;
    for (let i = traceStart[trace]!; i < traceStart[trace + 1]!; i++) {
      bytes += WEIGHTS.resource + attributesOf(columns.resources, layout.resourceRow[i]!);
      for (let k = resourceStart[i]!; k < resourceStart[i + 1]!; k++) {
        bytes += WEIGHTS.scope + attributesOf(columns.scopes, layout.scopeRow[k]!);
        for (let at = scopeStart[k]!; at < scopeStart[k + 1]!; at++) {
          bytes += this.#ofSpan(layout.order[at]!);
        }
      }
    }
    return bytes;
  }

  #ofSpan(row: number): number {
    const { columns } = this;
    const { parentId, events, eventStart, links, linkStart } = columns;
    const hasParent = (parentId[row * 2]! | parentId[row * 2 + 1]!) !== 0;
    let bytes = WEIGHTS.span + WEIGHTS.spanId + (hasParent ? WEIGHTS.spanId : 0) +
      attributesOf(columns, row);
    for (let i = eventStart[row]!; i < eventStart[row + 1]!; i++) {
      bytes += WEIGHTS.event + attributesOf(events, i);
    }
    for (let i = linkStart[row]!; i < linkStart[row + 1]!; i++) {
      bytes += WEIGHTS.link + WEIGHTS.traceId + WEIGHTS.spanId + attributesOf(links, i);
    }
    return bytes;
  }
}

/** Of the ordinary list only: those with a column of their own weigh nothing. */
function attributesOf({ attributeStart }: ListOwners, row: number): number {
  return WEIGHTS.attribute * (attributeStart[row + 1]! - attributeStart[row]!);
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
