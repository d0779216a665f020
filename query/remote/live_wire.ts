// What queriers and live-stores say to each other: methods, and what crosses as pieces of an answer
// (query/querier/answer_pieces.ts).
// Rule: an answer says of each of its partitions how far it goes; a stream that ends before its last piece
// is no answer.
import type { QueryRequest } from "../engine/mod.ts";

export const LIVE_STORE = "/segno.LiveStore";
export const LIVE_QUERY = `${LIVE_STORE}/Query`;
export const LIVE_FIND_TRACE = `${LIVE_STORE}/FindTrace`;
export const LIVE_STATUS = `${LIVE_STORE}/Status`;

/** How far a partition's spans are in every answer that is asked for from now on. */
export interface Watermark {
  readonly partition: number;
  /** All records before it. */
  readonly nextOffset: number;
  /** All that was acknowledged before; Unix milliseconds. */
  readonly completeToMs: number;
}

export interface LiveQuery {
  readonly partitions: readonly number[];
  readonly request: QueryRequest;
}

export interface LiveFind {
  readonly partitions: readonly number[];
  readonly tenant: string;
  readonly traceId: Uint8Array;
}

/** Answers, or bytes of traces; watermarks as they were before the question was asked. */
export interface LiveReply<T> {
  readonly found: readonly T[];
  readonly watermarks: readonly Watermark[];
}

export interface LiveStatus {
  readonly watermarks: readonly Watermark[];
  /** Why questions are refused now. */
  readonly refusal: string | undefined;
}
