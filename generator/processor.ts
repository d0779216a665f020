// What a tenant's generator asks of those that make metrics of spans.

import type { SpanColumns } from "../model/span_columns.ts";
import type { Demand } from "./demand.ts";
import type { FieldsOfSpans } from "./record_columns.ts";

export interface Processor extends Disposable {
  /** Of the registry; when a processor goes, so do its metrics. */
  readonly metrics: readonly string[];
  readonly demand: Demand;
  /** Of spans, that it makes something of. */
  readonly fields: FieldsOfSpans;
  /** Spans that were turned away, by reason. */
  readonly discarded: Discarded;
  push(record: PassedSpans, nowMs: number): void;
  /** Time goes on without spans. */
  tick(nowMs: number): void;
}

/** The spans of a record that are near enough to now. */
export interface PassedSpans {
  readonly spans: SpanColumns;
  /** By row, of the span's message. */
  readonly spanBytes: Int32Array;
  readonly rows: Int32Array;
  readonly length: number;
}

export interface Discarded {
  filtered: number;
  invalidText: number;
}

/** What a kind of span is instead of a number of its own. */
export const FILTERED = -1;
export const INVALID_TEXT = -2;
