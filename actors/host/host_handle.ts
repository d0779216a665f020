// A partition host as the rest of the process sees it: in a worker, or in this very thread for tests
// and simulation. Both do the same; only the way of a message differs.
import type { MetricsSnapshot } from "../../lib/metrics.ts";
import type { AnswerOf, QueryRequest } from "../../query/engine/mod.ts";
import type { PartitionStatus } from "../partition/partition_options.ts";

export interface HostHandle {
  /** Settles when every partition is drained, or rejects when one gave up or the thread died. */
  run(signal: AbortSignal): Promise<void>;
  query<R extends QueryRequest>(request: R, signal: AbortSignal): Promise<AnswerOf<R>>;
  findTrace(tenant: string, traceId: Uint8Array, signal: AbortSignal): Promise<Uint8Array[]>;
  /** Resolves once all that is in the log now is in blocks. */
  flush(): Promise<void>;
  /** Builds what is in memory and lets `run` end. */
  drain(): void;
  status(): Promise<PartitionStatus[]>;
  /** Undefined if its metrics are in the process's own registry. */
  metrics(): Promise<MetricsSnapshot | undefined>;
}
