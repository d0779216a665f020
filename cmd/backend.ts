// Who looks after the blocks of this process: a scheduler, a worker, or both, as the configuration wants
// them. In one process they call each other directly.
import {
  type Compactor,
  type JobSource,
  RemoteScheduler,
  type RulesOf,
  runWorker,
  SchedulerActor,
  schedulerMethods,
  type SchedulerOptions,
  type TenantRules,
  ThreadCompactor,
  WorkerCompactor,
  type WorkerOptions,
} from "../actors/mod.ts";
import { InputError } from "../lib/errors.ts";
import { OsDirectory } from "../lib/fs.ts";
import { defaultGrpcServerOptions, type GrpcMethods, GrpcServer } from "../lib/grpc_server.ts";
import type { Runtime } from "../lib/runtime.ts";
import { listenBytes } from "../lib/tls_listener.ts";
import { nextTurn } from "../lib/waiting.ts";
import { SINGLE_TENANT } from "../model/limits.ts";
import type { BlockList, ObjectStore } from "../storage/mod.ts";
import type { Limits, LimitsOf } from "../model/limits.ts";
import { blockOptions } from "./block_settings.ts";
import { type Config, grpcAddress, parseAddress, workerCount, workPath } from "./config/mod.ts";
import { grpcCallOptions } from "./grpc_client_options.ts";
import { storeConfig } from "./store_config.ts";
import { serverTls } from "./tls.ts";

export interface RunningScheduler extends AsyncDisposable {
  readonly scheduler: SchedulerActor;
}

export function openScheduler(
  runtime: Runtime,
  config: Config,
  store: ObjectStore,
  list: BlockList,
  settleLive: (() => Promise<void>) | undefined,
  limits: LimitsOf,
): RunningScheduler {
  const stop = new AbortController();
  const scheduler = new SchedulerActor(
    runtime,
    () => OsDirectory.open(workPath(config)),
    { store, list, rulesOf: rulesOfEach(config, limits), settleLive },
    schedulerOptions(config),
  );
  const running = scheduler.run(stop.signal);
  running.catch((error) => runtime.log.error("blocks are not looked after", { error }));
  return {
    scheduler,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running.catch(() => {});
    },
  };
}

/** Disposing lets it finish its job for a while. */
export function openWorker(
  runtime: Runtime,
  config: Config,
  cores: number,
  store: ObjectStore,
  scheduler: JobSource,
  limits: LimitsOf,
): AsyncDisposable {
  const stop = new AbortController();
  const never = new AbortController();
  const compactor: Compactor = workerCount(config, cores) === 0
    ? new ThreadCompactor(runtime, store, nextTurn)
    : new WorkerCompactor(runtime, storeConfig(config));
  const running = runWorker(
    runtime,
    { store, scheduler, compactor, rulesOf: rulesOfEach(config, limits) },
    workerOptions(config),
    stop.signal,
    never.signal,
  );
  running.catch((error) => runtime.log.error("this worker has ended", { error }));
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running.catch(() => {});
      await compactor[Symbol.asyncDispose]();
    },
  };
}

