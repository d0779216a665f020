// Which of the keys that somebody has set do nothing in this version.
// Rule: a key is told unless it stands in one of the lists here; whoever makes one work adds it.
import { type Config, ConfigSchema } from "./schema.ts";

const RING_SECTIONS = ["distributor.ring", "live_store.ring", "metrics_generator.ring"];
/** How processes call each other. */
const GRPC_CLIENTS = [
  "querier.frontend_worker.grpc_client_config",
  "live_store_client.grpc_client_config",
  "backend_scheduler_client.grpc_client_config",
];

/** Keys that do what they say, with all that is below them. */
const WORKING: readonly string[] = [
  "target",
  "multitenancy_enabled",
  "auth_enabled",
  "http_api_prefix",
  "shutdown_delay",
  "segno",
  "stream_over_http_enabled",
  "server.http_listen_address",
  "server.http_listen_port",
  ...below("server", [
    ...["grpc_listen_address", "grpc_listen_port", "grpc_listen_conn_limit"],
    ...["grpc_server_max_recv_msg_size", "grpc_server_max_send_msg_size"],
    ...["grpc_server_max_concurrent_streams", "grpc_server_max_connection_idle"],
    ...["grpc_server_max_connection_age", "grpc_server_max_connection_age_grace"],
    ...["grpc_server_keepalive_time", "grpc_server_keepalive_timeout"],
    "grpc_server_min_time_between_pings",
    "grpc_server_ping_without_stream_allowed",
  ]),
  ...["http", "grpc"].flatMap((server) => [
    `server.${server}_tls_config`,
    ...below(`distributor.receivers.otlp.protocols.${server}.tls`, [
      ...["cert_file", "cert_pem", "key_file", "key_pem", "client_ca_file"],
      ...[
        "client_ca_file_reload",
        "reload_interval",
        "min_version",
        "max_version",
        "cipher_suites",
      ],
    ]),
  ]),
  "server.tls_min_version",
  "server.tls_cipher_suites",
  "server.log_level",
  "server.log_format",
  "server.graceful_shutdown_timeout",
  "distributor.receivers.otlp.protocols.grpc.endpoint",
  "distributor.receivers.otlp.protocols.grpc.max_recv_msg_size_mib",
  "distributor.receivers.otlp.protocols.http.endpoint",
  "distributor.receivers.otlp.protocols.http.max_request_body_size",
  "distributor.max_attribute_bytes",
  "distributor.retry_after_on_resource_exhausted",
  "distributor.artificial_delay",
  ...RING_SECTIONS.flatMap((section) =>
    below(section, [
      ...["kvstore.store", "heartbeat_period", "heartbeat_timeout", "instance_id"],
      ...["instance_zone", "instance_availability_zone", "instance_addr", "instance_port"],
      ...["instance_interface_names", "instance_enable_ipv6"],
    ])
  ),
  ...below("live_store.partition_ring", [
    ...["kvstore.store", "min_partition_owners_count", "min_partition_owners_duration"],
    "delete_inactive_partition_after",
  ]),
  "live_store.shutdown_marker_dir",
  "live_store.remove_owner_on_shutdown",
  ...below("memberlist", [
    ...["node_name", "randomize_node_name", "cluster_label", "cluster_label_verification_disabled"],
    ...["bind_addr", "bind_port", "advertise_addr", "advertise_port", "join_members"],
    ...["min_join_backoff", "max_join_backoff", "max_join_retries", "abort_if_cluster_join_fails"],
    ...["gossip_interval", "gossip_nodes", "pull_push_interval", "retransmit_factor"],
    ...["stream_timeout", "left_ingesters_timeout", "leave_timeout"],
    ...["tls_enabled", "tls_cert_path", "tls_key_path", "tls_ca_path", "tls_server_name"],
  ]),
  ...below("ingest.kafka", [
    ...["address", "topic", "client_id", "client_rack", "dial_timeout", "write_timeout"],
    ...["sasl_mechanism", "sasl_username", "sasl_password", "sasl_oauthbearer_token"],
    ...["sasl_oauthbearer_extensions", "sasl_oauthbearer_file_path"],
    ...["sasl_oauthbearer_http_socket_path", "sasl_oauthbearer_http_socket_timeout"],
    ...["tls_enabled", "tls_ca_path", "tls_cert_path", "tls_key_path", "tls_server_name"],
    ...["tls_insecure_skip_verify", "auto_create_topic_enabled"],
    ...["auto_create_topic_default_partitions", "producer_max_record_size_bytes"],
    ...["producer_max_buffered_bytes", "producer_compression"],
  ]),
  ...below("live_store", [
    ...["complete_block_timeout", "block_reclaim_grace", "fail_on_high_lag"],
    ...["readiness_target_lag", "readiness_max_wait"],
  ]),
  ...below("block_builder", [
    ...["instance_id", "assigned_partitions", "partitions_per_instance", "consume_cycle_duration"],
    "wal.ingestion_time_range_slack",
  ]),
  ...below("metrics_generator", [
    ...["instance_id", "ingest_concurrency", "limiter_type", "metrics_ingestion_time_range_slack"],
    ...["leave_consumer_group_on_shutdown", "skip_stale_backlog_on_startup", "override_ring_key"],
    ...["registry", "processor.span_metrics", "processor.host_info"],
    ...["storage.path", "storage.remote_write", "storage.remote_write_flush_deadline"],
    ...["storage.remote_write_add_org_id_header", "storage.wal.wal_segment_size"],
    ...["storage.wal.truncate_frequency", "storage.wal.min_wal_time", "storage.wal.max_wal_time"],
  ]),
  ...below("metrics_generator.processor.service_graphs", [
    ...["wait", "max_items", "histogram_buckets", "dimensions", "enable_client_server_prefix"],
    ...["enable_messaging_system_latency_histogram", "enable_virtual_node_label"],
    ...["peer_attributes", "database_name_attributes", "filter_policies"],
    ...["span_multiplier_key", "enable_tracestate_span_multiplier"],
  ]),
  "query_frontend.max_query_expression_size_bytes",
  "query_frontend.max_outstanding_per_tenant",
  "query_frontend.max_batch_size",
  "query_frontend.max_retries",
  "query_frontend.api_timeout",
  "query_frontend.search.concurrent_jobs",
  "query_frontend.search.duration_slo",
  "query_frontend.search.throughput_bytes_slo",
  "query_frontend.trace_by_id.blocks_per_shard",
  "query_frontend.trace_by_id.duration_slo",
  "query_frontend.trace_by_id.throughput_bytes_slo",
  "query_frontend.metrics.concurrent_jobs",
  "query_frontend.metrics.query_backend_after",
  "query_frontend.metrics.duration_slo",
  "query_frontend.metrics.throughput_bytes_slo",
  "querier.search.query_timeout",
  "querier.trace_by_id.query_timeout",
  "querier.max_concurrent_queries",
  ...below("querier.frontend_worker", [
    ...["frontend_address", "dns_lookup_duration", "parallelism", "match_max_concurrent", "id"],
  ]),
  "querier.partition_ring",
  ...below("live_store_client", ["pool_config", "remote_timeout"]),
  ...GRPC_CLIENTS.flatMap((client) =>
    below(client, [
      ...["max_recv_msg_size", "max_send_msg_size", "grpc_compression"],
      ...["rate_limit", "rate_limit_burst", "backoff_on_ratelimits", "backoff_config"],
      ...["tls_enabled", "tls_cert_path", "tls_key_path", "tls_ca_path", "tls_server_name"],
      ...["tls_insecure_skip_verify", "tls_min_version", "tls_cipher_suites"],
    ])
  ),
  "query_frontend.multi_tenant_queries_enabled",
  "query_frontend.max_grpc_streaming_packet_size",
  "query_frontend.url_deny_list",
  "query_frontend.mcp_server",
  "query_frontend.search.default_result_limit",
  "query_frontend.search.max_result_limit",
  "query_frontend.search.default_spans_per_span_set",
  "query_frontend.search.max_spans_per_span_set",
  "query_frontend.search.query_backend_after",
  "query_frontend.query_end_cutoff",
  "query_frontend.search.max_duration",
  "query_frontend.metrics.max_duration",
  "query_frontend.metrics.max_intervals",
  "query_frontend.metrics.max_exemplars",
  "query_frontend.metrics.max_response_series",
  ...below("backend_scheduler", [
    ...["work", "maintenance_interval", "backend_flush_interval", "job_timeout", "local_work_path"],
    ...["provider.retention", "provider.redaction"],
  ]),
  ...below("backend_scheduler.provider.compaction", [
    ...["measure_interval", "max_jobs_per_tenant", "min_cycle_interval"],
    ...["min_input_blocks", "max_input_blocks", "max_compaction_level"],
    ...["compaction.compaction_window", "compaction.max_compaction_objects"],
    "compaction.max_block_bytes",
  ]),
  ...below("backend_worker", [
    ...["backend_scheduler_addr", "backoff", "finish_on_shutdown_timeout", "ring.instance_id"],
    "compaction.retention_concurrency",
  ]),
  "backend_worker.compaction.block_retention",
  "backend_worker.compaction.compacted_block_retention",
  "cache",
  "storage.trace.cache_min_compaction_level",
  "storage.trace.cache_max_block_age",
  "storage.trace.local",
  ...below("storage.trace.s3", [
    ...["bucket", "prefix", "endpoint", "region", "access_key", "secret_key", "session_token"],
    ...["insecure", "part_size", "forcepathstyle", "bucket_lookup_type", "enable_dual_stack"],
    ...["signature_v2", "checksum_type", "storage_class", "tags", "metadata", "sse"],
    ...["hedge_requests_at", "hedge_requests_up_to"],
    ...["retry_max_attempts", "retry_backoff_initial", "retry_backoff_max"],
    ...["tls_ca_path", "tls_cert_path", "tls_key_path", "tls_server_name"],
    "tls_insecure_skip_verify",
  ]),
  ...below("storage.trace.gcs", [
    ...["bucket_name", "prefix", "chunk_buffer_size", "endpoint", "insecure", "max_retries"],
    ...["object_cache_control", "object_metadata", "hedge_requests_at", "hedge_requests_up_to"],
  ]),
  ...below("storage.trace.azure", [
    ...["storage_account_name", "storage_account_key", "container_name", "prefix"],
    ...["use_managed_identity", "use_federated_token", "user_assigned_id"],
    ...["endpoint_suffix", "buffer_size"],
    ...["hedge_requests_at", "hedge_requests_up_to"],
  ]),
  "storage.trace.block",
  "live_store.block",
  "live_store.block_config",
  ...below("block_builder.block", [
    ...["version", "bloom_filter_false_positive", "bloom_filter_shard_size_bytes"],
    ...["parquet_row_group_size_bytes", "parquet_dedicated_columns"],
  ]),
  ...below("storage.trace", [
    ...["blocklist_poll", "blocklist_poll_concurrency", "blocklist_poll_tenant_concurrency"],
    ...["blocklist_poll_fallback", "blocklist_poll_stale_tenant_index", "blocklist_poll_jitter_ms"],
    ...["blocklist_poll_tolerate_consecutive_errors", "blocklist_poll_tolerate_tenant_failures"],
    ...["empty_tenant_deletion_enabled", "empty_tenant_deletion_age"],
  ]),
  "overrides.per_tenant_override_config",
  "overrides.per_tenant_override_period",
  "overrides.user_configurable_overrides",
  "overrides.defaults.ingestion",
  "overrides.defaults.read.max_bytes_per_tag_values_query",
  "overrides.defaults.read.max_search_duration",
  "overrides.defaults.read.max_metrics_duration",
  "overrides.defaults.read.left_pad_trace_ids",
  "overrides.defaults.read.max_bytes_per_query",
  "overrides.defaults.compaction",
  ...below("overrides.defaults.metrics_generator", [
    ...["processors", "max_active_series", "max_active_entities", "max_cardinality_per_label"],
    ...["collection_interval", "disable_collection", "trace_id_label_name"],
    ...["remote_write_headers", "ingestion_time_range_slack", "span_name_sanitization"],
    ...["generate_native_histograms", "native_histogram_bucket_factor"],
    ...["native_histogram_max_bucket_number", "native_histogram_min_reset_duration", "processor"],
  ]),
  "overrides.defaults.global",
  "overrides.defaults.storage",
];

