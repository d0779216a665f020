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
import type { PartitionStatus } from "../partition/partition_actor.ts";
import { Progress } from "./progress.ts";
import type { HostHandle } from "./host_handle.ts";
import type { HostLimitsSource } from "./host_limits.ts";
import type { CommitCall, FoldedMessage, HostStart } from "./host_messages.ts";

export interface WorkerHostDependencies {
  readonly log: EmbeddedLog;
  readonly limits: HostLimitsSource;
  /** Resolves once queries see the blocks. */
  announce(built: BuiltSection): Promise<void>;
  folded(partition: number, nextOffset: number): void;
}

export class WorkerHost implements HostHandle {
  #peer: RpcPeer | undefined;

  constructor(
    readonly clock: Clock,
    readonly dependencies: WorkerHostDependencies,
    readonly start: Omit<HostStart, "durable" | "limits">,
  ) {}

  async run(signal: AbortSignal): Promise<void> {
    const { limits, log } = this.dependencies;
    const worker = new Worker(new URL("./host_worker.ts", import.meta.url), {
      type: "module",
      name: "partition-host",
    });
    const peer = new RpcPeer(worker, this.#handlers());
    worker.addEventListener("message", ({ data }: MessageEvent<Partial<FoldedMessage>>) => {
      if (data.folded === undefined) return;
      this.dependencies.folded(data.folded.partition, data.folded.nextOffset);
    });
    worker.addEventListener("error", (event) => {
      event.preventDefault(); // the supervisor hears of it below; it must not end the process
      peer.close(new UnavailableError(`partition host worker failed: ${event.message}`));
    });
    const unfollow = limits.onChange(() => worker.postMessage({ limits: limits.current() }));
    const progress = new Progress(this.clock, log, (durable) => worker.postMessage({ durable }));
    try {
      await peer.call(
        "start",
        { ...this.start, durable: log.durable(), limits: limits.current() } satisfies HostStart,
        signal,
      );
      // What it missed while it opened the log.
      worker.postMessage({ durable: log.durable(), limits: limits.current() });
      this.#peer = peer;
      await peer.call("run", null, signal);
    } finally {
      unfollow();
      progress[Symbol.dispose]();
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
    peer.port.postMessage({ durable: this.dependencies.log.durable() });
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

  #handlers() {
    const { log, announce } = this.dependencies;
    return {
      commit: ({ group, partition, offset }: CommitCall) => log.commit(group, partition, offset),
      committedOffset: ({ group, partition }: Omit<CommitCall, "offset">) =>
        log.committedOffset(group, partition),
      reportDamage: (damage: LogDamage) => log.reportDamage(damage),
      announce: (built: BuiltSection) => announce(built),
    };
  }
}
