// A partition log in memory, for tests and simulation: the same contract, gone with the process.
// `before` scripts the weather: it is awaited before every operation, so it may delay or throw.
import { InputError } from "../lib/errors.ts";
import { invariant } from "../lib/invariant.ts";
import type { Runtime } from "../lib/runtime.ts";
import { Arrivals } from "./arrivals.ts";
import type {
  LogRecord,
  NewRecord,
  PartitionLog,
  ReadBatch,
  ReadOptions,
  TimedLogReader,
} from "./log.ts";

export type MemoryLogStep =
  | { readonly kind: "append"; readonly records: readonly NewRecord[] }
  | { readonly kind: "read"; readonly partition: number; readonly fromOffset: number }
  | {
    readonly kind: "commit";
    readonly group: string;
    readonly partition: number;
    readonly offset: number;
  };

export interface MemoryLogOptions {
  readonly partitions: number;
  readonly valueBytesMax?: number;
  readonly before?: (step: MemoryLogStep) => Promise<void> | void;
}

interface MemoryPartition {
  startOffset: number;
  readonly records: LogRecord[];
}

export class MemoryLog implements PartitionLog, TimedLogReader {
  readonly partitions: readonly number[];
  readonly #clock;
  readonly #options: MemoryLogOptions;
  readonly #partitions: readonly MemoryPartition[];
  readonly #committed = new Map<string, number>();
  readonly #arrivals = new Arrivals();

  constructor(runtime: Pick<Runtime, "clock">, options: MemoryLogOptions) {
    this.#clock = runtime.clock;
    this.#options = options;
    this.partitions = Array.from({ length: options.partitions }, (_, partition) => partition);
    this.#partitions = this.partitions.map(() => ({ startOffset: 0, records: [] }));
  }

  async append(records: readonly NewRecord[]): Promise<number[]> {
    const partitions = records.map(({ partition }) => this.#partition(partition));
    const values = records.map((record) => this.#value(record));
    await this.#options.before?.({ kind: "append", records });
    const timestampMs = this.#clock.now();
    const offsets = records.map(({ partition, tenant }, i) => {
      const { startOffset, records } = partitions[i]!;
      const offset = startOffset + records.length;
      records.push({ partition, offset, timestampMs, tenant, value: values[i]! });
      return offset;
    });
    this.#arrivals.announce();
    return offsets;
  }

  async read(partition: number, fromOffset: number, options: ReadOptions): Promise<ReadBatch> {
    options.signal.throwIfAborted();
    await this.#options.before?.({ kind: "read", partition, fromOffset });
    if (options.waitMs > 0 && fromOffset >= this.#end(partition)) {
      const deadlineMs = this.#clock.monotonic() + options.waitMs;
      for (let leftMs = options.waitMs; leftMs > 0;) {
        await this.#arrivals.wait(this.#clock, leftMs, options.signal);
        if (fromOffset < this.#end(partition)) break;
        leftMs = deadlineMs - this.#clock.monotonic();
      }
    }
    const { startOffset, records } = this.#partition(partition);
    const batch: LogRecord[] = [];
    let nextOffset = Math.max(fromOffset, startOffset);
    for (let bytes = 0; nextOffset < this.#end(partition); nextOffset++) {
      const record = records[nextOffset - startOffset]!;
      bytes += record.value.length;
      if (batch.length > 0 && bytes > options.bytesMax) break;
      batch.push(record);
    }
    return { records: batch, nextOffset, endOffset: this.#end(partition) };
  }

  startOffset(partition: number): Promise<number> {
    return Promise.resolve(this.#partition(partition).startOffset);
  }

  endOffset(partition: number): Promise<number> {
    return Promise.resolve(this.#end(partition));
  }

  offsetOfTime(partition: number, unixMs: number): Promise<number> {
    const found = this.#partition(partition).records.find((one) => one.timestampMs >= unixMs);
    return Promise.resolve(found?.offset ?? this.#end(partition));
  }

  async commit(group: string, partition: number, offset: number): Promise<void> {
    await this.#options.before?.({ kind: "commit", group, partition, offset });
    invariant(offset <= this.#end(partition), "WAL-1: what is committed has been appended");
    const key = `${group}/${partition}`;
    this.#committed.set(key, Math.max(offset, this.#committed.get(key) ?? 0));
  }

  committedOffset(group: string, partition: number): Promise<number | undefined> {
    return Promise.resolve(this.#committed.get(`${group}/${partition}`));
  }

  /** What retention does to the other logs. */
  forget(partition: number, beforeOffset: number): void {
    const kept = this.#partition(partition);
    const count = Math.max(0, Math.min(beforeOffset, this.#end(partition)) - kept.startOffset);
    kept.records.splice(0, count);
    kept.startOffset += count;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  #partition(partition: number): MemoryPartition {
    const found = this.#partitions[partition];
    if (found === undefined) {
      throw new InputError("invalid_argument", `there is no partition ${partition}`);
    }
    return found;
  }

  #end(partition: number): number {
    const { startOffset, records } = this.#partition(partition);
    return startOffset + records.length;
  }

  #value(record: NewRecord): Uint8Array {
    const valueBytesMax = this.#options.valueBytesMax ?? Infinity;
    if (record.sizeBytes > valueBytesMax) {
      const message = `a record of ${record.sizeBytes} bytes is over the limit of ${valueBytesMax}`;
      throw new InputError("too_large", message);
    }
    const value = new Uint8Array(record.sizeBytes);
    record.write(value, 0);
    return value;
  }
}
