// deno-lint-ignore-file no-console house/no-ambient-world
// A fleet under load while everything of it dies: a real Kafka, a real S3, every target a process of its own, in two
// zones. Clients try again until they are acknowledged.
// Laws: every acknowledged span is found by id, by search and in metrics; blocks hold no span more often than the
// topic does; consumers reach the end; clients hear nothing but what they may try again.
import assert from "node:assert/strict";
import { seededRandom } from "../../../lib/random.ts";
import { S3_KEYS, startVersitygw } from "../../support/bucket_servers.ts";
import { s3Config } from "../../support/bucket_configs.ts";
import { Fleet, type Member } from "../../support/fleet.ts";
import {
  countedByMetrics,
  problemsById,
  problemsBySearch,
  spansOfBlocks,
  spansOfTopic,
} from "../../support/fleet_checks.ts";
import { FleetLoad } from "../../support/fleet_load.ts";
import { type KafkaServers, startKafka } from "../../support/kafka_server.ts";
import { eventually, metric } from "../../support/query_client.ts";
import { skipped } from "../../support/skipped.ts";

const PARTITIONS = 2;
const KILLS = 100;
const BROKER_AWAY_MS = 60_000;
const STORE_AWAY_MS = 300_000;
const SEED = Number(Deno.env.get("SEGNO_FLEET_SEED") ?? 11);

const started = await start().catch(skipped("faults of a fleet"));

async function start() {
  const store = await startVersitygw();
  try {
    return { store, kafka: await startKafka() };
  } catch (error) {
    await store[Symbol.asyncDispose]();
    throw error;
  }
}

