// Records on their way to Kafka, in order, and the appends that wait for them. Pure bookkeeping: what
// goes into the next request, and when an append is settled.
// Rules: an append is fulfilled when every one of its records has an offset, and rejected at the first
// that has none; all bytes that are not settled count against the limit.
import { InputError, UnavailableError } from "../../lib/errors.ts";
import type { NewRecord } from "../log.ts";

export interface QueuedRecord {
  readonly partition: number;
  readonly tenant: string;
  readonly value: Uint8Array;
  readonly append: WaitingAppend;
  /** Its place in the append. */
  readonly index: number;
}

export class WaitingAppend {
  readonly offsets: number[];
  readonly #done = Promise.withResolvers<number[]>();
  #left: number;

  constructor(records: number, readonly queuedMs: number) {
    this.offsets = new Array<number>(records).fill(-1);
    this.#left = records;
    this.#done.promise.catch(() => {}); // whoever awaits it hears of it
    if (records === 0) this.#done.resolve([]);
  }

  get settled(): Promise<number[]> {
    return this.#done.promise;
  }

  stored(index: number, offset: number): void {
    this.offsets[index] = offset;
    if (--this.#left === 0) this.#done.resolve(this.offsets);
  }

  failed(error: Error): void {
    this.#done.reject(error);
  }
}

export interface AppendQueueOptions {
  readonly recordBytesMax: number;
  readonly batchBytesMax: number;
  readonly bufferedBytesMax: number;
}

/** Of one request, all partitions together. */
const REQUEST_BYTES_MAX = 32 << 20;

export class AppendQueue {
  readonly #records: QueuedRecord[] = [];
  #next = 0;
  #bufferedBytes = 0;

  constructor(readonly options: AppendQueueOptions) {}

  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  get isEmpty(): boolean {
    return this.#next === this.#records.length;
  }

  /** Takes all of them or none. The values are written before it returns. */
  add(records: readonly NewRecord[], nowMs: number): WaitingAppend {
    const { recordBytesMax, bufferedBytesMax } = this.options;
    let bytes = 0;
    for (const { sizeBytes } of records) {
      if (sizeBytes > recordBytesMax) {
        const message = `a record of ${sizeBytes} bytes is over the limit of ${recordBytesMax}`;
        throw new InputError("too_large", message);
      }
      bytes += sizeBytes;
    }
    if (this.#bufferedBytes > 0 && this.#bufferedBytes + bytes > bufferedBytesMax) {
      throw new UnavailableError(
        `${this.#bufferedBytes} bytes wait for kafka, ${bytes} more are over ${bufferedBytesMax}`,
      );
    }
    this.#bufferedBytes += bytes;
    const append = new WaitingAppend(records.length, nowMs);
    for (const [index, record] of records.entries()) {
      const value = new Uint8Array(record.sizeBytes);
      record.write(value, 0);
      const { partition, tenant } = record;
      this.#records.push({ partition, tenant, value, append, index });
    }
    return append;
  }

  /** What the next request carries: as much as there is, within the limits of batch and request. */
  take(): QueuedRecord[] {
    const taken: QueuedRecord[] = [];
    const batchBytes = new Map<number, number>();
    let requestBytes = 0;
    while (!this.isEmpty) {
      const record = this.#records[this.#next]!;
      const size = record.value.length;
      const batch = batchBytes.get(record.partition) ?? 0;
      if (batch > 0 && batch + size > this.options.batchBytesMax) break;
      if (taken.length > 0 && requestBytes + size > REQUEST_BYTES_MAX) break;
      batchBytes.set(record.partition, batch + size);
      requestBytes += size;
      taken.push(record);
      this.#next++;
    }
    if (this.#next > 1024 || this.isEmpty) this.#records.splice(0, this.#next), this.#next = 0;
    return taken;
  }

  stored(record: QueuedRecord, offset: number): void {
    this.#bufferedBytes -= record.value.length;
    record.append.stored(record.index, offset);
  }

  failed(record: QueuedRecord, error: Error): void {
    this.#bufferedBytes -= record.value.length;
    record.append.failed(error);
  }
}
