// The door of storage: blocks, written and read, and the stores they lie in.
export { writeBlock, type WriteBlockRequest } from "./block/block_writer.ts";
export {
  type BlockOptions,
  blockOptionsOf,
  SPANS_PER_ROW_GROUP,
  SPANS_PER_ROW_GROUP_IN_BUCKETS,
} from "./block/block_options.ts";
export { type BloomOptions, defaultBloom } from "./block/bloom.ts";
export { mergeBlocks, type MergeRequest, type MergeResult } from "./block/merge_blocks.ts";
export {
  type RemovedTraces,
  rewriteBlock,
  type RewriteOutcome,
  type RewriteRequest,
} from "./block/rewrite_block.ts";
export type { CodecName } from "./parquet/compress.ts";

export {
  Block,
  type BlockRowGroup,
  type CacheWatch,
  mayHoldTrace,
  openBlock,
} from "./block/block.ts";
export { BloomProbe } from "./block/bloom.ts";
export { BlockCache } from "./block/block_cache.ts";
export {
  type CachesConfig,
  openCaches,
  type RoleCaches,
  type SecondTierConfig,
} from "./cache/open_caches.ts";
export type { CacheCodec, RoleCache } from "./cache/role_cache.ts";
export type { TimeBounds } from "./block/time_bounds.ts";
export { type BytesByRole, CACHE_ROLES, type CacheRole } from "./cache/roles.ts";
export { BlockView } from "./block/block_view.ts";

export { compact, type CompactOutcome, type CompactRequest } from "./compaction/compact.ts";
export { withGuardedCommit } from "./compaction/guarded_commit.ts";
export {
  type CompactionJob,
  type CompactionRules,
  outstandingBlocks,
  overlappingOutputs,
  planCompaction,
} from "./compaction/plan.ts";
export { deleteBlock, markCompacted, readIfAny } from "./block_end.ts";
export { type Leftover, type LeftoverKind, Leftovers, sweepLeftover } from "./leftovers.ts";
export { planRetention, type RetentionPlan, type RetentionRules } from "./retention.ts";

export {
  addAnalyses,
  analyseBlock,
  type BlockAnalysis,
  type ScopedUse,
} from "./inspect/analyse_block.ts";
export { type ColumnEntry, type ColumnPart, readColumnPart } from "./inspect/column_part.ts";
export {
  type BlockDescription,
  type ChunkDescription,
  type ColumnDescription,
  describeBlock,
} from "./inspect/describe_block.ts";
export type { SchemaNode } from "./inspect/footer_details.ts";
export {
  columnBytes,
  defaultSuggestRules,
  isBlob,
  suggestColumns,
  type SuggestedColumn,
  type SuggestRules,
} from "./inspect/suggest_columns.ts";
export {
  type BlockProblem,
  type VerifiedBlock,
  verifyBlock,
  type VerifyOptions,
} from "./inspect/verify_block.ts";

export {
  BlockList,
  type BlockListOptions,
  type IndexRole,
  type PollPatience,
} from "./block_list.ts";
export type { TenantBlocks } from "./tenant_blocks.ts";
export {
  type ReadTenantIndex,
  readTenantIndex,
  type TenantIndex,
  writeTenantIndex,
} from "./tenant_index/tenant_index.ts";
export { parseBlockMeta } from "./meta_json.ts";

export { LocalObjectStore } from "./store/local.ts";
export { MemoryObjectStore, type StoreFault } from "./store/memory.ts";
export {
  type ByteRange,
  ExistsError,
  type Listing,
  type ObjectInfo,
  type ObjectStore,
  type ObjectWriter,
  type WriteOptions,
} from "./store/object_store.ts";
export { openStore, type StoreConfig, versionsOf } from "./store/open.ts";
export { type Versioned, type VersionedStore, VersionError } from "./store/versioned.ts";
