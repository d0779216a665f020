// What stages of a pipeline pass on: the spans of each trace, in one set or, after `by`, in several.
// One set per trace is only a list of rows; sets with attributes are objects, of which there are as
// many as groups.

import type { SpanView } from "../../model/span_view.ts";
import type { StaticValue } from "../traceql/mod.ts";
import type { Rows } from "./row_lists.ts";

export interface SetAttribute {
  readonly key: string;
  /** None is nil. */
  readonly values: readonly StaticValue[];
}

export interface SpanSet {
  readonly trace: number;
  /** Never empty. */
  readonly rows: Rows;
  readonly attributes: readonly SetAttribute[];
}

/** One set for every trace with a row in it; undefined rows are all spans. */
export interface PlainSets {
  readonly node: "plain";
  readonly rows: Rows | undefined;
}

/** Sets of one trace stand together. */
export interface GroupedSets {
  readonly node: "grouped";
  readonly sets: readonly SpanSet[];
}

export type SpanSets = PlainSets | GroupedSets;

/** The same sets, one object each, traces in order of their first row. */
export async function grouped(view: SpanView, sets: SpanSets): Promise<GroupedSets> {
  if (sets.node === "grouped") return sets;
  const traceOfSpan = await view.traceOfSpan();
  const { length } = await view.traces();
  const byTrace = rowsByTrace(traceOfSpan, length, sets.rows);
  return {
    node: "grouped",
    sets: byTrace.map(({ trace, rows }) => ({ trace, rows, attributes: [] })),
  };
}

/** All rows of the sets, ascending. */
export function rowsOf(sets: GroupedSets): Rows {
  let length = 0;
  for (const set of sets.sets) length += set.rows.length;
  const rows = new Int32Array(length);
  let at = 0;
  for (const set of sets.sets) {
    rows.set(set.rows, at);
    at += set.rows.length;
  }
  return rows.sort();
}

/** A stable counting sort: rows of each trace, ascending. */
export function rowsByTrace(
  traceOfSpan: Int32Array,
  traceCount: number,
  rows: Rows | undefined,
): { trace: number; rows: Rows }[] {
  const count = rows === undefined ? traceOfSpan.length : rows.length;
  const ends = new Int32Array(traceCount);
  const order: number[] = [];
  for (let i = 0; i < count; i++) {
    const trace = traceOfSpan[rows === undefined ? i : rows[i]!]!;
    if (ends[trace]!++ === 0) order.push(trace);
  }
  const sizes = order.map((trace) => ends[trace]!);
  const sorted = new Int32Array(count);
  const starts: number[] = [];
  let start = 0;
  order.forEach((trace, i) => {
    starts.push(start);
    ends[trace] = start;
    start += sizes[i]!;
  });
  for (let i = 0; i < count; i++) {
    const row = rows === undefined ? i : rows[i]!;
    sorted[ends[traceOfSpan[row]!]!++] = row;
  }
  return order.map((trace, i) => ({
    trace,
    rows: sorted.subarray(starts[i]!, starts[i]! + sizes[i]!),
  }));
}
