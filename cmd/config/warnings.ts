// What is allowed and yet probably not meant, or not done by this version.
// Rule: a key that has no effect is never ignored in silence.
import { type Config, ConfigSchema, defaultConfig } from "./schema.ts";
import { formatDuration } from "./units.ts";
import { withoutEffect } from "./without_effect.ts";

export function warningsOf(config: Config): string[] {
  return [...doubts(config), ...remoteWriteDoubts(config), ...withoutEffect(config)];
}

function* doubts(config: Config): Generator<string> {
  const { trace } = config.storage;
  const poll = trace.blocklist_poll;
  const told = formatDuration(poll);
  if (config.auth_enabled) {
    yield "auth_enabled is deprecated: use multitenancy_enabled";
  }
  if (config.live_store.complete_block_timeout < poll) {
    yield `live_store.complete_block_timeout ${
      formatDuration(config.live_store.complete_block_timeout)
    } is below storage.trace.blocklist_poll ${told}: data may be missing between the two`;
  }
  for (
    const [path, compaction] of [
      ["backend_worker.compaction", config.backend_worker.compaction],
      [
        "backend_scheduler.provider.compaction.compaction",
        config.backend_scheduler.provider.compaction.compaction,
      ],
    ] as const
  ) {
    if (compaction.compacted_block_retention < poll) {
      yield `${path}.compacted_block_retention ${
        formatDuration(compaction.compacted_block_retention)
      } is below storage.trace.blocklist_poll ${told}: queriers may read deleted blocks`;
    }
    if (compaction.retention_concurrency === 0) yield `${path}.retention_concurrency is 0`;
  }
  if (trace.blocklist_poll_concurrency === 0) yield "storage.trace.blocklist_poll_concurrency is 0";
  if (config.backend_scheduler.work.prune_age <= 2 * poll) {
    yield `backend_scheduler.work.prune_age ${
      formatDuration(config.backend_scheduler.work.prune_age)
    } is not above twice storage.trace.blocklist_poll ${told}`;
  }
  for (const key of ["log_received_spans", "log_discarded_spans"] as const) {
    if (config.distributor[key].enabled) {
      yield `distributor.${key} is enabled: a line for each span`;
    }
  }
  if (trace.backend === "local" && config.target !== "all") {
    yield `storage.trace.backend is local and target is ${config.target}: ` +
      "processes must share the disk";
  }
  yield* blockDoubts(config);
  if (config.overrides.enable_legacy_overrides) {
    yield "overrides.enable_legacy_overrides is on: flat limits are of old, write them in their groups";
  }
  if (sharesPlace(config)) {
    yield "overrides.user_configurable_overrides.client is the place of storage.trace: " +
      "blocks of a tenant called overrides would lie among them";
  }
  const { concurrent_shards, query_shards } = config.query_frontend.trace_by_id;
  if (concurrent_shards > query_shards) {
    yield `query_frontend.trace_by_id.concurrent_shards ${concurrent_shards} is above ` +
      `query_shards ${query_shards}`;
  }
  const { assigned_partitions, partitions_per_instance } = config.block_builder;
  if (Object.keys(assigned_partitions).length > 0 && partitions_per_instance > 0) {
    yield "block_builder has both assigned_partitions and partitions_per_instance";
  }
  if (config.query_frontend.mcp_server.enabled) {
    yield "query_frontend.mcp_server is enabled: traces leave through it";
  }
  if (config.query_frontend.rf1_after !== "") yield "query_frontend.rf1_after is deprecated";
  if (trace.s3.native_aws_auth_enabled) {
    yield "storage.trace.s3.native_aws_auth_enabled is deprecated";
  }
  if (trace.cache !== "") yield "storage.trace.cache is deprecated: use the top-level cache";
  for (const defaults of [config.overrides.defaults.metrics_generator.processors]) {
    if (defaults.includes("local-blocks")) {
      yield "overrides.defaults.metrics_generator.processors: local-blocks has no effect, " +
        "live_store answers for recent data";
    }
  }
}

/** Keys of remote writes that Prometheus knows and that do nothing here. */
function* remoteWriteDoubts({ metrics_generator }: Config): Generator<string> {
  const none = ConfigSchema.parse({
    metrics_generator: { storage: { remote_write: [{ url: "" }] } },
  }).metrics_generator.storage.remote_write[0]!;
  for (const [i, entry] of metrics_generator.storage.remote_write.entries()) {
    const at = `metrics_generator.storage.remote_write[${i}]`;
    for (const name of ["capacity", "min_shards", "batch_send_deadline"] as const) {
      if (entry.queue_config[name] === none.queue_config[name]) continue;
      yield `${at}.queue_config.${name}: no effect: a collection is sent when it is on the disk`;
    }
    for (
      const name of [
        ...["metadata_config", "follow_redirects", "enable_http2"] as const,
        ...["round_robin_dns", "no_proxy", "proxy_connect_header"] as const,
      ]
    ) {
      if (JSON.stringify(entry[name]) === JSON.stringify(none[name])) continue;
      yield `${at}.${name}: no effect in this version`;
    }
  }
}

/** Whether users' overrides lie where blocks do. */
function sharesPlace({ overrides, storage: { trace } }: Config): boolean {
  const { client, enabled } = overrides.user_configurable_overrides;
  if (!enabled || client.backend !== trace.backend) return false;
  const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);
  switch (trace.backend) {
    case "local":
      return client.local.path === trace.local.path;
    case "s3": {
      const place = ({ bucket, endpoint, prefix }: typeof trace.s3) => [bucket, endpoint, prefix];
      return same(place(client.s3), place(trace.s3));
    }
    case "gcs": {
      const place = ({ bucket_name, prefix }: typeof trace.gcs) => [bucket_name, prefix];
      return same(place(client.gcs), place(trace.gcs));
    }
    case "azure": {
      const place = (keys: typeof trace.azure) => [
        ...[keys.storage_account_name, keys.container_name, keys.prefix],
      ];
      return same(place(client.azure), place(trace.azure));
    }
  }
}

const blockKeys = [
  "version",
  "bloom_filter_false_positive",
  "bloom_filter_shard_size_bytes",
  "parquet_row_group_size_bytes",
  "parquet_dedicated_columns",
] as const;

/** One builder makes all blocks: what two sections say differently can be done for one of them. */
function* blockDoubts(config: Config): Generator<string> {
  const { live_store, block_builder, storage } = config;
  const unset = defaultConfig().storage.trace.block;
  const sections = [
    ["block_builder.block", block_builder.block],
    ["live_store.block", live_store.block],
    ["live_store.block_config", live_store.block_config],
    ["storage.trace.block", storage.trace.block],
  ] as const;
  for (const key of blockKeys) {
    const told = (section: typeof storage.trace.block) => JSON.stringify(section[key]);
    const [first, ...others] = sections.filter(([, section]) =>
      told(section) !== JSON.stringify(unset[key])
    );
    for (const [path, section] of others) {
      if (told(section) === told(first![1])) continue;
      yield `${path}.${key} has no effect: ${first![0]}.${key} says something else`;
    }
  }
  const isOld = sections.some(([, { version }]) => version === "vParquet4");
  for (const { scope, name, type } of isOld ? storage.trace.block.parquet_dedicated_columns : []) {
    const isDefault = unset.parquet_dedicated_columns.some((column) =>
      column.scope === scope && column.name === name
    );
    if (isDefault || (type === "string" && scope !== "event")) continue;
    yield `storage.trace.block.parquet_dedicated_columns: vParquet4 has no column for ` +
      `${type} ${scope}.${name}, it stays among the others`;
  }
}
