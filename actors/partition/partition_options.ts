// What a partition stands on, how it is set, and what it tells of itself.
import type { BlockOptions, ObjectStore } from "../../storage/mod.ts";
import type { LogReader, TimedLogReader } from "../../wal/mod.ts";
import type { BuiltSection } from "../block_builder/effects.ts";
import type { ColumnsPool } from "../live_store/columns_pool.ts";
import type { CutRules } from "../live_store/cut.ts";
import type { FoldLimits } from "../live_store/fold.ts";
import type { Lookback } from "./beginning.ts";
import type { PartitionMetrics } from "./metrics.ts";

export interface PartitionDependencies {
  readonly log: LogReader | TimedLogReader;
  readonly store: ObjectStore;
  readonly pool: ColumnsPool;
  readonly limits: FoldLimits;
  readonly metrics: PartitionMetrics;
  /** Resolves once queries see the blocks. */
  announce(built: BuiltSection): Promise<void>;
  /** Gives other work of this thread its turn. */
  pause(): Promise<void>;
  /**
   * Hears how far a partition has folded the log: queries see what lies before the offset, and with it all
   * that was acknowledged before a time.
   */
  folded(partition: number, nextOffset: number, completeToMs: number): void;
}

export interface PartitionOptions extends BlockOptions {
  readonly partition: number;
  readonly logIdentity?: string;
  readonly cut: CutRules;
  readonly timeSlackMs: number;
  /** Of one read of the log: decoding it is one uninterrupted turn of the thread. */
  readonly readBytesMax: number;
  readonly readWaitMs: number;
  /** Whose committed offset is kept; that of block-builders if not given. */
  readonly group?: string;
  /** Of a live-store apart from block-builders. */
  readonly lookback?: Lookback;
  /** When it answers although it has not reached where the log ended at its start; never if not given. */
  readonly earlyReadiness?: EarlyReadiness;
}

export interface EarlyReadiness {
  /** Behind by no more than this. */
  readonly lagMs: number;
  /** Or started so long ago. */
  readonly waitMaxMs: number;
}

export interface PartitionStatus {
  readonly partition: number;
  readonly liveStore: string;
  readonly blockBuilder: string;
  readonly isReady: boolean;
  readonly nextOffset: number;
  readonly committedOffset: number;
  readonly liveSpans: number;
}
