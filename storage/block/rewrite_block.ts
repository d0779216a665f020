// Writes a block anew without some of its traces, or as it is, to bring it into another format.
// Rules: the format stays what it is unless another is asked for; traces go as a whole; the new block names the one it replaces, which is not touched, for whoever
// asked marks it as compacted; what was left out is told exactly, it is the receipt of a redaction;
// where nothing would change or nothing would remain, nothing is written.

import type { BlockFormat, BlockMeta, DedicatedColumnMeta } from "../../model/block_meta.ts";
import type { ObjectStore } from "../store/object_store.ts";
import { type Block, openBlock } from "./block.ts";
import { BlockCache } from "./block_cache.ts";
import { type BlockOptions, blockOptionsOf } from "./block_options.ts";
import { composeBlock } from "./compose_block.ts";
import { dedicatedOfBlock } from "./dedicated_columns.ts";
import { MERGE_CACHE_BYTES } from "./merge_blocks.ts";
import { DROPPED, idText, planMerge } from "./merge_plan.ts";

export interface RewriteRequest extends BlockOptions {
  readonly input: BlockMeta;
  /** Of the new block. */
  readonly blockId: string;
  /** Traces to leave out, as 32 hex digits, lower case; none: the block is only written anew. */
  readonly dropTraceIds: ReadonlySet<string>;
  /** Those of the input, if not said otherwise. */
  readonly dedicatedColumns?: readonly DedicatedColumnMeta[];
  /** That of the input, if not said otherwise. */
  readonly format?: BlockFormat;
}

/** What a rewritten block no longer has. */
export interface RemovedTraces {
  /** As 32 hex digits, ascending. */
  readonly traceIds: readonly string[];
  readonly spans: number;
}

export type RewriteOutcome =
  | {
    readonly kind: "rewritten";
    readonly meta: BlockMeta;
    readonly spans: number;
    readonly removed: RemovedTraces;
  }
  /** The block has none of the traces. */
  | { readonly kind: "untouched" }
  /** The block has no others: it is to be marked as compacted, and has no successor. */
  | { readonly kind: "emptied"; readonly removed: RemovedTraces };

export async function rewriteBlock(
  store: ObjectStore,
  request: RewriteRequest,
  pause: () => Promise<void>,
  signal: AbortSignal,
): Promise<RewriteOutcome> {
  signal.throwIfAborted();
  const { input, blockId, dropTraceIds } = request;
  const block = await openBlock(store, input, new BlockCache(MERGE_CACHE_BYTES));
  const { removed, remaining } = await divide(block, request, pause, signal);
  if (dropTraceIds.size > 0 && removed.traceIds.length === 0) return { kind: "untouched" };
  if (remaining === 0) return { kind: "emptied", removed };
  const { tenantID, startTime, endTime, compactionLevel, replicationFactor } = input;
  const { meta, spans } = await composeBlock(
    store,
    [block],
    {
      ...blockOptionsOf(request),
      bytesPerTraceMax: 0,
      dropTraceIds,
      identity: {
        format: request.format ?? dedicatedOfBlock(input).format,
        blockID: blockId,
        tenantID,
        startTime,
        endTime,
        compactionLevel,
        dedicatedColumns: request.dedicatedColumns ?? input.dedicatedColumns ?? [],
        replicationFactor,
        replaces: [input.blockID],
      },
    },
    pause,
    signal,
  );
  return { kind: "rewritten", meta, spans, removed };
}

/** Which traces would go, and how many would stay: ids and levels of one small column tell. */
async function divide(
  block: Block,
  { dropTraceIds, spansPerRowGroup }: RewriteRequest,
  pause: () => Promise<void>,
  signal: AbortSignal,
): Promise<{ removed: RemovedTraces; remaining: number }> {
  const traceIds: string[] = [];
  let spans = 0;
  let remaining = 0;
  const plans = planMerge([block], { spansPerRowGroup, dropTraceIds, isCopied: () => true });
  for await (const { ranges } of plans) {
    for (const { input, from, trace } of ranges) {
      for (const [i, number] of trace.entries()) {
        if (number !== DROPPED) {
          remaining++;
          continue;
        }
        traceIds.push(idText(input.ids, from + i));
        spans += input.spanCounts[from + i]!;
      }
    }
    await pause();
    signal.throwIfAborted();
  }
  return { removed: { traceIds, spans }, remaining };
}
