// Processes of a fleet, each with its rings, gossiping over loopback.
import assert from "node:assert/strict";
import { createDistributor, defaultDistributorOptions } from "../distributor/mod.ts";
import { SimulatedClock, systemClock } from "../lib/clock.ts";
import { InputError, UnavailableError } from "../lib/errors.ts";
import { createRuntime } from "../lib/runtime.ts";
import { SimulatedDisk } from "../lib/simulated_disk.ts";
import { sleep } from "../lib/waiting.ts";
import { defaultLimits } from "../model/limits.ts";
import { embeddedRing, PartitionState, RingRouter, SpreadTokens } from "../ring/mod.ts";
import { encodeOtlp } from "../tests/support/otlp.ts";
import { MemoryLog } from "../wal/mod.ts";
import { type Config, ConfigSchema, type Target } from "./config/mod.ts";
import { openRings, type RingProcess, type Rings } from "./rings.ts";

const HOST = "127.0.0.1";
const NEVER = new AbortController().signal;
const { Active } = PartitionState;

interface Wanted {
  readonly id?: string;
  readonly zone?: string;
  readonly seeds?: readonly number[];
  readonly timeout?: string;
  readonly memberlist?: object;
  readonly liveStore?: object;
  readonly distributor?: object;
  readonly disk?: SimulatedDisk;
}

function configOf({ id, zone = "", seeds = [], timeout = "5s", ...more }: Wanted): Config {
  const ring = {
    instance_id: id ?? "",
    instance_zone: zone,
    instance_addr: HOST,
    heartbeat_period: "20ms",
    heartbeat_timeout: timeout,
  };
  return ConfigSchema.parse({
    distributor: { ring, ...more.distributor },
    live_store: {
      ring,
      partition_ring: { min_partition_owners_duration: "0s" },
      ...more.liveStore,
    },
    memberlist: {
      bind_addr: HOST,
      bind_port: 0,
      gossip_interval: "20ms",
      join_members: seeds.map((port) => `${HOST}:${port}`),
      ...more.memberlist,
    },
  });
}

async function open(
  stack: AsyncDisposableStack,
  target: Target,
  wanted: Wanted = {},
  partitions?: number,
): Promise<Rings> {
  const runtime = createRuntime();
  const disk = wanted.disk ?? new SimulatedDisk();
  const process: RingProcess = {
    targets: [target],
    ...partitions !== undefined && { partitions },
    grpcPort: 9095,
    hostname: "a-host",
    interfaces: [],
    resolver: { addressesOf: () => assert.fail(), serviceOf: () => assert.fail() },
    readFile: () => assert.fail(),
    openDirectory: () => Promise.resolve(disk.mount()),
  };
  return await openRings(runtime, configOf(wanted), process, stack);
}

async function until(isDone: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if (isDone()) return;
    await sleep(systemClock, 10, NEVER);
  }
  assert.fail(`not within 5 s: ${what}`);
}

const metricsOf = ({ runtime }: Rings) => runtime.metrics.text();

