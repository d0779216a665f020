// The query frontend: one question in, one merged answer out.
// Rule: an answer is complete for live data and listed blocks, or it says so, or it fails.
import type {
  MetricsAnswer,
  MetricsRequest,
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
  /** Undefined if no place knows the trace. */
  findTrace(
    tenant: string,
    traceId: Uint8Array,
    signal: AbortSignal,
  ): Promise<FoundTrace | undefined>;
}
