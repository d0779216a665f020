// A partition host in a worker of its own: when that dies, open queries are refused as unavailable and
// `run` rejects, so that the supervisor starts another, which replays from the committed offsets.
import type { Clock } from "../../lib/clock.ts";
import { UnavailableError } from "../../lib/errors.ts";
import type { MetricsSnapshot } from "../../lib/metrics.ts";
import type { RpcPeer } from "../../lib/port_rpc.ts";
import type { AnswerOf, QueryRequest } from "../../query/engine/mod.ts";
import type { EmbeddedLog } from "../../wal/mod.ts";
import type { BuiltSection } from "../block_builder/effects.ts";
import type { PartitionStatus } from "../partition/partition_options.ts";
import type { HostHandle } from "./host_handle.ts";
import type { HostLimitsSource } from "./host_limits.ts";
import type { FoldedMessage, HostLog, HostStart } from "./host_messages.ts";
import { runLogWorker } from "./log_worker.ts";

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

  run(signal: AbortSignal): Promise<void> {
    const { log, limits, announce } = this.dependencies;
    return runLogWorker(this.clock, {
      name: "partition host",
      create: () =>
        new Worker(new URL("./host_worker.ts", import.meta.url), {
          type: "module",
          name: "partition-host",
        }),
      log: log.kind === "embedded" ? log.log : undefined,
      limits,
      start: () =>
        ({ ...this.start, log: asStarted(log), limits: limits.current() }) satisfies HostStart,
      handlers: { announce: (built: BuiltSection) => announce(built) },
      heard: ({ folded }: Partial<FoldedMessage>) => {
        if (folded === undefined) return;
        this.dependencies.folded(folded.partition, folded.nextOffset, folded.completeToMs);
      },
      running: (peer) => this.#peer = peer,
    }, signal);
  }

  query<R extends QueryRequest>(request: R, signal: AbortSignal): Promise<AnswerOf<R>> {
    return this.#running().call("query", request, signal);
  }

  findTrace(tenant: string, traceId: Uint8Array, signal: AbortSignal): Promise<Uint8Array[]> {
    return this.#running().call("find", { tenant, traceId }, signal);
  }

  flush(): Promise<void> {
    const peer = this.#running();
    const { log } = this.dependencies;
    // What it has been told of the log may be some milliseconds old; this comes before the call.
    if (log.kind === "embedded") peer.port.postMessage({ durable: log.log.durable() });
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
}

function asStarted(log: WorkerLog): HostLog {
  if (log.kind === "kafka") return log;
  return { kind: "embedded", path: log.path, durable: log.log.durable() };
}
