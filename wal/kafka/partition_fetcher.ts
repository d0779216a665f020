// Reads one partition of a topic without joining a group: one fetch at a time over a consumer of its
// own, from the partition's leader, wherever that has moved to.
// Rules: reading never fails for weather, it comes back empty after a pause, and lag tells; records
// come in order, none twice, gaps (control records, compaction) are stepped over; where retention was
// faster than the reader that is counted and told, and reading goes on at the first record kept.
import { Consumer, type RecordsBatch } from "@platformatic/kafka";
import { CorruptionError } from "../../lib/errors.ts";
import type { Runtime } from "../../lib/runtime.ts";
import { sleep, unlessAborted } from "../../lib/waiting.ts";
import type { LogRecord, ReadBatch, ReadOptions } from "../log.ts";
import { isCausedBy, saidBy } from "./kafka_errors.ts";
import type { KafkaMetrics } from "./kafka_metrics.ts";
import { clientOptions, type KafkaLogOptions } from "./kafka_options.ts";

const decoder = new TextDecoder();
/** A fetch cannot be called back, so it waits no longer than a stop may take. */
const FETCH_WAIT_MAX_MS = 1_000;
const FETCH_BYTES_MIN = 64 << 10;
const PAUSE_AFTER_FAILURE_MS = 500;
const IS_CONTROL = 0b100000;

export interface PartitionPlace {
  startOffset(partition: number): Promise<number>;
  endOffset(partition: number): Promise<number>;
}

export class PartitionFetcher implements AsyncDisposable {
  readonly #consumer: Consumer;
  /** Fetched and not yet given out; ascending. */
  #ahead: LogRecord[] = [];
  #aheadFrom = -1;
  #aheadNext = 0;
  #end: number | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #failures = 0;

  constructor(
    readonly runtime: Pick<Runtime, "clock" | "log">,
    readonly metrics: KafkaMetrics,
    readonly options: KafkaLogOptions,
    readonly partition: number,
    readonly place: PartitionPlace,
  ) {
    const { clientId } = options;
    // The group is never joined; the client wants a name.
    const base = { ...clientOptions(options), groupId: `${clientId}-fetch`, retries: 0 };
    this.#consumer = new Consumer(base);
    this.#consumer.topics.track(options.topic);
  }

  /** Reads of one partition take turns: the broker keeps one session for each consumer. */
  async read(fromOffset: number, options: ReadOptions): Promise<ReadBatch> {
    const { signal } = options;
    signal.throwIfAborted();
    const reading = this.#turn.then(() => this.#read(fromOffset, options));
    this.#turn = reading.catch(() => {});
    return await unlessAborted(reading, signal);
  }

