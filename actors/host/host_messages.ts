// What the main thread and a partition host's worker say to each other; calls go through
// lib/port_rpc.ts, and the log's progress is a plain message because it needs no answer.
import type { QueryRequest } from "../../query/engine/mod.ts";
import type { StoreConfig } from "../../storage/mod.ts";
import type { KafkaSettings } from "../../wal/kafka/mod.ts";
import type { DurableState } from "../../wal/mod.ts";
import type { HostLimits } from "./host_limits.ts";
import type { HostOptions } from "./partition_host.ts";

/** The log as a worker opens it for itself. */
export type HostLog =
  | { readonly kind: "embedded"; readonly path: string; readonly durable: DurableState }
  | {
    readonly kind: "kafka";
    readonly settings: KafkaSettings;
    /** Where the group's place is kept, if not in the log's own books alone; see KeptCommits. */
    readonly commitsPath: string | undefined;
  };

/** Everything a worker needs to begin, as plain data. */
export interface HostStart {
  readonly log: HostLog;
  readonly store: StoreConfig;
  readonly limits: HostLimits;
  readonly options: HostOptions;
  readonly logLevel: string;
  readonly logFormat: string;
}

export interface FindCall {
  readonly tenant: string;
  readonly traceId: Uint8Array;
}

export type QueryCall = QueryRequest;

/** Sent by a worker after each read of the log. */
export interface FoldedMessage {
  readonly folded: {
    readonly partition: number;
    readonly nextOffset: number;
    readonly completeToMs: number;
  };
}

/** Sent by the main thread when limits of tenants change. */
export interface LimitsMessage {
  readonly limits: HostLimits;
}

/** Sent by the main thread as the log grows. */
export interface DurableMessage {
  readonly durable: DurableState;
}
