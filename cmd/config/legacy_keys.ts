// The limits as they were written before they had groups: `ingestion_rate_limit_bytes` beside the
// others instead of `ingestion.rate_limit_bytes`.
// Rule: they are taken where `overrides.enable_legacy_overrides` says so; a key written both ways is
// an error, for nobody can say which was meant.
import { InputError } from "../../lib/errors.ts";

const SPAN_METRICS = "metrics_generator_processor_span_metrics_";
const SERVICE_GRAPHS = "metrics_generator_processor_service_graphs_";

/** Of a flat key, where it stands now. */
const PLACES: Readonly<Record<string, readonly string[]>> = {
  ingestion_rate_strategy: ["ingestion", "rate_strategy"],
  ingestion_rate_limit_bytes: ["ingestion", "rate_limit_bytes"],
  ingestion_burst_size_bytes: ["ingestion", "burst_size_bytes"],
  ingestion_tenant_shard_size: ["ingestion", "tenant_shard_size"],
  ingestion_max_attribute_bytes: ["ingestion", "max_attribute_bytes"],
  ingestion_artificial_delay: ["ingestion", "artificial_delay"],
  ingestion_retry_info_enabled: ["ingestion", "retry_info_enabled"],
  max_traces_per_user: ["ingestion", "max_traces_per_user"],
  max_global_traces_per_user: ["ingestion", "max_global_traces_per_user"],
  max_bytes_per_tag_values_query: ["read", "max_bytes_per_tag_values_query"],
  max_blocks_per_tag_values_query: ["read", "max_blocks_per_tag_values_query"],
  max_search_duration: ["read", "max_search_duration"],
  max_metrics_duration: ["read", "max_metrics_duration"],
  unsafe_query_hints: ["read", "unsafe_query_hints"],
  left_pad_trace_ids: ["read", "left_pad_trace_ids"],
  block_retention: ["compaction", "block_retention"],
  compaction_window: ["compaction", "compaction_window"],
  compaction_disabled: ["compaction", "compaction_disabled"],
  max_bytes_per_trace: ["global", "max_bytes_per_trace"],
  parquet_dedicated_columns: ["storage", "parquet_dedicated_columns"],
  ...generator([
    ...["ring_size", "processors", "max_active_series", "collection_interval"],
    ...["disable_collection", "trace_id_label_name", "remote_write_headers"],
    ...["ingestion_time_range_slack", "generate_native_histograms"],
    ...["native_histogram_bucket_factor", "native_histogram_max_bucket_number"],
    ...["native_histogram_min_reset_duration", "span_name_sanitization"],
    "max_cardinality_per_label",
  ]),
  metrics_generator_forwarder_queue_size: ["metrics_generator", "forwarder", "queue_size"],
  metrics_generator_forwarder_workers: ["metrics_generator", "forwarder", "workers"],
  ...processor(SERVICE_GRAPHS, "service_graphs", [
    ...["histogram_buckets", "dimensions", "peer_attributes", "enable_client_server_prefix"],
    ...["enable_messaging_system_latency_histogram", "enable_virtual_node_label"],
    ...["span_multiplier_key", "filter_policies"],
  ]),
  ...processor(SPAN_METRICS, "span_metrics", [
    ...["histogram_buckets", "dimensions", "intrinsic_dimensions", "filter_policies"],
    ...["dimension_mappings", "enable_target_info", "target_info_excluded_dimensions"],
    ...["enable_instance_label", "span_multiplier_key"],
  ]),
  ...processor("metrics_generator_processor_host_info_", "host_info", [
    ...["host_identifiers", "metric_name"],
  ]),
  cost_attribution_max_cardinality: ["cost_attribution", "max_cardinality"],
  cost_attribution_dimensions: ["cost_attribution", "dimensions"],
};

/** Where a flat key stands now; undefined if it never was one. */
export function placeOfLegacyKey(name: string): string | undefined {
  return Object.hasOwn(PLACES, name) ? PLACES[name]!.join(".") : undefined;
}

/** Whether there is something to move. */
export function hasLegacyKeys(limits: unknown): boolean {
  return isSection(limits) && Object.keys(limits).some((name) => Object.hasOwn(PLACES, name));
}

/** The same limits in groups; what is no flat key stays where it is. `path` is told in errors. */
export function moveLegacyKeys(limits: unknown, path: string): unknown {
  if (!isSection(limits)) return limits;
  const moved = structuredClone(limits);
  for (const [name, value] of Object.entries(limits)) {
    if (!Object.hasOwn(PLACES, name)) continue;
    const place = PLACES[name]!;
    delete moved[name];
    let section = moved;
    for (const below of place.slice(0, -1)) {
      section[below] = isSection(section[below]) ? section[below] : {};
      section = section[below] as Record<string, unknown>;
    }
    if (Object.hasOwn(section, place.at(-1)!)) {
      const other = `${path}.${place.join(".")}`;
      throw new InputError(
        "invalid_argument",
        `${path}.${name}: written a second time as ${other}`,
      );
    }
    section[place.at(-1)!] = value;
  }
  return moved;
}

function generator(names: readonly string[]): Record<string, string[]> {
  return Object.fromEntries(
    names.map((name) => [`metrics_generator_${name}`, ["metrics_generator", name]]),
  );
}

function processor(
  prefix: string,
  section: string,
  names: readonly string[],
): Record<string, string[]> {
  return Object.fromEntries(
    names.map((name) => [prefix + name, ["metrics_generator", "processor", section, name]]),
  );
}

const isSection = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
