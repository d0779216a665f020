// The options of the HTTP surface, from the configuration.
import { type ApiOptions, defaultApiOptions } from "../api/mod.ts";
import type { Config } from "./config/mod.ts";

export function apiOptions(config: Config): ApiOptions {
  const { query_frontend: keys } = config;
  return {
    ...defaultApiOptions,
    multitenancyEnabled: config.multitenancy_enabled,
    httpApiPrefix: config.http_api_prefix,
    search: {
      defaultLimit: keys.search.default_result_limit,
      maxLimit: keys.search.max_result_limit,
      defaultSpss: keys.search.default_spans_per_span_set,
      maxSpss: keys.search.max_spans_per_span_set,
      maxDurationMs: keys.search.max_duration,
    },
    metrics: {
      maxDurationMs: keys.metrics.max_duration,
      maxIntervals: keys.metrics.max_intervals,
      maxExemplars: keys.metrics.max_exemplars,
      maxResponseSeries: keys.metrics.max_response_series,
    },
    multiTenantQueriesEnabled: keys.multi_tenant_queries_enabled,
    queryEndCutoffMs: keys.query_end_cutoff,
    queryBackendAfterMs: keys.search.query_backend_after,
    maxQueryBytes: keys.max_query_expression_size_bytes,
    isMcpEnabled: keys.mcp_server.enabled,
    streamBytesMax: keys.max_grpc_streaming_packet_size,
    urlDenyList: keys.url_deny_list,
  };
}
