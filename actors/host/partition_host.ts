// The partitions of one thread: supervises their actors and answers queries from their live spans.
// Rule: a query is answered from every partition of the host or not at all; a partition that still
// replays would leave out what was acknowledged, so it refuses.
import { allOrAbort } from "../../lib/all_or_abort.ts";
import { UnavailableError } from "../../lib/errors.ts";
import type { Runtime } from "../../lib/runtime.ts";
import { encodeSpans } from "../../model/otlp_encode.ts";
import type { AnswerOf, QueryAnswer, QueryRequest } from "../../query/engine/mod.ts";
import { mergeAnswers, query as queryView } from "../../query/engine/mod.ts";
import { ColumnsPool } from "../live_store/columns_pool.ts";
import type { LiveSegment } from "../live_store/segment.ts";
import { partitionMetrics } from "../partition/metrics.ts";
import { PartitionActor } from "../partition/partition_actor.ts";
import type {
  PartitionDependencies,
  PartitionOptions,
  PartitionStatus,
} from "../partition/partition_options.ts";
import { kindOfFailure, type RestartPolicy, supervise } from "../supervisor.ts";

/** What its partitions share beside what the host makes for them. */
export type HostDependencies = Omit<PartitionDependencies, "pool" | "metrics">;

export interface HostOptions extends Omit<PartitionOptions, "partition"> {
  readonly partitions: readonly number[];
}

const restartPolicy: RestartPolicy = {
  restartsMax: 5,
  windowMs: 60_000,
  backoffMinMs: 100,
  backoffMaxMs: 5_000,
};

export class PartitionHost {
  readonly #partitions: readonly PartitionActor[];
  readonly #metrics;

  constructor(
    readonly runtime: Runtime,
    readonly dependencies: HostDependencies,
    readonly options: HostOptions,
  ) {
    this.#metrics = partitionMetrics(runtime.metrics);
    const { cut } = options;
    const pool = new ColumnsPool(2 * options.partitions.length, 2 * cut.bytesMax);
    const shared = { ...dependencies, pool, metrics: this.#metrics };
    this.#partitions = options.partitions.map((partition) =>
      new PartitionActor(runtime, shared, { ...options, partition })
    );
  }

  /** Runs every partition until all are drained or the signal aborts; rejects when one gives up. */
  async run(signal: AbortSignal): Promise<void> {
    await allOrAbort(
      signal,
      this.#partitions.map((partition) => (either) =>
        supervise(this.runtime.clock, partition, restartPolicy, either, {
          restarting: (actor, error, delayMs) => {
            this.#metrics.restarts.labels(actor, kindOfFailure(error)).inc();
            this.runtime.log.error("actor failed and restarts from the log", {
              actor,
              delayMs,
              error: error instanceof Error ? error.stack ?? error.message : String(error),
            });
          },
        })
      ),
    );
  }

  drain(): void {
    for (const partition of this.#partitions) partition.drain();
  }

  async flush(): Promise<void> {
    await Promise.all(this.#partitions.map((partition) => partition.flush()));
  }

  status(): PartitionStatus[] {
    this.#observe();
    return this.#partitions.map((partition) => partition.status());
  }

  async query<R extends QueryRequest>(request: R, signal: AbortSignal): Promise<AnswerOf<R>> {
    const partitions = this.#asked(request.onlyPartitions);
    const segments = segmentsOf(partitions, request.tenant);
    // Held from here on: a block that takes their place is only seen by queries that come later.
    const held = segments.map((segment) => segment.retain());
    const covered = request.kind === "metrics"
      ? partitions.flatMap((partition) => partition.coveredBlocks(request.tenant))
      : [];
    try {
      const answers: AnswerOf<R>[] = [];
      for (const segment of segments) {
        signal.throwIfAborted();
        answers.push(await queryView(request, segment.view(), signal));
        await this.dependencies.pause();
      }
      const answer: QueryAnswer = mergeAnswers(request, answers);
      if (answer.kind !== "metrics") return answer as AnswerOf<R>;
      return { ...answer, coveredBlocks: covered } as QueryAnswer as AnswerOf<R>;
    } finally {
      held.forEach((hold) => hold[Symbol.dispose]());
    }
  }

  /** TracesData bytes of the live spans of a trace, one per segment that has some. */
  findTrace(tenant: string, traceId: Uint8Array): Uint8Array[] {
    const words = new Uint32Array(traceId.slice().buffer);
    const found: Uint8Array[] = [];
    for (const { columns } of segmentsOf(this.#asked(undefined), tenant)) {
      const trace = columns.traces.find(words[0]!, words[1]!, words[2]!, words[3]!);
      if (trace < 0) continue;
      const rows = rowsOfTrace(columns.trace, columns.length, trace);
      if (rows.length > 0) found.push(encodeSpans(columns, rows));
    }
    return found;
  }

  /** Those of them that are here, which may be none. */
  #asked(only: readonly number[] | undefined): readonly PartitionActor[] {
    const asked = this.#partitions.filter(({ options }) =>
      only === undefined || only.includes(options.partition)
    );
    for (const partition of asked) {
      if (partition.isReady) continue;
      const { nextOffset } = partition.status();
      throw new UnavailableError(
        `live-store is starting: ${partition.id} has replayed the log to offset ${nextOffset}`,
      );
    }
    return asked;
  }

  #observe(): void {
    this.#metrics.liveTraces.reset();
    this.#metrics.liveTraceBytes.reset();
    for (const partition of this.#partitions) {
      for (const { tenant, columns } of partition.allSegments()) {
        this.#metrics.liveTraces.labels(tenant).inc(columns.traces.length);
        this.#metrics.liveTraceBytes.labels(tenant).inc(columns.sizeBytes);
      }
    }
  }
}

function segmentsOf(partitions: readonly PartitionActor[], tenant: string): LiveSegment[] {
  return partitions.flatMap((partition) => partition.segments(tenant));
}

function rowsOfTrace(trace: Int32Array, length: number, wanted: number): Int32Array {
  let count = 0;
  for (let row = 0; row < length; row++) if (trace[row] === wanted) count++;
  const rows = new Int32Array(count);
  for (let row = 0, at = 0; at < count; row++) if (trace[row] === wanted) rows[at++] = row;
  return rows;
}
