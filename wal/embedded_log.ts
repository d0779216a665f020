// The partition logs of one process: segment files, shared by all partitions, and the offsets that
// consumer groups have committed. Bytes: docs/formats/log.md; reasons: docs/adr/0001-embedded-log.md.
// Rule: an append is answered only after fdatasync.
//
//   append ─▶ group_commit ─▶ segment_writer: seal, write, fdatasync ─▶ tell the readers ─▶ answer
//   read ◀── embedded_log_reader ◀── files, as far as durable          retention removes whole files
import { NotFoundError, UnavailableError } from "../lib/errors.ts";
import type { Directory } from "../lib/fs.ts";
import { invariant } from "../lib/invariant.ts";
import type { Logger } from "../lib/log.ts";
import type { Runtime } from "../lib/runtime.ts";
import { DamageRegister } from "./damage_register.ts";
import type { DurableState, LogDamage, LogOwner } from "./durable_state.ts";
import type { EmbeddedLogOptions } from "./embedded_log_options.ts";
import { EmbeddedLogReader } from "./embedded_log_reader.ts";
import { GroupCommit } from "./group_commit.ts";
import { GroupOffsets } from "./group_offsets.ts";
import type { NewRecord, PartitionLog, ReadBatch, ReadOptions } from "./log.ts";
import { bindLogMetrics, type LogMetrics } from "./log_metrics.ts";
import { openIdentity } from "./log_identity.ts";
import { recover, type Recovered, withSegment } from "./recovery.ts";
import { countRemovable } from "./retention.ts";
import { segmentName } from "./segment_head.ts";
import { SegmentWriter } from "./segment_writer.ts";

interface Parts {
  readonly log: Logger;
  readonly metrics: LogMetrics;
  readonly lock: Disposable;
  readonly groups: GroupOffsets;
  readonly recovered: Recovered;
  readonly identity: string;
}

export class EmbeddedLog implements PartitionLog, LogOwner {
  /** No other log has it; empty for one that is older than identities. */
  readonly identity: string;
  readonly #runtime: Runtime;
  readonly #log: Logger;
  readonly #metrics: LogMetrics;
  readonly #directory: Directory;
  readonly #options: EmbeddedLogOptions;
  readonly #lock: Disposable;
  readonly #groups: GroupOffsets;
  readonly #writer: SegmentWriter;
  readonly #commits: GroupCommit;
  readonly #damage: DamageRegister;
  readonly #reader: EmbeddedLogReader;
  readonly #listeners = new Set<(state: DurableState) => void>();
  #durable: DurableState;
  #retentionTimer: number | undefined;
  #removing: Promise<number> | undefined;
  #closed: Promise<void> | undefined;

  private constructor(
    runtime: Runtime,
    directory: Directory,
    options: EmbeddedLogOptions,
    { log, metrics, lock, groups, recovered, identity }: Parts,
  ) {
    this.identity = identity;
    this.#runtime = runtime;
    this.#log = log;
    this.#metrics = metrics;
    this.#directory = directory;
    this.#options = options;
    this.#lock = lock;
    this.#groups = groups;
    this.#writer = new SegmentWriter(directory, log, options.segmentBytesMax, recovered);
    this.#damage = new DamageRegister(directory, log, metrics, recovered.torn);
    const ends = endOffsets(options.partitions, recovered.nextOffsets, groups);
    const publish = () => this.#publish();
    this.#commits = new GroupCommit(runtime, log, metrics, this.#writer, ends, options, publish);
    this.#durable = this.#describe();
    this.#reader = new EmbeddedLogReader(runtime, directory, this, this.#durable);
    this.#report(recovered);
    this.#scheduleRetention();
  }

  /** Reads what a former life has left. Throws UnavailableError while another process has it open. */
  static async open(
    runtime: Runtime,
    directory: Directory,
    options: EmbeddedLogOptions,
  ): Promise<EmbeddedLog> {
    const log = runtime.log.getChild("wal");
    const metrics = bindLogMetrics(runtime.metrics);
    const lock = await directory.lock("lock");
    try {
      const groups = await GroupOffsets.open(directory, (error) => {
        metrics.corruptSegments.inc();
        log.error("committed offsets are damaged and set aside", { error });
      });
      const recovered = await recover(directory);
      for (const segment of recovered.unused) {
        log.warn("a segment that was begun in vain is removed", { segment });
        await directory.remove(segmentName(segment));
      }
      // What is shown to readers must not vanish again: a kill leaves it in the page cache only.
      const hasRecords = recovered.segments.length > 0 || groups.isAny;
      const identity = await openIdentity(directory, runtime.random, hasRecords, () => {
        metrics.corruptSegments.inc();
        log.error("the log's identity is damaged and drawn anew");
      });
      const newest = recovered.segments.at(-1);
      if (newest) await withSegment(directory, newest.segment, (file) => file.sync());
      await directory.sync();
      return new EmbeddedLog(runtime, directory, options, {
        log,
        metrics,
        lock,
        groups,
        recovered,
        identity,
      });
    } catch (error) {
      lock[Symbol.dispose]();
      throw error;
    }
  }

  append(records: readonly NewRecord[]): Promise<number[]> {
    return this.#commits.append(records);
  }

  get partitions(): readonly number[] {
    return this.#durable.partitions;
  }

  read(partition: number, fromOffset: number, options: ReadOptions): Promise<ReadBatch> {
    return this.#reader.read(partition, fromOffset, options);
  }

  startOffset(partition: number): Promise<number> {
    return this.#reader.startOffset(partition);
  }

