// What is measured of the block list, by the peer's names.
import type { Metrics } from "../lib/metrics.ts";
import { SECONDS_BUCKETS } from "../lib/metrics.ts";
import type { BlockMeta } from "../model/block_meta.ts";
import type { TenantBlocks } from "./tenant_blocks.ts";

export type BlockListMetrics = ReturnType<typeof blockListMetrics>;

export function blockListMetrics(metrics: Metrics) {
  const tenant: "tenant"[] = ["tenant"];
  const length = metrics.gauge("tempodb_blocklist_length", "Blocks known by tenant", tenant);
  const objects = metrics.gauge(
    "tempodb_backend_objects_total",
    "Traces in blocks, those in several counted for each",
    ["tenant", "status"],
  );
  const bytes = metrics.gauge(
    "tempodb_backend_bytes_total",
    "Size of the data of blocks",
    ["tenant", "status"],
  );
  const builder = metrics.gauge(
    "tempodb_blocklist_tenant_index_builder",
    "1 where this process builds the tenant's index",
    tenant,
  );
  const indexAge = metrics.gauge(
    "tempodb_blocklist_tenant_index_age_seconds",
    "Age of the index that was read or written last",
    tenant,
  );
  return {
    builder,
    indexAge,
    indexErrors: metrics.counter(
      "tempodb_blocklist_tenant_index_errors_total",
      "Indexes that could not be read or written, or were too old",
      tenant,
    ),
    pollErrors: metrics.counter(
      "tempodb_blocklist_poll_errors_total",
      "Polls that could not see a tenant",
      tenant,
    ),
    garbage: metrics.counter(
      "segno_blocklist_garbage_metas_total",
      "Blocks hidden because what says of them is damaged, counted at each poll",
      tenant,
    ),
    pollSeconds: metrics.histogram(
      "tempodb_blocklist_poll_duration_seconds",
      "Time of a poll of all tenants",
      SECONDS_BUCKETS,
    ),
    tenantsDeleted: metrics.counter(
      "segno_blocklist_empty_tenants_deleted_total",
      "Tenants without blocks whose index was deleted",
    ),
    set(tenant: string, { live, compacted }: TenantBlocks): void {
      length.labels(tenant).set(live.length);
      for (const [status, metas] of [["live", live], ["compacted", compacted]] as const) {
        objects.labels(tenant, status).set(sum(metas, ({ totalObjects }) => totalObjects));
        bytes.labels(tenant, status).set(sum(metas, ({ size }) => size));
      }
    },
    remove(tenant: string): void {
      length.remove(tenant);
      builder.remove(tenant);
      indexAge.remove(tenant);
      for (const status of ["live", "compacted"]) {
        objects.remove(tenant, status);
        bytes.remove(tenant, status);
      }
    },
  };
}

function sum(metas: readonly BlockMeta[], of: (meta: BlockMeta) => number): number {
  return metas.reduce((total, meta) => total + of(meta), 0);
}
