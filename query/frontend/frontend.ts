// The query frontend: one question in, one merged answer out.
// Rule: an answer is complete for live data and listed blocks, or it says so, or it fails.
import type {
  AnswerOf,
  MetricsAnswer,
  MetricsRequest,
  QueryRequest,
  SearchAnswer,
  SearchRequest,
  TagsAnswer,
  TagsRequest,
  TagValuesAnswer,
  TagValuesRequest,
} from "../engine/mod.ts";
import type { BlockQueryStats, ExplainedBlocks } from "../querier/mod.ts";

export interface Answered<A> {
  readonly answer: A;
  readonly stats: BlockQueryStats;
  /** Of a question that is explained; one for each tenant. */
  readonly explained?: readonly Explained[];
}

/** How an answer came about. */
export interface Explained {
  readonly tenant: string;
  /** Milliseconds that live data, blocks and the whole took. */
  readonly liveMs: number;
  readonly blocksMs: number;
  readonly totalMs: number;
  readonly blocks: ExplainedBlocks | undefined;
}

/** What is known so far of an answer that is still growing. */
export interface Growing<A> extends Answered<A> {
  /** Whatever happened at this time or later has been looked at; 0 in the last one. */
  readonly completeFromMs: number;
  readonly isLast: boolean;
}

export interface FoundTrace {
  /** One TracesData message: spans of all places, deduplicated by (span id, kind). */
  readonly otlp: Uint8Array;
  readonly spanCount: number;
  readonly inspectedBytes: number;
  /** Not empty where something is missing: why. */
  readonly partialBecause: string;
}

export interface Frontend {
  search(request: SearchRequest, signal: AbortSignal): Promise<Answered<SearchAnswer>>;
  tags(request: TagsRequest, signal: AbortSignal): Promise<Answered<TagsAnswer>>;
  tagValues(request: TagValuesRequest, signal: AbortSignal): Promise<Answered<TagValuesAnswer>>;
  /** Each span that is acknowledged before is counted exactly once, wherever it is by then. */
  metrics(request: MetricsRequest, signal: AbortSignal): Promise<Answered<MetricsAnswer>>;
  /**
   * The answer as it grows: each is all that is known by then, the last one what the question would
   * have been answered without streaming. At least one. Who does not take them at once gets fewer.
   */
  grow<R extends QueryRequest>(
    request: R,
    signal: AbortSignal,
  ): AsyncIterable<Growing<AnswerOf<R>>>;
  /** Undefined if no place knows the trace. */
  findTrace(
    tenant: string,
    traceId: Uint8Array,
    signal: AbortSignal,
  ): Promise<FoundTrace | undefined>;
}
