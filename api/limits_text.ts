// A tenant's limits as YAML, in the words of the configuration.
import type { Limits } from "../model/limits.ts";
import { printGoDuration } from "./go_text.ts";

/** Lines indented by two spaces. */
export function limitsText({ ingestion, global, read }: Limits): string {
  return section("ingestion", {
    rate_strategy: ingestion.rateStrategy,
    rate_limit_bytes: ingestion.rateLimitBytes,
    burst_size_bytes: ingestion.burstSizeBytes,
    max_traces_per_user: ingestion.maxTracesPerUser,
    tenant_shard_size: ingestion.tenantShardSize,
    max_attribute_bytes: ingestion.maxAttributeBytes,
    retry_info_enabled: ingestion.retryInfoEnabled,
    artificial_delay: printGoDuration(ingestion.artificialDelayMs),
  }) + section("read", {
    max_bytes_per_tag_values_query: read.maxBytesPerTagValuesQuery,
    max_search_duration: printGoDuration(read.maxSearchDurationMs),
    left_pad_trace_ids: read.leftPadTraceIds,
  }) + section("global", { max_bytes_per_trace: global.maxBytesPerTrace });
}

function section(name: string, values: Readonly<Record<string, string | number | boolean>>) {
  const lines = Object.entries(values).map(([key, value]) => `    ${key}: ${value}\n`);
  return `  ${name}:\n${lines.join("")}`;
}