/** Where a worker asks for jobs: in this process, or at an address. */
export function workSource(
  runtime: Runtime,
  config: Config,
  actor: SchedulerActor | undefined,
  stack: AsyncDisposableStack,
): JobSource {
  if (actor !== undefined) return actor;
  const address = config.backend_worker.backend_scheduler_addr;
  if (address === "") {
    throw new InputError(
      "failed_precondition",
      "backend_worker.backend_scheduler_addr is empty: a worker of its own needs the scheduler's " +
        "host:port, its server.grpc_listen_port",
    );
  }
  parseAddress(address.replace(/^dns:\/\/\//, ""), "backend_worker.backend_scheduler_addr");
  const { grpc_client_config: keys } = config.backend_scheduler_client;
  const options = grpcCallOptions(
    runtime,
    keys,
    "backend_scheduler_client.grpc_client_config",
    stack,
  );
  return stack.use(new RemoteScheduler(runtime.clock, address, options));
}

export interface SchedulerListener extends AsyncDisposable {
  readonly port: number;
}

/** The scheduler's gRPC, for workers of other processes. */
export function schedulerGrpc(config: Config, actor: SchedulerActor): GrpcMethods {
  const isMulti = config.multitenancy_enabled;
  return schedulerMethods(actor, (metadata) => {
    if (!isMulti) return SINGLE_TENANT;
    const tenant = metadata.get("x-scope-orgid") ?? "";
    if (tenant === "" || tenant.includes("|")) throw new InputError("unauthenticated", "no org id");
    return tenant;
  });
}

/** Where a process offers nothing else over gRPC. */
export async function serveScheduler(
  runtime: Runtime,
  config: Config,
  actor: SchedulerActor,
): Promise<SchedulerListener> {
  const methods = schedulerGrpc(config, actor);
  // Workers that wait for a job are sent away by the scheduler when it stops; none is waited for long.
  const options = { ...defaultGrpcServerOptions, closeTimeoutMs: 500 };
  const server = new GrpcServer(runtime, methods, options);
  await using stack = new AsyncDisposableStack();
  const tls = serverTls(runtime, config, "grpc_tls_config", stack);
  stack.use(server);
  const { host: hostname, port } = grpcAddress(config);
  const listener = await listenBytes(runtime, { hostname, port, tls });
  server.serve(listener);
  const opened = stack.move();
  return { port: listener.port, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

function rulesOfEach(config: Config, limits: LimitsOf): RulesOf {
  return (tenant) => rulesFrom(config, limits(tenant));
}

/** Of a tenant with these limits; undefined: leave its blocks alone. */
export function rulesFrom(
  config: Config,
  { compaction: own, global }: Limits,
): TenantRules | undefined {
  if (own.isDisabled) return undefined;
  const { compaction } = config.backend_scheduler.provider;
  const kept = config.backend_worker.compaction;
  return {
    compaction: {
      windowMs: own.windowMs || compaction.compaction.compaction_window,
      blocksMin: compaction.min_input_blocks,
      blocksMax: compaction.max_input_blocks,
      objectsMax: compaction.compaction.max_compaction_objects,
      bytesMax: compaction.compaction.max_block_bytes,
      levelMax: compaction.max_compaction_level,
    },
    retention: {
      liveMs: own.blockRetentionMs || kept.block_retention,
      compactedMs: kept.compacted_block_retention,
    },
    bytesPerTraceMax: global.maxBytesPerTrace,
  };
}

function schedulerOptions(config: Config): SchedulerOptions {
  const { backend_scheduler: keys } = config;
  const { compaction, retention, redaction } = keys.provider;
  return {
    jobsPerTenantMax: compaction.max_jobs_per_tenant,
    measureEveryMs: compaction.measure_interval,
    cycleMinMs: compaction.min_cycle_interval,
    jobTimeoutMs: keys.job_timeout,
    deadJobMs: keys.work.dead_job_timeout,
    pruneAgeMs: keys.work.prune_age,
    retentionEveryMs: retention.interval,
    maintainEveryMs: keys.maintenance_interval,
    mirrorEveryMs: keys.backend_flush_interval,
    leftoverGraceMs: config.segno.leftover_grace,
    redactionPollMs: redaction.poll_interval,
    rescanDelayMs: redaction.rescan_delay,
    rescansMax: redaction.max_rescan_generations,
  };
}

function workerOptions(config: Config): WorkerOptions {
  const { backend_worker: keys, segno } = config;
  return {
    ...blockOptions(config),
    id: workerId(config),
    leaseMs: segno.job_lease,
    backoffMinMs: keys.backoff.min_period,
    backoffMaxMs: keys.backoff.max_period,
    finishMs: keys.finish_on_shutdown_timeout,
    retentionsMax: keys.compaction.retention_concurrency,
  };
}

/** The same after a restart, and another for each process of a machine. */
function workerId(config: Config): string {
  return config.backend_worker.ring.instance_id ||
    `${Deno.hostname()}:${config.server.http_listen_port}`;
}
