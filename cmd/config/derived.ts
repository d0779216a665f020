// What follows from a configuration: addresses, paths, counts and limits in the program's own form.
import { InputError } from "../../lib/errors.ts";
import type { DedicatedColumnMeta } from "../../model/block_meta.ts";
import type { Limits } from "../../model/limits.ts";
import type { Config } from "./schema.ts";
import type { LimitValues } from "./sections/overrides.ts";
import type { DedicatedColumnConfig } from "./sections/storage.ts";

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

export interface ReceiverAddresses {
  readonly grpc: (ListenAddress & { readonly messageBytesMax: number }) | undefined;
  readonly http: (ListenAddress & { readonly bodyBytesMax: number }) | undefined;
}

/** Which OTLP receivers run and where; both where no receiver is named at all. */
export function receiverAddresses(config: Config): ReceiverAddresses {
  const { receivers } = config.distributor;
  const isDefault = Object.keys(receivers).length === 0;
  const grpc = receivers.otlp?.protocols.grpc;
  const http = receivers.otlp?.protocols.http;
  const grpcPath = "distributor.receivers.otlp.protocols.grpc.endpoint";
  const httpPath = "distributor.receivers.otlp.protocols.http.endpoint";
  return {
    grpc: grpc || isDefault
      ? {
        ...parseAddress(grpc?.endpoint ?? "localhost:4317", grpcPath),
        messageBytesMax: (grpc?.max_recv_msg_size_mib || 16) << 20,
      }
      : undefined,
    http: http || isDefault
      ? {
        ...parseAddress(http?.endpoint ?? "localhost:4318", httpPath),
        bodyBytesMax: http?.max_request_body_size || 20 << 20,
      }
      : undefined,
  };
}

/** `host:port`, `:port` (every interface) or `[v6]:port`; `path` names the key in an error. */
export function parseAddress(text: string, path: string): ListenAddress {
  const parts = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(text);
  const port = Number(parts?.[3]);
  if (parts === null || port > 65535) {
    throw new InputError(
      "invalid_argument",
      `${path}: expected host:port, not ${JSON.stringify(text)}`,
    );
  }
  return { host: parts[1] || parts[2] || "0.0.0.0", port };
}

export function httpAddress(config: Config): ListenAddress {
  const { http_listen_address, http_listen_port } = config.server;
  return { host: http_listen_address || "0.0.0.0", port: http_listen_port };
}

export function grpcAddress(config: Config): ListenAddress {
  const { grpc_listen_address, grpc_listen_port } = config.server;
  return { host: grpc_listen_address || "0.0.0.0", port: grpc_listen_port };
}

/** Undefined where Jaeger's API has no port of its own. */
export function jaegerAddress({ segno }: Config): ListenAddress | undefined {
  const { endpoint } = segno.jaeger_query;
  return endpoint === "" ? undefined : parseAddress(endpoint, "segno.jaeger_query.endpoint");
}

/** Without a bound a connection still has one: what a peer may hold is never without. */
const STREAMS_MAX = 10_000;

export function grpcServerOptions({ server }: Config) {
  return {
    receivedBytesMax: server.grpc_server_max_recv_msg_size,
    sentBytesMax: server.grpc_server_max_send_msg_size,
    closeTimeoutMs: server.graceful_shutdown_timeout,
    connection: {
      connectionsMax: server.grpc_listen_conn_limit,
      streamsMax: server.grpc_server_max_concurrent_streams || STREAMS_MAX,
      keepaliveMs: server.grpc_server_keepalive_time,
      keepaliveTimeoutMs: server.grpc_server_keepalive_timeout,
      idleMs: server.grpc_server_max_connection_idle,
      ageMs: server.grpc_server_max_connection_age,
      ageGraceMs: server.grpc_server_max_connection_age_grace,
      pingIntervalMinMs: server.grpc_server_min_time_between_pings,
      canPingWithoutStreams: server.grpc_server_ping_without_stream_allowed,
    },
  };
}

export function logPath(config: Config): string {
  return `${config.segno.data_path}/log`;
}

/** Where the backend scheduler keeps its journal. */
export function workPath(config: Config): string {
  return config.backend_scheduler.local_work_path || `${config.segno.data_path}/work`;
}

export function blocksPath(config: Config): string {
  return config.storage.trace.local.path || `${config.segno.data_path}/blocks`;
}

/** The main thread keeps a core for itself. */
export function workerCount(config: Config, cores: number): number {
  const { workers } = config.segno;
  return workers === "auto" ? Math.max(1, cores - 1) : workers;
}

export function partitionCount(config: Config, cores: number): number {
  const { partitions } = config.segno;
  return Math.max(1, partitions === "auto" ? workerCount(config, cores) : partitions);
}

/** The limits of tenants without an entry of their own. */
export function limitsFrom(config: Config): Limits {
  return limitsOf(config, config.overrides.defaults);
}

export function limitsOf(config: Config, values: LimitValues): Limits {
  const { compaction, global, ingestion, read, storage } = values;
  return {
    ingestion: {
      rateStrategy: ingestion.rate_strategy,
      rateLimitBytes: ingestion.rate_limit_bytes,
      burstSizeBytes: ingestion.burst_size_bytes,
      maxTracesPerUser: ingestion.max_traces_per_user,
      tenantShardSize: ingestion.tenant_shard_size,
      maxAttributeBytes: ingestion.max_attribute_bytes || config.distributor.max_attribute_bytes,
      retryInfoEnabled: ingestion.retry_info_enabled,
      artificialDelayMs: ingestion.artificial_delay || config.distributor.artificial_delay,
    },
    global: { maxBytesPerTrace: global.max_bytes_per_trace },
    storage: { dedicatedColumns: storage.parquet_dedicated_columns?.map(columnMeta) },
    read: {
      maxBytesPerTagValuesQuery: read.max_bytes_per_tag_values_query,
      maxSearchDurationMs: read.max_search_duration,
      maxMetricsDurationMs: read.max_metrics_duration,
      leftPadTraceIds: read.left_pad_trace_ids,
      maxBytesPerQuery: read.max_bytes_per_query,
    },
    compaction: {
      blockRetentionMs: compaction.block_retention,
      windowMs: compaction.compaction_window,
      isDisabled: compaction.compaction_disabled,
    },
  };
}

/** As meta.json says it: without what goes without saying. */
export function columnMeta(
  { scope, name, type, options }: DedicatedColumnConfig,
): DedicatedColumnMeta {
  return {
    ...scope !== "span" && { s: scope },
    n: name,
    ...type !== "string" && { t: type },
    ...options.length > 0 && { o: options },
  };
}
