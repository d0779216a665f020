// What is told of every question: that it was answered or given up, whether in time, and what it read.
// Names and labels are the peer's, because dashboards and alerts ask for them.
import { exponentialBuckets } from "../../lib/metrics.ts";
import type { Runtime } from "../../lib/runtime.ts";

export type Operation = "traces" | "search" | "metadata" | "metrics";

/** A question is in time when it takes no longer, or reads fast enough; 0 is no objective. */
export interface Objective {
  readonly durationMs: number;
  readonly bytesPerSecond: number;
}

export type Objectives = Partial<Readonly<Record<Operation, Objective>>>;

export class Accounts {
  readonly #metrics;

  constructor(readonly runtime: Runtime, readonly objectives: Objectives) {
    this.#metrics = frontendMetrics(runtime);
  }

  /** `work` says how many bytes it has read. */
  async of<T>(
    op: Operation,
    tenant: string,
    signal: AbortSignal,
    work: () => Promise<{ readonly result: T; readonly bytes: number }>,
  ): Promise<T> {
    const { clock } = this.runtime;
    const startMs = clock.monotonic();
    const { queries, inTime, inspected, engine, speed } = this.#metrics;
    const result = () => signal.aborted ? "canceled" : "completed";
    let bytes = 0;
    let isAnswered = false;
    try {
      const done = await work();
      bytes = done.bytes;
      isAnswered = true;
      return done.result;
    } finally {
      const seconds = (clock.monotonic() - startMs) / 1_000;
      queries.labels(tenant, op, result()).inc();
      if (isAnswered && isInTime(this.objectives[op], seconds, bytes)) {
        inTime.labels(tenant, op, result()).inc();
      }
      inspected.labels(tenant, op).inc(bytes);
      engine.labels(tenant, op).inc(bytes);
      if (isAnswered && seconds > 0) speed.labels(tenant, op).observe(bytes / seconds);
    }
  }
}

function isInTime(objective: Objective | undefined, seconds: number, bytes: number): boolean {
  const { durationMs = 0, bytesPerSecond = 0 } = objective ?? {};
  if (durationMs === 0 && bytesPerSecond === 0) return true;
  if (durationMs > 0 && seconds * 1_000 <= durationMs) return true;
  return bytesPerSecond > 0 && bytes / Math.max(seconds, 1e-9) >= bytesPerSecond;
}

function frontendMetrics({ metrics }: Runtime) {
  const name = (rest: string) => `tempo_query_frontend_${rest}`;
  const ofQuery: ("tenant" | "op" | "result")[] = ["tenant", "op", "result"];
  const ofBytes: ("tenant" | "op")[] = ["tenant", "op"];
  return {
    queries: metrics.counter(name("queries_total"), "Queries answered or cancelled.", ofQuery),
    inTime: metrics.counter(
      name("queries_within_slo_total"),
      "Queries answered within their objective.",
      ofQuery,
    ),
    inspected: metrics.counter(
      name("bytes_inspected_total"),
      "Bytes read from storage for queries.",
      ofBytes,
    ),
    engine: metrics.counter(
      name("engine_bytes_total"),
      "Bytes that the engine worked on for queries.",
      ofBytes,
    ),
    speed: metrics.histogram(
      name("bytes_processed_per_second"),
      "Bytes read a second, by query.",
      exponentialBuckets(8 * 1024 * 1024, 2, 12),
      ofBytes,
    ),
  };
}
