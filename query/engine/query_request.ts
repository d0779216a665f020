// The questions that a query job asks of some spans, and the partial answers.
// All of it is plain data that may cross threads and processes; answers of several views merge with
// `mergeAnswers`, which is commutative and associative.

import type { MetricsAnswer, MetricsRequest } from "./metrics/metrics_answer.ts";

/** What every question may say. */
export interface RequestBounds {
  /** Of memory that one answer in the making may take, in each place where one is made. */
  readonly memoryBytesMax?: number;
  /** Of blocks that may be read, as footers say before anything is; not given or 0: no bound. */
  readonly readBytesMax?: number;
  /** Of live data, if given: spans of no other partitions, and all of these. */
  readonly onlyPartitions?: readonly number[];
  /** If given, nothing else is looked at, live data neither. */
  readonly blockJob?: BlockJob;
  /** Whether the answer is to say how it came about. */
  readonly isExplained?: boolean;
}

/** Not infinite, for requests cross processes as JSON. */
export const ALL_ROW_GROUPS = Number.MAX_SAFE_INTEGER;

/** A piece of a question: some row groups of one block. */
export interface BlockJob {
  readonly blockId: string;
  readonly fromRowGroup: number;
  /** The first that is none of its; `ALL_ROW_GROUPS`: to the end. */
  readonly toRowGroup: number;
}

export interface SearchRequest extends RequestBounds {
  readonly kind: "search";
  readonly tenant: string;
  /** TraceQL; already validated by whoever asks. */
  readonly query: string;
  readonly limit: number;
  readonly spansPerSpanSet: number;
  /** Unix seconds; a trace matches when it overlaps [start, end]. 0 and 0: no bound. */
  readonly startSeconds: number;
  readonly endSeconds: number;
  readonly mostRecent: boolean;
  /** If given, `mostRecent` is too: traces in a lasting order, those that come after a place in it. */
  readonly page?: SearchPage;
}

export interface SearchPage {
  /** Undefined: the first page. */
  readonly after: SearchPlace | undefined;
}

/** A place among traces by when they start, the latest first, and then by id. */
export interface SearchPlace {
  readonly startUnixNano: bigint;
  /** 32 hex digits. */
  readonly traceId: string;
}

export interface TagsRequest extends RequestBounds {
  readonly kind: "tags";
  readonly tenant: string;
  /** "" and "none" mean all. */
  readonly scope: string;
  /** A spanset filter that narrows, or "". */
  readonly query: string;
  readonly startSeconds: number;
  readonly endSeconds: number;
}

export interface TagValuesRequest extends RequestBounds {
  readonly kind: "tag_values";
  readonly tenant: string;
  /** A TraceQL identifier such as `span.http.method`, `.foo` or `name`. */
  readonly tag: string;
  readonly query: string;
  readonly startSeconds: number;
  readonly endSeconds: number;
  /** 0: no bound. */
  readonly limit: number;
  readonly bytesMax: number;
}

export type QueryRequest = SearchRequest | TagsRequest | TagValuesRequest | MetricsRequest;

/** OTLP AnyValue restricted to what results hold. */
export type ResultValue =
  | { readonly stringValue: string }
  | { readonly intValue: string }
  | { readonly doubleValue: number }
  | { readonly boolValue: boolean }
  | { readonly arrayValue: { readonly values: readonly ResultValue[] } };

export interface ResultAttribute {
  readonly key: string;
  readonly value: ResultValue;
}

export interface ResultSpan {
  /** 16 hex digits. */
  readonly spanId: string;
  readonly name: string | undefined;
  readonly startUnixNano: bigint;
  readonly durationNano: bigint;
  readonly attributes: readonly ResultAttribute[];
}

export interface ResultSpanSet {
  readonly spans: readonly ResultSpan[];
  /** Number of spans before truncation. */
  readonly matched: number;
  readonly attributes: readonly ResultAttribute[];
}

export interface ResultTrace {
  /** 32 hex digits. */
  readonly traceId: string;
  /** "" where no root was seen. */
  readonly rootServiceName: string;
  readonly rootTraceName: string;
  readonly startUnixNano: bigint;
  /** Of a page: the latest start of any part of the trace, for parts are put in order one by one. */
  readonly orderUnixNano?: bigint;
  readonly durationNano: bigint;
  readonly spanSets: readonly ResultSpanSet[];
  readonly serviceStats: Readonly<Record<string, { spanCount: number; errorCount: number }>>;
}

export interface QueryCost {
  readonly inspectedTraces: number;
  readonly inspectedSpans: number;
  readonly inspectedBytes: number;
}

export interface SearchAnswer extends QueryCost {
  readonly kind: "search";
  /** Newest start first, at most `limit`. */
  readonly traces: readonly ResultTrace[];
}

export interface TagsAnswer extends QueryCost {
  readonly kind: "tags";
  /** By scope: resource, span, event, link, instrumentation, intrinsic. */
  readonly scopes: Readonly<Record<string, readonly string[]>>;
}

export interface TagValue {
  readonly type: "string" | "int" | "float" | "bool" | "duration" | "keyword";
  readonly value: string;
}

export interface TagValuesAnswer extends QueryCost {
  readonly kind: "tag_values";
  readonly values: readonly TagValue[];
}

export type QueryAnswer = SearchAnswer | TagsAnswer | TagValuesAnswer | MetricsAnswer;

export type AnswerOf<R extends QueryRequest> = R extends SearchRequest ? SearchAnswer
  : R extends TagsRequest ? TagsAnswer
  : R extends MetricsRequest ? MetricsAnswer
  : TagValuesAnswer;
