// A topic of Kafka as all processes of a simulated cluster share it: it survives every one of them.
// Rules, which are Kafka's with acks=all: what was acknowledged is durable, and only what is durable is read; a
// broker that crashes forgets the rest; an answer may be lost after the write, so that a client that tries again
// writes twice; while a broker or a leader is away nothing is answered.
import type { Clock } from "../../lib/clock.ts";
import { UnavailableError } from "../../lib/errors.ts";
import type { Random } from "../../lib/random.ts";
import { sleep } from "../../lib/waiting.ts";
import {
  MemoryLog,
  type NewRecord,
  type PartitionLog,
  type ReadBatch,
  type ReadOptions,
  type TimedLogReader,
} from "../../wal/mod.ts";
import type { Network } from "./cluster_network.ts";
import type { Place } from "./cluster_place.ts";

/** The name of the broker in the network. */
export const TOPIC = "topic";
const NEVER = new AbortController().signal;
const APPEND_PATIENCE_MS = 15_000;
const ASK_PATIENCE_MS = 5_000;
const RETRY_MS = 500;

export interface TopicWeather {
  /** Of answers to appends and commits. */
  lostAnswers: number;
  /** How late a write becomes durable, and is acknowledged. */
  replicationMaxMs: number;
}

/** What checkers see. */
export interface TopicEvents {
  appended(partition: number, offset: number, value: Uint8Array): void;
  /** Before it counts. */
  committing(by: string, group: string, partition: number, offset: number): void;
}

export class SimulatedTopic {
  readonly log: MemoryLog;
  readonly weather: TopicWeather = { lostAnswers: 0, replicationMaxMs: 5 };
  readonly partitions: readonly number[];
  #awayUntilMs = 0;
  readonly #leaderAwayUntilMs = new Map<number, number>();
  #epoch = 0;

  constructor(
    readonly clock: Clock,
    readonly random: Random,
    readonly network: Network,
    partitions: number,
    readonly events: TopicEvents,
  ) {
    const whole = { ...clockOf(clock), now: () => Math.floor(clock.now()) };
    this.log = new MemoryLog({ clock: whole }, { partitions });
    this.partitions = this.log.partitions;
  }

  /** What was not durable is gone. */
  crash(awayMs: number): void {
    this.#epoch++;
    this.#awayUntilMs = Math.max(this.#awayUntilMs, this.clock.monotonic() + awayMs);
  }

  moveLeader(partition: number, awayMs: number): void {
    this.#leaderAwayUntilMs.set(partition, this.clock.monotonic() + awayMs);
  }

  heal(): void {
    this.#awayUntilMs = 0;
    this.#leaderAwayUntilMs.clear();
    this.weather.lostAnswers = 0;
    this.weather.replicationMaxMs = 5;
  }

  port(place: Place): TopicPort {
    return new TopicPort(this, place);
  }

  isAway(partition: number | undefined): boolean {
    const nowMs = this.clock.monotonic();
    const leaderMs = partition === undefined ? 0 : this.#leaderAwayUntilMs.get(partition) ?? 0;
    return nowMs < this.#awayUntilMs || nowMs < leaderMs;
  }

  /** Resolves with the offsets once they are durable; never, if the broker crashes before. */
  async write(records: readonly NewRecord[]): Promise<number[]> {
    const epoch = this.#epoch;
    await sleep(this.clock, this.random.next() * this.weather.replicationMaxMs, NEVER);
    if (epoch !== this.#epoch) await new Promise<never>(() => {});
    const values: Uint8Array[] = [];
    const kept = records.map((record): NewRecord => ({
      ...record,
      write: (to, at) => {
        record.write(to, at);
        values.push(to.subarray(at, at + record.sizeBytes));
      },
    }));
    const offsets = await this.log.append(kept);
    records.forEach(({ partition }, i) => this.events.appended(partition, offsets[i]!, values[i]!));
    return offsets;
  }
}

/** What one life of a process has of it. */
export class TopicPort implements PartitionLog, TimedLogReader {
  constructor(readonly topic: SimulatedTopic, readonly place: Place) {}

  get partitions(): readonly number[] {
    return this.topic.partitions;
  }

