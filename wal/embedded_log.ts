// The partition logs of one process: segment files, shared by all partitions, and the offsets that
// consumer groups have committed. Bytes: docs/formats/log.md; reasons: docs/adr/0001-embedded-log.md.
// Rules:
// - An append is answered only after fdatasync. Appends that arrive while a commit is under way form
//   the next one, so the disk sets the batch size and nobody lingers.
// - A segment in which anything has failed is never written again: it ends where it was last known to
//   be durable, and the head of the next one says so before anything in there is acknowledged.
//
//   append ─▶ group ─▶ seal, write, fdatasync (a new name: fsync the directory) ─▶ tell readers, answer
import { CorruptionError, InputError, NotFoundError, UnavailableError } from "../lib/errors.ts";
import type { Directory, File } from "../lib/fs.ts";
import { invariant } from "../lib/invariant.ts";
import type { Logger } from "../lib/log.ts";
import { exponentialBuckets } from "../lib/metrics.ts";
import type { Runtime } from "../lib/runtime.ts";
import { AppendGroup, ChunkPool } from "./append_group.ts";
import type { DurableState, LogDamage, LogOwner } from "./durable_state.ts";
import type { EmbeddedLogOptions } from "./embedded_log_options.ts";
import { EmbeddedLogReader } from "./embedded_log_reader.ts";
import { frameSize } from "./frame.ts";
import { GroupOffsets } from "./group_offsets.ts";
import type { NewRecord, PartitionLog, ReadBatch, ReadOptions } from "./log.ts";
import { recover, type Recovered, withSegment } from "./recovery.ts";
import { countRemovable, type KeptSegment } from "./retention.ts";
import { damageName, encodeSegmentHead, segmentName, type Stretch } from "./segment_head.ts";

type Segment = KeptSegment & { endBytes: number };

export class EmbeddedLog implements PartitionLog, LogOwner {
  readonly #runtime: Runtime;
  readonly #log: Logger;
  readonly #metrics;
  readonly #directory: Directory;
  readonly #options: EmbeddedLogOptions;
  readonly #lock: Disposable;
  readonly #groups: GroupOffsets;
  readonly #reader: EmbeddedLogReader;
  readonly #listeners = new Set<(state: DurableState) => void>();
  readonly #damaged = new Map<number, Set<number>>();

  /** Those with durable contents, ascending; the last one is written if `#file` is open. */
  readonly #segments: Segment[];
  #torn: readonly Stretch[];
  #file: File | undefined;
  /** Whether the head and the name of the open file are durable. */
  #isEstablished = false;
  #openSegment: Segment | undefined;
  #lastSegment: number;
  #endOffsets: ReadonlyMap<number, number>;
  #durable: DurableState;

  readonly #pool = new ChunkPool();
  #group = new AppendGroup(this.#pool);
  #pendingBytes = 0;
  #committing: Promise<void> | undefined;
  #isFailing = false;
  #isClosed = false;
  #needsMark = false;
  #markTimer: number | undefined;
  #retentionTimer: number | undefined;
  #retaining: Promise<number> | undefined;

  private constructor(
    runtime: Runtime,
    directory: Directory,
    options: EmbeddedLogOptions,
    lock: Disposable,
    groups: GroupOffsets,
    recovered: Recovered,
  ) {
    this.#runtime = runtime;
    this.#log = runtime.log.getChild("wal");
    this.#metrics = bindMetrics(runtime);
    this.#directory = directory;
    this.#options = options;
    this.#lock = lock;
    this.#groups = groups;
    this.#segments = recovered.segments.map((segment) => ({ ...segment }));
    this.#torn = recovered.torn;
    this.#lastSegment = recovered.lastSegment;
    const endOffsets = new Map<number, number>();
    const configured = Array.from({ length: options.partitions }, (_, partition) => partition);
    for (const partition of [...configured, ...recovered.nextOffsets.keys()].sort(ascending)) {
      const next = recovered.nextOffsets.get(partition) ?? 0;
      endOffsets.set(partition, Math.max(next, groups.highest(partition)));
    }
    this.#endOffsets = endOffsets;
    this.#durable = this.#describe();
    this.#reader = new EmbeddedLogReader(runtime, directory, this, this.#durable);
    this.#scheduleRetention();
  }

