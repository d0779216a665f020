// What a live-store answers others: from its columns, and from the blocks it keeps for itself.
// Rules: a span is counted once, though it is in a section and already in the section's block; an answer that cannot
// be complete up to the end of the question, because the log is not folded so far, is refused where that is wanted.
import type { Watermark } from "../../actors/mod.ts";
import { UnavailableError } from "../../lib/errors.ts";
import type { Runtime } from "../../lib/runtime.ts";
import type { AnswerOf, MetricsAnswer, QueryRequest } from "../../query/engine/mod.ts";
import type { BlockSource, LiveSource } from "../../query/querier/mod.ts";

export interface LocalLiveSources {
  /** Of sections in memory. */
  readonly live: LiveSource;
  readonly blocks: BlockSource;
  watermarks(): readonly Watermark[];
}

export interface LocalLiveOptions {
  /** Whether a question that reaches past what is folded is refused. */
  readonly failsOnLag: boolean;
  /** Behind by less is not being behind: reads of the log come in steps. */
  readonly lagToleratedMs: number;
}

export class LocalLive implements LiveSource {
  readonly #lagged;

  constructor(
    readonly runtime: Pick<Runtime, "clock" | "metrics">,
    readonly sources: LocalLiveSources,
    readonly options: LocalLiveOptions,
  ) {
    this.#lagged = runtime.metrics.counter(
      "tempo_live_store_lagged_requests_total",
      "Questions that reached past what was folded.",
      ["route"],
    );
  }

  async query<R extends QueryRequest>(request: R, signal: AbortSignal): Promise<AnswerOf<R>[]> {
    this.#checkLag(request);
    // Asked in one turn: what leaves memory meanwhile is in the list of blocks.
    const [live, stored] = await Promise.all([
      this.sources.live.query(request, signal),
      this.sources.blocks.query(request, signal),
    ]);
    if (request.kind !== "metrics") return [...live, stored.answer];
    const answers = live as MetricsAnswer[];
    const covered = new Set(answers.flatMap(({ coveredBlocks }) => coveredBlocks));
    const onlyBlocks = stored.blockIds.filter((id) => !covered.has(id));
    const counted = onlyBlocks.length === stored.blockIds.length
      ? stored
      : await this.sources.blocks.query({ ...request, onlyBlocks }, signal);
    // Ids of blocks say where sections begin, which others may begin there too: they stay here.
    return [...answers, counted.answer as MetricsAnswer]
      .map((answer) => ({ ...answer, coveredBlocks: [] })) as MetricsAnswer[] as AnswerOf<R>[];
  }

  async findTrace(tenant: string, traceId: Uint8Array, signal: AbortSignal): Promise<Uint8Array[]> {
    const [live, stored] = await Promise.all([
      this.sources.live.findTrace(tenant, traceId, signal),
      this.sources.blocks.findTrace(tenant, traceId, signal),
    ]);
    if (stored.failedBlocks.length > 0) {
      const failed = stored.failedBlocks.join("; ");
      throw new UnavailableError(`local blocks could not be read: ${failed}`);
    }
    return [...live, ...stored.traces];
  }

  #checkLag(request: QueryRequest): void {
    if (request.kind !== "search" && request.kind !== "metrics") return;
    const nowMs = this.runtime.clock.now();
    const endMs = request.endSeconds === 0 ? nowMs : Math.min(nowMs, request.endSeconds * 1000);
    for (const { partition, completeToMs } of this.sources.watermarks()) {
      if (endMs - completeToMs <= this.options.lagToleratedMs) continue;
      this.#lagged.labels(request.kind).inc();
      if (!this.options.failsOnLag) return;
      const behindMs = Math.round(nowMs - completeToMs);
      throw new UnavailableError(
        `cannot guarantee complete results: partition ${partition} is ${behindMs} ms behind`,
      );
    }
  }
}
