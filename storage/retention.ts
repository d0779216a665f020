// Which blocks of a tenant have had their time. A pure function of the block list and the time.
// Rule: a live block is first marked as compacted and deleted only later, so that no question that
// has begun loses what it reads.

import type { BlockMeta } from "../model/block_meta.ts";

export interface RetentionRules {
  /** A live block is kept for so long after its end; 0: for ever. */
  readonly liveMs: number;
  /** A compacted block is kept for so long after it was compacted. */
  readonly compactedMs: number;
}

export interface RetentionPlan {
  /** Live blocks to be marked as compacted. */
  readonly expired: readonly BlockMeta[];
  /** Compacted blocks to be deleted. */
  readonly deletable: readonly BlockMeta[];
}

/** `compactedSinceMs`: when a block was first seen to be compacted; Tempo does not write it down. */
export function planRetention(
  live: readonly BlockMeta[],
  compacted: readonly BlockMeta[],
  rules: RetentionRules,
  nowMs: number,
  compactedSinceMs: (meta: BlockMeta) => number,
): RetentionPlan {
  const { liveMs, compactedMs } = rules;
  return {
    expired: live.filter(({ endTime }) => liveMs > 0 && Date.parse(endTime) < nowMs - liveMs),
    deletable: compacted.filter((meta) => {
      const written = Date.parse(meta.compactedTime ?? "");
      const seen = compactedSinceMs(meta);
      // Of a clock that is ahead of ours the time would never come.
      return (written < seen ? written : seen) < nowMs - compactedMs;
    }),
  };
}