/** Told elsewhere, or about what is never done here whatever they say. */
const QUIET: readonly string[] = [
  "usage_report",
  "ingest.enabled",
  "storage.trace.backend",
  "storage.trace.cache",
  "query_frontend.rf1_after",
  "overrides.enable_legacy_overrides",
];

/** Why a key has none, where there is more to say than that it has not been done. */
const REASONS: Readonly<Record<string, string>> = {
  initial_stream_window_size: "Deno's client has windows of its own",
  initial_connection_window_size: "Deno's client has windows of its own",
  connect_timeout: "a call has a time, and connecting is part of it",
  connect_backoff_base_delay:
    "a call connects when it needs to, and its caller waits before the next",
  connect_backoff_max_delay:
    "a call connects when it needs to, and its caller waits before the next",
  list_blocks_concurrency:
    "each page of a listing says where the next one begins, and a tenant's " +
    "index makes listing rare; metas are read blocklist_poll_concurrency at a time",
  ring_mode: "generators are a consumer group of the topic, whatever rings there are",
  codec: "generators read the records that live-stores read",
  stripe_size: "the delivery log has no stripes",
  no_lockfile: "two processes on one delivery log would send everything twice",
  wal_compression: "the delivery log knows strings by number, and is not compressed",
};

/** Whole features that are absent: told once, not key by key. */
const ABSENT: readonly string[] = [
  "memory",
  "internal_server",
  "distributor.receivers.jaeger",
  "distributor.receivers.zipkin",
  "distributor.receivers.kafka",
  "distributor.receivers.opencensus",
  "distributor.forwarders",
  "distributor.usage",
  "metrics_generator_client",
  "backend_worker.ring",
  "overrides.defaults.cost_attribution",
];

