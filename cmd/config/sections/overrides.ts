// `overrides`: what a tenant may do. The same limits stand in the defaults and, per tenant, in the
// runtime file.
// Rule: a tenant's limits take the place of the defaults as a whole. What they leave out is zero, which
// limits nothing, but for a few keys that are asked for on their own; those are optional here.
import { z } from "zod";

import {
  count,
  duration,
  flag,
  optionalDuration,
  section,
  text,
  textMap,
  texts,
  word,
  writtenKeys,
} from "../keys.ts";
import { hostInfo, serviceGraphs, spanMetrics } from "./generator.ts";
import { backendKeys, dedicatedColumns } from "./storage.ts";

interface LimitDefaults {
  readonly rateBytes: number;
  readonly burstBytes: number;
  readonly traces: number;
  readonly tagValuesBytes: number;
  readonly conditionGroups: number;
  readonly histograms: "" | "classic";
  readonly bucketFactor: number;
  readonly buckets: number;
  readonly bucketReset: string;
  readonly traceBytes: number;
}

const DEFAULTS: LimitDefaults = {
  rateBytes: 30_000_000,
  burstBytes: 30_000_000,
  traces: 10_000,
  tagValuesBytes: 1_000_000,
  conditionGroups: 100,
  histograms: "classic",
  bucketFactor: 1.1,
  buckets: 100,
  bucketReset: "15m",
  traceBytes: 5_000_000,
};

const ZERO: LimitDefaults = {
  rateBytes: 0,
  burstBytes: 0,
  traces: 0,
  tagValuesBytes: 0,
  conditionGroups: 0,
  histograms: "",
  bucketFactor: 0,
  buckets: 0,
  bucketReset: "0s",
  traceBytes: 0,
};

const ingestionKeys = (values: LimitDefaults) => ({
  rate_strategy: word(["local", "global"], "local"),
  rate_limit_bytes: count(values.rateBytes).describe(
    "bytes of OTLP protobuf per second; 0: no limit",
  ),
  burst_size_bytes: count(values.burstBytes)
    .describe("and the largest request that may pass at all; 0: as the rate"),
  max_traces_per_user: count(values.traces).describe("live traces; 0: no limit"),
  max_global_traces_per_user: count(0),
  tenant_shard_size: count(0),
  max_attribute_bytes: count(0).describe("0: distributor.max_attribute_bytes"),
  artificial_delay: duration("0s").describe("0s: distributor.artificial_delay"),
  retry_info_enabled: flag(true),
});

const otherKeys = (values: LimitDefaults) => ({
  read: section({
    max_bytes_per_tag_values_query: count(values.tagValuesBytes),
    max_blocks_per_tag_values_query: count(0),
    max_condition_groups_per_tag_query: count(values.conditionGroups),
    max_search_duration: duration("0s").describe("0s: query_frontend.search.max_duration"),
    max_metrics_duration: duration("0s").describe("0s: query_frontend.metrics.max_duration"),
    unsafe_query_hints: flag(),
    left_pad_trace_ids: flag(),
    max_bytes_per_query: count(0).describe(
      "of blocks, estimated from their footers before anything is read; 0: no limit. Segno's own",
    ),
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
    generate_native_histograms: word(["", "classic", "native", "both"], values.histograms),
    native_histogram_bucket_factor: z.number().default(values.bucketFactor),
    native_histogram_max_bucket_number: count(values.buckets),
    native_histogram_min_reset_duration: duration(values.bucketReset),
    forwarder: section({ queue_size: count(0), workers: count(0) }),
    processor: z.strictObject({
      service_graphs: writtenKeys(serviceGraphs).optional(),
      span_metrics: writtenKeys(spanMetrics).optional(),
      host_info: writtenKeys(hostInfo).optional(),
    }).prefault({}),
  }),
  forwarders: texts(),
  global: section({ max_bytes_per_trace: count(values.traceBytes).describe("0: no limit") }),
  storage: z.strictObject({ parquet_dedicated_columns: dedicatedColumns.optional() }).prefault({}),
  cost_attribution: section({ max_cardinality: count(0), dimensions: textMap() }),
});

/** Of `overrides.defaults`. */
export const limits = section({
  ingestion: section(ingestionKeys(DEFAULTS)),
  ...otherKeys(DEFAULTS),
});

/** Of a tenant in the runtime file. */
export const tenantLimits = section({
  ingestion: section({
    ...ingestionKeys(ZERO),
    rate_strategy: z.enum(["local", "global"]).optional(),
    artificial_delay: optionalDuration(),
    retry_info_enabled: z.boolean().optional(),
  }),
  ...otherKeys(ZERO),
});

export type LimitValues = z.output<typeof limits>;
export type TenantLimitValues = z.output<typeof tenantLimits>;

/** What a tenant has whose entry is this one. */
export function inPlaceOf(defaults: LimitValues, own: TenantLimitValues): LimitValues {
  const { read } = defaults;
  const { ingestion } = own;
  return {
    ...own,
    ingestion: {
      ...ingestion,
      // The strategy is one for the process, and the others are told apart from what is left out.
      rate_strategy: ingestion.rate_strategy ?? defaults.ingestion.rate_strategy,
      artificial_delay: ingestion.artificial_delay ?? defaults.ingestion.artificial_delay,
      retry_info_enabled: ingestion.retry_info_enabled ?? defaults.ingestion.retry_info_enabled,
    },
    read: {
      ...own.read,
      metrics_spanonly_fetch: own.read.metrics_spanonly_fetch ?? read.metrics_spanonly_fetch,
      span_pruning_awareness: own.read.span_pruning_awareness ?? read.span_pruning_awareness,
      span_pruning_enabled: own.read.span_pruning_enabled ?? read.span_pruning_enabled,
      engine_bytes_tracking: own.read.engine_bytes_tracking ?? read.engine_bytes_tracking,
    },
  };
}

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