  append(records: readonly NewRecord[]): Promise<number[]> {
    // Taken before the first wait, as the contract has it.
    const taken = records.map((record) => {
      const value = new Uint8Array(record.sizeBytes);
      record.write(value, 0);
      return { ...record, write: (to: Uint8Array, at: number) => to.set(value, at) };
    });
    return this.place.alive(this.#append(taken));
  }

  async #append(records: readonly NewRecord[]): Promise<number[]> {
    const byPartition = Map.groupBy(
      records.map((record, i) => ({ record, i })),
      (one) => one.record.partition,
    );
    const offsets = new Array<number>(records.length).fill(-1);
    await Promise.all([...byPartition].map(async ([partition, batch]) => {
      const found = await this.#send(partition, batch.map(({ record }) => record));
      batch.forEach(({ i }, at) => offsets[i] = found[at]!);
    }));
    return offsets;
  }

  /** Tries again what nobody answered, as the client of Kafka does: what was written is written twice then. */
  async #send(partition: number, records: readonly NewRecord[]): Promise<number[]> {
    const { clock, random, weather } = this.topic;
    const endMs = clock.monotonic() + APPEND_PATIENCE_MS;
    while (clock.monotonic() < endMs && !this.place.isDead) {
      await this.#travel();
      if (this.#isReachable(partition)) {
        const written = this.topic.write(records);
        const offsets = await within(clock, ASK_PATIENCE_MS, written);
        const isHeard = this.#isReachable(partition) && random.next() >= weather.lostAnswers;
        if (offsets !== undefined && isHeard) return offsets;
      }
      await sleep(clock, RETRY_MS, NEVER);
    }
    throw new UnavailableError(`partition ${partition} of the topic did not answer in time`);
  }

  read(partition: number, fromOffset: number, options: ReadOptions): Promise<ReadBatch> {
    return this.#asked(partition, () => this.topic.log.read(partition, fromOffset, options));
  }

  startOffset(partition: number): Promise<number> {
    return this.#asked(partition, () => this.topic.log.startOffset(partition));
  }

  endOffset(partition: number): Promise<number> {
    return this.#asked(partition, () => this.topic.log.endOffset(partition));
  }

  offsetOfTime(partition: number, unixMs: number): Promise<number> {
    return this.#asked(partition, () => this.topic.log.offsetOfTime(partition, unixMs));
  }

  commit(group: string, partition: number, offset: number): Promise<void> {
    return this.#asked(undefined, async () => {
      this.topic.events.committing(this.place.name, group, partition, offset);
      await this.topic.log.commit(group, partition, offset);
      if (this.topic.random.next() < this.topic.weather.lostAnswers) {
        throw new UnavailableError("the answer to a commit is lost");
      }
    });
  }

  committedOffset(group: string, partition: number): Promise<number | undefined> {
    return this.#asked(undefined, () => this.topic.log.committedOffset(group, partition));
  }

  #asked<T>(partition: number | undefined, work: () => Promise<T>): Promise<T> {
    return this.place.alive(this.#ask(partition, work));
  }

  async #ask<T>(partition: number | undefined, work: () => Promise<T>): Promise<T> {
    await this.#travel();
    if (!this.#isReachable(partition)) {
      await sleep(this.topic.clock, ASK_PATIENCE_MS, NEVER);
      throw new UnavailableError("the topic does not answer");
    }
    const answer = await work();
    if (!this.#isReachable(partition)) throw new UnavailableError("the topic went away");
    return answer;
  }

  #isReachable(partition: number | undefined): boolean {
    return !this.topic.isAway(partition) && this.topic.network.reaches(this.place.name, TOPIC);
  }

  async #travel(): Promise<void> {
    const { network, clock, random } = this.topic;
    await sleep(clock, random.next() * network.weather.delayMaxMs, NEVER);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}

/** Undefined if it takes longer. */
async function within<T>(clock: Clock, ms: number, work: Promise<T>): Promise<T | undefined> {
  const late = Promise.withResolvers<undefined>();
  const timer = clock.setTimeout(() => late.resolve(undefined), ms);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clock.clearTimeout(timer);
  }
}

function clockOf(clock: Clock): Clock {
  return {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    setTimeout: (callback, delayMs) => clock.setTimeout(callback, delayMs),
    clearTimeout: (id) => clock.clearTimeout(id),
  };
}
