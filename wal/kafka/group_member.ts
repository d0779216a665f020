// A member of a consumer group: the partitions that the group gives it, and commits that the group takes of nobody else.
// Rules: before it joins again, everything it had is given up, so that who gets it next begins where this one has ended;
// a member that the coordinator may take for dead stops by itself, before others are given what it had.
//
//   join ─▶ take ─▶ heartbeats ─▶ somebody comes or goes ─▶ give up ─▶ join …
import { Buffer } from "node:buffer";

import { Consumer, type GroupAssignment, type GroupPartitionsAssigner } from "@platformatic/kafka";

import { UnavailableError } from "../../lib/errors.ts";
import type { Logger } from "../../lib/log.ts";
import type { Runtime } from "../../lib/runtime.ts";
import { sleep } from "../../lib/waiting.ts";
import { kafkaError, saidBy } from "./kafka_errors.ts";
import { clientOptions, type KafkaLogOptions } from "./kafka_options.ts";

export interface GroupMemberOptions {
  readonly group: string;
  /** Who comes back under it in time has the same partitions, and nobody else is disturbed. */
  readonly instance: string;
  readonly sessionMs: number;
  /** How long the others are waited for to give up. */
  readonly rebalanceMs: number;
  readonly heartbeatMs: number;
  /** Then its partitions are given to others at once. */
  readonly leavesAtEnd: boolean;
  /** Those that spans are written to: they are shared out evenly, and then all others. */
  readonly livePartitions: () => readonly number[];
}

export interface GroupHolder {
  take(partitions: readonly number[]): void;
  giveUp(): Promise<void>;
}

/** Of a session: a member that hears nothing for so long gives up before the coordinator gives it up. */
const SILENCE_SHARE = 0.8;
const PAUSE_AFTER_FAILURE_MS = 1_000;
const PROTOCOL = { name: "segno-live-first", version: 1 };

export class GroupMember {
  readonly #logger: Logger;
  #consumer: Consumer | undefined;

  constructor(
    readonly runtime: Pick<Runtime, "clock" | "log">,
    readonly kafka: KafkaLogOptions,
    readonly options: GroupMemberOptions,
  ) {
    this.#logger = runtime.log.getChild("kafka").with({ group: options.group });
  }

  /** Until the signal aborts. A broker that is away is waited for. */
  async run(holder: GroupHolder, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const failure = await this.#live(holder, signal);
      if (failure === undefined) return;
      this.#logger.warn("the group is joined anew", { error: failure });
      await sleep(this.runtime.clock, PAUSE_AFTER_FAILURE_MS, signal);
    }
  }

  async commit(nextOffsets: ReadonlyMap<number, number>): Promise<void> {
    const { topic } = this.kafka;
    const { group } = this.options;
    if (this.#consumer === undefined) throw new UnavailableError(`not a member of ${group}`);
    try {
      await this.#consumer.commit({
        offsets: [...nextOffsets].map(([partition, offset]) => ({
          topic,
          partition,
          offset: BigInt(offset),
          leaderEpoch: -1,
        })),
      });
    } catch (error) {
      const { message } = kafkaError(error, `commit of ${group}`);
      // Whatever it is: what is not committed is read again, by whoever has it then.
      throw new UnavailableError(message, { cause: error });
    }
  }

  /** One membership, from joining until it fails, which is told, or the signal aborts. */
  async #live(holder: GroupHolder, signal: AbortSignal): Promise<string | undefined> {
    const { instance, sessionMs, leavesAtEnd } = this.options;
    const ended = Promise.withResolvers<string | undefined>();
    const stop = () => ended.resolve(undefined);
    signal.addEventListener("abort", stop, { once: true });
    let isOver = false;
    const membership = this.#membership(holder);
    // What fails is tried again here, with a membership of its own.
    const consumer = new Consumer({ ...clientOptions(this.kafka), ...membership, retries: 0 });
    consumer.topics.track(this.kafka.topic);
    consumer.on("consumer:group:join", ({ assignments }) => {
      if (isOver) return;
      const partitions = this.#partitionsOf(assignments ?? []);
      this.#logger.info("partitions are assigned", { partitions, instance });
      holder.take(partitions);
    });
    consumer.on("error", (error: unknown) => ended.resolve(saidBy(error)));
    consumer.on("consumer:heartbeat:stalled", () => {
      ended.resolve(`no heartbeat was answered in ${sessionMs * SILENCE_SHARE} ms`);
    });
    this.#consumer = consumer;
    try {
      const joined = consumer.joinGroup(membership);
      joined.catch((error: unknown) => ended.resolve(saidBy(error)));
      return await ended.promise;
    } finally {
      isOver = true;
      signal.removeEventListener("abort", stop);
      await holder.giveUp();
      this.#consumer = undefined;
      // Without its id it goes without a word to the group, and may be back soon under the same name.
      if (!leavesAtEnd) consumer.memberId = null;
      await closed(consumer);
    }
  }

  #membership(holder: GroupHolder) {
    const { group, instance, sessionMs, rebalanceMs, heartbeatMs } = this.options;
    return {
      groupId: group,
      groupInstanceId: instance,
      sessionTimeout: sessionMs,
      rebalanceTimeout: rebalanceMs,
      heartbeatInterval: heartbeatMs,
      heartbeatStallTimeout: Math.floor(sessionMs * SILENCE_SHARE),
      protocols: [PROTOCOL],
      partitionAssigner: this.#assigner,
      // Asked at each joining, and waited for: the one place between two generations of a group.
      protocolsMetadata: async () => {
        await holder.giveUp();
        return Buffer.alloc(0);
      },
    };
  }

  /** Asked of the member that leads the group. */
  readonly #assigner: GroupPartitionsAssigner = (_current, members, _topics, metadata) => {
    const { topic } = this.kafka;
    const count = metadata.topics.get(topic)!.partitionsCount;
    const shares = shareOutLiveFirst([...members.keys()], this.options.livePartitions(), count);
    return [...shares].map(([memberId, partitions]) => ({
      memberId,
      assignments: new Map([[topic, { topic, partitions }]]),
    }));
  };

  #partitionsOf(assignments: readonly GroupAssignment[]): number[] {
    return assignments.filter(({ topic }) => topic === this.kafka.topic)
      .flatMap(({ partitions }) => partitions).sort((a, b) => a - b);
  }
}

async function closed(consumer: Consumer): Promise<void> {
  try {
    await consumer.leaveGroup(true);
    await consumer.close(true);
  } catch {
    // a broker that is away; the session ends by itself
  }
}

/**
 * In turns to members in the order of their names, which begin with their instances': so the same ones get the same.
 * Partitions that are not live have nothing, or little that is left.
 */
export function shareOutLiveFirst(
  members: readonly string[],
  live: readonly number[],
  count: number,
): Map<string, number[]> {
  const ordered = [...members].sort();
  const all = Array.from({ length: count }, (_, partition) => partition);
  const isLive = new Set(live);
  const partitions = [
    ...all.filter((partition) => isLive.has(partition)),
    ...all.filter((partition) => !isLive.has(partition)),
  ];
  const shares = new Map(ordered.map((member) => [member, [] as number[]]));
  partitions.forEach((partition, i) => shares.get(ordered[i % ordered.length]!)!.push(partition));
  return shares;
}
