// The partition logs of one process: segment files, shared by all partitions, and the offsets that
// consumer groups have committed. Bytes: docs/formats/log.md; reasons: docs/adr/0001-embedded-log.md.
// Rule: an append is answered only after fdatasync. Appends that arrive while a commit is under way
// form the next one, so the disk sets the size of a group and nobody lingers.
//
//   append ─▶ group ─▶ seal, write, fdatasync ─▶ tell the readers how far it is durable ─▶ answer
import { InputError, NotFoundError, UnavailableError } from "../lib/errors.ts";
import type { Directory } from "../lib/fs.ts";
import { invariant } from "../lib/invariant.ts";
import type { Logger } from "../lib/log.ts";
import type { Runtime } from "../lib/runtime.ts";
import { AppendGroup, ChunkPool } from "./append_group.ts";
import { DamageRegister } from "./damage_register.ts";
import type { DurableState, LogDamage, LogOwner } from "./durable_state.ts";
import type { EmbeddedLogOptions } from "./embedded_log_options.ts";
import { EmbeddedLogReader } from "./embedded_log_reader.ts";
import { frameSize, TENANT_BYTES_MAX } from "./frame.ts";
import { GroupOffsets } from "./group_offsets.ts";
import type { NewRecord, PartitionLog, ReadBatch, ReadOptions } from "./log.ts";
import { bindLogMetrics, type LogMetrics } from "./log_metrics.ts";
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
}

export class EmbeddedLog implements PartitionLog, LogOwner {
  readonly #runtime: Runtime;
  readonly #log: Logger;
  readonly #metrics: LogMetrics;
  readonly #directory: Directory;
  readonly #options: EmbeddedLogOptions;
  readonly #lock: Disposable;
  readonly #groups: GroupOffsets;
  readonly #writer: SegmentWriter;
  readonly #damage: DamageRegister;
  readonly #reader: EmbeddedLogReader;
  readonly #listeners = new Set<(state: DurableState) => void>();
  /** One past the last durable offset of each partition. */
  #endOffsets: ReadonlyMap<number, number>;
  #durable: DurableState;

  readonly #pool = new ChunkPool();
  #group = new AppendGroup(this.#pool);
  #pendingBytes = 0;
  #committing: Promise<void> | undefined;
  #isFailing = false;
  #needsMark = false;
  #markTimer: number | undefined;
  #retentionTimer: number | undefined;
  #removing: Promise<number> | undefined;
  #closed: Promise<void> | undefined;

