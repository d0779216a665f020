// A fleet in one process: two zones of live-stores, a builder, queriers and a frontend, each with a gRPC
// server or client of its own, on one directory of blocks. What is live and what is in blocks overlap wholly,
// as they do for minutes in a fleet.
import assert from "node:assert/strict";
import { systemClock } from "../lib/clock.ts";
import { defaultGrpcServerOptions, type GrpcMethods, GrpcServer } from "../lib/grpc_server.ts";
import { createRuntime } from "../lib/runtime.ts";
import { sleep } from "../lib/waiting.ts";
import { defaultLimits } from "../model/limits.ts";
import { finishMetrics, type MetricsRequest, type SearchRequest } from "../query/engine/mod.ts";
import type { OwnedPartition } from "../query/remote/mod.ts";
import { openStore } from "../storage/mod.ts";
import { TestLiveStore } from "../tests/support/live_store.ts";
import { newRecord, traceIdOf } from "../tests/support/records.ts";
import { MemoryLog, type NewRecord } from "../wal/mod.ts";
import { type Config, ConfigSchema } from "./config/mod.ts";
import {
  frontendLookup,
  liveStoreGrpc,
  openQuerier,
  openRemoteFrontend,
} from "./remote_queries.ts";
import { storeConfig } from "./store_config.ts";

const TENANT = "single-tenant";
const PARTITIONS = [0, 1];
const SPANS = 80;
const MINUTE_NANO = 60_000_000_000n;
const never = new AbortController().signal;

/** The world by its true clock: spans start every half minute of the last forty minutes. */
const nowNano = BigInt(Math.floor(systemClock.now())) * 1_000_000n;
const startOf = (span: number) => nowNano - BigInt(span) * 30_000_000_000n;
/** All spans of a trace are in its partition. */
const records: NewRecord[] = Array.from({ length: SPANS }, (_, i) => {
  const trace = Math.floor(i / 4);
  return newRecord(trace % 2, TENANT, [{ trace, spans: [i], startUnixNano: startOf(i) }]);
});

const search: SearchRequest = {
  kind: "search",
  tenant: TENANT,
  query: "{}",
  limit: 1_000,
  spansPerSpanSet: 10,
  startSeconds: 0,
  endSeconds: 0,
  mostRecent: false,
};
const metrics: MetricsRequest = {
  kind: "metrics",
  tenant: TENANT,
  query: "{} | count_over_time()",
  startNano: nowNano - 60n * MINUTE_NANO,
  endNano: nowNano + MINUTE_NANO,
  stepNano: MINUTE_NANO,
  isInstant: false,
  startSeconds: 0,
  endSeconds: 0,
  exemplars: 0,
  maxSeries: 0,
};

function configOf(path: string, port: number): Config {
  return ConfigSchema.parse({
    segno: { workers: 0 },
    server: { graceful_shutdown_timeout: "2s" },
    storage: { trace: { backend: "local", local: { path }, blocklist_poll: "1h" } },
    querier: {
      frontend_worker: { frontend_address: `127.0.0.1:${port}`, dns_lookup_duration: "50ms" },
      partition_ring: { hedging_delay: "300ms" },
    },
    live_store_client: { pool_config: { checkinterval: "100ms" } },
  });
}

function serve(methods: GrpcMethods) {
  const options = { ...defaultGrpcServerOptions, closeTimeoutMs: 100 };
  const server = new GrpcServer(createRuntime(), methods, options);
  return { server, port: server.listen("127.0.0.1", 0) };
}

/** Live-stores of a zone, one a partition, each behind a port. */
async function openZone(zone: string, config: Config) {
  const runtime = createRuntime();
  const log = new MemoryLog(runtime, { partitions: PARTITIONS.length });
  await log.append(records);
  const stores = PARTITIONS.map((partition) => {
    const store = new TestLiveStore(runtime, log, { partitions: [partition] });
    const methods = liveStoreGrpc(runtime, config, store, () => defaultLimits);
    const { server, port } = serve(methods);
    const id = `live-store-${zone}-${partition}`;
    return { store, server, owner: { id, address: `127.0.0.1:${port}`, zone } };
  });
  await Promise.all(stores.map(({ store }) => store.caughtUp()));
  const all = [...stores];
  return {
    owners: stores.map(({ owner }) => owner),
    stores: stores.map(({ store }) => store),
    async stop() {
      for (const { server } of stores.splice(0)) await server[Symbol.asyncDispose]();
    },
    async [Symbol.asyncDispose]() {
      await this.stop();
      for (const { store } of all) await store[Symbol.asyncDispose]();
    },
  };
}

async function buildBlocks(config: Config): Promise<void> {
  const runtime = createRuntime();
  const log = new MemoryLog(runtime, { partitions: PARTITIONS.length });
  const store = await openStore(storeConfig(config), runtime);
  // Its sections end elsewhere than those of the live-stores.
  const parts = { partitions: PARTITIONS, store, spansMax: 20 };
  await using builder = new TestLiveStore(runtime, log, parts);
  for (let at = 0; at < SPANS; at += 20) {
    await log.append(records.slice(at, at + 20));
    await builder.caughtUp();
  }
  await builder.flush();
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(systemClock, 5, never);
}

