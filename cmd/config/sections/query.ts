// `query_frontend` and `querier`: how questions are cut into jobs and answered.
import { z } from "zod";

import { count, duration, flag, grpcClient, ratio, section, text, texts } from "../keys.ts";

const slo = { duration_slo: duration("0s"), throughput_bytes_slo: ratio(0) } as const;

export const queryFrontend = section({
  max_outstanding_per_tenant: count(2000),
  max_batch_size: count(7),
  max_retries: count(2).describe("total tries"),
  response_consumers: count(10),
  api_timeout: duration("0s"),
  query_end_cutoff: duration("0s").describe(
    "newest data that searches leave out; 0s: nothing, an acknowledged span is found at once",
  ),
  max_query_expression_size_bytes: count(131_072),
  max_grpc_streaming_packet_size: count(1_048_576),
  multi_tenant_queries_enabled: flag(true),
  url_deny_list: texts(),
  allowed_headers: texts(),
  log_query_request_headers: text(),
  search: section({
    concurrent_jobs: count(1000),
    target_bytes_per_job: count(104_857_600),
    default_result_limit: count(20),
    max_result_limit: count(262_144),
    max_duration: duration("168h"),
    query_backend_after: duration("0s").describe(
      "how far a search without start and end looks back; 0s: to the first span",
    ),
    query_ingesters_until: duration("30m"),
    ingester_shards: count(3),
    most_recent_shards: count(200),
    default_spans_per_span_set: count(3),
    max_spans_per_span_set: count(100),
    ...slo,
  }),
  trace_by_id: section({
    query_shards: z.int().min(1).max(100_000).default(50),
    blocks_per_shard: count(30),
    concurrent_shards: count(0),
    external_enabled: flag(),
    span_pruning_enabled: flag(),
    span_pruning_enabled_by_default: flag(),
    ...slo,
  }),
  metrics: section({
    concurrent_jobs: count(1000),
    target_bytes_per_job: count(104_857_600),
    max_duration: duration("24h").describe("0s: no limit"),
    query_backend_after: duration("15m").describe(
      "between processes: younger spans are counted by live-stores, older ones in blocks",
    ),
    interval: duration("5m"),
    max_exemplars: count(100),
    max_response_series: count(0),
    streaming_shards: count(200),
    max_intervals: count(10_000),
    ...slo,
  }),
  weights: section({
    request_with_weights: flag(true),
    retry_with_weights: flag(true),
    max_traceql_conditions: count(4),
    max_regex_conditions: count(1),
  }),
  mcp_server: section({ enabled: flag() }),
  skip_ast_transformations: texts(),
  rf1_after: text().describe("deprecated, ignored"),
});

export const querier = section({
  search: section({ query_timeout: duration("30s") }),
  trace_by_id: section({
    query_timeout: duration("10s"),
    external: section({ endpoint: text(), timeout: duration("10s") }),
  }),
  max_concurrent_queries: count(20),
  frontend_worker: section({
    frontend_address: text().describe(
      "host:port, several with commas; every address of a host is used",
    ),
    dns_lookup_duration: duration("10s"),
    parallelism: count(2),
    match_max_concurrent: flag(true),
    id: text(),
    grpc_client_config: grpcClient(),
  }),
  metrics: section({ concurrent_blocks: count(2), time_overlap_cutoff: ratio(0.2) }),
  partition_ring: section({ minimize_requests: flag(true), hedging_delay: duration("3s") }),
  shuffle_sharding_ingesters_enabled: flag(),
  shuffle_sharding_ingesters_lookback_period: duration("1h"),
  query_relevant_ingesters: flag(),
});
