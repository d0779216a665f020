// `overrides`: what a tenant may do. The same limits stand in the defaults and, per tenant, in the
// runtime file.
import { z } from "zod";

import { count, duration, flag, section, text, textMap, texts, word } from "../keys.ts";
import { hostInfo, serviceGraphs, spanMetrics } from "./generator.ts";
import { backendKeys, dedicatedColumns } from "./storage.ts";

/** The keys of a tenant's limits, with the values the defaults have. */
const limitKeys = {
  ingestion: section({
    rate_strategy: word(["local", "global"], "local"),
    rate_limit_bytes: count(30_000_000).describe("bytes of OTLP protobuf per second"),
    burst_size_bytes: count(30_000_000).describe("and the largest request that may pass at all"),
    max_traces_per_user: count(10_000).describe("live traces; 0: no limit"),
    max_global_traces_per_user: count(0),
    tenant_shard_size: count(0),
    max_attribute_bytes: count(0).describe("0: distributor.max_attribute_bytes"),
    artificial_delay: duration("0s"),
    retry_info_enabled: flag(true),
  }),
  read: section({
    max_bytes_per_tag_values_query: count(1_000_000),
    max_blocks_per_tag_values_query: count(0),
    max_condition_groups_per_tag_query: count(100),
    max_search_duration: duration("0s"),
    max_metrics_duration: duration("0s"),
    unsafe_query_hints: flag(),
    left_pad_trace_ids: flag(),
    metrics_spanonly_fetch: z.boolean().optional(),
    span_pruning_awareness: z.boolean().optional(),
    span_pruning_enabled: z.boolean().optional(),
    engine_bytes_tracking: z.boolean().optional(),
  }),
  compaction: section({
    block_retention: duration("0s").describe("0s: backend_worker.compaction.block_retention"),
    compaction_window: duration("0s"),
    compaction_disabled: flag(),
  }),
  metrics_generator: section({
    ring_size: count(0),
    processors: texts(),
    max_active_series: count(0),
    max_active_entities: count(0),
    collection_interval: duration("0s"),
    disable_collection: flag(),
    trace_id_label_name: text(),
    remote_write_headers: textMap(),
    ingestion_time_range_slack: duration("0s"),
    span_name_sanitization: text(),
    max_cardinality_per_label: count(0),
    generate_native_histograms: word(["", "classic", "native", "both"], "classic"),
    native_histogram_bucket_factor: z.number().default(1.1),
    native_histogram_max_bucket_number: count(100),
    native_histogram_min_reset_duration: duration("15m"),
    forwarder: section({ queue_size: count(0), workers: count(0) }),
    processor: z.strictObject({
      service_graphs: z.strictObject(serviceGraphs).partial().optional(),
      span_metrics: z.strictObject(spanMetrics).partial().optional(),
      host_info: z.strictObject(hostInfo).partial().optional(),
    }).prefault({}),
  }),
  forwarders: texts(),
  global: section({ max_bytes_per_trace: count(5_000_000).describe("0: no limit") }),
  storage: z.strictObject({ parquet_dedicated_columns: dedicatedColumns.optional() }).prefault({}),
  cost_attribution: section({ max_cardinality: count(0), dimensions: textMap() }),
} as const;

export const limits = section(limitKeys);

export const overrides = section({
  defaults: limits,
  per_tenant_override_config: text().describe("the runtime file"),
  per_tenant_override_period: duration("10s"),
  user_configurable_overrides: section({
    enabled: flag(),
    poll_interval: duration("1m"),
    client: section({
      backend: word(["", "local", "s3", "gcs", "azure"], ""),
      confirm_versioning: flag(true),
      ...backendKeys,
    }),
    api: section({ check_for_conflicting_runtime_overrides: flag() }),
  }),
  enable_legacy_overrides: flag(),
});
