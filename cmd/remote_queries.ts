// Queries where targets are processes of their own: what each of them opens.
//
//   query-frontend   const remote = stack.use(await openRemoteFrontend(runtime, config, cores, rings.view));
//                    ApiDeps: frontend, store, list from it; readiness() beside the process's own;
//                    watermarks: () => remote.watermarks(); metricsText with await remote.metrics()
//                    gRPC: { ...grpcMethods(…), ...remote.methods }; after grpc.listen():
//                    stack.defer(() => remote.stopQueriers())   // before the server closes: it waits for them
//   querier          const querier = stack.use(await openQuerier(runtime, config, cores, systemResolver));
//                    readiness() of it; metrics() in metricsText. Its disposal finishes the jobs it has.
//   live-store       gRPC: { ...liveStoreGrpc(runtime, config, live, limitsOf) }, where `live` answers
//                    query and findTrace (LivePartitions does) and says watermarks() and refusal():
//                    "live-store is starting" until it may be asked, undefined from then on.
//                    rings.activate() only when gRPC listens.
//   both in one      a process with querier and query-frontend, but without live-stores, needs both: it
//                    connects to itself if frontend_address names it.
// `rings.view` is anything with owners(): per partition, whom a query may ask, the best first.
import { apiOptions } from "./api_options.ts";
import { liveQuerier } from "../api/mod.ts";
import { InputError, UnavailableError } from "../lib/errors.ts";
import type { Clock } from "../lib/clock.ts";
import { withinTime } from "../lib/deadline.ts";
import type { GrpcMethods } from "../lib/grpc_server.ts";
import type { MetricsSnapshot } from "../lib/metrics.ts";
import type { Runtime } from "../lib/runtime.ts";
import type { LimitsOf } from "../model/limits.ts";
import { createFrontend, type Frontend } from "../query/frontend/mod.ts";
import { BlockQuerier, PooledScanner, ScanPool } from "../query/querier/mod.ts";
import {
  ConnectedQueriers,
  FrontendWorker,
  GrpcFrontendLink,
  GrpcLiveOwner,
  type LiveStore,
  liveStoreService,
  type OwnedPartition,
  RemoteLive,
  type Watermark,
} from "../query/remote/mod.ts";
import { hostPort, type Resolver } from "../ring/mod.ts";
import type { BlockList, ObjectStore } from "../storage/mod.ts";
import { type Config, parseAddress, workerCount } from "./config/mod.ts";
import { grpcCallOptions } from "./grpc_client_options.ts";
import { bucketPlace, openBlockList, openScanPool } from "./query_path.ts";
import { frontendOptions, querierOptions } from "./query_options.ts";
import { storeConfig } from "./store_config.ts";

/** Of the memory budget of a querier, which has little else to hold. */
const QUERIER_CACHE_SHARE = 0.6;
/** The scan pool of a frontend puts traces together and reads nothing. */
const NOTHING_KEPT = { cacheBytesMax: 1 << 20, scansMax: 1, findsMax: 1 };
/** A call to a frontend that is not heard in this time is lost. */
const CALL_TIMEOUT_MS = 10_000;
const LOOKUP_TIMEOUT_MS = 5_000;
const NEVER = new AbortController().signal;

export interface RemoteFrontend extends AsyncDisposable {
  readonly frontend: Frontend;
  readonly store: ObjectStore;
  readonly list: BlockList;
  /** By which queriers come. */
  readonly methods: GrpcMethods;
  readiness(): readonly string[];
  watermarks(): readonly Watermark[];
  metrics(): Promise<MetricsSnapshot[]>;
  /** Lets them finish what they have, and go. */
  stopQueriers(): Promise<void>;
}

