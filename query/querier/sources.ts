// Where the querier finds spans. Interfaces owned by the caller: `actors` answers for live data,
// `query/querier` itself for blocks, and `cmd/wire.ts` joins them.
import type { BlockMeta } from "../../model/block_meta.ts";
import type { AnswerOf, QueryRequest } from "../engine/mod.ts";
import type { ExplainedBlock } from "./explain.ts";

/** Live data of every partition this process may ask. */
export interface LiveSource {
  /** Partial answers, one per partition; rejects rather than leave a partition out in silence. */
  query<R extends QueryRequest>(request: R, signal: AbortSignal): Promise<AnswerOf<R>[]>;
  /** TracesData bytes of all live spans of a trace, one per place that has some. */
  findTrace(tenant: string, traceId: Uint8Array, signal: AbortSignal): Promise<Uint8Array[]>;
}

export interface BlockQueryStats {
  readonly totalBlocks: number;
  readonly totalJobs: number;
  readonly completedJobs: number;
  readonly totalBlockBytes: number;
}

export interface BlockAnswer<R extends QueryRequest> {
  readonly answer: AnswerOf<R>;
  readonly stats: BlockQueryStats;
  /** Those that were asked. */
  readonly blockIds: readonly string[];
  /** Of a question that is explained. */
  readonly explained?: ExplainedBlocks;
}

export interface ExplainedBlocks {
  /** What footers said would be read; undefined where nobody asked. */
  readonly estimatedBytes: number | undefined;
  readonly blocks: readonly ExplainedBlock[];
  readonly ms: number;
}

/** Of a question on blocks, for those who want to hear of its parts. */
export interface BlockProgress<R extends QueryRequest> {
  /** Which blocks are asked, newest first. Told again when some were gone and a new list is asked. */
  began(blocks: readonly BlockMeta[]): void;
  /** What some of them answer; each is told of once, unless it need not be asked any more. */
  answered(answer: AnswerOf<R>, blocks: readonly BlockMeta[]): void;
}

export interface BlockSource {
  query<R extends QueryRequest>(
    request: R,
    signal: AbortSignal,
    progress?: BlockProgress<R>,
  ): Promise<BlockAnswer<R>>;
  findTrace(
    tenant: string,
    traceId: Uint8Array,
    signal: AbortSignal,
  ): Promise<{ traces: Uint8Array[]; inspectedBytes: number; failedBlocks: readonly string[] }>;
}
