// All partition hosts of a process, supervised: what the querier asks for live data.
// Rule: an answer comes from every host or not at all.
import { superviseThread } from "../supervisor.ts";
import type { Runtime } from "../../lib/runtime.ts";
import type { MetricsSnapshot } from "../../lib/metrics.ts";
import type { AnswerOf, QueryRequest } from "../../query/engine/mod.ts";
import type { PartitionStatus } from "../partition/partition_options.ts";
import type { HostHandle } from "./host_handle.ts";

export class LivePartitions {
  constructor(readonly runtime: Runtime, readonly hosts: readonly HostHandle[]) {}

  /** Runs until drained or aborted; rejects when a host failed too often: the process must end. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.hosts.map((host, index) => {
      const child = { id: `partition-host-${index}`, run: (s: AbortSignal) => host.run(s) };
      return superviseThread(this.runtime, "partition host", child, signal);
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
