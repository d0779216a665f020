// How far a consumer group is behind in a partition, by the names that dashboards, alerts and autoscalers ask for.
import type { Metrics } from "../lib/metrics.ts";

export function groupLag(metrics: Metrics) {
  return {
    lag: metrics.gauge(
      "tempo_ingest_group_partition_lag",
      "Records between the end of the partition and what its consumer has taken in.",
      ["group", "partition"],
    ),
    lagSeconds: metrics.gauge(
      "tempo_ingest_group_partition_lag_seconds",
      "Age of the last record taken in; 0 when caught up.",
      ["group", "partition"],
    ),
  };
}
