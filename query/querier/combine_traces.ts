// The parts of one trace, found in several places, as one TracesData: each span once, resources and
// scopes joined, spans by start and id within their scope, groups by their first span.
// Rule: nothing that differs is dropped. Between parts a span is known by (span id, kind), for copies
// of one span may differ by what a receiver cut; within a part only a span that was sent twice, equal in
// times, name and parent too, counts as a copy.
import { dedicatedAttributes } from "../../model/dedicated_attributes.ts";
import { OtlpDecoder } from "../../model/otlp_decode.ts";
import { encodeSpans } from "../../model/otlp_encode.ts";
import { SpanColumns } from "../../model/span_columns.ts";
import { separateZipkinPairs } from "./zipkin_pairs.ts";

export interface CombinedTrace {
  readonly otlp: Uint8Array<ArrayBuffer>;
  readonly spanCount: number;
}

/** Without dedicated columns attributes stay in the order they have. */
const NOTHING_DEDICATED = dedicatedAttributes([]);

export function combineTraces(parts: readonly Uint8Array[]): CombinedTrace {
  const columns = new SpanColumns(NOTHING_DEDICATED);
  const decoder = new OtlpDecoder(columns);
  const partEnds = parts.map((part) => {
    decoder.decode(part);
    return columns.length;
  });
  const rows = distinctSpans(columns, partEnds);
  separateZipkinPairs(columns, rows);
  const otlp = encodeSpans(columns, inOrder(columns, rows));
  return { otlp: otlp as Uint8Array<ArrayBuffer>, spanCount: rows.length };
}

/**
 * If several parts have spans of one (id, kind), they are those of the part that has most of them:
 * so the result does not depend on the order of the parts.
 */
function distinctSpans(columns: SpanColumns, partEnds: readonly number[]): Int32Array {
  const best = new Map<string, { readonly part: number; readonly rows: number[] }>();
  let row = 0;
  for (const [part, end] of partEnds.entries()) {
    const found = new Map<string, number[]>();
    for (; row < end; row++) {
      const key = `${columns.spanId[row * 2]} ${columns.spanId[row * 2 + 1]} ${columns.kind[row]}`;
      const known = found.get(key);
      if (known === undefined) found.set(key, [row]);
      else if (!known.some((other) => isSameSpan(columns, other, row))) known.push(row);
    }
    for (const [key, rows] of found) {
      const known = best.get(key);
      if (known === undefined || rows.length > known.rows.length) best.set(key, { part, rows });
    }
  }
  const rows: number[] = [];
  for (const { rows: kept } of best.values()) for (const kept1 of kept) rows.push(kept1);
  return Int32Array.from(rows).sort();
}

function isSameSpan(columns: SpanColumns, a: number, b: number): boolean {
  const { startUnixNano, durationNano, name, parentId, resource } = columns;
  return startUnixNano[a * 2] === startUnixNano[b * 2] &&
    startUnixNano[a * 2 + 1] === startUnixNano[b * 2 + 1] &&
    durationNano[a] === durationNano[b] && name[a] === name[b] && resource[a] === resource[b] &&
    parentId[a * 2] === parentId[b * 2] && parentId[a * 2 + 1] === parentId[b * 2 + 1];
}

/** Rows as they are written: by resource, scope, start, id, kind; groups where their first span is. */
function inOrder(columns: SpanColumns, rows: Int32Array): Int32Array {
  const compare = (a: number, b: number) => compareSpans(columns, a, b);
  const resources = new Map<number, Map<number, number[]>>();
  for (const row of rows) {
    const resource = columns.resource[row]!, scope = columns.scope[row]!;
    let scopes = resources.get(resource);
    if (scopes === undefined) resources.set(resource, scopes = new Map());
    const spans = scopes.get(scope);
    if (spans === undefined) scopes.set(scope, [row]);
    else spans.push(row);
  }
  const sorted = [...resources.values()].map((scopes) => {
    const groups = [...scopes.values()];
    for (const spans of groups) spans.sort(compare);
    return groups.sort((a, b) => compare(a[0]!, b[0]!));
  });
  sorted.sort((a, b) => compare(a[0]![0]!, b[0]![0]!));
  return Int32Array.from(sorted.flat(2));
}

function compareSpans(columns: SpanColumns, a: number, b: number): number {
  const { startUnixNano, spanId, kind } = columns;
  return startUnixNano[a * 2 + 1]! - startUnixNano[b * 2 + 1]! ||
    startUnixNano[a * 2]! - startUnixNano[b * 2]! ||
    compareBytes(spanId[a * 2]!, spanId[b * 2]!) ||
    compareBytes(spanId[a * 2 + 1]!, spanId[b * 2 + 1]!) || kind[a]! - kind[b]!;
}

/** Words whose bytes were read little-endian, as those bytes compare. */
function compareBytes(a: number, b: number): number {
  if (a === b) return 0;
  const shift = 31 - Math.clz32((a ^ b) & -(a ^ b)) & ~7; // of the first byte that differs
  return (a >>> shift & 0xff) - (b >>> shift & 0xff);
}
