// One compaction: blocks are merged into one, and then marked as compacted.
// Rule: at every moment each span is visible in one block: the output's meta.json says which blocks it
// takes the place of. Marking them is for readers that do not look there, as Tempo's. Whatever is
// interrupted before is repeated from the start. The output has a
// new id each time: two processes that merge the same blocks must not write over each other's bytes.
//
//   look at inputs ─▶ merge ─▶ look again ─▶ output's meta.json ─▶ mark inputs, one by one
//        └ one is gone, or flagged ┘ nothing is done, nothing is left behind

import { UnavailableError } from "../../lib/errors.ts";
import type { Runtime } from "../../lib/runtime.ts";
import { type BlockMeta, metaKey, noCompactKey } from "../../model/block_meta.ts";
import { mergeBlocks, type MergeRequest, type MergeResult } from "../block/merge_blocks.ts";
import { markCompacted, readIfAny } from "../block_end.ts";
import type { ObjectStore } from "../store/object_store.ts";
import { withGuardedCommit } from "./guarded_commit.ts";

export type CompactRequest = Omit<MergeRequest, "blockId"> & {
  /** How far the clock that judges retention is ahead of this one: it is the one that marks. */
  readonly aheadMs: number;
};

/** These are not to be compacted: the block list is behind. */
export interface StaleInputs {
  readonly kind: "stale";
  readonly gone: readonly string[];
  readonly flagged: readonly string[];
}

export type CompactOutcome =
  | {
    readonly kind: "compacted";
    readonly output: BlockMeta;
    readonly merged: Omit<MergeResult, "meta">;
  }
  | StaleInputs;

export async function compact(
  runtime: Pick<Runtime, "clock" | "random" | "log">,
  store: ObjectStore,
  request: CompactRequest,
  pause: () => Promise<void>,
  signal: AbortSignal,
): Promise<CompactOutcome> {
  const { tenant, inputs, aheadMs } = request;
  const stale = await staleInputs(store, request, signal);
  if (stale !== undefined) return stale;

  const blockId = runtime.random.uuid();
  const result = await withGuardedCommit(
    store,
    { tenant, blockId },
    () => staleInputs(store, request, signal),
    (guarded) => mergeBlocks(guarded, { ...request, blockId }, pause, signal),
    signal,
  );
  if ("kind" in result) return result;
  const { meta: output, ...merged } = result;
  for (const input of inputs) {
    try {
      signal.throwIfAborted();
      await markCompacted(store, input, runtime.clock.now() + aheadMs, signal);
    } catch (error) {
      if (!(error instanceof UnavailableError)) throw error;
      // Its meta.json no longer counts; whoever finds it in the block list marks it.
      runtime.log.warn("a merged block is to be marked later", {
        tenant,
        block: input.blockID,
        error: error.message,
      });
    }
  }
  return { kind: "compacted", output, merged };
}

async function staleInputs(
  store: ObjectStore,
  { tenant, inputs }: CompactRequest,
  signal: AbortSignal,
): Promise<StaleInputs | undefined> {
  const gone: string[] = [];
  const flagged: string[] = [];
  for (const { blockID } of inputs) {
    if (await readIfAny(store, metaKey(tenant, blockID), signal) === undefined) gone.push(blockID);
    const flag = await readIfAny(store, noCompactKey(tenant, blockID), signal);
    if (flag !== undefined) flagged.push(blockID);
  }
  return gone.length + flagged.length > 0 ? { kind: "stale", gone, flagged } : undefined;
}
