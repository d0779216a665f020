// A running process: builds its components in order of dependence and takes them down in reverse.
// Rule: spans are refused before anything behind them closes, and the log closes last; whatever is
// cut short on the way is replayed by the next start.
//
//   log ─▶ partition hosts, metrics-generator ─▶ query path ─▶ API, gRPC ─▶ receivers ─▶ backend
import { FoldLag, LivePartitions } from "../actors/mod.ts";
import { OsDirectory } from "../lib/fs.ts";
import type { Runtime } from "../lib/runtime.ts";
import { EmbeddedLog } from "../wal/mod.ts";
import { openScheduler, openWorker, workSource } from "./backend.ts";
import { componentsOf } from "./components.ts";
import { type Config, grpcAddress, logPath, type Target } from "./config/mod.ts";
import type { EmbeddedGround } from "./embedded_generator.ts";
import { watchEventLoop } from "./event_loop_lag.ts";
import { opsDeps } from "./ops_deps.ts";
import { openOverrides } from "./overrides/open_overrides.ts";
import type { RuntimeFileSource } from "./overrides/runtime_poller.ts";
import { wantsMetrics } from "./overrides/wants_metrics.ts";
import type { RunningGenerator } from "./generator.ts";
import { hostLimits, logOptions, openPartitionHosts } from "./partition_hosts.ts";
import { paceMs } from "./pace.ts";
import { bucketPlace, openQueryPath } from "./query_path.ts";
import { Readiness } from "./readiness.ts";
import { generatorInstance, openRings, systemSurroundings } from "./rings.ts";
import { ringPages } from "./rings/ring_pages.ts";
import { openSurface, type SurfacePorts } from "./surface.ts";
import { windDown } from "./wind_down.ts";
import { openWritePath, type WritePath } from "./write_path.ts";

export interface Ports extends SurfacePorts {
  readonly otlpGrpc: number | undefined;
  readonly otlpHttp: number | undefined;
}

export class Process {
  /** Resolves when somebody asked for a stop over HTTP; rejects when a component gave up. */
  readonly ended: Promise<void>;

  private constructor(
    readonly runtime: Runtime,
    readonly config: Config,
    readonly ports: Ports,
    readonly stack: AsyncDisposableStack,
    readonly live: LivePartitions,
    readonly readiness: Readiness,
    readonly writePath: WritePath | undefined,
    readonly partitionsDone: Promise<void>,
    readonly generator: RunningGenerator | undefined,
    stopAsked: Promise<void>,
  ) {
    const gaveUp = Promise.all([partitionsDone, generator?.done]).then(() => stopAsked);
    this.ended = Promise.race([gaveUp, stopAsked]);
    this.ended.catch(() => {}); // whoever awaits it hears of it
  }

