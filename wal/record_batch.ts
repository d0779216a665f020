// The records that one read gives back. Values are copied out of the window, which other partitions
// use, into a buffer that the partition's next batch fills again.
import type { LogRecord, ReadBatch } from "./log.ts";

const BUFFER_BYTES = 1 << 16;
const BUFFER_BYTES_KEPT_MAX = 8 << 20;

export class RecordBatch {
  nextOffset = 0;
  #records: LogRecord[] = [];
  #bytes = 0;
  #bytesMax = 0;
  #endOffset = 0;
  #buffer = new Uint8Array(BUFFER_BYTES);
  #length = 0;

  begin(fromOffset: number, endOffset: number, bytesMax: number): void {
    this.nextOffset = fromOffset;
    this.#records = []; // the former one belongs to the caller
    this.#bytes = 0;
    this.#bytesMax = bytesMax;
    this.#endOffset = endOffset;
    this.#length = 0;
    if (this.#buffer.length > BUFFER_BYTES_KEPT_MAX) this.#buffer = new Uint8Array(BUFFER_BYTES);
  }

  get isDone(): boolean {
    return this.nextOffset >= this.#endOffset || this.#bytes >= this.#bytesMax;
  }

  /** The first is taken whatever its size. */
  canTake(sizeBytes: number): boolean {
    return this.#records.length === 0 || this.#bytes + sizeBytes <= this.#bytesMax;
  }

  add(record: LogRecord): void {
    this.#records.push({ ...record, value: this.#copy(record.value) });
    this.#bytes += record.value.length;
    this.nextOffset = record.offset + 1;
  }

  /** There is nothing more: what was before the end, damage has taken. */
  skipToEnd(): void {
    this.nextOffset = this.#endOffset;
  }

  result(): ReadBatch {
    return { records: this.#records, nextOffset: this.nextOffset };
  }

  /** When the buffer must grow, values already handed out keep the old one alive. */
  #copy(value: Uint8Array): Uint8Array {
    if (this.#length + value.length > this.#buffer.length) {
      this.#buffer = new Uint8Array(Math.max(2 * this.#buffer.length, value.length));
      this.#length = 0;
    }
    const copy = this.#buffer.subarray(this.#length, this.#length += value.length);
    copy.set(value);
    return copy;
  }
}
