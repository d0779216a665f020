// A process of a fleet: any set of targets on a topic of Kafka, a bucket, and rings told by gossip. What the
// embedded process joins by calls is joined here by the topic, the bucket and gRPC.
// Rule: it says in its rings that it may be asked only when it may, and that it leaves before it does; spans are
// refused before anything behind them closes, and the log closes last.
//
//   limits ─▶ topic ─▶ rings ─▶ live-store, block-builder, metrics-generator ─▶ read side ─▶ HTTP, gRPC ─▶ receivers ─▶ backend
import type { Runtime } from "../../lib/runtime.ts";
import { componentsOf } from "../components.ts";
import type { Config, Target } from "../config/mod.ts";
import { watchEventLoop } from "../event_loop_lag.ts";
import { opsDeps } from "../ops_deps.ts";
import { openOverrides } from "../overrides/open_overrides.ts";
import type { Overrides } from "../overrides/overrides.ts";
import type { RuntimeFileSource } from "../overrides/runtime_poller.ts";
import type { Ports } from "../process.ts";
import { Readiness } from "../readiness.ts";
import { downscaleOf, ringPages } from "../rings/ring_pages.ts";
import { openSurface } from "../surface.ts";
import { windDown } from "../wind_down.ts";
import { openWritePath, type WritePath } from "../write_path.ts";
import { type Folds, openFolds } from "./folds.ts";
import type { RunningGenerator } from "../generator.ts";
import { openReadSide } from "./read_side.ts";
import { openShared, type Shared } from "./shared.ts";
import { openUpkeep } from "./upkeep.ts";

export class FleetProcess {
  private constructor(
    readonly shared: Shared,
    readonly readiness: Readiness,
    readonly ports: Ports,
    readonly stack: AsyncDisposableStack,
    readonly writePath: WritePath | undefined,
    readonly folds: Folds,
    readonly generator: RunningGenerator | undefined,
    /** Resolves when somebody asked for a stop over HTTP; rejects when a component gave up. */
    readonly ended: Promise<void>,
  ) {}

  static async start(
    runtime: Runtime,
    config: Config,
    targets: readonly Target[],
    cores: number,
    /** Undefined: no tenant has limits of its own. */
    runtimeFile: RuntimeFileSource | undefined,
    /** Ends the wait for a topic that cannot be reached. */
    stopping: AbortSignal = new AbortController().signal,
  ): Promise<FleetProcess> {
    const components = componentsOf(targets);
    const stopAsked = Promise.withResolvers<void>();
    await using stack = new AsyncDisposableStack();
    const overrides = await openOverrides(runtime, config, runtimeFile, stack);
    const { limitsOf } = overrides.overrides;
    stack.use(watchEventLoop(runtime.clock, runtime.metrics));
    const shared = await openShared(runtime, config, targets, stack, stopping);
    const readiness = new Readiness();
    const folds = await openFolds(shared, components, cores, overrides.overrides, stack);
    if (folds.liveStore !== undefined) {
      stack.use(readiness.watch(runtime, () => folds.isCaughtUp()));
    }
    const generator = components.generator
      ? await openGeneratorHere(shared, overrides.overrides, stack)
      : undefined;
    if (generator !== undefined) readiness.also(() => generator.unready);
    const readSide = await openReadSide(shared, components, cores, readiness, stack);
    const upkeep = await openUpkeep(shared, components, cores, readSide, limitsOf, stack);
    const actor = upkeep.scheduler?.scheduler;
    const surface = await openSurface(runtime, config, {
      deps: {
        ...opsDeps(config, targets, overrides, () => readiness.reasons),
        metricsText: async () =>
          await runtime.metrics.text([
            ...await generator?.metrics() ?? [],
            ...await folds.metrics(),
            ...await readSide.metrics(),
          ]),
        watermarks: () => components.frontend ? readSide.watermarks() : folds.watermarks(),
        admin: { flush: () => folds.flush(), shutdown: () => stopAsked.resolve() },
        backend: actor && upkeep.store && { actor, store: upkeep.store },
        rings: ringPages(shared.rings, config),
        downscale: downscaleOf(
          shared.rings,
          () => !readiness.isStopping && folds.refusal === undefined,
        ),
      },
      frontend: readSide.frontend,
      scheduler: upkeep.scheduler,
      methods: { ...folds.grpc(limitsOf), ...readSide.methods },
      stop: () => readSide.stop(),
    }, stack);
    const writePath = components.distributor
      ? stack.use(await openWritePath(runtime, config, shared.writeGround(limitsOf)))
      : undefined;
    upkeep.startWorker();
    shared.rings.activate();

    const ports = {
      ...surface,
      otlpGrpc: writePath?.otlpGrpcPort,
      otlpHttp: writePath?.otlpHttpPort,
    };
    runtime.log.info("started", { target: config.target, ...ports });
    const gaveUp = Promise.all([folds.done, generator?.done]).then(() => stopAsked.promise);
    const ended = Promise.race([gaveUp, stopAsked.promise]);
    ended.catch(() => {}); // whoever awaits it hears of it
    const opened = stack.move();
    return new FleetProcess(shared, readiness, ports, opened, writePath, folds, generator, ended);
  }

  /** Leaves the rings, refuses new spans, builds what is in memory, commits, and closes. */
  async stop(): Promise<void> {
    const { runtime, config, rings } = this.shared;
    const { folds, generator } = this;
    this.readiness.stopping();
    await rings.leave();
    await windDown(runtime, config, {
      writePath: this.writePath,
      stack: this.stack,
      drained: Promise.all([folds.done, generator?.done]).then(() => {}),
      drain: () => {
        folds.drain();
        generator?.drain();
      },
    });
  }
}

/** Loaded where it is needed, as the client of Kafka is. */
async function openGeneratorHere(
  shared: Shared,
  overrides: Overrides,
  stack: AsyncDisposableStack,
): Promise<RunningGenerator> {
  const { openFleetGenerator } = await import("./generator.ts");
  return stack.use(openFleetGenerator(shared, overrides, shared.rings.process.readFile));
}