if (started !== undefined) {
  const { store, kafka } = started;
  Deno.test.afterAll(async () => {
    await kafka[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
  });
  // What is killed and started again outlives the step, and the servers the test.
  const isLoose = { sanitizeOps: false, sanitizeResources: false };
  Deno.test("a fleet loses nothing and counts nothing twice, whatever dies", isLoose, async (t) => {
    const dir = Deno.makeTempDirSync({ prefix: "segno-fleet-" });
    const { accessKeyId, secretAccessKey } = S3_KEYS;
    Deno.mkdirSync(`${store.dir}/traces`);
    await using fleet = await Fleet.start({
      dir,
      kafka: kafka.addresses.join(),
      partitions: PARTITIONS,
      bucket:
        `{backend: s3, blocklist_poll: 2s, s3: {bucket: traces, endpoint: "${store.address}", ` +
        `region: us-east-1, insecure: true, forcepathstyle: true, access_key: ${accessKeyId}, ` +
        `secret_key: ${secretAccessKey}}}`,
    });
    const world = new World(fleet, kafka.addresses);
    await using load = new FleetLoad({
      urls: () => fleet.of("distributor").map(({ otlpUrl }) => otlpUrl),
      spansPerSecond: 90,
      seed: SEED,
    });
    world.load = load;

    // A failure is told at once, with what the members said last: the steps after it go on.
    const step = (name: string, run: () => Promise<void>) =>
      t.step(name, () =>
        run().catch((error) => {
          console.error(`${name}: ${error instanceof Error ? error.message : error}`);
          for (const member of fleet.members) console.error(member.lastWords());
          throw error;
        }));

    await step("it takes spans and finds them", async () => {
      await world.untilAcked(500);
      await world.check(1_000);
    });

    await step(
      `${KILLS} kills of all targets and the broker, which is away for a minute, and a store that is for five`,
      async () => {
        await store.stop();
        const storeBackMs = Date.now() + STORE_AWAY_MS;
        const random = seededRandom(SEED);
        let order: (Member | "broker")[] = [];
        for (let kill = 0; kill < KILLS; kill++) {
          if (kill === KILLS / 2) await world.withoutBroker(kafka, BROKER_AWAY_MS);
          if (order.length === 0) order = shuffled(random, [...fleet.members, "broker" as const]);
          const victim = order.pop()!;
          if (victim === "broker") await kafka.kill(0);
          else await victim.kill();
          await pause(100 + 900 * random.next());
          if (victim === "broker") await kafka.start(0);
          else await victim.start();
          await pause(500 + 1_500 * random.next());
        }
        await pause(Math.max(0, storeBackMs - Date.now()));
        await store.restart();
        await fleet.untilReady(240_000);
        await world.untilAcked(500);
        await world.check(1_500);
      },
    );

    await step("without zone A zone B answers, and takes spans", async () => {
      const dead = fleet.members.filter(({ spec }) => spec.zone === "zone-a");
      await Promise.all(dead.map((member) => member.kill()));
      await world.untilAcked(300);
      const frontend = fleet.named("query-frontend-zone-b");
      const traces = load.acked.slice(-200);
      await pause(2_000);
      assert.deepEqual(await problemsById(frontend.url, traces), []);
      assert.deepEqual(await problemsBySearch(frontend.url, load.acked.slice()), []);
      for (const member of dead) await member.start();
      await fleet.untilReady(240_000);
    });

    await step("a member that is cut off for a while is missed, and comes back", async () => {
      const stopped = fleet.named("live-store-zone-b-0");
      const { pid } = stopped.process!;
      const seenBy = () => liveStoresOf(fleet.named("distributor-zone-a"));
      Deno.kill(pid, "SIGSTOP");
      try {
        const missed = await eventually(seenBy, (ids) => !ids.includes(stopped.spec.name), 60_000);
        assert.ok(!missed.includes(stopped.spec.name), "it is missed");
      } finally {
        Deno.kill(pid, "SIGCONT");
      }
      const back = await eventually(seenBy, (ids) => ids.includes(stopped.spec.name), 60_000);
      assert.ok(back.includes(stopped.spec.name), "it is back");
      await world.check(500);
    });

    await step("a partition is given up under load, and is removed", async () => {
      const owners = ["live-store-zone-a-1", "live-store-zone-b-1"].map((name) =>
        fleet.named(name)
      );
      const [first] = owners;
      const answer = await fetch(`${first!.url}/live-store/prepare-partition-downscale`, {
        method: "POST",
      });
      assert.equal((await answer.json()).state, "PartitionInactive");
      await world.untilAcked(300);
      // All that it has is built, before nobody answers for it any more.
      await fetch(`${fleet.named("block-builder-0").url}/flush`, { method: "POST" });
      for (const owner of owners) {
        const prepared = await eventually(
          () => statusOf(`${owner.url}/live-store/prepare-downscale`),
          (status) => status === 204,
        );
        assert.equal(prepared, 204);
      }
      for (const owner of owners) assert.equal(await owner.stop(), 0);
      const left = await eventually(
        () => partitionsOf(fleet.named("distributor-zone-b")),
        (ids) => !ids.includes(1),
        60_000,
      );
      assert.deepEqual(left, [0]);
      await world.untilAcked(300);
    });

    await load[Symbol.asyncDispose]();
    await step("in the end everything is there, once", async () => {
      assert.deepEqual([...load.wrong], []);
      // All of them of one frontend, and of the other a part: each takes a minute for all.
      for (const [i, { url }] of fleet.of("query-frontend").entries()) {
        assert.deepEqual(
          await problemsById(url, i === 0 ? load.acked : load.acked.slice(-300)),
          [],
        );
        assert.deepEqual(await problemsBySearch(url, load.acked), []);
      }
      await fetch(`${fleet.named("block-builder-0").url}/flush`, { method: "POST" });
      const topic = await spansOfTopic(world.kafkaOptions);
      const blocks = await spansOfBlocks(s3Config(store, "traces", REMOTE));
      const lost = [...topic.keys()].filter((id) => !blocks.has(id));
      const twice = [...blocks].filter(([id, count]) => count > (topic.get(id) ?? 0));
      assert.equal(lost.length, 0, `${lost.length} spans of the topic are in no block`);
      assert.equal(twice.length, 0, `${twice.length} spans are in blocks too often`);
      console.log(
        `${load.acked.length} traces, ${load.ackedSpans} spans acknowledged; ` +
          `${load.refusals} refusals, ${load.failedConnections} broken connections, ` +
          `longest ${Math.round(load.longestMs / 1000)} s`,
      );
    });
    Deno.removeSync(dir, { recursive: true });
  });
}

const REMOTE = {
  prefix: "",
  partBytes: 8 << 20,
  retry: { attemptsMax: 5, backoff: { minMs: 50, maxMs: 500 } },
  hedge: { atMs: 0, upTo: 2 },
  timeoutMs: 10_000,
};

class World {
  load!: FleetLoad;
  readonly #startMs = Date.now();

  constructor(readonly fleet: Fleet, readonly brokers: readonly string[]) {}

  get kafkaOptions() {
    return {
      brokers: this.brokers,
      topic: "spans",
      clientId: "segno-checks",
      clientRack: undefined,
      dialTimeoutMs: 2_000,
      writeTimeoutMs: 10_000,
      sasl: undefined,
      tls: undefined,
      createPartitions: undefined,
      recordBytesMax: 1 << 20,
      batchBytesMax: 15_000_000,
      bufferedBytesMax: 64 << 20,
      compression: "snappy" as const,
    };
  }

  /** Clients are told to try again, and spans go on when it is back. */
  async withoutBroker(kafka: KafkaServers, ms: number): Promise<void> {
    await kafka.kill(0);
    const { refusals } = this.load;
    await pause(ms);
    assert.ok(this.load.refusals > refusals, "clients were refused meanwhile");
    await kafka.start(0);
    await this.untilAcked(200);
  }

  /** More spans than now. */
  async untilAcked(spans: number): Promise<void> {
    const wanted = this.load.ackedSpans + spans;
    const acked = await eventually(
      () => Promise.resolve(this.load.ackedSpans),
      (count) => count >= wanted,
      180_000,
    );
    assert.ok(acked >= wanted, `${acked} spans are acknowledged, not ${wanted}`);
  }

  /** What was acknowledged up to now, once consumers have had a moment. */
  async check(traceCountMax: number): Promise<void> {
    const traces = this.load.acked.slice();
    await this.#untilConsumed();
    const frontends = this.fleet.of("query-frontend");
    for (const { url } of frontends) {
      assert.deepEqual(await problemsById(url, traces.slice(-traceCountMax)), []);
      assert.deepEqual(await problemsBySearch(url, traces), []);
    }
    const spans = traces.reduce((sum, one) => sum + one.spans, 0);
    const counted = await countedByMetrics(frontends[0]!.url, this.#startMs, Date.now());
    const topic = await spansOfTopic(this.kafkaOptions);
    const inTopic = [...topic.values()].reduce((sum, count) => sum + count, 0);
    assert.ok(counted >= spans, `metrics count ${counted} of ${spans} spans`);
    assert.ok(counted <= inTopic, `metrics count ${counted} spans, the topic has ${inTopic}`);
  }

  /** The lag of every consumer has been nothing since now. */
  async #untilConsumed(): Promise<void> {
    await pause(1_500);
    for (
      const { url, spec } of [...this.fleet.of("live-store"), ...this.fleet.of("block-builder")]
    ) {
      const lag = await eventually(
        () => metric(url, "tempo_ingest_group_partition_lag"),
        (records) => records <= 2, // the load goes on
        60_000,
      );
      assert.ok(lag <= 2, `${spec.name} is ${lag} records behind`);
    }
  }
}

/** Those that it takes for alive. */
async function liveStoresOf({ url }: Member): Promise<string[]> {
  const response = await fetch(`${url}/live-store/ring`, {
    headers: { Accept: "application/json" },
  });
  const { shards } = await response.json();
  return shards.filter(({ state }: { state: string }) => state === "ACTIVE")
    .map(({ id }: { id: string }) => id);
}

async function partitionsOf({ url }: Member): Promise<number[]> {
  const response = await fetch(`${url}/partition-ring`, {
    headers: { Accept: "application/json" },
  });
  const { partitions } = await response.json();
  return partitions.map(({ id }: { id: number }) => id).sort();
}

async function statusOf(url: string): Promise<number> {
  const response = await fetch(url, { method: "POST" });
  await response.body?.cancel();
  return response.status;
}

function shuffled<T>(random: { next(): number }, from: readonly T[]): T[] {
  const all = [...from];
  for (let i = all.length - 1; i > 0; i--) {
    const j = Math.floor(random.next() * (i + 1));
    [all[i], all[j]] = [all[j]!, all[i]!];
  }
  return all;
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
