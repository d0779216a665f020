// A partition host in a worker of its own. The worker is a unit of failure: when it dies, open
// queries are refused as unavailable and `run` rejects, so that the supervisor starts another, which
// replays from the committed offsets.
import type { Clock } from "../../lib/clock.ts";
import { UnavailableError } from "../../lib/errors.ts";
import type { MetricsSnapshot } from "../../lib/metrics.ts";
import { RpcPeer } from "../../lib/port_rpc.ts";
import type { AnswerOf, QueryRequest } from "../../query/engine/mod.ts";
import type { EmbeddedLog, LogDamage } from "../../wal/mod.ts";
import type { BuiltSection } from "../block_builder/effects.ts";
import type { PartitionStatus } from "../partition/partition_options.ts";
import { Progress } from "./progress.ts";
import type { HostHandle } from "./host_handle.ts";
import type { HostLimitsSource } from "./host_limits.ts";
import type { CommitCall, FoldedMessage, HostLog, HostStart } from "./host_messages.ts";

/** Where the worker's log is: in this process, which tells the worker of its growth, or a server's. */
export type WorkerLog =
  | { readonly kind: "embedded"; readonly path: string; readonly log: EmbeddedLog }
  | Extract<HostLog, { kind: "kafka" }>;

export interface WorkerHostDependencies {
  readonly log: WorkerLog;
  readonly limits: HostLimitsSource;
  /** Resolves once queries see the blocks. */
  announce(built: BuiltSection): Promise<void>;
  folded(partition: number, nextOffset: number, completeToMs: number): void;
}

export class WorkerHost implements HostHandle {
  #peer: RpcPeer | undefined;

  constructor(
    readonly clock: Clock,
    readonly dependencies: WorkerHostDependencies,
    readonly start: Omit<HostStart, "log" | "limits">,
  ) {}

  async run(signal: AbortSignal): Promise<void> {
    const { limits, log } = this.dependencies;
    const embedded = log.kind === "embedded" ? log.log : undefined;
    const worker = new Worker(new URL("./host_worker.ts", import.meta.url), {
      type: "module",
      name: "partition-host",
    });
    const peer = new RpcPeer(worker, this.#handlers());
    worker.addEventListener("message", ({ data }: MessageEvent<Partial<FoldedMessage>>) => {
      if (data.folded === undefined) return;
      const { partition, nextOffset, completeToMs } = data.folded;
      this.dependencies.folded(partition, nextOffset, completeToMs);
    });
    worker.addEventListener("error", (event) => {
      event.preventDefault(); // the supervisor hears of it below; it must not end the process
      peer.close(new UnavailableError(`partition host worker failed: ${event.message}`));
    });
    const unfollow = limits.onChange(() => worker.postMessage({ limits: limits.current() }));
    const progress = embedded &&
      new Progress(this.clock, embedded, (durable) => worker.postMessage({ durable }));
    try {
      await peer.call(
        "start",
        { ...this.start, log: asStarted(log), limits: limits.current() } satisfies HostStart,
        signal,
      );
      // What it missed while it opened the log.
      worker.postMessage({ ...this.#durable(), limits: limits.current() });
      this.#peer = peer;
      await peer.call("run", null, signal);
    } finally {
      unfollow();
      progress?.[Symbol.dispose]();
      this.#peer = undefined;
      peer.close(new UnavailableError("partition host has stopped"));
      worker.terminate();
    }
  }

  query<R extends QueryRequest>(request: R, signal: AbortSignal): Promise<AnswerOf<R>> {
    return this.#running().call("query", request, signal);
  }

  findTrace(tenant: string, traceId: Uint8Array, signal: AbortSignal): Promise<Uint8Array[]> {
    return this.#running().call("find", { tenant, traceId }, signal);
  }

  flush(): Promise<void> {
    const peer = this.#running();
    // What it has been told of the log may be some milliseconds old; this comes before the call.
    peer.port.postMessage(this.#durable());
    return peer.call("flush", null);
  }

  drain(): void {
    this.#peer?.call("drain", null).catch(() => {}); // gone already: then it is drained
  }

  status(): Promise<PartitionStatus[]> {
    return this.#peer?.call<PartitionStatus[]>("status", null) ?? Promise.resolve([]);
  }

  async metrics(): Promise<MetricsSnapshot | undefined> {
    return await this.#peer?.call<MetricsSnapshot>("metrics", null);
  }

  #running(): RpcPeer {
    if (this.#peer === undefined) throw new UnavailableError("live-store is starting");
    return this.#peer;
  }

  #durable() {
    const { log } = this.dependencies;
    return log.kind === "embedded" ? { durable: log.log.durable() } : {};
  }

  #handlers() {
    const { log, announce } = this.dependencies;
    return {
      ...(log.kind === "embedded" && ownerHandlers(log.log)),
      announce: (built: BuiltSection) => announce(built),
    };
  }
}

function asStarted(log: WorkerLog): HostLog {
  if (log.kind === "kafka") return log;
  return { kind: "embedded", path: log.path, durable: log.log.durable() };
}

/** What the worker asks of the log's owner. */
function ownerHandlers(log: EmbeddedLog) {
  return {
    commit: ({ group, partition, offset }: CommitCall) => log.commit(group, partition, offset),
    committedOffset: ({ group, partition }: Omit<CommitCall, "offset">) =>
      log.committedOffset(group, partition),
    reportDamage: (damage: LogDamage) => log.reportDamage(damage),
  };
}
