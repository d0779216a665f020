// All partition hosts of a process, supervised: what the querier asks for live data.
// Rule: an answer comes from every host or not at all.
import { kindOfFailure, type RestartPolicy, supervise } from "../supervisor.ts";
import type { Runtime } from "../../lib/runtime.ts";
import type { MetricsSnapshot } from "../../lib/metrics.ts";
import type { AnswerOf, QueryRequest } from "../../query/engine/mod.ts";
import type { PartitionStatus } from "../partition/partition_options.ts";
import type { HostHandle } from "./host_handle.ts";

const restartPolicy: RestartPolicy = {
  restartsMax: 3,
  windowMs: 300_000,
  backoffMinMs: 200,
  backoffMaxMs: 10_000,
};

export class LivePartitions {
  constructor(readonly runtime: Runtime, readonly hosts: readonly HostHandle[]) {}

  /** Runs until drained or aborted; rejects when a host failed too often: the process must end. */
  async run(signal: AbortSignal): Promise<void> {
    const restarts = this.runtime.metrics.counter(
      "segno_actor_restarts_total",
      "Restarts of supervised actors, by actor and kind of failure.",
      ["actor", "kind"],
    );
    await Promise.all(this.hosts.map((host, index) => {
      const id = `partition-host-${index}`;
      return supervise(this.runtime.clock, { id, run: (s) => host.run(s) }, restartPolicy, signal, {
        restarting: (actor, error, delayMs) => {
          restarts.labels(actor, kindOfFailure(error)).inc();
          this.runtime.log.error("partition host failed and restarts", {
            actor,
            delayMs,
            error: String(error),
          });
        },
      });
    }));
  }

  /** One partial answer per host. */
  query<R extends QueryRequest>(request: R, signal: AbortSignal): Promise<AnswerOf<R>[]> {
    return settledTogether(this.hosts.map((host) => host.query(request, signal)));
  }

  async findTrace(tenant: string, traceId: Uint8Array, signal: AbortSignal): Promise<Uint8Array[]> {
    const found = this.hosts.map((host) => host.findTrace(tenant, traceId, signal));
    return (await settledTogether(found)).flat();
  }

  async flush(): Promise<void> {
    await settledTogether(this.hosts.map((host) => host.flush()));
  }

  drain(): void {
    for (const host of this.hosts) host.drain();
  }

  async status(): Promise<PartitionStatus[]> {
    return (await settledTogether(this.hosts.map((host) => host.status()))).flat();
  }

  /** Whether all of them answer. */
  async isReady(): Promise<boolean> {
    const statuses = await this.status();
    return statuses.length > 0 && statuses.every((status) => status.isReady);
  }

  async metrics(): Promise<MetricsSnapshot[]> {
    const snapshots = await settledTogether(this.hosts.map((host) => host.metrics()));
    return snapshots.filter((snapshot) => snapshot !== undefined);
  }
}

/** As Promise.all, but no promise is left behind unobserved when one rejects. */
async function settledTogether<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  const results = await Promise.allSettled(promises);
  return results.map((result) => {
    if (result.status === "rejected") throw result.reason;
    return result.value;
  });
}
