// What the owner of an embedded log tells its readers after each commit: how far everything is on
// the disk. Plain data, a few numbers per partition, so that it crosses to a worker cheaply. A
// reader reads the files themselves, and never past `position`.

export interface DurableState {
  /** The first segment kept, and the one that is being written. */
  readonly firstSegment: number;
  readonly segment: number;
  /** Bytes of `segment` that are durable. */
  readonly position: number;
  /** Configured ones and those found in the log, ascending; the next two lists stand beside it. */
  readonly partitions: readonly number[];
  readonly startOffsets: readonly number[];
  readonly endOffsets: readonly number[];
}

/** A stretch of a segment that is not what was written: reading goes on behind it. */
export interface LogDamage {
  readonly segment: number;
  readonly file: string;
  /** Half-open: `[fromByte, toByte)`. */
  readonly fromByte: number;
  readonly toByte: number;
  readonly reason: string;
}

/** What a reader asks of the log's owner: the log itself, or a port to the thread that has it. */
export interface LogOwner {
  /** Resolves when the offset is durable. */
  commit(group: string, partition: number, offset: number): Promise<void>;
  committedOffset(group: string, partition: number): Promise<number | undefined>;
  /** Logs, counts and marks the segment. Called once for each stretch and reader. */
  reportDamage(damage: LogDamage): void;
}