  endOffset(partition: number): Promise<number> {
    return this.#reader.endOffset(partition);
  }

  async commit(group: string, partition: number, offset: number): Promise<void> {
    if (this.#closed) throw new UnavailableError("the log is closed");
    const endOffset = this.#commits.endOffsets.get(partition) ?? 0;
    invariant(offset <= endOffset, "WAL-1: what is committed has been appended");
    await this.#groups.commit(group, partition, offset);
  }

  committedOffset(group: string, partition: number): Promise<number | undefined> {
    return Promise.resolve(this.#groups.committed(group, partition));
  }

  /** How far everything is on the disk: what a new reader begins with. */
  durable(): DurableState {
    return this.#durable;
  }

  /** Called after each commit and each removal, before appends are answered; returns the way out. */
  onDurable(listener: (state: DurableState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** A reader of its own for another consumer in this thread, fed until it is disposed of. */
  openReader(): EmbeddedLogReader {
    const reader = new EmbeddedLogReader(this.#runtime, this.#directory, this, this.#durable);
    reader.onClose(this.onDurable((state) => reader.update(state)));
    return reader;
  }

  reportDamage(damage: LogDamage): void {
    // A reader that has not yet heard of a removal misses the file.
    if (damage.segment >= this.#durable.firstSegment) this.#damage.report(damage);
  }

  /** Removes the segments that may go and says how many. Runs by itself every `retentionCheckMs`. */
  retain(): Promise<number> {
    this.#removing ??= this.#removeOldest().finally(() => this.#removing = undefined);
    return this.#removing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#closed ??= this.#close();
  }

  #publish(): void {
    this.#durable = this.#describe();
    this.#reader.update(this.#durable);
    for (const listener of this.#listeners) listener(this.#durable);
  }

  #describe(): DurableState {
    const { kept } = this.#writer;
    const [first, last] = [kept[0], kept.at(-1)];
    const partitions = [...this.#commits.endOffsets.keys()];
    this.#metrics.segments.set(kept.length);
    this.#metrics.keptBytes.set(kept.reduce((sum, { endBytes }) => sum + endBytes, 0));
    return {
      firstSegment: first?.segment ?? 1,
      segment: last?.segment ?? 0,
      position: last?.endBytes ?? 0,
      partitions,
      startOffsets: partitions.map((partition) => first?.nextOffsets.get(partition) ?? 0),
      endOffsets: [...this.#commits.endOffsets.values()],
    };
  }

  async #removeOldest(): Promise<number> {
    const { groups } = this.#options;
    const committed = (partition: number) =>
      Math.min(...groups.map((group) => this.#groups.committed(group, partition) ?? 0));
    const nowMs = this.#runtime.clock.now();
    const count = countRemovable(this.#writer.kept, this.#options, nowMs, committed);
    for (let i = 0; i < count; i++) {
      const { segment, endBytes } = this.#writer.kept[0]!;
      this.#writer.dropOldest();
      this.#publish(); // first, so that readers do not miss it
      try {
        await this.#removeSegment(segment);
        this.#log.info("an old segment is removed", { segment, sizeBytes: endBytes });
      } catch (error) {
        // The next start finds that no head knows it, and removes it.
        this.#log.warn("an old segment cannot be removed", { error, segment });
      }
    }
    return count;
  }

  /** One by one, oldest first, so that a crash leaves no gap. */
  async #removeSegment(segment: number): Promise<void> {
    await this.#damage.forget(segment);
    try {
      await this.#directory.remove(segmentName(segment));
    } catch (error) {
      if (!(error instanceof NotFoundError)) throw error;
    }
    await this.#directory.sync();
  }

  #report({ torn, damaged, segments }: Recovered): void {
    const newest = segments.at(-1)?.segment ?? 0;
    // Those of older segments have been reported by an earlier life.
    for (const { segment, fromByte, toByte } of torn.filter(({ segment }) => segment >= newest)) {
      const path = `${this.#directory.path}/${segmentName(segment)}`;
      const bytes = toByte - fromByte;
      this.#metrics.tornTailBytes.inc(bytes);
      this.#log.warn("the torn tail of a crash is dropped", { path, fromByte, bytes });
    }
    for (const stretch of damaged) {
      const file = segmentName(stretch.segment);
      this.#damage.report({ ...stretch, file, reason: "no true frame" });
    }
  }

  #scheduleRetention(): void {
    this.#retentionTimer = this.#runtime.clock.setTimeout(async () => {
      await this.retain();
      if (!this.#closed) this.#scheduleRetention();
    }, this.#options.retentionCheckMs);
  }

  async #close(): Promise<void> {
    const { clock } = this.#runtime;
    if (this.#retentionTimer !== undefined) clock.clearTimeout(this.#retentionTimer);
    await this.#commits.close();
    await this.#removing;
    await this.#groups.settle();
    await this.#damage.settle();
    this.#writer.close();
    await this.#reader[Symbol.asyncDispose]();
    this.#lock[Symbol.dispose]();
  }
}

/** Of the configured partitions and those found in the log, ascending. */
function endOffsets(
  partitions: number,
  found: ReadonlyMap<number, number>,
  groups: GroupOffsets,
): ReadonlyMap<number, number> {
  const configured = Array.from({ length: partitions }, (_, partition) => partition);
  const all = [...new Set([...configured, ...found.keys()])].sort((a, b) => a - b);
  // What has been committed has been there, even if damage took it.
  return new Map(
    all.map((partition) => [
      partition,
      Math.max(found.get(partition) ?? 0, groups.highest(partition)),
    ]),
  );
}
