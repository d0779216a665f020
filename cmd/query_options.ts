// The options of the frontend and the querier, from the configuration.
import type { FrontendOptions } from "../query/frontend/mod.ts";
import type { QuerierOptions } from "../query/querier/mod.ts";
import type { Config } from "./config/mod.ts";

/** A scan worker is one thread: more would only take turns in it, and everybody would wait longer. */
const LANES_MAX = 2;
/** Queriers that were cut off are back sooner; a question need not wait longer for them. */
const SCANNER_WAIT_MS = 10_000;

export function querierOptions({ query_frontend: frontend, querier }: Config): QuerierOptions {
  return {
    jobs: {
      outstandingPerTenantMax: frontend.max_outstanding_per_tenant,
      batchMax: Math.max(1, frontend.max_batch_size),
      triesMax: Math.max(1, frontend.max_retries),
      concurrentMax: frontend.search.concurrent_jobs,
      metricsConcurrentMax: frontend.metrics.concurrent_jobs,
      lanes: Math.max(1, Math.min(LANES_MAX, querier.max_concurrent_queries)),
      scannerWaitMs: SCANNER_WAIT_MS,
    },
    findBatchMax: Math.max(1, frontend.trace_by_id.blocks_per_shard),
    queryTimeoutMs: querier.search.query_timeout,
    findTimeoutMs: querier.trace_by_id.query_timeout,
  };
}

export function frontendOptions({ query_frontend: keys, segno }: Config): FrontendOptions {
  const objective = (slo: { duration_slo: number; throughput_bytes_slo: number }) => ({
    durationMs: slo.duration_slo,
    bytesPerSecond: slo.throughput_bytes_slo,
  });
  return {
    timeoutMs: keys.api_timeout,
    memoryBytesMax: segno.query_memory_bytes,
    slo: {
      search: objective(keys.search),
      traces: objective(keys.trace_by_id),
      metrics: objective(keys.metrics),
    },
  };
}
