// The query frontend of one process: asks live data and blocks at the same time and merges.
// Rules: live data is asked first, in the same turn, so that spans which move from live data into a
// block in between are seen in one of the two; what fails fails the question, except that a search may
// have enough already; a trace by id says which blocks it could not look into.
import type { Clock } from "../../lib/clock.ts";
import { withinTime } from "../../lib/deadline.ts";
import { UnavailableError } from "../../lib/errors.ts";
import type { Runtime } from "../../lib/runtime.ts";
import { nextTurn } from "../../lib/waiting.ts";
import {
  type AnswerOf,
  mergeAnswers,
  type MetricsAnswer,
  type MetricsRequest,
  progressOf,
  type QueryCost,
  type QueryRequest,
  type SearchAnswer,
  type SearchRequest,
  type TagsAnswer,
  type TagsRequest,
  type TagValuesAnswer,
  type TagValuesRequest,
} from "../engine/mod.ts";
import {
  type BlockQueryStats,
  type BlockSource,
  canStop,
  type CombinedTrace,
  combineTraces,
  type ExplainedBlocks,
  type LiveSource,
} from "../querier/mod.ts";
import { bothOrFailure } from "./both_or_failure.ts";
import { Accounts, type Objectives, type Operation } from "./accounts.ts";
import type { Answered, Explained, FoundTrace, Frontend, Growing } from "./frontend.ts";
import { growingAnswer, type Progress } from "./growing_answer.ts";
import { type SharedCounting, sharedCounting } from "./shared_counting.ts";

export interface FrontendSources {
  readonly live: LiveSource;
  readonly blocks: BlockSource;
  /** Where large traces are combined; in this thread if not given. */
  combineTraces?(parts: readonly Uint8Array[], signal: AbortSignal): Promise<CombinedTrace>;
}

export interface FrontendOptions {
  /** For a whole question; 0: no bound. */
  readonly timeoutMs: number;
  readonly slo: Objectives;
  /** For each part of an answer, wherever it is made. */
  readonly memoryBytesMax?: number;
  /**
   * Metrics of spans that start later than so long ago are counted by live data, others by blocks; not
   * given: live data knows which blocks hold what it has, as in one process.
   */
  readonly metricsBackendAfterMs?: number;
}

export const defaultFrontendOptions: FrontendOptions = { timeoutMs: 0, slo: {} };

const NO_BLOCKS: BlockQueryStats = {
  totalBlocks: 0,
  totalJobs: 0,
  completedJobs: 0,
  totalBlockBytes: 0,
};

export function createFrontend(
  runtime: Runtime,
  sources: FrontendSources,
  options: FrontendOptions = defaultFrontendOptions,
): Frontend {
  return new QueryFrontend(runtime, sources, options);
}

class QueryFrontend implements Frontend {
  readonly #accounts: Accounts;

  constructor(
    readonly runtime: Runtime,
    readonly sources: FrontendSources,
    readonly options: FrontendOptions,
  ) {
    this.#accounts = new Accounts(runtime, options.slo);
  }

  search(request: SearchRequest, signal: AbortSignal): Promise<Answered<SearchAnswer>> {
    return this.#ask("search", this.#bounded(request), signal);
  }

  tags(request: TagsRequest, signal: AbortSignal): Promise<Answered<TagsAnswer>> {
    return this.#ask("metadata", this.#bounded(request), signal);
  }

  tagValues(request: TagValuesRequest, signal: AbortSignal): Promise<Answered<TagValuesAnswer>> {
    return this.#ask("metadata", this.#bounded(request), signal);
  }

  metrics(request: MetricsRequest, signal: AbortSignal): Promise<Answered<MetricsAnswer>> {
    return this.#askMetrics(this.#bounded(request), signal, undefined);
  }