  static async start(
    runtime: Runtime,
    config: Config,
    targets: readonly Target[],
    cores: number,
    /** Undefined: no tenant has limits of its own. */
    runtimeFile: RuntimeFileSource | undefined,
  ): Promise<Process> {
    const components = componentsOf(targets);
    const readiness = new Readiness();
    const stopAsked = Promise.withResolvers<void>();
    await using stack = new AsyncDisposableStack();
    const opened = await openOverrides(runtime, config, runtimeFile, stack);
    const { overrides } = opened;
    const { limitsOf } = overrides;
    stack.use(watchEventLoop(runtime.clock, runtime.metrics));

    const directory = await OsDirectory.open(logPath(config));
    const log = stack.use(await EmbeddedLog.open(runtime, directory, logOptions(config, cores)));
    const query = stack.use(
      await openQueryPath(runtime, config, cores, bucketPlace(config, components.scheduler)),
    );
    const { store, announce } = query;
    const rings = await openRings(runtime, config, {
      targets,
      partitions: log.partitions.length,
      grpcPort: grpcAddress(config).port,
      ...systemSurroundings(),
    }, stack);
    const lag = new FoldLag(runtime.clock);
    lag.durable(log.durable());
    stack.defer(log.onDurable((state) => lag.durable(state)));
    const limits = hostLimits(overrides);
    const hosts = openPartitionHosts(runtime, config, cores, limits, log, store, announce, lag);
    const live = new LivePartitions(runtime, hosts);
    const partitionsDone = runPartitions(live, stack);
    stack.use(readiness.watch(runtime, () => live.isReady()));

    const { hostname, readFile } = rings.process;
    const instance = generatorInstance(config, hostname);
    const ground = { log, overrides, instance, readFile };
    const generator = components.generator
      ? await openGeneratorHere(runtime, config, cores, ground, stack)
      : undefined;

    const scheduler = components.scheduler
      ? stack.use(openScheduler(runtime, config, store, query.list, () => live.flush(), limitsOf))
      : undefined;
    const actor = scheduler?.scheduler;

    const surface = await openSurface(runtime, config, {
      deps: {
        ...opsDeps(config, targets, opened, () => readiness.reasons),
        metricsText: async () =>
          await runtime.metrics.text([
            ...await generator?.metrics() ?? [],
            ...await live.metrics(),
            ...await query.metrics(),
          ]),
        watermarks: () => lag.watermarks(),
        admin: { flush: () => live.flush(), shutdown: () => stopAsked.resolve() },
        backend: actor && { actor, store },
        rings: ringPages(rings, config),
      },
      frontend: query.frontend(live),
      scheduler,
      methods: {},
      stop: () => Promise.resolve(),
    }, stack);
    const writePath = components.distributor
      ? stack.use(
        await openWritePath(runtime, config, {
          log,
          ring: () => rings.view.ring(),
          limits: limitsOf,
          paceMs: () => paceMs(lag.lagMs),
        }),
      )
      : undefined;
    if (components.worker) {
      const source = workSource(runtime, config, actor, stack);
      stack.use(openWorker(runtime, config, cores, store, source, limitsOf));
    }

    const ports = {
      ...surface,
      otlpGrpc: writePath?.otlpGrpcPort,
      otlpHttp: writePath?.otlpHttpPort,
    };
    rings.activate();
    runtime.log.info("started", { target: config.target, ...ports });
    return new Process(
      runtime,
      config,
      ports,
      stack.move(),
      live,
      readiness,
      writePath,
      partitionsDone,
      generator,
      stopAsked.promise,
    );
  }

  /** Refuses new spans, builds what is in memory into blocks, commits, and closes. */
  async stop(): Promise<void> {
    const { live, generator, partitionsDone } = this;
    this.readiness.stopping();
    await windDown(this.runtime, this.config, {
      writePath: this.writePath,
      stack: this.stack,
      drained: Promise.all([partitionsDone, generator?.done]).then(() => {}),
      drain: () => {
        live.drain();
        generator?.drain();
      },
    });
  }
}

/** Loaded where it is needed. Undefined where there is no place to keep what is collected. */
async function openGeneratorHere(
  runtime: Runtime,
  config: Config,
  cores: number,
  ground: EmbeddedGround,
  stack: AsyncDisposableStack,
): Promise<RunningGenerator | undefined> {
  if (config.metrics_generator.storage.path === "") {
    if (wantsMetrics(ground.overrides)) {
      runtime.log.warn("tenants want metrics, and metrics_generator.storage.path is empty");
    }
    return undefined;
  }
  const { openEmbeddedGenerator } = await import("./embedded_generator.ts");
  return await openEmbeddedGenerator(runtime, config, cores, ground, stack);
}

/** Its end is told by the promise; leaving the stack stops it. */
function runPartitions(live: LivePartitions, stack: AsyncDisposableStack): Promise<void> {
  const controller = new AbortController();
  const done = live.run(controller.signal);
  done.catch(() => {}); // `ended` tells it
  stack.defer(async () => {
    controller.abort();
    await done.catch(() => {});
  });
  return done;
}