Deno.test("distributors, live-stores and a querier see the same rings, and who leaves is gone", async () => {
  await using stack = new AsyncDisposableStack();
  const distributor = await open(stack, "distributor", { id: "distributor-x" });
  const seeds = [distributor.gossipPort!];
  const zoneA = await open(stack, "live-store", { id: "live-store-zone-a-0", zone: "a", seeds });
  const querier = await open(stack, "querier", { zone: "b", seeds });
  const second = await open(stack, "distributor", { id: "distributor-y", seeds });
  await using leaving = new AsyncDisposableStack();
  const zoneB = await open(leaving, "live-store", { id: "live-store-zone-b-0", zone: "b", seeds });
  const all = [distributor, zoneA, querier, second, zoneB];
  const stateOf = (rings: Rings) =>
    rings.liveStores.judge().map(({ id, state }) => `${id} ${state}`);
  await until(() => all.every((rings) => stateOf(rings).length === 2), "all know two live-stores");
  assert.ok(stateOf(querier).every((text) => text.endsWith("JOINING")));
  assert.deepEqual(
    querier.view.owners().flatMap(({ owners }) => owners),
    [],
    "nobody is ACTIVE yet",
  );
  all.forEach((rings) => rings.activate());

  const owners = () => querier.view.owners().map(({ owners }) => owners.map(({ id }) => id));
  const wanted = [["live-store-zone-b-0", "live-store-zone-a-0"]];
  await until(() => JSON.stringify(owners()) === JSON.stringify(wanted), "the own zone is first");
  assert.equal(querier.view.owners()[0]!.owners[0]!.address, `${HOST}:9095`);
  assert.deepEqual([zoneA.partition, zoneB.partition, querier.partition], [0, 0, undefined]);
  await until(() => distributor.distributorCount === 2, "two healthy distributors");
  await until(() => distributor.view.partitions[0]?.state === Active, "the partition is Active");
  assert.equal(distributor.view.ring().activePartitionForKey(7), 0);

  await zoneB.leave();
  await until(() => `${owners()}` === "live-store-zone-a-0", "who leaves is asked no more");
  await leaving.disposeAsync();
  await until(() => all.slice(0, 4).every((rings) => stateOf(rings).length === 1), "it is gone");
  assert.deepEqual(distributor.view.partitions[0]!.owners.length, 1);
  const text = await metricsOf(distributor);
  assert.match(text, /^tempo_ring_members\{name="distributor",state="ACTIVE"\} 2$/m);
  assert.match(text, /^tempo_ring_members\{name="live-store",state="Unhealthy"\} 0$/m);
  assert.match(text, /^tempo_partition_ring_partitions\{.*state="Active"\} 1$/m);
  assert.match(text, /^tempo_memberlist_client_cluster_members_count [45]$/m);
  assert.match(
    await metricsOf(zoneA),
    /^tempo_partition_ring_lifecycler_reconciles_total\{type="owned-partition"\} [1-9]/m,
  );
});

Deno.test("an instance that dies unheard is unhealthy, then removed", async () => {
  await using stack = new AsyncDisposableStack();
  const timeout = "500ms";
  const a = await open(stack, "distributor", { id: "a", timeout });
  const b = await open(stack, "distributor", { id: "b", timeout, seeds: [a.gossipPort!] });
  [a, b].forEach((rings) => rings.activate());
  await until(() => a.distributorCount === 2, "two distributors");
  const querier = await open(stack, "querier", { timeout, seeds: [a.gossipPort!] });
  // As after kill -9: neither beats nor gossip, and nothing said. Most of a ring is silent then.
  const { registeredMs } = a.distributors.judge()[0]!;
  for (const id of ["c", "d", "e"]) {
    a.map.write(`i/distributor/${id}`, registeredMs, 2, JSON.stringify({ state: "ACTIVE" }));
  }
  await until(() => a.distributorCount === 5 && b.distributorCount === 5, "who is new counts");
  await until(() => a.distributorCount === 2, "who is silent does not");
  await until(() => querier.distributors.judge().length === 2, "and is removed");
});

Deno.test("two distributors share a tenant's rate, and each has the whole burst", async () => {
  await using stack = new AsyncDisposableStack();
  const a = await open(stack, "distributor", { id: "a" });
  const b = await open(stack, "distributor", { id: "b", seeds: [a.gossipPort!] });
  [a, b].forEach((rings) => rings.activate());
  await until(() => a.distributorCount === 2, "two distributors");
  const rate = { rateStrategy: "global", rateLimitBytes: 1000, burstSizeBytes: 500 } as const;
  const limits = { ...defaultLimits, ingestion: { ...defaultLimits.ingestion, ...rate } };
  const runtime = createRuntime({ clock: new SimulatedClock() });
  const log = new MemoryLog(runtime, { partitions: 1 });
  const distributor = createDistributor(
    runtime,
    { log, partitions: new RingRouter(() => a.view.ring()), limits: () => limits },
    { ...defaultDistributorOptions, distributorCount: () => a.distributorCount },
  );
  const span = { traceId: new Uint8Array(16).fill(1), spanId: new Uint8Array(8).fill(1) };
  const spans = [{ ...span, name: "x".repeat(600) }];
  const bytes = encodeOtlp({ resourceSpans: [{ scopeSpans: [{ spans }] }] });
  const push = { tenant: "t", bytes, receiver: "otlp", transport: "grpc" } as const;
  await assert.rejects(distributor.push(push, NEVER), /local: 500 .*global: 1000 .*burst: 500 /);
});

