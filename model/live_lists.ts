// The first events and links of growing columns, each with its span.

import type { SpanColumns } from "./span_columns.ts";
import type { EventColumnsView, LinkColumnsView } from "./span_view.ts";

const WORD = 4294967296;

export function eventColumns(
  { events, eventStart, startUnixNano, strings }: SpanColumns,
  length: number,
): EventColumnsView {
  const spans = ownersOf(eventStart, length);
  const sinceStartNano = new Float64Array(length);
  for (let i = 0; i < length; i++) {
    const span = spans[i]!;
    sinceStartNano[i] = (events.timeUnixNano[i * 2 + 1]! - startUnixNano[span * 2 + 1]!) * WORD +
      (events.timeUnixNano[i * 2]! - startUnixNano[span * 2]!);
  }
  const names = { codes: events.name.subarray(0, length), strings };
  return { length, spans, names, sinceStartNano };
}

export function linkColumns(
  { links, linkStart }: SpanColumns,
  length: number,
): LinkColumnsView {
  return {
    length,
    spans: ownersOf(linkStart, length),
    traceIdWords: links.traceId.subarray(0, length * 4),
    spanIdWords: links.spanId.subarray(0, length * 2),
  };
}

function ownersOf(start: Int32Array, length: number): Int32Array {
  const ownerOf = new Int32Array(length);
  let owner = 0;
  for (let i = 0; i < length; i++) {
    while (start[owner + 1]! <= i) owner++;
    ownerOf[i] = owner;
  }
  return ownerOf;
}
