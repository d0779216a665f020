// Admits appends, gathers them into groups and has each group written. Rules:
// - Appends that arrive while a commit is under way form the next one: the disk sets the size of a
//   group and nobody lingers.
// - What waits for the disk is bounded; what would pass the bound is refused at once.
// - When appends pause, and at the end, a mark tells the next life that all before it was durable.
import { InputError, UnavailableError } from "../lib/errors.ts";
import type { Logger } from "../lib/log.ts";
import type { Runtime } from "../lib/runtime.ts";
import { AppendGroup, ChunkPool } from "./append_group.ts";
import type { EmbeddedLogOptions } from "./embedded_log_options.ts";
import { frameSize, TENANT_BYTES_MAX } from "./frame.ts";
import type { NewRecord } from "./log.ts";
import type { LogMetrics } from "./log_metrics.ts";
import type { SegmentWriter } from "./segment_writer.ts";

type Limits = Pick<EmbeddedLogOptions, "valueBytesMax" | "pendingBytesMax" | "markAfterMs">;

export class GroupCommit {
  readonly #clock;
  readonly #log: Logger;
  readonly #metrics: LogMetrics;
  readonly #limits: Limits;
  readonly #writer: SegmentWriter;
  readonly #onDurable: () => void;
  /** One past the last durable offset of each partition. */
  #endOffsets: ReadonlyMap<number, number>;
  readonly #pool = new ChunkPool();
  #group = new AppendGroup(this.#pool);
  #pendingBytes = 0;
  #committing: Promise<void> | undefined;
  #isFailing = false;
  #needsMark = false;
  #markTimer: number | undefined;
  #isClosed = false;

  /** `onDurable` is called after each commit, before its appends are answered. */
  constructor(
    runtime: Runtime,
    log: Logger,
    metrics: LogMetrics,
    writer: SegmentWriter,
    endOffsets: ReadonlyMap<number, number>,
    limits: Limits,
    onDurable: () => void,
  ) {
    this.#clock = runtime.clock;
    this.#log = log;
    this.#metrics = metrics;
    this.#writer = writer;
    this.#endOffsets = endOffsets;
    this.#limits = limits;
    this.#onDurable = onDurable;
  }

  get endOffsets(): ReadonlyMap<number, number> {
    return this.#endOffsets;
  }

  // deno-lint-ignore require-await -- a refusal rejects; the values are written before this returns
  async append(records: readonly NewRecord[]): Promise<number[]> {
    const { pendingBytesMax } = this.#limits;
    const sizeBytesMax = this.#sizeBytesMax(records);
    if (sizeBytesMax > pendingBytesMax) {
      const message = `an append of ${sizeBytesMax} bytes is over the limit of ${pendingBytesMax}`;
      throw new InputError("too_large", message);
    }
    if (this.#isClosed) throw new UnavailableError("the log is closed");
    if (this.#pendingBytes + sizeBytesMax > pendingBytesMax) {
      throw new UnavailableError(`the log has ${this.#pendingBytes} bytes waiting for the disk`);
    }
    if (records.length === 0) return [];
    const before = this.#group.sizeBytes;
    const offsets = this.#group.add(records, this.#clock.now());
    this.#addPending(this.#group.sizeBytes - before);
    this.#committing ??= this.#commitWhileWaiting();
    return offsets;
  }

  /** Commits what waits, refuses what comes. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#markTimer !== undefined) this.#clock.clearTimeout(this.#markTimer);
    await this.#committing;
    await this.#writeMark();
  }

  #sizeBytesMax(records: readonly NewRecord[]): number {
    const { valueBytesMax } = this.#limits;
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
      await this.#commit(group);
    }
    this.#committing = undefined;
    this.#scheduleMark();
  }

  async #commit(group: AppendGroup): Promise<void> {
    const startedMs = this.#clock.monotonic();
    try {
      this.#endOffsets = await this.#writer.write(group, this.#endOffsets, this.#clock.now());
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
    this.#metrics.commitSeconds.observe((this.#clock.monotonic() - startedMs) / 1000);
    this.#onDurable();
    group.resolve();
  }

  #failure(cause: unknown): UnavailableError {
    this.#metrics.failures.inc();
    if (!this.#isFailing) this.#log.error("the log cannot be written", { error: cause });
    this.#isFailing = true;
    const message = `the log cannot be written: ${(cause as Error).message}`;
    return new UnavailableError(message, { cause });
  }

  #scheduleMark(): void {
    if (this.#isClosed || !this.#needsMark || this.#markTimer !== undefined) return;
    this.#markTimer = this.#clock.setTimeout(() => {
      this.#markTimer = undefined;
      this.#committing ??= this.#writeMark().then(() => this.#commitWhileWaiting());
    }, this.#limits.markAfterMs);
  }

  async #writeMark(): Promise<void> {
    if (!this.#needsMark || !this.#writer.isOpen) return;
    const mark = new AppendGroup(this.#pool);
    mark.addMark(this.#endOffsets, this.#clock.now());
    this.#addPending(mark.sizeBytes);
    await this.#commit(mark);
    this.#needsMark = false;
  }

  #addPending(bytes: number): void {
    this.#pendingBytes += bytes;
    this.#metrics.pendingBytes.set(this.#pendingBytes);
  }
}
