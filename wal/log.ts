// The partition log: the journal everything else is a fold of.
// Rule: an append resolves only when its records survive a crash; what `read` returns is durable.
// Offsets of a partition are dense where this program writes them, but readers must not rely on it:
// Kafka leaves gaps where control records stood.

/** A record to append: the key is the tenant, the value a PushBytesRequest (model/record.ts). */
export interface NewRecord {
  readonly partition: number;
  readonly tenant: string;
  /** Size of the value; `write` fills exactly that many bytes, so that nothing is copied twice. */
  readonly sizeBytes: number;
  write(to: Uint8Array, at: number): void;
}

export interface LogRecord {
  readonly partition: number;
  readonly offset: number;
  /** When it was appended, milliseconds since the epoch. */
  readonly timestampMs: number;
  readonly tenant: string;
  /**
   * Valid until this reader's next read of the same partition: a view of a buffer that is used
   * again. Two consumers of one partition take a reader each.
   */
  readonly value: Uint8Array;
}

export interface ReadOptions {
  /** At least one record is returned whatever its size. */
  readonly bytesMax: number;
  /** How long to wait for a first record; 0 returns at once. A wait may end early and empty. */
  readonly waitMs: number;
  /** Ends the wait: the read then rejects with its reason. */
  readonly signal: AbortSignal;
}

export interface ReadBatch {
  readonly records: readonly LogRecord[];
  /** Where to go on reading; past a hole that damage has left, if there is one. */
  readonly nextOffset: number;
  /** One past the last durable offset when it was read, where the log tells it along. */
  readonly endOffset?: number;
}

export interface LogWriter {
  /**
   * Resolves with the offset of each record, in order, once all are durable. `write` is called
   * before append returns. Rejects with UnavailableError when a later try may pass, InputError when
   * not; some of the records may then still be in the log.
   */
  append(records: readonly NewRecord[]): Promise<number[]>;
}

export interface LogReader {
  readonly partitions: readonly number[];
  /** Records of one partition from `fromOffset`; an offset below `startOffset` begins there. */
  read(partition: number, fromOffset: number, options: ReadOptions): Promise<ReadBatch>;
  /** The first offset still kept. */
  startOffset(partition: number): Promise<number>;
  /** One past the last durable offset. */
  endOffset(partition: number): Promise<number>;
  /**
   * `offset` is where reading resumes: one past the last record that is done with. Resolves when
   * that survives a crash. An offset below the committed one changes nothing.
   */
  commit(group: string, partition: number, offset: number): Promise<void>;
  committedOffset(group: string, partition: number): Promise<number | undefined>;
}

/** A log that can be asked by time: what a consumer needs that begins somewhere in the past. */
export interface TimedLogReader extends LogReader {
  /** The first offset whose record is not older than `unixMs`; the end if there is none. */
  offsetOfTime(partition: number, unixMs: number): Promise<number>;
}

export interface PartitionLog extends LogWriter, LogReader, AsyncDisposable {}
