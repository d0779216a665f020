// What a fold reports, as counters and log lines. Children are bound once a tenant, for a record is
// some hundred spans and there may be thousands a second.
import type { Runtime } from "../../lib/runtime.ts";
import type { FoldEvents } from "../live_store/fold.ts";
import type { PartitionMetrics } from "./metrics.ts";

interface TenantCounters {
  readonly records: { inc(): void };
  readonly bytes: { inc(by: number): void };
}

export function foldEvents(
  runtime: Runtime,
  metrics: PartitionMetrics,
  partition: number,
): FoldEvents {
  const byTenant = new Map<string, TenantCounters>();
  const of = (tenant: string) => {
    let counters = byTenant.get(tenant);
    if (counters === undefined) {
      counters = {
        records: metrics.recordsProcessed.labels(tenant),
        bytes: metrics.bytesReceived.labels(tenant, "trace"),
      };
      byTenant.set(tenant, counters);
    }
    return counters;
  };
  return {
    applied(tenant, bytes) {
      const counters = of(tenant);
      counters.records.inc();
      counters.bytes.inc(bytes);
    },
    dropped(tenant, reason, { offset }) {
      metrics.recordsDropped.labels(tenant, reason).inc();
      if (reason === "too_old") return;
      runtime.log.error("record could not be decoded", { partition, tenant, offset, reason });
    },
    discarded(tenant, reason, spans) {
      metrics.discardedSpans.labels(reason, tenant).inc(spans);
    },
  };
}