  /** Reads what a former life has left. Throws UnavailableError while another process has it open. */
  static async open(
    runtime: Runtime,
    directory: Directory,
    options: EmbeddedLogOptions,
  ): Promise<EmbeddedLog> {
    const log = runtime.log.getChild("wal");
    const lock = await directory.lock("lock");
    try {
      const groups = await GroupOffsets.open(directory, (error) => {
        bindMetrics(runtime).corruptSegments.inc();
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
      const opened = new EmbeddedLog(runtime, directory, options, lock, groups, recovered);
      opened.#reportRecovery(recovered);
      return opened;
    } catch (error) {
      lock[Symbol.dispose]();
      throw error;
    }
  }

  append(records: readonly NewRecord[]): Promise<number[]> {
    let size = 0;
    for (const { partition, sizeBytes, tenant } of records) {
      if (!this.#endOffsets.has(partition)) {
        return refuse("invalid_argument", `there is no partition ${partition}`);
      }
      if (sizeBytes > this.#options.valueBytesMax) {
        const max = this.#options.valueBytesMax;
        return refuse("too_large", `a record of ${sizeBytes} bytes is over the limit of ${max}`);
      }
      if (tenant.length * 3 > 0xffff) {
        return refuse("too_large", `a tenant of ${tenant.length} characters is too long`);
      }
      size += frameSize(tenant.length * 3, sizeBytes);
    }
    if (records.length === 0) return Promise.resolve([]);
    if (size > this.#options.pendingBytesMax) {
      const max = this.#options.pendingBytesMax;
      return refuse("too_large", `an append of ${size} bytes is over the limit of ${max}`);
    }
    if (this.#isClosed) return Promise.reject(new UnavailableError("the log is closed"));
    if (this.#pendingBytes + size > this.#options.pendingBytesMax) {
      const message = `the log has ${this.#pendingBytes} bytes waiting for the disk`;
      return Promise.reject(new UnavailableError(message));
    }
    const before = this.#group.sizeBytes;
    let result: Promise<number[]>;
    try {
      result = this.#group.add(records, this.#runtime.clock.now());
    } catch (error) {
      return Promise.reject(error);
    }
    this.#addPending(this.#group.sizeBytes - before);
    this.#committing ??= this.#commitWhileWaiting();
    return result;
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
    if (this.#isClosed) throw new UnavailableError("the log is closed");
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

  /** A reader of its own for another consumer in this thread; ends with the caller. */
  openReader(): EmbeddedLogReader {
    const reader = new EmbeddedLogReader(this.#runtime, this.#directory, this, this.#durable);
    reader.onClose(this.onDurable((state) => reader.update(state)));
    return reader;
  }

  reportDamage(damage: LogDamage): void {
    const { segment, fromByte, toByte, reason, file } = damage;
    const isTorn = this.#torn.some((torn) =>
      torn.segment === segment && torn.fromByte <= fromByte && toByte <= torn.toByte
    );
    if (isTorn) return;
    const known = this.#damaged.get(segment);
    if (known?.has(fromByte)) return;
    const path = `${this.#directory.path}/${file}`;
    const error = new CorruptionError(reason, fromByte, path);
    this.#log.error("a segment is damaged; reading goes on behind it", { error, path, ...damage });
    if (known) {
      known.add(fromByte);
      return;
    }
    this.#damaged.set(segment, new Set([fromByte]));
    this.#metrics.corruptSegments.inc();
    this.#marking = this.#marking.then(() => this.#markDamaged(segment, error.message));
  }

  /** Removes the segments that may go and says how many. Runs by itself every `retentionCheckMs`. */
  retain(): Promise<number> {
    this.#retaining ??= this.#removeOldest().finally(() => this.#retaining = undefined);
    return this.#retaining;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return await this.#closed.promise;
    this.#isClosed = true;
    this.#clearTimers();
    await this.#committing;
    await this.#writeMark();
    await this.#retaining;
    await this.#groups.settle();
    await this.#marking;
    this.#file?.close();
    this.#file = undefined;
    await this.#reader[Symbol.asyncDispose]();
    this.#lock[Symbol.dispose]();
    this.#closed.resolve();
  }

  readonly #closed = Promise.withResolvers<void>();
  #marking: Promise<void> = Promise.resolve();

  async #commitWhileWaiting(): Promise<void> {
    await Promise.resolve(); // appends of the same turn come along
    while (!this.#group.isEmpty) {
      const group = this.#group;
      this.#group = new AppendGroup(this.#pool);
      await this.#commitGroup(group);
      this.#addPending(-group.sizeBytes);
    }
    this.#committing = undefined;
    this.#scheduleMark();
  }

  async #commitGroup(group: AppendGroup): Promise<void> {
    const startedMs = this.#runtime.clock.monotonic();
    const endOffsets = new Map(this.#endOffsets);
    try {
      const { file, segment } = await this.#segmentFor(group.sizeBytes);
      let at = segment.endBytes;
      group.seal(segment.segment, this.#isEstablished ? at : 0, endOffsets);
      for (const chunk of group.chunks) {
        await file.write(chunk.filled(), at);
        at += chunk.length;
      }
      await file.sync();
      if (!this.#isEstablished) await this.#establish(segment);
      segment.endBytes = at;
    } catch (error) {
      await this.#abandonSegment(error);
      const message = `the log cannot be written: ${(error as Error).message}`;
      return group.reject(new UnavailableError(message, { cause: error }));
    }
    this.#endOffsets = endOffsets;
    this.#needsMark = true;
    if (this.#isFailing) this.#log.info("the log can be written again");
    this.#isFailing = false;
    this.#metrics.commits.inc();
    this.#metrics.bytes.inc(group.sizeBytes);
    this.#metrics.commitSeconds.observe((this.#runtime.clock.monotonic() - startedMs) / 1000);
    this.#publish();
    group.resolve();
  }

  /** The open segment, or a new one where it is full or has failed. */
  async #segmentFor(sizeBytes: number): Promise<{ file: File; segment: Segment }> {
    const open = this.#openSegment;
    if (this.#file && open) {
      const isFull = open.endBytes + sizeBytes > this.#options.segmentBytesMax;
      if (!isFull) return { file: this.#file, segment: open };
      this.#file.close();
      this.#file = undefined;
    }
    return await this.#beginSegment();
  }

  async #beginSegment(): Promise<{ file: File; segment: Segment }> {
    const segment = this.#lastSegment + 1;
    const createdMs = this.#runtime.clock.now();
    const kept = new Set(this.#segments.map(({ segment }) => segment));
    const torn = this.#torn.filter(({ segment }) => kept.has(segment));
    const endBytes = new Map(this.#segments.map(({ segment, endBytes }) => [segment, endBytes]));
    const nextOffsets = new Map(this.#endOffsets);
    const head = encodeSegmentHead({ segment, createdMs, nextOffsets, endBytes, torn });
    const file = await this.#directory.open(segmentName(segment), "create");
    this.#file = file;
    this.#isEstablished = false;
    this.#lastSegment = segment;
    this.#openSegment = { segment, createdMs, endBytes: head.length, nextOffsets };
    await file.write(head, 0);
    return { file, segment: this.#openSegment };
  }

  /** A file whose directory entry is not on disk is lost with all that was synced into it. */
  async #establish(segment: Segment): Promise<void> {
    await this.#directory.sync();
    this.#isEstablished = true;
    this.#segments.push(segment);
    this.#metrics.segments.set(this.#segments.length);
  }

  /**
   * After a failed fdatasync the kernel has dropped the pages, and after a failed write they are
   * anyone's guess: nothing more is written behind the last durable byte of this file.
   */
  async #abandonSegment(cause: unknown): Promise<void> {
    this.#metrics.failures.inc();
    if (!this.#isFailing) this.#log.error("the log cannot be written", { error: cause });
    this.#isFailing = true;
    const file = this.#file;
    const segment = this.#openSegment;
    this.#file = undefined;
    this.#openSegment = undefined;
    if (file === undefined || segment === undefined) return;
    try {
      // Gives the space back at once; the next head makes sure without it.
      if (this.#isEstablished) await file.truncate(segment.endBytes);
    } catch (error) {
      this.#log.warn("a failed segment cannot be cut", { error, segment: segment.segment });
    }
    file.close();
    if (this.#isEstablished) return;
    try {
      await this.#directory.remove(segmentName(segment.segment));
      this.#lastSegment = segment.segment - 1;
    } catch (error) {
      this.#log.warn("a failed segment cannot be removed", { error, segment: segment.segment });
    }
  }

  #publish(): void {
    this.#durable = this.#describe();
    this.#reader.update(this.#durable);
    for (const listener of this.#listeners) listener(this.#durable);
  }

  #describe(): DurableState {
    const first = this.#segments[0];
    const last = this.#segments.at(-1);
    const partitions = [...this.#endOffsets.keys()];
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
    const count = countRemovable(
      this.#segments,
      this.#options,
      this.#runtime.clock.now(),
      (partition) =>
        Math.min(...groups.map((group) => this.#groups.committed(group, partition) ?? 0)),
    );
    for (let i = 0; i < count; i++) {
      const { segment, endBytes } = this.#segments[0]!;
      try {
        await this.#removeSegment(segment);
      } catch (error) {
        this.#log.warn("an old segment cannot be removed", { error, segment });
        return i;
      }
      this.#segments.shift();
      this.#damaged.delete(segment);
      this.#metrics.segments.set(this.#segments.length);
      this.#log.info("an old segment is removed", { segment, sizeBytes: endBytes });
      this.#publish();
    }
    return count;
  }

  /** One by one, oldest first, so that a crash leaves no gap. */
  async #removeSegment(segment: number): Promise<void> {
    if (await this.#isMarkedDamaged(segment)) {
      this.#log.warn("a damaged segment is old enough and removed", { segment });
      await this.#directory.remove(damageName(segment));
    }
    try {
      await this.#directory.remove(segmentName(segment));
    } catch (error) {
      if (!(error instanceof NotFoundError)) throw error;
    }
    await this.#directory.sync();
  }

  async #isMarkedDamaged(segment: number): Promise<boolean> {
    return (await this.#directory.list()).includes(damageName(segment));
  }

  async #markDamaged(segment: number, reason: string): Promise<void> {
    try {
      const file = await this.#directory.open(damageName(segment), "write");
      await file.write(new TextEncoder().encode(reason + "\n"), 0).finally(() => file.close());
    } catch (error) {
      this.#log.warn("a damaged segment cannot be marked", { error, segment });
    }
  }

  #reportRecovery({ torn, damaged, segments }: Recovered): void {
    this.#metrics.segments.set(segments.length);
    const newest = segments.at(-1)?.segment ?? Infinity;
    for (const stretch of torn.filter(({ segment }) => segment >= newest)) {
      const { segment, fromByte, toByte } = stretch;
      this.#metrics.tornTailBytes.inc(toByte - fromByte);
      const path = `${this.#directory.path}/${segmentName(segment)}`;
      this.#log.warn("the torn tail of a crash is dropped", {
        path,
        fromByte,
        bytes: toByte - fromByte,
      });
    }
    for (const { segment, fromByte, toByte } of damaged) {
      const file = segmentName(segment);
      this.reportDamage({ segment, file, fromByte, toByte, reason: "no true frame" });
    }
  }

  #scheduleMark(): void {
    if (this.#isClosed || !this.#needsMark || this.#markTimer !== undefined) return;
    this.#markTimer = this.#runtime.clock.setTimeout(() => {
      this.#markTimer = undefined;
      this.#committing ??= this.#writeMark().then(() => this.#commitWhileWaiting());
    }, this.#options.markAfterMs);
  }

  async #writeMark(): Promise<void> {
    if (!this.#needsMark || this.#file === undefined) return;
    const mark = new AppendGroup(this.#pool);
    mark.addMark(this.#endOffsets, this.#runtime.clock.now());
    await this.#commitGroup(mark);
    this.#needsMark = false;
  }

  #scheduleRetention(): void {
    this.#retentionTimer = this.#runtime.clock.setTimeout(async () => {
      await this.retain();
      if (!this.#isClosed) this.#scheduleRetention();
    }, this.#options.retentionCheckMs);
  }

  #clearTimers(): void {
    const { clock } = this.#runtime;
    if (this.#markTimer !== undefined) clock.clearTimeout(this.#markTimer);
    if (this.#retentionTimer !== undefined) clock.clearTimeout(this.#retentionTimer);
  }

  #addPending(bytes: number): void {
    this.#pendingBytes += bytes;
    this.#metrics.pendingBytes.set(this.#pendingBytes);
  }
}

function refuse(code: "invalid_argument" | "too_large", message: string): Promise<never> {
  return Promise.reject(new InputError(code, message));
}

function ascending(a: number, b: number): number {
  return a - b;
}

function bindMetrics({ metrics }: Runtime) {
  return {
    tornTailBytes: metrics.counter(
      "segno_log_torn_tail_bytes_total",
      "Bytes a crash left behind the last whole record, dropped when the log was opened.",
    ),
    corruptSegments: metrics.counter(
      "segno_log_corrupt_segments_total",
      "Log files found to hold something else than was written.",
    ),
    failures: metrics.counter(
      "segno_log_failed_commits_total",
      "Group commits that the disk refused; their appends were answered with a retryable error.",
    ),
    commits: metrics.counter("segno_log_commits_total", "Group commits, one fdatasync each."),
    bytes: metrics.counter("segno_log_written_bytes_total", "Bytes written to the log."),
    segments: metrics.gauge("segno_log_segments", "Segment files kept."),
    pendingBytes: metrics.gauge(
      "segno_log_pending_bytes",
      "Appended bytes that wait for the disk.",
    ),
    commitSeconds: metrics.histogram(
      "segno_log_commit_duration_seconds",
      "Time from the start of a group commit until it was durable.",
      exponentialBuckets(.0001, 2, 15),
    ),
  };
}
