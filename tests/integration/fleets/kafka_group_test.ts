// deno-lint-ignore-file house/no-ambient-world
// Members of a consumer group against a real broker: who has what, when one comes, goes, dies or comes back.
import assert from "node:assert/strict";

import { UnavailableError } from "../../../lib/errors.ts";
import { createRuntime } from "../../../lib/runtime.ts";
import { GroupMember, KafkaLog, type KafkaLogOptions } from "../../../wal/kafka/mod.ts";
import { type KafkaServers, startKafka } from "../../support/kafka_server.ts";
import { eventually } from "../../support/query_client.ts";
import { skipped } from "../../support/skipped.ts";

const PARTITIONS = 4;
const SESSION_MS = 6_000;
const HEARTBEAT_MS = 500;
let topics = 0;

const kafka = await startKafka().catch(skipped("kafka groups"));
if (kafka !== undefined) {
  Deno.test.afterAll(async () => await kafka[Symbol.asyncDispose]());
  testGroups(kafka);
}

function testGroups(kafka: KafkaServers): void {
  Deno.test("who joins a group is given partitions only after those who had them gave them up", async () => {
    await using group = await Group.open(kafka);
    const first = group.join("gen-0");
    await group.until(() => first.has.size === PARTITIONS);
    await first.member.commit(new Map([[0, 7], [3, 9]]));
    const second = group.join("gen-1");
    await group.until(() => first.has.size === 2 && second.has.size === 2);
    assert.equal(group.overlaps, 0);
    assert.equal(await group.log.committedOffset(group.name, 0), 7);
    assert.equal(await group.log.committedOffset(group.name, 3), 9);

    await second.leave();
    await group.until(() => first.has.size === PARTITIONS);
    assert.equal(group.overlaps, 0);
  });

  Deno.test("a member that dies is replaced within its session; one that is back sooner has what it had", async () => {
    await using group = await Group.open(kafka);
    const stays = group.join("gen-0", false);
    const dies = group.join("gen-1", false);
    await group.until(() => stays.has.size === 2 && dies.has.size === 2);
    const had = [...dies.has].sort();
    const takes = stays.takes;

    await dies.leave(); // without a word to the group, as a process that is killed
    const back = group.join("gen-1", false);
    await group.until(() => back.has.size === 2);
    assert.deepEqual([...back.has].sort(), had);
    assert.equal(stays.takes, takes, "nobody else was disturbed");

    await back.leave();
    await group.until(() => stays.has.size === PARTITIONS, 4 * SESSION_MS);
    assert.equal(group.overlaps, 0);
  });

  Deno.test("a broker that is away costs a member nothing but the wait", async () => {
    await using own = await startKafka();
    await using group = await Group.open(own);
    const one = group.join("gen-0");
    await group.until(() => one.has.size === PARTITIONS);
    await own.kill(0);
    await group.until(() => one.has.size === 0, 4 * SESSION_MS);
    await assert.rejects(one.member.commit(new Map([[0, 1]])), UnavailableError);
    await own.start(0);
    await group.until(() => one.has.size === PARTITIONS, 60_000);
    await one.member.commit(new Map([[0, 5]]));
    assert.equal(await group.log.committedOffset(group.name, 0), 5);
  });
}

class Group implements AsyncDisposable {
  readonly members: Joined[] = [];
  readonly owners = new Map<number, string>();
  overlaps = 0;

  private constructor(
    readonly name: string,
    readonly options: KafkaLogOptions,
    readonly log: KafkaLog,
  ) {}

  static async open({ addresses }: KafkaServers): Promise<Group> {
    const name = `group-${Deno.pid}-${++topics}`;
    const options: KafkaLogOptions = {
      brokers: addresses,
      topic: name,
      clientId: "segno-test",
      clientRack: undefined,
      dialTimeoutMs: 2_000,
      writeTimeoutMs: 5_000,
      sasl: undefined,
      tls: undefined,
      createPartitions: PARTITIONS,
      recordBytesMax: 1 << 20,
      batchBytesMax: 15_000_000,
      bufferedBytesMax: 64 << 20,
      compression: "snappy",
    };
    return new Group(name, options, await KafkaLog.open(createRuntime(), options));
  }

  join(instance: string, leavesAtEnd = true): Joined {
    const joined = new Joined(this, instance, leavesAtEnd);
    this.members.push(joined);
    return joined;
  }

  async until(isSo: () => boolean, withinMs = 30_000): Promise<void> {
    const is = await eventually(() => Promise.resolve(isSo()), (yes) => yes, withinMs);
    const now = this.members.map(({ instance, has }) => `${instance}: ${[...has]}`).join("; ");
    assert.ok(is, now);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.members.map((member) => member.leave()));
    await this.log[Symbol.asyncDispose]();
  }
}

class Joined {
  readonly has = new Set<number>();
  readonly member: GroupMember;
  takes = 0;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;

  constructor(readonly group: Group, readonly instance: string, leavesAtEnd: boolean) {
    this.member = new GroupMember(createRuntime(), group.options, {
      group: group.name,
      instance,
      sessionMs: SESSION_MS,
      rebalanceMs: 20_000,
      heartbeatMs: HEARTBEAT_MS,
      leavesAtEnd,
      livePartitions: () => [0, 1, 2, 3],
    });
    this.#running = this.member.run({
      take: (partitions) => {
        this.takes++;
        for (const partition of partitions) {
          if (group.owners.has(partition)) group.overlaps++;
          group.owners.set(partition, instance);
          this.has.add(partition);
        }
      },
      giveUp: async () => {
        await new Promise((resolve) => setTimeout(resolve, 100)); // a collection takes its time
        for (const partition of this.has) group.owners.delete(partition);
        this.has.clear();
      },
    }, this.#stop.signal);
  }

  async leave(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    // The client's timer of the next heartbeat goes off, and finds that it is over.
    await new Promise((resolve) => setTimeout(resolve, HEARTBEAT_MS + 100));
  }
}
