// Appends to the partitions of a topic. One request is on its way at a time and takes everything that
// came meanwhile, so that small appends share requests as they share an fdatasync in the embedded log.
// Rules: an append is answered when all in-sync replicas have it (acks=all, idempotent, so a retry of
// the client stores nothing twice); one that cannot be stored within the time is refused as
// unavailable, and may then still arrive.
import type { Buffer } from "node:buffer";
import { Producer, ResponseError } from "@platformatic/kafka";
import { InputError, UnavailableError } from "../../lib/errors.ts";
import { invariant } from "../../lib/invariant.ts";
import type { Runtime } from "../../lib/runtime.ts";
import type { NewRecord } from "../log.ts";
import { AppendQueue, type QueuedRecord, type WaitingAppend } from "./append_queue.ts";
import { isCausedBy, kafkaError, saidBy } from "./kafka_errors.ts";
import type { KafkaMetrics } from "./kafka_metrics.ts";
import { clientOptions, type KafkaLogOptions } from "./kafka_options.ts";

const encoder = new TextEncoder();
const ALL_REPLICAS = -1;
const TOO_LARGE: readonly string[] = ["MESSAGE_TOO_LARGE", "RECORD_LIST_TOO_LARGE"];

export class KafkaAppender implements AsyncDisposable {
  readonly #queue: AppendQueue;
  readonly #producer: Producer;
  #sending: Promise<void> | undefined;
  #isClosed = false;

  constructor(
    readonly runtime: Pick<Runtime, "clock" | "log">,
    readonly metrics: KafkaMetrics,
    readonly options: KafkaLogOptions,
  ) {
    this.#queue = new AppendQueue(options);
    this.#producer = new Producer({
      ...clientOptions(options),
      idempotent: true,
      compression: options.compression,
    });
    metrics.bufferedLimit.set(options.bufferedBytesMax);
  }

  async append(records: readonly NewRecord[]): Promise<number[]> {
    if (this.#isClosed) throw new UnavailableError("the log is closed");
    const append = this.#queue.add(records, this.runtime.clock.monotonic());
    this.#sending ??= this.#sendAll().finally(() => this.#sending = undefined);
    return await this.#withinTime(append);
  }

  async #withinTime(append: WaitingAppend): Promise<number[]> {
    const { clock } = this.runtime;
    const { writeTimeoutMs } = this.options;
    const timer = clock.setTimeout(() => {
      append.failed(new UnavailableError(`kafka has not answered within ${writeTimeoutMs} ms`));
    }, writeTimeoutMs);
    try {
      return await append.settled;
    } finally {
      clock.clearTimeout(timer);
    }
  }

  async #sendAll(): Promise<void> {
    // Appends of the same turn share the first request.
    await Promise.resolve();
    while (!this.#queue.isEmpty) {
      const records = this.#queue.take().filter((record) => this.#isWorthSending(record));
      if (records.length > 0) await this.#send(records);
    }
  }

  /** What waited too long behind a broker that was away has been refused already. */
  #isWorthSending(record: QueuedRecord): boolean {
    const waitedMs = this.runtime.clock.monotonic() - record.append.queuedMs;
    if (waitedMs < this.options.writeTimeoutMs) return true;
    this.metrics.failures.labels("timeout").inc();
    this.#queue.failed(record, new UnavailableError(`kafka was away for ${waitedMs} ms`));
    return false;
  }

  async #send(records: readonly QueuedRecord[]): Promise<void> {
    const { clock } = this.runtime;
    const startedMs = clock.monotonic();
    try {
      const { offsets = [] } = await this.#producer.send({
        acks: ALL_REPLICAS,
        messages: records.map(({ partition, tenant, value }) => ({
          topic: this.options.topic,
          partition,
          key: encoder.encode(tenant) as Buffer,
          value: value as Buffer,
        })),
      });
      this.#settle(records, new Map(offsets.map(({ partition, offset }) => [partition, offset])));
    } catch (error) {
      await this.#afterFailure(records, error);
    }
    this.metrics.writeSeconds.observe((clock.monotonic() - startedMs) / 1000);
  }

  /** Gives each record its offset, where its partition's batch was stored; answers the others. */
  #settle(
    records: readonly QueuedRecord[],
    baseOffsets: ReadonlyMap<number, bigint>,
  ): QueuedRecord[] {
    const next = new Map<number, number>();
    const left: QueuedRecord[] = [];
    for (const record of records) {
      const base = baseOffsets.get(record.partition);
      if (base === undefined) {
        left.push(record);
        continue;
      }
      const offset = next.get(record.partition) ?? Number(base);
      invariant(Number.isSafeInteger(offset), `KA-1: offset ${base} is a number`);
      next.set(record.partition, offset + 1);
      this.metrics.records.inc();
      this.metrics.producedBytes.inc(record.value.length);
      this.metrics.bytes.labels(`partition_${record.partition}`).inc(record.value.length);
      this.#queue.stored(record, offset);
    }
    return left;
  }

  /** A request may have been stored in some partitions; of the others, too large batches are halved. */
  async #afterFailure(records: readonly QueuedRecord[], error: unknown): Promise<void> {
    const left = this.#settle(records, storedIn(error));
    if (left.length === 0) return;
    if (!TOO_LARGE.some((id) => isCausedBy(error, id))) {
      this.#fail(left, kafkaError(error, `${left.length} records cannot be written`), "other");
      return;
    }
    if (left.length === 1) {
      const { length } = left[0]!.value;
      const message = `kafka takes no record of ${length} bytes: ${saidBy(error)}`;
      this.#fail(left, new InputError("too_large", message), "record-too-large");
      return;
    }
    const half = left.length >> 1;
    await this.#send(left.slice(0, half));
    await this.#send(left.slice(half));
  }

  #fail(records: readonly QueuedRecord[], error: Error, reason: string): void {
    this.metrics.failures.labels(reason).inc(records.length);
    this.runtime.log.warn("records not written", {
      records: records.length,
      error: error.message,
    });
    for (const record of records) this.#queue.failed(record, error);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#sending;
    await this.#producer.close(true).catch(() => {});
  }
}

/** The partitions whose batch a failed request has stored nevertheless, and where. */
function storedIn(error: unknown): Map<number, bigint> {
  const stored = new Map<number, bigint>();
  const look = (error: unknown) => {
    if (ResponseError.isGenericError(error as Error) && error instanceof ResponseError) {
      const { response } = error as { response?: ProduceAnswer };
      for (const { partitionResponses } of response?.responses ?? []) {
        for (const { index, errorCode, baseOffset } of partitionResponses) {
          if (errorCode === 0) stored.set(index, baseOffset);
        }
      }
    }
    if (error instanceof AggregateError) error.errors.forEach(look);
    const { produced } = error as { produced?: { offsets?: StoredOffset[] } };
    for (const { partition, offset } of produced?.offsets ?? []) stored.set(partition, offset);
  };
  look(error);
  return stored;
}

interface StoredOffset {
  readonly partition: number;
  readonly offset: bigint;
}

interface ProduceAnswer {
  readonly responses?: readonly {
    readonly partitionResponses: readonly {
      readonly index: number;
      readonly errorCode: number;
      readonly baseOffset: bigint;
    }[];
  }[];
}
