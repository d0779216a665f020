// A log whose reader keeps what one group has committed in a folder of its own, beside what it has made of the
// records: a live-store's blocks are local, so that its place in the log is worth no more than they are.
// Rule: a reader that has lost its folder has lost its place too, whatever the log's own books say; those
// are told of every commit, for lag to be seen, and are never asked.
import type { Directory } from "../lib/fs.ts";
import type { Runtime } from "../lib/runtime.ts";
import { GroupOffsets } from "./group_offsets.ts";
import type { ReadBatch, ReadOptions, TimedLogReader } from "./log.ts";

export class KeptCommits implements TimedLogReader {
  private constructor(
    readonly log: TimedLogReader,
    readonly group: string,
    readonly kept: GroupOffsets,
  ) {}

  static async open(
    runtime: Pick<Runtime, "log">,
    log: TimedLogReader,
    directory: Directory,
    group: string,
  ): Promise<KeptCommits> {
    const kept = await GroupOffsets.open(directory, (error) => {
      runtime.log.error("committed offsets are damaged", { group, error: error.message });
    });
    return new KeptCommits(log, group, kept);
  }

  get partitions(): readonly number[] {
    return this.log.partitions;
  }

  read(partition: number, fromOffset: number, options: ReadOptions): Promise<ReadBatch> {
    return this.log.read(partition, fromOffset, options);
  }

  startOffset(partition: number): Promise<number> {
    return this.log.startOffset(partition);
  }

  endOffset(partition: number): Promise<number> {
    return this.log.endOffset(partition);
  }

  offsetOfTime(partition: number, unixMs: number): Promise<number> {
    return this.log.offsetOfTime(partition, unixMs);
  }

  /** Resolves when it survives a crash here and the log's own books have been told. */
  async commit(group: string, partition: number, offset: number): Promise<void> {
    if (group === this.group) await this.kept.commit(group, partition, offset);
    await this.log.commit(group, partition, offset);
  }

  committedOffset(group: string, partition: number): Promise<number | undefined> {
    if (group !== this.group) return this.log.committedOffset(group, partition);
    return Promise.resolve(this.kept.committed(group, partition));
  }
}
