// The querier: runs questions on blocks and on live data.
export { defaultJobOptions, type JobOptions } from "./block_jobs.ts";
export {
  BlockQuerier,
  defaultQuerierOptions,
  type ListedBlocks,
  type QuerierOptions,
} from "./block_querier.ts";
export { decodeAnswer, encodeAnswer } from "./answer_codec.ts";
export { Pieces, piecesOf } from "./answer_pieces.ts";
export { type CombinedTrace, combineTraces } from "./combine_traces.ts";
export { PooledScanner } from "./pooled_scanner.ts";
export { fixedScanners, type ScannerSet } from "./scanner_set.ts";
export type { FindResult, ScanResult } from "./block_scanner.ts";
export { type Scanner, ScanPool, type ScanPoolOptions } from "./scan_pool.ts";
export type { ExplainedBlock, ExplainedRowGroup } from "./explain.ts";
export type { CacheUse } from "./scan_messages.ts";
export { canStop } from "./early_exit.ts";
export type {
  BlockAnswer,
  BlockProgress,
  BlockQueryStats,
  BlockSource,
  ExplainedBlocks,
  LiveSource,
} from "./sources.ts";
