// What a generator counts of itself; what its tenants count is told by their own.
import type { Metrics } from "../lib/metrics.ts";
import { groupLag } from "../wal/mod.ts";

export type GeneratorMetrics = ReturnType<typeof generatorMetrics>;

export function generatorMetrics(metrics: Metrics) {
  return {
    assigned: metrics.gauge(
      "tempo_metrics_generator_assigned_partitions",
      "Partitions that this generator reads.",
    ),
    enqueueSeconds: metrics.counter(
      "tempo_metrics_generator_enqueue_time_seconds_total",
      "Time from records being read until they were counted.",
    ),
    skipped: metrics.counter(
      "tempo_metrics_generator_metrics_generation_skipped_processor_pushes_total",
      "Records that say that no metrics are to be made of them.",
      ["tenant"],
    ),
    malformed: metrics.counter(
      "segno_generator_malformed_records_total",
      "Records that cannot be read.",
      ["tenant"],
    ),
    replayed: metrics.counter(
      "segno_generator_replayed_records_total",
      "Records read again that were counted before.",
      ["tenant"],
    ),
    collectionsFailed: metrics.counter(
      "tempo_metrics_generator_registry_collections_failed_total",
      "Collections that could not be written at once.",
      ["tenant"],
    ),
    ...groupLag(metrics),
  };
}