export async function openRemoteFrontend(
  runtime: Runtime,
  config: Config,
  cores: number,
  ring: { owners(): readonly OwnedPartition[] },
  /** Ends the wait for a store that is away; without it that is an error. */
  stopping?: AbortSignal,
): Promise<RemoteFrontend> {
  await using stack = new AsyncDisposableStack();
  const { store, list } = await openBlockList(
    runtime,
    bucketPlace(config, false),
    stack,
    stopping,
  );
  const live = remoteLive(runtime, config, ring, stack);
  const queriers = new ConnectedQueriers(runtime);
  stack.defer(() => queriers.stop());
  const workers = Math.min(1, workerCount(config, cores));
  const pool = stack.use(new ScanPool(runtime, storeConfig(config), { ...NOTHING_KEPT, workers }));
  const blocks = new BlockQuerier(runtime, list, queriers, querierOptions(config));
  const frontend = createFrontend(
    runtime,
    { live, blocks, combineTraces: (parts, signal) => pool.combineTraces(parts, signal) },
    {
      ...frontendOptions(config),
      metricsBackendAfterMs: config.query_frontend.metrics.query_backend_after,
    },
  );
  const opened = stack.move();
  return {
    frontend,
    store,
    list,
    methods: queriers.methods(),
    readiness: () => queriers.readiness(),
    watermarks: () => live.watermarks(),
    metrics: () => pool.metrics(),
    stopQueriers: async () => {
      await queriers.drain(config.server.graceful_shutdown_timeout);
      queriers.stop();
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

function remoteLive(
  runtime: Runtime,
  { live_store_client: client, querier }: Config,
  ring: { owners(): readonly OwnedPartition[] },
  stack: AsyncDisposableStack,
): RemoteLive {
  const { hedging_delay, minimize_requests } = querier.partition_ring;
  const { checkinterval, healthcheckenabled, healthchecktimeout } = client.pool_config;
  const { grpc_client_config: keys } = client;
  const options = {
    ...grpcCallOptions(runtime, keys, "live_store_client.grpc_client_config", stack),
    timeoutMs: client.remote_timeout,
    statusTimeoutMs: healthchecktimeout,
  };
  const connect = (address: string) => new GrpcLiveOwner(runtime.clock, address, options);
  return stack.use(
    new RemoteLive(runtime, () => ring.owners(), connect, {
      hedgingDelayMs: hedging_delay,
      minimizeRequests: minimize_requests,
      checkIntervalMs: healthcheckenabled ? checkinterval : 0,
    }),
  );
}

export interface Querier extends AsyncDisposable {
  readiness(): readonly string[];
  metrics(): Promise<MetricsSnapshot[]>;
}

/** InputError if it is not told where frontends are. */
export function openQuerier(
  runtime: Runtime,
  config: Config,
  cores: number,
  resolver: Pick<Resolver, "addressesOf">,
): Querier {
  const { frontend_worker: keys, max_concurrent_queries } = config.querier;
  const { clock } = runtime;
  const stack = new AsyncDisposableStack();
  const lookup = frontendLookup(clock, keys.frontend_address, resolver);
  const place = bucketPlace(config, false, QUERIER_CACHE_SHARE);
  const pool = stack.use(openScanPool(runtime, config, cores, place));
  const scanner = new PooledScanner(runtime, pool.scanners, querierOptions(config).jobs);
  const path = "querier.frontend_worker.grpc_client_config";
  const client = {
    ...grpcCallOptions(runtime, keys.grpc_client_config, path, stack),
    timeoutMs: CALL_TIMEOUT_MS,
  };
  const connect = (address: string) => new GrpcFrontendLink(clock, address, client);
  const worker = stack.use(
    new FrontendWorker(runtime, scanner, lookup, connect, {
      querier: keys.id || `${Deno.hostname()}:${config.server.http_listen_port}`,
      lanes: (frontends) =>
        keys.match_max_concurrent
          ? Math.max(1, Math.floor(max_concurrent_queries / frontends))
          : Math.max(1, keys.parallelism),
      lookupEveryMs: keys.dns_lookup_duration,
      stopTimeoutMs: config.server.graceful_shutdown_timeout,
    }),
  );
  return {
    readiness: () =>
      worker.isConnected ? [] : ["Querier not ready: no query-frontend is connected"],
    metrics: () => pool.metrics(),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** Every address of the hosts that `frontend_address` names, with commas between, each with its port. */
export function frontendLookup(
  clock: Clock,
  addresses: string,
  resolver: Pick<Resolver, "addressesOf">,
): () => Promise<readonly string[]> {
  const path = "querier.frontend_worker.frontend_address";
  const named = addresses.split(",").map((one) => one.trim()).filter((one) => one !== "");
  if (named.length === 0) {
    throw new InputError("failed_precondition", `${path}: a querier needs to know its frontends`);
  }
  const lookups = named.map((one) => {
    const { host, port } = parseAddress(one.replace(/^dns:\/\/\//, ""), path);
    return () => addressesOf(clock, resolver, host, port);
  });
  const former: (readonly string[])[] = lookups.map(() => []);
  return async () => {
    const found = await Promise.allSettled(lookups.map((lookup) => lookup()));
    const failure = found.find((one) => one.status === "rejected");
    if (failure !== undefined && found.every((one) => one.status === "rejected")) {
      throw failure.reason;
    }
    // A name that cannot be looked up now leads where it did.
    found.forEach((one, i) => one.status === "fulfilled" && (former[i] = one.value));
    return [...new Set(former.flat())].sort();
  };
}

async function addressesOf(
  clock: Clock,
  resolver: Pick<Resolver, "addressesOf">,
  host: string,
  port: number,
): Promise<string[]> {
  if (host.includes(":") || /^\d+\.\d+\.\d+\.\d+$/.test(host)) return [hostPort(host, port)];
  const late = () => new UnavailableError(`${host}: no answer within ${LOOKUP_TIMEOUT_MS} ms`);
  const ask = () => resolver.addressesOf(host);
  const found = await withinTime(clock, LOOKUP_TIMEOUT_MS, late, NEVER, ask);
  return found.map((one) => hostPort(one, port));
}

/** What a live-store offers to our queriers, and to the peer's. */
export function liveStoreGrpc(
  runtime: Runtime,
  config: Config,
  live: LiveStore,
  limits: LimitsOf,
): GrpcMethods {
  return {
    ...liveStoreService(live),
    ...liveQuerier(runtime, { live, limits }, apiOptions(config)),
  };
}
