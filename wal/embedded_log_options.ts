// The limits of an embedded log, each with its name.

export interface EmbeddedLogOptions {
  /** Partitions 0 to `partitions - 1` exist; others that the log holds stay readable. */
  readonly partitions: number;
  /** Consumer groups whose uncommitted records are never removed. */
  readonly groups: readonly string[];
  readonly segmentBytesMax: number;
  readonly valueBytesMax: number;
  /** Bytes that wait for the disk; an append beyond it is refused as unavailable. */
  readonly pendingBytesMax: number;
  /** Whole segments older than this are removed once every group has committed past them. */
  readonly retentionMs: number;
  /** The same when the log is larger than this, however young the segments are. */
  readonly retentionBytesMax: number;
  readonly retentionCheckMs: number;
  /** After this long without an append a mark is written: what lies before it was durable. */
  readonly markAfterMs: number;
}

export const defaultEmbeddedLogOptions: EmbeddedLogOptions = {
  partitions: 1,
  groups: [],
  segmentBytesMax: 128 << 20,
  valueBytesMax: 16 << 20,
  pendingBytesMax: 64 << 20,
  retentionMs: 60 * 60_000,
  retentionBytesMax: 10 * 2 ** 30,
  retentionCheckMs: 30_000,
  markAfterMs: 1_000,
};
