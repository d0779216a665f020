// A metrics-generator on the embedded log in a worker of its own: when that dies another one is started, which goes on
// where the log says; one that dies too often ends the process.
import { runLogWorker, superviseThread } from "../actors/mod.ts";
import type { MetricsSnapshot } from "../lib/metrics.ts";
import type { RpcPeer } from "../lib/port_rpc.ts";
import type { Runtime } from "../lib/runtime.ts";
import type { DurableState, EmbeddedLog } from "../wal/mod.ts";
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
    this.done = superviseThread(runtime, "the generator", child, this.#stop.signal);
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

  #run(signal: AbortSignal): Promise<void> {
    const { log, config, overrides, instance, kept } = this;
    const limits = {
      current: (): TenantLimits => ({ entries: overrides.entries, users: overrides.users }),
      onChange: (listener: () => void) => overrides.onChange(listener),
    };
    return runLogWorker(this.runtime.clock, {
      name: "metrics-generator",
      create: () =>
        new Worker(new URL("./generator_worker.ts", import.meta.url), {
          type: "module",
          name: "metrics-generator",
        }),
      log,
      limits,
      start: (): GeneratorStart => ({
        config,
        instance,
        logPath: logPath(config),
        durable: log.durable(),
        limits: limits.current(),
        kept,
      }),
      handlers: {},
      running: (peer) => this.#peer = peer,
    }, signal);
  }
}
