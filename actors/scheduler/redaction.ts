// Redaction: which blocks of a batch are looked through next, and when the batch is done.
//
//   look ─▶ a job per live block not yet examined ─▶ all ended ─▶ rescan_delay ─▶ look …
//        └ a rescan that finds none of it, passes over no block and fails in none: done
//
// Rules: a block counts as examined once a worker has been through it; what compaction or ingest writes
// meanwhile is a new block, and found by the next look; after so many rescans the batch is given up,
// loudly, with what it has found removed.
import type { BlockMeta } from "../../model/block_meta.ts";
import type { RedactionWish } from "./job.ts";
import type { BatchRecord } from "./work_state.ts";

export interface Look {
  /** Blocks to be looked through. */
  readonly blocks: readonly BlockMeta[];
  /** Of those, how many are in other jobs and have to wait for the next look. */
  readonly passedOver: number;
}

export function lookThrough(
  batch: BatchRecord,
  live: readonly BlockMeta[],
  isBusy: (blockId: string) => boolean,
): Look {
  const wanted = live.filter((meta) =>
    !batch.examined.has(meta.blockID) && overlaps(meta, batch.wish)
  );
  const blocks = wanted.filter(({ blockID }) => !isBusy(blockID));
  return { blocks, passedOver: wanted.length - blocks.length };
}

export type BatchStep = "wait" | "look" | "done" | "give_up";

/** `openJobs`: of the batch, that have not ended. */
export function nextStep(
  batch: BatchRecord,
  openJobs: number,
  nowMs: number,
  rescansMax: number,
): BatchStep {
  if (openJobs > 0) return "wait";
  // What is still live when the batch opens is in a block by the first rescan, so there is always one.
  if (batch.generation > 0 && batch.openEnds === 0) return "done";
  if (batch.wish.mode === "dry_run" && batch.generation === 0 && batch.openEnds === batch.traces) {
    return "done";
  }
  if (nowMs < batch.lookMs) return "wait";
  return batch.generation >= rescansMax ? "give_up" : "look";
}

export function overlaps(
  { startTime, endTime }: Pick<BlockMeta, "startTime" | "endTime">,
  { startSeconds, endSeconds }: RedactionWish,
): boolean {
  if (startSeconds === 0 && endSeconds === 0) return true;
  return Date.parse(startTime) <= endSeconds * 1000 && Date.parse(endTime) >= startSeconds * 1000;
}
