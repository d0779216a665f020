// `storage.trace`: where blocks live, what they are made of, how the list of them is kept.
import { z } from "zod";

import {
  anything,
  count,
  duration,
  flag,
  secret,
  section,
  text,
  textMap,
  tlsClientKeys,
  word,
} from "../keys.ts";

export const dedicatedColumn = z.strictObject({
  scope: z.enum(["resource", "span", "event"]).default("span"),
  name: z.string().min(1),
  type: z.enum(["string", "int"]).default("string"),
  options: z.array(z.enum(["array", "blob"])).default([]),
});

export type DedicatedColumnConfig = z.output<typeof dedicatedColumn>;

/** At most as many per scope and type as the block format has columns. */
export const dedicatedColumns = z.array(dedicatedColumn).superRefine((columns, context) => {
  for (const scope of ["resource", "span", "event"] as const) {
    for (const [type, columnsMax] of [["string", 20], ["int", 5]] as const) {
      const found = columns.filter((c) => c.scope === scope && c.type === type).length;
      if (found <= columnsMax) continue;
      const message = `at most ${columnsMax} ${type} columns in scope ${scope}, not ${found}`;
      context.addIssue({ code: "custom", message });
    }
  }
  const seen = new Set<string>();
  for (const { scope, name, type, options } of columns) {
    const column = `${scope}.${name}`;
    if (type === "int" && options.includes("blob")) {
      context.addIssue({ code: "custom", message: `${column}: only strings can be blobs` });
    }
    if (column === "resource.service.name") {
      context.addIssue({ code: "custom", message: `${column} has a column in every block` });
    }
    if (seen.has(column)) context.addIssue({ code: "custom", message: `${column} is named twice` });
    seen.add(column);
  }
});

const DEFAULT_COLUMNS: z.input<typeof dedicatedColumns> = [
  ...["k8s.cluster.name", "k8s.namespace.name", "k8s.pod.name", "k8s.container.name"]
    .map((name) => ({ scope: "resource" as const, name, type: "string" as const })),
  { scope: "span", name: "http.request.method", type: "string" },
  { scope: "span", name: "http.response.status_code", type: "int" },
  { scope: "span", name: "url.path", type: "string" },
  { scope: "span", name: "url.route", type: "string" },
  { scope: "span", name: "server.address", type: "string" },
  { scope: "span", name: "server.port", type: "int" },
  { scope: "span", name: "http.method", type: "string" },
  { scope: "span", name: "http.url", type: "string" },
  { scope: "span", name: "http.route", type: "string" },
  { scope: "span", name: "http.status_code", type: "int" },
];

export const blockKeys = {
  version: word(["vParquet5", "vParquet4"], "vParquet5"),
  bloom_filter_false_positive: z.number().gt(0).lt(1).default(0.01),
  bloom_filter_shard_size_bytes: z.int().positive().default(102_400),
  parquet_row_group_size_bytes: z.int().positive().default(100_000_000)
    .describe("by an estimate; segno.spans_per_row_group cuts first unless this is small"),
  parquet_dedicated_columns: dedicatedColumns.prefault(DEFAULT_COLUMNS),
} as const;

const hedging = { hedge_requests_at: duration("0s"), hedge_requests_up_to: count(2) } as const;

export const backendKeys = {
  local: section({ path: text().describe("empty: blocks/ below segno.data_path") }),
  s3: section({
    bucket: text(),
    prefix: text(),
    endpoint: text(),
    region: text(),
    access_key: text(),
    secret_key: secret(),
    session_token: secret(),
    insecure: flag(),
    part_size: count(0),
    forcepathstyle: flag(),
    bucket_lookup_type: count(0),
    enable_dual_stack: flag(),
    signature_v2: flag(),
    native_aws_auth_enabled: flag(),
    checksum_type: text(),
    tags: textMap(),
    storage_class: text(),
    metadata: textMap(),
    sse: section({
      type: word(["", "SSE-S3", "SSE-KMS", "SSE-C"], ""),
      kms_key_id: text(),
      kms_encryption_context: text(),
      encryption_key: secret(),
    }),
    ...hedging,
    retry_max_attempts: count(10),
    retry_backoff_initial: duration("200ms"),
    retry_backoff_max: duration("1s"),
    list_blocks_concurrency: count(3).describe("without effect: a page says where the next begins"),
    ...tlsClientKeys,
  }),
  gcs: section({
    bucket_name: text(),
    prefix: text(),
    chunk_buffer_size: count(10_485_760),
    endpoint: text(),
    insecure: flag(),
    object_cache_control: text(),
    object_metadata: textMap(),
    ...hedging,
    list_blocks_concurrency: count(3).describe("without effect: a page says where the next begins"),
    max_retries: count(3),
  }),
  azure: section({
    storage_account_name: text(),
    storage_account_key: secret(),
    container_name: text(),
    prefix: text(),
    use_managed_identity: flag(),
    use_federated_token: flag(),
    use_v2_sdk: flag(),
    user_assigned_id: text(),
    endpoint_suffix: text("blob.core.windows.net"),
    max_buffers: count(4),
    buffer_size: count(3_145_728),
    ...hedging,
  }),
} as const;

export const storage = section({
  trace: section({
    backend: word(["local", "s3", "gcs", "azure"], "local"),
    ...backendKeys,
    pool: section({ max_workers: count(400), queue_depth: count(20_000) }),
    wal: section({
      path: text("/var/tempo/wal"),
      ingestion_time_range_slack: duration("2m"),
      completedfilepath: text(),
      blocksfilepath: text(),
      v2_encoding: text(),
      search_encoding: text(),
    }),
    block: section(blockKeys),
    search: section({
      chunk_size_bytes: count(1_000_000),
      prefetch_trace_count: count(1000),
      read_buffer_count: count(32),
      read_buffer_size_bytes: count(1_048_576),
      cache_control: section({ footer: flag(), column_index: flag(), offset_index: flag() }),
    }),
    blocklist_poll: duration("5m"),
    blocklist_poll_concurrency: count(50).describe("meta.json read at a time, of all tenants"),
    blocklist_poll_tenant_concurrency: count(0).describe("0: ten"),
    blocklist_poll_fallback: flag(true).describe("list a tenant whose index cannot be used"),
    blocklist_poll_tenant_index_builders: count(2),
    blocklist_poll_stale_tenant_index: duration("0s").describe("0s: an index is never too old"),
    blocklist_poll_jitter_ms: count(0).describe("a look at a tenant waits up to so long"),
    blocklist_poll_tolerate_consecutive_errors: count(1)
      .describe("times that a look at a tenant is repeated"),
    blocklist_poll_tolerate_tenant_failures: count(1)
      .describe("when more tenants fail, the rest wait for the next poll"),
    empty_tenant_deletion_enabled: flag()
      .describe("the index of a tenant without blocks is deleted"),
    empty_tenant_deletion_age: duration("0s").describe("once it has been empty for so long"),
    cache: text().describe("deprecated; use the top-level cache"),
    cache_min_compaction_level: count(0),
    cache_max_block_age: duration("0s"),
    background_cache: anything(),
    memcached: anything(),
    redis: anything(),
  }),
});