  grow<R extends QueryRequest>(
    asked: R,
    signal: AbortSignal,
  ): AsyncIterable<Growing<AnswerOf<R>>> {
    const request = this.#bounded(asked);
    return growingAnswer(this.runtime.clock, request, signal, (inner, progress) => {
      const { kind } = request;
      const answered = kind === "metrics"
        ? this.#askMetrics(request, inner, progress as Progress<MetricsRequest>)
        : this.#ask(kind === "search" ? "search" : "metadata", request, inner, progress);
      return answered as Promise<Answered<AnswerOf<R>>>;
    });
  }

  #askMetrics(
    request: MetricsRequest,
    signal: AbortSignal,
    progress: Progress<MetricsRequest> | undefined,
  ): Promise<Answered<MetricsAnswer>> {
    const { metricsBackendAfterMs } = this.options;
    if (metricsBackendAfterMs !== undefined) {
      const nowMs = this.runtime.clock.now();
      const shared = sharedCounting(request, nowMs, metricsBackendAfterMs);
      return this.#askShared(request, shared, signal, progress);
    }
    return this.#counted("metrics", request.tenant, signal, async (signal) => {
      const times = new Times(this.runtime.clock);
      const [live, listed] = await bothOrFailure(
        signal,
        async (inner) => {
          const answers = await times.live(this.#live(request, inner));
          progress?.live(answers);
          return answers;
        },
        (inner) => this.sources.blocks.query(request, inner, progress),
      );
      // A section is in memory until its block is listed, so that for a moment it is in both; and a
      // block that was built before a crash is listed until its section is built again.
      const covered = new Set(live.flatMap(({ coveredBlocks }) => coveredBlocks));
      const onlyBlocks = listed.blockIds.filter((id) => !covered.has(id));
      const stored = onlyBlocks.length === listed.blockIds.length
        ? listed
        : await this.sources.blocks.query({ ...request, onlyBlocks }, signal);
      await nextTurn(); // what has just arrived was put together in this turn
      const answer = mergeAnswers(request, [...live, stored.answer]);
      const explained = times.explained(request, stored.explained);
      const result = { answer, stats: withLive(stored.stats), ...explained };
      return { result, bytes: answer.inspectedBytes };
    });
  }

  #askShared(
    request: MetricsRequest,
    shared: SharedCounting,
    signal: AbortSignal,
    progress: Progress<MetricsRequest> | undefined,
  ): Promise<Answered<MetricsAnswer>> {
    return this.#counted("metrics", request.tenant, signal, async (signal) => {
      const times = new Times(this.runtime.clock);
      const { live: liveSources, blocks: blockSource } = this.sources;
      const [live, stored] = await bothOrFailure(
        signal,
        async (inner) => {
          const answers = shared.live === undefined
            ? []
            : await times.live(liveSources.query(shared.live, inner));
          // A block is not left out for what it covers: its part is another.
          const parts = answers.map((answer) => ({ ...answer, coveredBlocks: [] }));
          progress?.live(parts);
          return parts;
        },
        async (inner) => shared.blocks && await blockSource.query(shared.blocks, inner, progress),
      );
      const answer = mergeAnswers(request, stored === undefined ? live : [...live, stored.answer]);
      const explained = times.explained(request, stored?.explained);
      const result = { answer, stats: withLive(stored?.stats ?? NO_BLOCKS), ...explained };
      return { result, bytes: answer.inspectedBytes };
    });
  }

  findTrace(
    tenant: string,
    traceId: Uint8Array,
    signal: AbortSignal,
  ): Promise<FoundTrace | undefined> {
    return this.#counted("traces", tenant, signal, async (signal) => {
      const [live, stored] = await bothOrFailure(
        signal,
        (inner) => this.sources.live.findTrace(tenant, traceId, inner),
        (inner) => this.sources.blocks.findTrace(tenant, traceId, inner),
      );
      const { failedBlocks, inspectedBytes } = stored;
      const parts = [...live, ...stored.traces];
      if (parts.length === 0) {
        if (failedBlocks.length === 0) return { result: undefined, bytes: inspectedBytes };
        throw new UnavailableError(
          `trace not found, but blocks could not be read: ${failedBlocks.join("; ")}`,
        );
      }
      const combined = await this.#combine(parts, signal);
      const partialBecause = failedBlocks.length === 0
        ? ""
        : `blocks could not be read: ${failedBlocks.join("; ")}`;
      return { result: { ...combined, inspectedBytes, partialBecause }, bytes: inspectedBytes };
    });
  }

  /** A job on a block is of nothing else. */
  #live<R extends QueryRequest>(request: R, signal: AbortSignal): Promise<AnswerOf<R>[]> {
    if (request.blockJob !== undefined) return Promise.resolve([]);
    return this.sources.live.query(request, signal);
  }

  #bounded<R extends QueryRequest>(request: R): R {
    const { memoryBytesMax } = this.options;
    return memoryBytesMax === undefined ? request : { ...request, memoryBytesMax };
  }

  async #combine(parts: readonly Uint8Array[], signal: AbortSignal): Promise<CombinedTrace> {
    const elsewhere = this.sources.combineTraces;
    return elsewhere === undefined ? combineTraces(parts) : await elsewhere(parts, signal);
  }

  #ask<R extends QueryRequest>(
    op: Operation,
    request: R,
    signal: AbortSignal,
    progress?: Progress<R>,
  ): Promise<Answered<AnswerOf<R>>> {
    return this.#counted(op, request.tenant, signal, async (signal) => {
      const times = new Times(this.runtime.clock);
      const enough = new AbortController();
      const [live, stored] = await bothOrFailure(
        signal,
        async (inner) => {
          const answers = await times.live(this.#live(request, inner));
          progress?.live(answers);
          // The most recent may be in a block all the same: its spans came late.
          const isEnough = request.kind === "search" && !request.mostRecent &&
            canStop(request, progressOf(mergeAnswers(request, answers)), undefined);
          if (isEnough) enough.abort();
          return answers;
        },
        async (inner) => {
          try {
            const either = AbortSignal.any([inner, enough.signal]);
            return await this.sources.blocks.query(request, either, progress);
          } catch (error) {
            if (enough.signal.aborted) return undefined;
            throw error;
          }
        },
      );
      if (request.kind !== "search") await nextTurn();
      const answers = stored === undefined ? live : [...live, stored.answer];
      const answer: AnswerOf<R> = mergeAnswers(request, answers);
      const explained = times.explained(request, stored?.explained);
      const result = { answer, stats: withLive(stored?.stats ?? NO_BLOCKS), ...explained };
      return { result, bytes: (answer as QueryCost).inspectedBytes };
    });
  }

  #counted<T>(
    op: Operation,
    tenant: string,
    signal: AbortSignal,
    work: (signal: AbortSignal) => Promise<{ readonly result: T; readonly bytes: number }>,
  ): Promise<T> {
    const { clock } = this.runtime;
    const late = () => new UnavailableError("unable to process request in the configured timeout");
    return this.#accounts.of(
      op,
      tenant,
      signal,
      () => withinTime(clock, this.options.timeoutMs, late, signal, work),
    );
  }
}

/** How long the parts of one question took. */
class Times {
  readonly #startMs: number;
  #liveMs = 0;

  constructor(readonly clock: Clock) {
    this.#startMs = clock.monotonic();
  }

  async live<T>(work: Promise<T>): Promise<T> {
    const result = await work;
    this.#liveMs = this.clock.monotonic() - this.#startMs;
    return result;
  }

  explained(
    { tenant, isExplained }: QueryRequest,
    blocks: ExplainedBlocks | undefined,
  ): { readonly explained?: readonly Explained[] } {
    if (!isExplained) return {};
    const totalMs = this.clock.monotonic() - this.#startMs;
    const blocksMs = blocks?.ms ?? 0;
    return { explained: [{ tenant, liveMs: this.#liveMs, blocksMs, totalMs, blocks }] };
  }
}

/** Asking live data is a job too. */
function withLive(stats: BlockQueryStats): BlockQueryStats {
  return { ...stats, totalJobs: stats.totalJobs + 1, completedJobs: stats.completedJobs + 1 };
}
