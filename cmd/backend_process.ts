// A process that only looks after blocks: the backend scheduler, a backend worker, or both, on a bucket that
// it shares with the processes that write and read it.
//
//   bucket ─▶ block list ─▶ scheduler ─▶ gRPC ─▶ operations over HTTP
//   bucket ─▶ worker, which asks the scheduler at backend_scheduler_addr
import { createOpsApi, serveApi } from "../api/mod.ts";
import type { Runtime } from "../lib/runtime.ts";
import { sleep } from "../lib/waiting.ts";
import { openStore } from "../storage/mod.ts";
import { apiOptions } from "./api_options.ts";
import { openScheduler, openWorker, serveScheduler, workSource } from "./backend.ts";
import { componentsOf } from "./components.ts";
import { type Config, httpAddress, type Target } from "./config/mod.ts";
import { watchEventLoop } from "./event_loop_lag.ts";
import { opsDeps } from "./ops_deps.ts";
import { openOverrides } from "./overrides/open_overrides.ts";
import type { RuntimeFileSource } from "./overrides/runtime_poller.ts";
import { bucketPlace, openBlockList } from "./query_path.ts";
import { Readiness } from "./readiness.ts";
import { storeConfig } from "./store_config.ts";
import { serverTls } from "./tls.ts";

export interface BackendPorts {
  readonly http: number;
  readonly grpc: number | undefined;
}

export class BackendProcess {
  private constructor(
    readonly runtime: Runtime,
    readonly config: Config,
    readonly ports: BackendPorts,
    readonly stack: AsyncDisposableStack,
    /** Resolves when somebody asked for a stop over HTTP. */
    readonly ended: Promise<void>,
    readonly readiness: Readiness,
  ) {}

  static async start(
    runtime: Runtime,
    config: Config,
    targets: readonly Target[],
    cores: number,
    /** Undefined: no tenant has limits of its own. */
    runtimeFile: RuntimeFileSource | undefined,
    /** Ends the wait for a store that is away. */
    stopping: AbortSignal = new AbortController().signal,
  ): Promise<BackendProcess> {
    const components = componentsOf(targets);
    const stopAsked = Promise.withResolvers<void>();
    const readiness = new Readiness();
    await using stack = new AsyncDisposableStack();
    stack.use(watchEventLoop(runtime.clock, runtime.metrics));
    const opened = await openOverrides(runtime, config, runtimeFile, stack);
    const { limitsOf } = opened.overrides;
    // Of all processes on a bucket the one with the scheduler builds the tenants' indexes.
    const listed = components.scheduler
      ? await openBlockList(runtime, bucketPlace(config, true), stack, stopping)
      : undefined;
    const store = listed?.store ?? await openStore(storeConfig(config), runtime);
    const actor = listed &&
      stack.use(openScheduler(runtime, config, store, listed.list, undefined, limitsOf)).scheduler;
    const grpc = actor && stack.use(await serveScheduler(runtime, config, actor)).port;
    if (components.worker) {
      const source = workSource(runtime, config, actor, stack);
      stack.use(openWorker(runtime, config, cores, store, source, limitsOf));
    }

    readiness.also(() => {
      const isOpen = actor === undefined || actor.scheduler !== undefined;
      return isOpen ? undefined : "Some services are not Running:\nStarting: 1";
    });
    const { host: hostname, port } = httpAddress(config);
    const api = createOpsApi(runtime, {
      ...opsDeps(config, targets, opened, () => readiness.reasons),
      metricsText: () => runtime.metrics.text(),
      admin: { flush: () => Promise.resolve(), shutdown: () => stopAsked.resolve() },
      backend: actor && { actor, store },
    }, apiOptions(config));
    const tls = serverTls(runtime, config, "http_tls_config", stack);
    const server = stack.use(await serveApi(runtime, api, { hostname, port, tls }));
    const ports = { http: server.port, grpc };
    runtime.log.info("started", { target: config.target, ...ports });
    return new BackendProcess(runtime, config, ports, stack.move(), stopAsked.promise, readiness);
  }

  /** A worker finishes its job, or gives it back. */
  async stop(): Promise<void> {
    if (this.readiness.isStopping) return;
    this.readiness.stopping();
    await sleep(this.runtime.clock, this.config.shutdown_delay, new AbortController().signal);
    await this.stack.disposeAsync();
    this.runtime.log.info("stopped");
  }
}
