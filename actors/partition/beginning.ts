// Where a partition begins to read. Whoever builds blocks for good goes on where it has committed. A live-store
// apart from them keeps blocks of its own for a while: it goes back so far that what it answers for is there.
// Rule: it never begins after what no block-builder has committed, for nobody else could answer for that.
// Spec: write path §4.1.
import { invariant } from "../../lib/invariant.ts";
import type { LogReader, TimedLogReader } from "../../wal/mod.ts";
import { BLOCK_BUILDER_GROUP } from "../block_builder/section_builder.ts";

/** Of a live-store apart from block-builders. */
export interface Lookback {
  /** How far back it begins at most, if block-builders are not further behind. */
  readonly ms: number;
  /** Records older than this that are in blocks of block-builders are passed over. */
  readonly recordAgeMaxMs: number;
}

export interface Beginning {
  readonly offset: number;
  /** What lies before is in blocks of block-builders, as far as it was looked up. */
  readonly builtOffset: number;
}

export async function beginningOf(
  log: LogReader | TimedLogReader,
  group: string,
  partition: number,
  lookback: Lookback | undefined,
  nowMs: number,
): Promise<Beginning> {
  const committed = await log.committedOffset(group, partition);
  if (lookback === undefined) {
    return { offset: committed ?? await log.startOffset(partition), builtOffset: 0 };
  }
  invariant("offsetOfTime" in log, "LS-8: who looks back has a log that knows times");
  const built = await log.committedOffset(BLOCK_BUILDER_GROUP, partition) ??
    await log.startOffset(partition);
  const backThen = await log.offsetOfTime(partition, nowMs - lookback.ms);
  const offset = Math.max(committed ?? 0, Math.min(backThen, built));
  return { offset, builtOffset: built };
}