Deno.test("alone there is no gossip, and one is everything", async () => {
  await using stack = new AsyncDisposableStack();
  const rings = await open(stack, "all");
  assert.equal(rings.gossipPort, undefined);
  rings.activate();
  await until(() => rings.view.partitions[0]?.state === Active, "its partition is Active");
  assert.deepEqual(rings.view.owners()[0]!.owners.map(({ id }) => id), ["a-host"]);
  assert.equal(rings.distributorCount, 1);
  assert.equal(rings.downscale, undefined);
});

Deno.test("the partitions of an embedded log are all Active at once, and all this process's", async () => {
  await using stack = new AsyncDisposableStack();
  const rings = await open(stack, "all", { id: "one" }, 3);
  const told = rings.view.partitions.map((
    { id, state, owners },
  ) => [id, state, ...owners.map(({ instance }) => instance)]);
  assert.deepEqual(told, [[0, Active, "one"], [1, Active, "one/1"], [2, Active, "one/2"]]);
  const embedded = embeddedRing(3, new SpreadTokens());
  for (const key of [0, 1, 2 ** 31, 2 ** 32 - 1]) {
    const expected = embedded.activePartitionForKey(key);
    assert.equal(rings.view.ring().activePartitionForKey(key), expected);
  }
  await until(() => rings.distributorCount === 1, "one distributor");
});

Deno.test("members of one name are not one another", async () => {
  await using stack = new AsyncDisposableStack();
  const memberlist = { node_name: "node", randomize_node_name: false };
  const a = await open(stack, "distributor", { id: "a", memberlist });
  const b = await open(stack, "distributor", { id: "b", memberlist, seeds: [a.gossipPort!] });
  await until(() => [a, b].every(({ map }) => map.beating.length === 2), "they have met");
});

Deno.test("what cannot be is refused by its key", async () => {
  const refused = async (target: Target, wanted: Wanted, message: RegExp, kind = InputError) => {
    await using stack = new AsyncDisposableStack();
    await assert.rejects(open(stack, target, wanted), (error) => {
      assert.ok(error instanceof kind, String(error));
      assert.match(error.message, message);
      return true;
    });
  };
  await refused("live-store", { id: "store" }, /instance_id: "store" does not end in -<number>/);
  const consul = { ring: { kvstore: { store: "consul" } } };
  await refused("querier", { liveStore: consul }, /^live_store\.ring\.kvstore\.store: consul/);
  const inMemory = { ring: { kvstore: { store: "inmemory" } } };
  await refused(
    "querier",
    { distributor: inMemory },
    /^distributor\.ring\.kvstore\.store is inmem/,
  );
  await refused("querier", { memberlist: { join_members: ["x:0"] } }, /^memberlist\.join_members/);
  await refused("querier", { memberlist: { tls_enabled: true } }, /^memberlist\.tls_cert_path/);
  await refused(
    "querier",
    { memberlist: { tls_enabled: true, tls_min_version: "VersionTLS13" } },
    /^memberlist\.tls_min_version/,
  );
  const nobody = { join_members: [`${HOST}:1`], abort_if_cluster_join_fails: true };
  const impatient = { ...nobody, max_join_retries: 2, min_join_backoff: "1ms" };
  await refused(
    "querier",
    { memberlist: impatient },
    /answered 2 times/,
    UnavailableError as never,
  );
});