  async #read(fromOffset: number, { bytesMax, waitMs, signal }: ReadOptions): Promise<ReadBatch> {
    if (signal.aborted) return { records: [], nextOffset: fromOffset };
    if (fromOffset !== this.#aheadFrom || this.#ahead.length === 0) {
      const resumed = await this.#fetch(fromOffset, bytesMax, waitMs, signal);
      if (resumed !== undefined) return { records: [], nextOffset: resumed };
    }
    return this.#give(bytesMax);
  }

  #give(bytesMax: number): ReadBatch {
    let count = 0;
    for (let bytes = 0; count < this.#ahead.length; count++) {
      bytes += this.#ahead[count]!.value.length;
      if (count > 0 && bytes > bytesMax) break;
    }
    const records = this.#ahead.slice(0, count);
    this.#ahead = this.#ahead.slice(count);
    this.#aheadFrom = this.#ahead[0]?.offset ?? this.#aheadNext;
    const read = { records, nextOffset: this.#aheadFrom };
    return this.#end === undefined ? read : { ...read, endOffset: this.#end };
  }

  /** Fills what is ahead. An offset where reading resumes instead, if it cannot. */
  async #fetch(
    fromOffset: number,
    bytesMax: number,
    waitMs: number,
    signal: AbortSignal,
  ): Promise<number | undefined> {
    try {
      const { topic } = this.options;
      const metadata = await this.#consumer.metadata({ topics: [topic] });
      const { id, partitions } = metadata.topics.get(topic)!;
      const response = await this.#consumer.fetch({
        node: partitions[this.partition]!.leader,
        minBytes: 1,
        maxBytes: Math.max(FETCH_BYTES_MIN, bytesMax),
        maxWaitTime: Math.min(FETCH_WAIT_MAX_MS, waitMs),
        topics: [{
          topicId: id,
          partitions: [{
            partition: this.partition,
            fetchOffset: BigInt(fromOffset),
            currentLeaderEpoch: -1,
            lastFetchedEpoch: -1,
            partitionMaxBytes: Math.max(FETCH_BYTES_MIN, bytesMax),
          }],
        }],
      });
      const [told] = response.responses[0]?.partitions ?? [];
      if (told !== undefined) this.#end = Number(told.highWatermark);
      const batches = response.responses.flatMap((one) =>
        one.partitions.flatMap(({ records }) => records ?? [])
      );
      this.#keep(batches, fromOffset);
      this.#failures = 0;
      return undefined;
    } catch (error) {
      return await this.#afterFailure(error, fromOffset, waitMs, signal);
    }
  }

  #keep(batches: readonly RecordsBatch[], fromOffset: number): void {
    const ahead: LogRecord[] = [];
    let next = fromOffset;
    for (const batch of batches) {
      const base = Number(batch.firstOffset);
      next = Math.max(next, base + batch.lastOffsetDelta + 1);
      if ((batch.attributes & IS_CONTROL) !== 0) continue;
      for (const { offsetDelta, timestampDelta, key, value } of batch.records) {
        // A broker answers with whole batches.
        if (base + offsetDelta < fromOffset) continue;
        ahead.push({
          partition: this.partition,
          offset: base + offsetDelta,
          timestampMs: Number(batch.firstTimestamp + timestampDelta),
          tenant: key === null ? "" : decoder.decode(key),
          value: value ?? new Uint8Array(0),
        });
      }
    }
    this.#ahead = ahead;
    this.#aheadFrom = fromOffset;
    this.#aheadNext = next;
    const newest = ahead.at(-1);
    if (newest === undefined) return;
    this.metrics.recordsPerFetch.observe(ahead.length);
    const delayMs = this.runtime.clock.now() - newest.timestampMs;
    this.metrics.receiveDelay.observe(Math.max(0, delayMs) / 1000);
  }

  async #afterFailure(
    error: unknown,
    fromOffset: number,
    waitMs: number,
    signal: AbortSignal,
  ): Promise<number> {
    const { log, clock } = this.runtime;
    if (isCausedBy(error, "OFFSET_OUT_OF_RANGE")) return await this.#backInRange(fromOffset);
    this.metrics.fetchErrors.labels(String(this.partition)).inc();
    if (this.#failures++ === 0) {
      log.warn("kafka cannot be read", { partition: this.partition, error: saidBy(error) });
    }
    this.#consumer.clearMetadata();
    await sleep(clock, Math.min(waitMs, PAUSE_AFTER_FAILURE_MS), signal);
    return fromOffset;
  }

  async #backInRange(fromOffset: number): Promise<number> {
    const start = await this.place.startOffset(this.partition);
    if (fromOffset < start) {
      const lost = start - fromOffset;
      this.metrics.lostRecords.labels(String(this.partition)).inc(lost);
      this.runtime.log.error("retention was faster than the reader", {
        partition: this.partition,
        fromOffset,
        startOffset: start,
        lost,
      });
      return start;
    }
    const end = await this.place.endOffset(this.partition);
    if (fromOffset <= end) return fromOffset;
    const path = `${this.options.topic}/${this.partition}`;
    throw new CorruptionError(
      `the topic ends at ${end}: it was cut or made anew`,
      fromOffset,
      path,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#turn;
    await this.#consumer.close(true).catch(() => {});
  }
}
