// Which partitions of the log are a generator's, and until when.
// Rule: between a `giveUp` and the next `take` nothing is its own; whoever has a partition after it begins where it
// has committed.

export interface PartitionShare {
  /** Tells the holder, until the signal aborts; then the holder has been asked to give up. Rejects for what is no weather. */
  run(holder: ShareHolder, signal: AbortSignal): Promise<void>;
  /** Of partitions that are its own. Rejects with UnavailableError, also where they no longer are. */
  commit(nextOffsets: ReadonlyMap<number, number>): Promise<void>;
}

export interface ShareHolder {
  take(partitions: readonly number[]): void;
  /** Resolves when everything it has read is collected and committed, or cannot be. */
  giveUp(): Promise<void>;
}
