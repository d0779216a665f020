// What partitions expose on /metrics. Names are those that existing dashboards and alerts read.
import { exponentialBuckets, type Metrics, SECONDS_BUCKETS } from "../../lib/metrics.ts";
import { groupLag } from "../../wal/mod.ts";

export type PartitionMetrics = ReturnType<typeof partitionMetrics>;

export function partitionMetrics(metrics: Metrics) {
  return {
    ...groupLag(metrics),
    ready: metrics.gauge("tempo_live_store_ready", "1 once caught up with the log.", ["partition"]),
    catchUpSeconds: metrics.gauge(
      "tempo_live_store_catch_up_duration_seconds",
      "From the start of a partition until it had caught up with the log.",
      ["partition"],
    ),
    owned: metrics.gauge(
      "tempo_live_store_partition_owned",
      "1 for a partition that is folded here; zone is the consumer group.",
      ["partition", "zone"],
    ),
    queueLength: metrics.gauge(
      "tempo_live_store_complete_queue_length",
      "Sealed sections that are not blocks yet.",
    ),
    backPressureSeconds: metrics.counter(
      "tempo_live_store_back_pressure_seconds_total",
      "Time that folding has waited for a section before to become a block.",
      ["reason"],
    ),
    fetchSeconds: metrics.histogram(
      "tempo_block_builder_fetch_duration_seconds",
      "Time of a read of the log, waiting for records included.",
      SECONDS_BUCKETS,
      ["partition"],
    ),
    fetchBytes: metrics.counter(
      "tempo_block_builder_fetch_bytes_total",
      "Bytes of the records read.",
      ["partition"],
    ),
    fetchRecords: metrics.counter(
      "tempo_block_builder_fetch_records_total",
      "Records read.",
      ["partition"],
    ),
    cycleSeconds: metrics.histogram(
      "tempo_block_builder_consume_cycle_duration_seconds",
      "From the first record of a section to its blocks being committed.",
      exponentialBuckets(1, 2, 12),
    ),
    recordsProcessed: metrics.counter(
      "tempo_live_store_records_processed_total",
      "Records folded.",
      ["tenant"],
    ),
    recordsDropped: metrics.counter(
      "tempo_live_store_records_dropped_total",
      "Records or traces in them that could not be folded.",
      ["tenant", "reason"],
    ),
    bytesReceived: metrics.counter(
      "tempo_live_store_bytes_received_total",
      "Bytes of records folded.",
      ["tenant", "data_type"],
    ),
    discardedSpans: metrics.counter(
      "tempo_discarded_spans_total",
      "Spans refused or dropped, by reason.",
      ["reason", "tenant"],
    ),
    liveTraces: metrics.gauge(
      "tempo_live_store_live_traces",
      "Traces held in memory.",
      ["tenant"],
    ),
    liveTraceBytes: metrics.gauge(
      "tempo_live_store_live_trace_bytes",
      "Memory of the columns that hold live traces.",
      ["tenant"],
    ),
    tracesCreated: metrics.counter(
      "tempo_live_store_traces_created_total",
      "Traces met for the first time in a section.",
      ["tenant"],
    ),
    blocksCut: metrics.counter(
      "tempo_live_store_blocks_cut_total",
      "Sections sealed, by reason.",
      ["reason"],
    ),
    completions: metrics.counter(
      "tempo_live_store_blocks_completed_total",
      "Sections that became blocks.",
    ),
    failedCompletions: metrics.counter(
      "tempo_live_store_failed_completions_total",
      "Attempts to build a section's blocks that failed.",
    ),
    completionRetries: metrics.counter(
      "tempo_live_store_completion_retries_total",
      "Sections whose blocks are built again because that failed.",
    ),
    completionSeconds: metrics.histogram(
      "tempo_live_store_completion_duration_seconds",
      "From sealing a section to its blocks being durable.",
      exponentialBuckets(1, 2, 10),
    ),
    completionBytes: metrics.histogram(
      "tempo_live_store_completion_size_bytes",
      "Size of a block.",
      exponentialBuckets(1 << 20, 2, 10),
    ),
    flushedBlocks: metrics.counter(
      "tempo_block_builder_flushed_blocks",
      "Blocks written to the store.",
      ["tenant"],
    ),
    flushSeconds: metrics.histogram(
      "tempo_block_builder_process_partition_section_duration_seconds",
      "Building, flushing and committing one section.",
      SECONDS_BUCKETS,
      ["partition"],
    ),
    restarts: metrics.counter(
      "segno_actor_restarts_total",
      "Restarts of supervised actors, by actor and kind of failure.",
      ["actor", "kind"],
    ),
  };
}