Deno.test("a fleet answers each span once, from whoever is there", async () => {
  const path = await Deno.makeTempDir({ prefix: "segno-fleet-" });
  await using stack = new AsyncDisposableStack();
  stack.defer(() => Deno.remove(path, { recursive: true }));
  const runtime = createRuntime();
  await buildBlocks(configOf(path, 1));
  const [a, b] = [
    stack.use(await openZone("a", configOf(path, 1))),
    stack.use(await openZone("b", configOf(path, 1))),
  ];
  let zones = [a, b];
  const owners = (): OwnedPartition[] =>
    PARTITIONS.map((partition) => ({
      partition,
      owners: zones.map(({ owners }) => owners[partition]!),
    }));
  const remote = stack.use(await openRemoteFrontend(runtime, configOf(path, 1), 2, { owners }));
  const { server, port } = serve(remote.methods);
  stack.use(server);
  stack.defer(() => remote.stopQueriers());
  assert.match(remote.readiness()[0]!, /number of queriers connected to query-frontend is 0/);

  const config = configOf(path, port);
  const resolver = { addressesOf: () => Promise.reject(new Error("not asked")) };
  const queriers = ["one", "two"].map((id) => {
    const own = structuredClone(config);
    own.querier.frontend_worker.id = id;
    return openQuerier(createRuntime(), own, 2, resolver);
  });
  await until(() => queriers.every((querier) => querier.readiness().length === 0));
  assert.deepEqual(remote.readiness(), []);

  const askAll = async () => {
    const { answer: found } = await remote.frontend.search(search, never);
    const ids = found.traces.flatMap(({ spanSets }) => spanSets.flatMap(({ spans }) => spans))
      .map(({ spanId }) => spanId);
    assert.equal(new Set(ids).size, SPANS);
    assert.equal(ids.length, SPANS);
    const { answer } = await remote.frontend.metrics(metrics, never);
    const samples = finishMetrics(metrics, answer).series[0]!.samples;
    assert.equal(samples.reduce((sum, { value }) => sum + value, 0), SPANS);
    const trace = await remote.frontend.findTrace(TENANT, traceIdOf(3), never);
    assert.equal(trace?.spanCount, 4);
  };
  await askAll();
  await until(() => remote.watermarks().length === 2);
  assert.deepEqual(remote.watermarks().map(({ nextOffset }) => nextOffset), [SPANS / 2, SPANS / 2]);

  // Blocks alone would count what live-stores have too.
  const { answer } = await remote.frontend.metrics(metrics, never);
  assert.equal(answer.inspectedSpans, SPANS);

  // Zone a dies while questions are asked; then a querier says farewell.
  const asking = Promise.all([1, 2].map(async () => {
    for (let i = 0; i < 3; i++) await askAll();
  }));
  await a.stop();
  await asking;
  await queriers[0]![Symbol.asyncDispose]();
  await askAll();
  // A live-store that starts again is asked when it is there.
  b.stores[0]!.refused = "live-store is starting";
  await assert.rejects(askAll(), { name: "UnavailableError", message: /partition 0/ });
  b.stores[0]!.refused = undefined;
  await askAll();
  // The ring forgets the dead zone.
  zones = [b];
  await askAll();
  await queriers[1]![Symbol.asyncDispose]();
  assert.match(remote.readiness()[0]!, /is 0/);
});

Deno.test("frontends are where their name leads, each address once", async () => {
  const looked: string[] = [];
  const resolver = {
    addressesOf: (host: string) => {
      looked.push(host);
      return Promise.resolve(["10.0.0.2", "::1", "10.0.0.1", "10.0.0.2"]);
    },
  };
  const lookup = (address: string) => frontendLookup(systemClock, address, resolver);
  assert.deepEqual(await lookup("dns:///query-frontend.tempo:9095")(), [
    "10.0.0.1:9095",
    "10.0.0.2:9095",
    "[::1]:9095",
  ]);
  assert.deepEqual(looked, ["query-frontend.tempo"]);
  assert.deepEqual(await lookup("127.0.0.1:9095")(), ["127.0.0.1:9095"]);
  assert.deepEqual(await lookup("[fd00::1]:9095")(), ["[fd00::1]:9095"]);
  for (const bad of ["", ",", "nowhere", ":x", "127.0.0.1:9095,nowhere"]) {
    assert.throws(() => lookup(bad), { name: "InputError", message: /frontend_address/ });
  }
});

Deno.test("frontends of several names are one list, and a name that is lost leads where it did", async () => {
  const known = new Map([["a", ["10.0.0.1"]], ["b", ["10.0.0.2", "10.0.0.1"]]]);
  const resolver = {
    addressesOf: (host: string) => {
      const found = known.get(host);
      return found ? Promise.resolve(found) : Promise.reject(new Error(`${host} is away`));
    },
  };
  const look = frontendLookup(systemClock, "a:9095, b:9095,127.0.0.1:1", resolver);
  const all = ["10.0.0.1:9095", "10.0.0.2:9095", "127.0.0.1:1"];
  assert.deepEqual(await look(), all);
  known.delete("b");
  assert.deepEqual(await look(), all);
  known.set("b", ["10.0.0.3"]);
  assert.deepEqual(await look(), ["10.0.0.1:9095", "10.0.0.3:9095", "127.0.0.1:1"]);
  known.clear();
  await assert.rejects(frontendLookup(systemClock, "a:9095,b:9095", resolver)(), /is away/);
});
