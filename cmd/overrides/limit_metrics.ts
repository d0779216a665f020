// Limits as metrics, by the peer's names: the defaults, and those of each tenant with its own.
import type { Metrics } from "../../lib/metrics.ts";
import type { LimitValues } from "../config/mod.ts";
import type { Overrides } from "./overrides.ts";

const OF_TENANTS: Readonly<Record<string, (values: LimitValues) => number>> = {
  max_local_traces_per_user: ({ ingestion }) => ingestion.max_traces_per_user,
  max_global_traces_per_user: ({ ingestion }) => ingestion.max_global_traces_per_user,
  max_bytes_per_trace: ({ global }) => global.max_bytes_per_trace,
  ingestion_rate_limit_bytes: ({ ingestion }) => ingestion.rate_limit_bytes,
  ingestion_burst_size_bytes: ({ ingestion }) => ingestion.burst_size_bytes,
  block_retention: ({ compaction }) => compaction.block_retention / 1000,
  metrics_generator_max_active_series: ({ metrics_generator }) =>
    metrics_generator.max_active_series,
};

const OF_DEFAULTS: typeof OF_TENANTS = {
  ...OF_TENANTS,
  max_bytes_per_tag_values_query: ({ read }) => read.max_bytes_per_tag_values_query,
  max_blocks_per_tag_values_query: ({ read }) => read.max_blocks_per_tag_values_query,
};

/** Kept as they are from now on. */
export function exposeLimits(metrics: Metrics, overrides: Overrides): void {
  const defaults = metrics.gauge(
    "tempo_limits_defaults",
    "Limits of tenants without their own",
    ["limit_name"],
  );
  for (const [name, of] of Object.entries(OF_DEFAULTS)) {
    defaults.labels(name).set(of(overrides.defaults.values));
  }
  const own = metrics.gauge(
    "tempo_limits_overrides",
    "Limits of tenants that have their own",
    ["limit_name", "user"],
  );
  const show = () => {
    own.reset();
    for (const tenant of new Set([...overrides.entries.keys(), ...overrides.users.keys()])) {
      const { values } = overrides.of(tenant);
      for (const [name, of] of Object.entries(OF_TENANTS)) own.labels(name, tenant).set(of(values));
    }
  };
  overrides.onChange(show);
  show();
}
