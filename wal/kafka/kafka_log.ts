// The partition log as a topic of Kafka: key = tenant, value = PushBytesRequest, one partition of the
// topic is one partition of the log. Partitions are taken by number, no group is joined; groups keep
// committed offsets only. Records are those of the peer, so either may write or read.
//
//   append ─▶ kafka_appender ─▶ acks=all        read ◀── partition_fetcher ◀── leader of the partition
//   commit ─▶ group_commits                     ends ◀── list offsets
import { Admin, Consumer, ListOffsetTimestamps } from "@platformatic/kafka";
import { InputError, UnavailableError } from "../../lib/errors.ts";
import { invariant } from "../../lib/invariant.ts";
import type { Runtime } from "../../lib/runtime.ts";
import { sleep } from "../../lib/waiting.ts";
import type { NewRecord, PartitionLog, ReadBatch, ReadOptions, TimedLogReader } from "../log.ts";
import { GroupCommits } from "./group_commits.ts";
import { KafkaAppender } from "./kafka_appender.ts";
import { isCausedBy, kafkaError } from "./kafka_errors.ts";
import { bindKafkaMetrics, type KafkaMetrics } from "./kafka_metrics.ts";
import { clientOptions, type KafkaLogOptions, RETRY_DELAY_MS } from "./kafka_options.ts";
import { PartitionFetcher } from "./partition_fetcher.ts";

const NEVER = new AbortController().signal;

interface Clients {
  readonly admin: Admin;
  readonly offsets: Consumer;
  readonly appender: KafkaAppender;
}

export class KafkaLog implements PartitionLog, TimedLogReader {
  readonly #fetchers = new Map<number, PartitionFetcher>();
  readonly #groups: GroupCommits;
  #closed: Promise<void> | undefined;

  private constructor(
    readonly runtime: Pick<Runtime, "clock" | "log">,
    readonly metrics: KafkaMetrics,
    readonly options: KafkaLogOptions,
    readonly partitions: readonly number[],
    readonly clients: Clients,
  ) {
    this.#groups = new GroupCommits(clients.admin, options.topic);
  }

  /** Throws UnavailableError while no broker answers, InputError where the topic is not to be had. */
  static async open(runtime: Runtime, options: KafkaLogOptions): Promise<KafkaLog> {
    const metrics = bindKafkaMetrics(runtime.metrics);
    const log = runtime.log.getChild("kafka");
    const world = { clock: runtime.clock, log };
    const base = clientOptions(options);
    const admin = new Admin(base);
    // Tried again here: the client goes on asking the leader that it knows, also when that is gone.
    const offsets = new Consumer({ ...base, groupId: `${options.clientId}-offsets`, retries: 0 });
    const appender = new KafkaAppender(world, metrics, options);
    const clients = { admin, offsets, appender };
    try {
      const count = await partitionsOf(admin, options);
      const partitions = Array.from({ length: count }, (_, partition) => partition);
      return new KafkaLog(world, metrics, options, partitions, clients);
    } catch (error) {
      await closeAll(clients);
      throw error;
    }
  }

  async append(records: readonly NewRecord[]): Promise<number[]> {
    // The client would take a partition that is not there for another.
    for (const { partition } of records) this.#check(partition);
    return await this.clients.appender.append(records);
  }

  async read(partition: number, fromOffset: number, options: ReadOptions): Promise<ReadBatch> {
    this.#check(partition);
    let fetcher = this.#fetchers.get(partition);
    if (fetcher === undefined) {
      fetcher = new PartitionFetcher(this.runtime, this.metrics, this.options, partition, this);
      this.#fetchers.set(partition, fetcher);
    }
    return await fetcher.read(fromOffset, options);
  }

  async startOffset(partition: number): Promise<number> {
    return await this.#offsetAt(partition, ListOffsetTimestamps.EARLIEST);
  }

  async endOffset(partition: number): Promise<number> {
    return await this.#offsetAt(partition, ListOffsetTimestamps.LATEST);
  }

  /** The first offset whose record is not older than a time; the end if there is none. */
  async offsetOfTime(partition: number, unixMs: number): Promise<number> {
    const found = await this.#offsetAt(partition, BigInt(unixMs));
    return found < 0 ? await this.endOffset(partition) : found;
  }

  async #offsetAt(partition: number, timestamp: bigint): Promise<number> {
    this.#check(partition);
    const { topic, writeTimeoutMs } = this.options;
    const { clock } = this.runtime;
    const deadlineMs = clock.monotonic() + writeTimeoutMs;
    for (;;) {
      try {
        return await this.#offsetNow(partition, timestamp);
      } catch (error) {
        this.clients.offsets.clearMetadata();
        const told = kafkaError(error, `offsets of ${topic}, partition ${partition}`);
        const isOver = clock.monotonic() >= deadlineMs || this.#closed !== undefined;
        if (isOver || !(told instanceof UnavailableError)) throw told;
        await sleep(clock, RETRY_DELAY_MS, NEVER);
      }
    }
  }

  async #offsetNow(partition: number, timestamp: bigint): Promise<number> {
    const { topic } = this.options;
    const offsets = await this.clients.offsets.listOffsets({
      topics: [topic],
      partitions: { [topic]: [partition] },
      timestamp,
    });
    const offset = Number(offsets.get(topic)?.[partition] ?? -1n);
    invariant(Number.isSafeInteger(offset), `KA-1: offset ${offset} is a number`);
    return offset;
  }

  async commit(group: string, partition: number, offset: number): Promise<void> {
    this.#check(partition);
    await this.#groups.commit(group, partition, offset);
  }

  async committedOffset(group: string, partition: number): Promise<number | undefined> {
    this.#check(partition);
    return await this.#groups.committed(group, partition);
  }

  #check(partition: number): void {
    if (partition < this.partitions.length) return;
    throw new InputError("invalid_argument", `there is no partition ${partition}`);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#closed ??= this.#close();
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#fetchers.values()].map((one) => one[Symbol.asyncDispose]()));
    await closeAll(this.clients);
  }
}

/** How many the topic has, made first where that is wanted. */
async function partitionsOf(admin: Admin, options: KafkaLogOptions): Promise<number> {
  const { topic, createPartitions } = options;
  try {
    const known = await topicPartitions(admin, topic);
    if (known !== undefined) return known;
    if (createPartitions === undefined) {
      throw new InputError("failed_precondition", `kafka has no topic ${topic}`);
    }
    await admin.createTopics({ topics: [topic], partitions: createPartitions, replicas: -1 })
      .catch((error) => {
        // Another process was faster.
        if (!isCausedBy(error, "TOPIC_ALREADY_EXISTS")) throw error;
      });
    admin.clearMetadata();
    return await topicPartitions(admin, topic) ?? createPartitions;
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw kafkaError(error, `topic ${topic}`);
  }
}

async function topicPartitions(admin: Admin, topic: string): Promise<number | undefined> {
  const topics = await admin.listTopics();
  if (!topics.includes(topic)) return undefined;
  const metadata = await admin.metadata({ topics: [topic] });
  return metadata.topics.get(topic)!.partitionsCount;
}

async function closeAll({ admin, offsets, appender }: Clients): Promise<void> {
  await appender[Symbol.asyncDispose]();
  await Promise.all([admin.close(), offsets.close(true)]).catch(() => {});
}
