// What the main thread and a partition host's worker say to each other; calls go through
// lib/port_rpc.ts, and the log's progress is a plain message because it needs no answer.
import type { DedicatedAttributes } from "../../model/dedicated_attributes.ts";
import type { QueryRequest } from "../../query/engine/mod.ts";
import type { StoreConfig } from "../../storage/mod.ts";
import type { DurableState } from "../../wal/mod.ts";
import type { HostOptions } from "./partition_host.ts";

/** Everything a worker needs to begin, as plain data. */
export interface HostStart {
  readonly logPath: string;
  readonly store: StoreConfig;
  readonly durable: DurableState;
  readonly bytesPerTraceMax: number;
  readonly dedicated: DedicatedAttributes;
  readonly options: HostOptions;
  readonly logLevel: string;
  readonly logFormat: string;
}

export interface CommitCall {
  readonly group: string;
  readonly partition: number;
  readonly offset: number;
}

export interface FindCall {
  readonly tenant: string;
  readonly traceId: Uint8Array;
}

export type QueryCall = QueryRequest;

/** Sent by a worker after each read of the log. */
export interface FoldedMessage {
  readonly folded: { readonly partition: number; readonly nextOffset: number };
}

/** Sent by the main thread as the log grows. */
export interface DurableMessage {
  readonly durable: DurableState;
}