export function* withoutEffect(config: Config): Generator<string> {
  const absent = new Set<string>();
  // A receiver that is named has defaults of its own, and so has its TLS.
  const receivers = { otlp: { protocols: { grpc: { tls: {} }, http: { tls: {} } } } };
  const defaults = ConfigSchema.parse({ distributor: { receivers } });
  for (const path of changedPaths(defaults, config, "")) {
    if (isBelow(path, WORKING) || isBelow(path, QUIET)) continue;
    const feature = ABSENT.find((prefix) => isBelow(path, [prefix]));
    if (feature === undefined) yield `${path}: ${reasonOf(path)}`;
    else absent.add(feature);
  }
  for (const feature of absent) yield `${feature}: not in this version, no effect`;
}

function reasonOf(path: string): string {
  const reason = REASONS[path.slice(path.lastIndexOf(".") + 1)];
  return reason === undefined ? "no effect in this version" : `no effect: ${reason}`;
}

function below(section: string, names: readonly string[]): string[] {
  return names.map((name) => `${section}.${name}`);
}

const isBelow = (path: string, prefixes: readonly string[]) =>
  prefixes.some((prefix) => path === prefix || path.startsWith(prefix + "."));

/** Of single values and lists that are not as in the defaults. What is left out is no change. */
function* changedPaths(before: unknown, now: unknown, path: string): Generator<string> {
  if (JSON.stringify(before) === JSON.stringify(now)) return;
  if (!isSection(now)) {
    yield path;
    return;
  }
  const names = Object.keys(now);
  if (names.length === 0 && before === undefined) yield path;
  for (const name of names) {
    const below = isSection(before) ? before[name] : undefined;
    yield* changedPaths(below, now[name], path === "" ? name : `${path}.${name}`);
  }
}

const isSection = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