  private constructor(
    runtime: Runtime,
    directory: Directory,
    options: EmbeddedLogOptions,
    { log, metrics, lock, groups, recovered }: Parts,
  ) {
    this.#runtime = runtime;
    this.#log = log;
    this.#metrics = metrics;
    this.#directory = directory;
    this.#options = options;
    this.#lock = lock;
    this.#groups = groups;
    this.#writer = new SegmentWriter(directory, log, options.segmentBytesMax, recovered);
    this.#damage = new DamageRegister(directory, log, metrics, recovered.torn);
    this.#endOffsets = endOffsets(options.partitions, recovered.nextOffsets, groups);
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
      const newest = recovered.segments.at(-1);
      if (newest) await withSegment(directory, newest.segment, (file) => file.sync());
      await directory.sync();
      return new EmbeddedLog(runtime, directory, options, {
        log,
        metrics,
        lock,
        groups,
        recovered,
      });
    } catch (error) {
      lock[Symbol.dispose]();
      throw error;
    }
  }

  // deno-lint-ignore require-await -- a refusal rejects; the values are written before this returns
  async append(records: readonly NewRecord[]): Promise<number[]> {
    const { pendingBytesMax } = this.#options;
    const sizeBytesMax = this.#sizeBytesMax(records);
    if (sizeBytesMax > pendingBytesMax) {
      const message = `an append of ${sizeBytesMax} bytes is over the limit of ${pendingBytesMax}`;
      throw new InputError("too_large", message);
    }
    if (this.#closed) throw new UnavailableError("the log is closed");
    if (this.#pendingBytes + sizeBytesMax > pendingBytesMax) {
      throw new UnavailableError(`the log has ${this.#pendingBytes} bytes waiting for the disk`);
    }
    if (records.length === 0) return [];
    const before = this.#group.sizeBytes;
    const offsets = this.#group.add(records, this.#runtime.clock.now());
    this.#addPending(this.#group.sizeBytes - before);
    this.#committing ??= this.#commitWhileWaiting();
    return offsets;
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
    const endOffset = this.#endOffsets.get(partition) ?? 0;
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

  #sizeBytesMax(records: readonly NewRecord[]): number {
    const { valueBytesMax } = this.#options;
    let sum = 0;
    for (const { partition, sizeBytes, tenant } of records) {
      const tenantBytesMax = tenant.length * 3;
      if (!this.#endOffsets.has(partition)) {
        throw new InputError("invalid_argument", `there is no partition ${partition}`);
      }
      if (sizeBytes > valueBytesMax) {
        const message = `a record of ${sizeBytes} bytes is over the limit of ${valueBytesMax}`;
        throw new InputError("too_large", message);
      }
      if (tenantBytesMax > TENANT_BYTES_MAX) {
        throw new InputError("too_large", `a tenant of ${tenant.length} characters is too long`);
      }
      sum += frameSize(tenantBytesMax, sizeBytes);
    }
    return sum;
  }

  async #commitWhileWaiting(): Promise<void> {
    await Promise.resolve(); // appends of the same turn come along
    while (!this.#group.isEmpty) {
      const group = this.#group;
      this.#group = new AppendGroup(this.#pool);
      await this.#commitGroup(group);
    }
    this.#committing = undefined;
    this.#scheduleMark();
  }

  async #commitGroup(group: AppendGroup): Promise<void> {
    const { clock } = this.#runtime;
    const startedMs = clock.monotonic();
    try {
      this.#endOffsets = await this.#writer.write(group, this.#endOffsets, clock.now());
    } catch (error) {
      this.#addPending(-group.sizeBytes);
      return group.reject(this.#failure(error));
    }
    if (this.#isFailing) this.#log.info("the log can be written again");
    this.#isFailing = false;
    this.#needsMark = true;
    this.#addPending(-group.sizeBytes);
    this.#metrics.commits.inc();
    this.#metrics.writtenBytes.inc(group.sizeBytes);
    this.#metrics.commitSeconds.observe((clock.monotonic() - startedMs) / 1000);
    this.#publish();
    group.resolve();
  }

  #failure(cause: unknown): UnavailableError {
    this.#metrics.failures.inc();
    if (!this.#isFailing) this.#log.error("the log cannot be written", { error: cause });
    this.#isFailing = true;
    const message = `the log cannot be written: ${(cause as Error).message}`;
    return new UnavailableError(message, { cause });
  }

  #publish(): void {
    this.#durable = this.#describe();
    this.#reader.update(this.#durable);
    for (const listener of this.#listeners) listener(this.#durable);
  }

  #describe(): DurableState {
    const { kept } = this.#writer;
    const [first, last] = [kept[0], kept.at(-1)];
    const partitions = [...this.#endOffsets.keys()];
    this.#metrics.segments.set(kept.length);
    this.#metrics.keptBytes.set(kept.reduce((sum, { endBytes }) => sum + endBytes, 0));
    return {
      firstSegment: first?.segment ?? 1,
      segment: last?.segment ?? 0,
      position: last?.endBytes ?? 0,
      partitions,
      startOffsets: partitions.map((partition) => first?.nextOffsets.get(partition) ?? 0),
      endOffsets: [...this.#endOffsets.values()],
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

  #scheduleMark(): void {
    if (this.#closed || !this.#needsMark || this.#markTimer !== undefined) return;
    this.#markTimer = this.#runtime.clock.setTimeout(() => {
      this.#markTimer = undefined;
      this.#committing ??= this.#writeMark().then(() => this.#commitWhileWaiting());
    }, this.#options.markAfterMs);
  }

  async #writeMark(): Promise<void> {
    if (!this.#needsMark || !this.#writer.isOpen) return;
    const mark = new AppendGroup(this.#pool);
    mark.addMark(this.#endOffsets, this.#runtime.clock.now());
    this.#addPending(mark.sizeBytes);
    await this.#commitGroup(mark);
    this.#needsMark = false;
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
    if (this.#markTimer !== undefined) clock.clearTimeout(this.#markTimer);
    await this.#committing;
    await this.#writeMark();
    await this.#removing;
    await this.#groups.settle();
    await this.#damage.settle();
    this.#writer.close();
    await this.#reader[Symbol.asyncDispose]();
    this.#lock[Symbol.dispose]();
  }

  #addPending(bytes: number): void {
    this.#pendingBytes += bytes;
    this.#metrics.pendingBytes.set(this.#pendingBytes);
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
