// Merges blocks of one tenant into one: every trace once, every span once.
// Rules: the output's meta.json comes last and names the blocks it replaces; nothing is done to those.
// How: compose_block.ts. Measure: bench/merge_blocks.ts.

import type { BlockMeta } from "../../model/block_meta.ts";
import type { ObjectStore } from "../store/object_store.ts";
import { openBlock } from "./block.ts";
import { BlockCache } from "./block_cache.ts";
import { type BlockOptions, blockOptionsOf } from "./block_options.ts";
import { dedicatedOfBlock } from "./dedicated_columns.ts";
import { composeBlock, type ComposeCounts } from "./compose_block.ts";

export interface MergeRequest extends BlockOptions {
  readonly tenant: string;
  readonly blockId: string;
  /** Of one tenant, of one format, with the same dedicated columns; see storage/compaction/plan.ts. */
  readonly inputs: readonly BlockMeta[];
  /** 0: no limit. */
  readonly bytesPerTraceMax: number;
}

export interface MergeResult extends ComposeCounts {
  readonly meta: BlockMeta;
}

/** Footers, dictionaries and page places of the row groups being read. */
export const MERGE_CACHE_BYTES = 48 << 20;

export async function mergeBlocks(
  store: ObjectStore,
  request: MergeRequest,
  pause: () => Promise<void>,
  signal: AbortSignal,
): Promise<MergeResult> {
  signal.throwIfAborted();
  const { inputs, bytesPerTraceMax } = request;
  const cache = new BlockCache(MERGE_CACHE_BYTES);
  const blocks = await Promise.all(inputs.map((meta) => openBlock(store, meta, cache)));
  const { format, columns } = dedicatedOfBlock(inputs[0]!);
  const identity = {
    format,
    blockID: request.blockId,
    tenantID: request.tenant,
    startTime: earliest(inputs.map(({ startTime }) => startTime)),
    endTime: latest(inputs.map(({ endTime }) => endTime)),
    compactionLevel: Math.max(...inputs.map((input) => input.compactionLevel)) + 1,
    dedicatedColumns: columns,
    replicationFactor: inputs[0]!.replicationFactor,
    replaces: inputs.map(({ blockID }) => blockID),
  };
  const dropTraceIds = new Set<string>();
  return await composeBlock(
    store,
    blocks,
    { ...blockOptionsOf(request), bytesPerTraceMax, dropTraceIds, identity },
    pause,
    signal,
  );
}

const byTime = (a: string, b: string) => Date.parse(a) - Date.parse(b);
const earliest = (times: string[]) => times.sort(byTime)[0]!;
const latest = (times: string[]) => times.sort(byTime).at(-1)!;
