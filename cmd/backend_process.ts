// A process that only looks after blocks: the backend scheduler, a backend worker, or both, on a bucket that
// it shares with the processes that write and read it.
//
//   bucket ─▶ block list ─▶ scheduler ─▶ gRPC ─▶ operations over HTTP
//   bucket ─▶ worker, which asks the scheduler at backend_scheduler_addr
import { createOpsApi, serveApi } from "../api/mod.ts";
import type { Runtime } from "../lib/runtime.ts";
import { sleep } from "../lib/waiting.ts";
import { BlockList, openStore } from "../storage/mod.ts";
import { apiOptions } from "./api_options.ts";
import { openScheduler, openWorker, serveScheduler, workSource } from "./backend.ts";
import { blockListOptions } from "./block_list_options.ts";
import { buildInfo } from "./build_info.ts";
import { componentsOf } from "./components.ts";
import {
  type Config,
  defaultConfig,
  httpAddress,
  type Target,
  tellChanges,
  tellConfig,
} from "./config/mod.ts";
import { watchEventLoop } from "./event_loop_lag.ts";
import { limitsPages } from "./overrides/limits_pages.ts";
import { openOverrides } from "./overrides/open_overrides.ts";
import type { RuntimeFileSource } from "./overrides/runtime_poller.ts";
import { patientPoll, pollForEver } from "./query_path.ts";
import { storeConfig } from "./store_config.ts";

export interface BackendPorts {
  readonly http: number;
  readonly grpc: number | undefined;
}

export class BackendProcess {
  #isStopping = false;

  private constructor(
    readonly runtime: Runtime,
    readonly config: Config,
    readonly ports: BackendPorts,
    readonly stack: AsyncDisposableStack,
    /** Resolves when somebody asked for a stop over HTTP. */
    readonly ended: Promise<void>,
    readonly notice: { isStopping: boolean },
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
    const notice = { isStopping: false };
    await using stack = new AsyncDisposableStack();
    stack.use(watchEventLoop(runtime.clock, runtime.metrics));
    const { overrides, userOverrides } = await openOverrides(runtime, config, runtimeFile, stack);
    const { limitsOf } = overrides;
    const store = await openStore(storeConfig(config), runtime);

    const list = components.scheduler
      ? await openList(runtime, config, store, stopping, stack)
      : undefined;
    const actor = list &&
      stack.use(openScheduler(runtime, config, store, list, undefined, limitsOf)).scheduler;
    const grpc = actor && stack.use(serveScheduler(runtime, config, actor)).port;
    if (components.worker) {
      const source = stack.use(workSource(runtime, config, actor));
      stack.use(openWorker(runtime, config, cores, store, source, limitsOf));
    }

    const readiness = () => {
      if (notice.isStopping) return ["Application is stopping"];
      const isOpen = actor === undefined || actor.scheduler !== undefined;
      return isOpen ? [] : ["Some services are not Running:\nStarting: 1"];
    };
    const { host: hostname, port } = httpAddress(config);
    const api = createOpsApi(runtime, {
      limits: limitsOf,
      overrides: limitsPages(overrides),
      ...userOverrides === undefined ? {} : { userOverrides },
      readiness,
      metricsText: () => runtime.metrics.text(),
      services: () => {
        const state = readiness().length === 0 ? "Running" : "Starting";
        return targets.map((name) => ({ name, state }));
      },
      configText: (mode) =>
        mode === "diff"
          ? tellChanges(config)
          : tellConfig(mode === "defaults" ? defaultConfig() : config),
      buildInfo,
      admin: { flush: () => Promise.resolve(), shutdown: () => stopAsked.resolve() },
      backend: actor && { actor, store },
    }, apiOptions(config));
    const server = stack.use(await serveApi(runtime, api, { hostname, port }));
    const ports = { http: server.port, grpc };
    runtime.log.info("started", { target: config.target, ...ports });
    const opened = stack.move();
    return new BackendProcess(runtime, config, ports, opened, stopAsked.promise, notice);
  }

  /** A worker finishes its job, or gives it back. */
  async stop(): Promise<void> {
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.notice.isStopping = true;
    await sleep(this.runtime.clock, this.config.shutdown_delay, new AbortController().signal);
    await this.stack.disposeAsync();
    this.runtime.log.info("stopped");
  }
}

async function openList(
  runtime: Runtime,
  config: Config,
  store: Awaited<ReturnType<typeof openStore>>,
  stopping: AbortSignal,
  stack: AsyncDisposableStack,
): Promise<BlockList> {
  const { blocklist_poll } = config.storage.trace;
  // Of all processes on a bucket the one with the scheduler builds the tenants' indexes.
  const list = new BlockList(runtime, store, blockListOptions(config, true));
  await patientPoll(runtime, list, stopping);
  const stop = new AbortController();
  const polling = pollForEver(runtime, list, blocklist_poll, stop.signal);
  stack.defer(async () => {
    stop.abort();
    await polling;
  });
  return list;
}
