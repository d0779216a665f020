// A metrics-generator on the embedded log in a worker of its own. The worker is a unit of failure: when it dies
// another one is started, which goes on where the log says; one that dies too often ends the process.
import { kindOfFailure, Progress, type RestartPolicy, supervise } from "../actors/mod.ts";
import { UnavailableError } from "../lib/errors.ts";
import type { MetricsSnapshot } from "../lib/metrics.ts";
import { RpcPeer } from "../lib/port_rpc.ts";
import type { Runtime } from "../lib/runtime.ts";
import type { DurableState, EmbeddedLog, LogDamage } from "../wal/mod.ts";
import { type Config, logPath } from "./config/mod.ts";
import type { RunningGenerator } from "./generator.ts";
import type { Overrides } from "./overrides/overrides.ts";

type TenantLimits = Pick<Overrides, "entries" | "users">;

export interface GeneratorStart {
  readonly config: Config;
  readonly logPath: string;
  readonly durable: DurableState;
  readonly limits: TenantLimits;
  readonly instance: string;
  /** Partitions that go on where it was committed. */
  readonly kept: readonly number[];
}

export interface GeneratorMessage {
  readonly durable?: DurableState;
  readonly limits?: TenantLimits;
}

const RESTARTS: RestartPolicy = {
  restartsMax: 3,
  windowMs: 300_000,
  backoffMinMs: 200,
  backoffMaxMs: 10_000,
};

interface CommitCall {
  readonly group: string;
  readonly partition: number;
  readonly offset: number;
}

export class GeneratorThread implements RunningGenerator {
  readonly unready = undefined;
  readonly done: Promise<void>;
  readonly #stop = new AbortController();
  #peer: RpcPeer | undefined;

  constructor(
    readonly runtime: Runtime,
    readonly config: Config,
    readonly log: EmbeddedLog,
    readonly overrides: Overrides,
    readonly instance: string,
    readonly kept: readonly number[],
  ) {
    const child = { id: "metrics-generator", run: (signal: AbortSignal) => this.#run(signal) };
    const restarts = runtime.metrics.counter(
      "segno_actor_restarts_total",
      "Restarts of supervised actors, by actor and kind of failure.",
      ["actor", "kind"],
    );
    this.done = supervise(runtime.clock, child, RESTARTS, this.#stop.signal, {
      restarting: (actor, error, delayMs) => {
        restarts.labels(actor, kindOfFailure(error)).inc();
        runtime.log.error("the generator failed and restarts", { delayMs, error: String(error) });
      },
    });
    this.done.catch(() => {}); // whoever awaits it hears of it
  }

  drain(): void {
    if (this.#peer === undefined) this.#stop.abort();
    else this.#peer.call("drain", null).catch(() => {}); // gone already: then it is drained
  }

  async metrics(): Promise<MetricsSnapshot[]> {
    const snapshot = await this.#peer?.call<MetricsSnapshot>("metrics", null).catch(() =>
      undefined
    );
    return snapshot === undefined ? [] : [snapshot];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.done.catch(() => {});
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { log, config, overrides, instance, kept } = this;
    const worker = new Worker(new URL("./generator_worker.ts", import.meta.url), {
      type: "module",
      name: "metrics-generator",
    });
    const peer = new RpcPeer(worker, {
      commit: ({ group, partition, offset }: CommitCall) => log.commit(group, partition, offset),
      committedOffset: ({ group, partition }: Omit<CommitCall, "offset">) =>
        log.committedOffset(group, partition),
      reportDamage: (damage: LogDamage) => log.reportDamage(damage),
    });
    worker.addEventListener("error", (event) => {
      event.preventDefault(); // the supervisor hears of it below; it must not end the process
      peer.close(new UnavailableError(`the generator's worker failed: ${event.message}`));
    });
    const tell = (message: GeneratorMessage) => worker.postMessage(message);
    const limits = () => ({ entries: overrides.entries, users: overrides.users });
    const unfollow = overrides.onChange(() => tell({ limits: limits() }));
    const progress = new Progress(this.runtime.clock, log, (durable) => tell({ durable }));
    try {
      const start: GeneratorStart = {
        config,
        instance,
        logPath: logPath(config),
        durable: log.durable(),
        limits: limits(),
        kept,
      };
      await peer.call("start", start, signal);
      tell({ durable: log.durable(), limits: limits() }); // what it missed while it opened the log
      this.#peer = peer;
      await peer.call("run", null, signal);
    } finally {
      unfollow();
      progress[Symbol.dispose]();
      this.#peer = undefined;
      peer.close(new UnavailableError("the generator has stopped"));
      worker.terminate();
    }
  }
}
