// Questions on the blocks of a tenant: which blocks they concern, made into jobs for scanners, answers
// merged. Rule: an answer covers every listed block that may have a part in it, or the question fails.
// Blocks may be merged and deleted while a question is on its way: it is asked once more, of a new list.
import { withinTime } from "../../lib/deadline.ts";
import { DeadlineError, InputError, NotFoundError, UnavailableError } from "../../lib/errors.ts";
import { SECONDS_BUCKETS } from "../../lib/metrics.ts";
import type { Runtime } from "../../lib/runtime.ts";
import type { BlockMeta } from "../../model/block_meta.ts";
import { type AnswerOf, mergeAnswers, progressOf, type QueryRequest } from "../engine/mod.ts";
import { estimateAll, findInAll } from "./all_blocks.ts";
import { BlockJobs, defaultJobOptions, type JobOptions } from "./block_jobs.ts";
import type { ScanResult } from "./block_scanner.ts";
import { canStop } from "./early_exit.ts";
import type { ExplainedBlock } from "./explain.ts";
import type { Scanner } from "./scan_pool.ts";
import { fixedScanners, type ScannerSet } from "./scanner_set.ts";
import type { BlockAnswer, BlockProgress, BlockSource } from "./sources.ts";

/** What the querier asks of the block list; newest first. */
export interface ListedBlocks {
  blocks(tenant: string): readonly BlockMeta[];
  /** Unix seconds, both inclusive; 0 and 0 is any time. */
  blocksOverlapping(
    tenant: string,
    startSeconds: number,
    endSeconds: number,
  ): readonly BlockMeta[];
  /** Looks at the store. */
  poll?(signal: AbortSignal): Promise<void>;
}

/** The list is looked up anew because of blocks that are gone, so often at most. */
const RENEW_EVERY_MS = 30_000;
/** Of a question whose parts are told: for each scanner. */
const PIECES_MAX = 64;

export interface QuerierOptions {
  readonly jobs: JobOptions;
  /** Blocks that are asked for a trace in one job. */
  readonly findBatchMax: number;
  /** For blocks to answer; 0: no bound. */
  readonly queryTimeoutMs: number;
  readonly findTimeoutMs: number;
}

export const defaultQuerierOptions: QuerierOptions = {
  jobs: defaultJobOptions,
  findBatchMax: 30,
  queryTimeoutMs: 30_000,
  findTimeoutMs: 10_000,
};

type FoundInBlocks = Awaited<ReturnType<BlockSource["findTrace"]>>;

export class BlockQuerier implements BlockSource {
  readonly #seconds;
  readonly #inflight;
  readonly scanners: ScannerSet;
  readonly #jobs: BlockJobs;
  #renewedMs = -Infinity;

  constructor(
    readonly runtime: Runtime,
    readonly list: ListedBlocks,
    scanners: readonly Scanner[] | ScannerSet,
    readonly options: QuerierOptions = defaultQuerierOptions,
  ) {
    this.scanners = "homeOf" in scanners ? scanners : fixedScanners(scanners);
    this.#jobs = new BlockJobs(runtime, this.scanners, options.jobs);
    this.#seconds = runtime.metrics.histogram(
      "tempo_querier_backend_processing_duration_seconds",
      "Time of questions on blocks.",
      SECONDS_BUCKETS,
      ["operation", "tenant"],
    );
    this.#inflight = runtime.metrics.gauge(
      "tempo_querier_inflight_backend_queries",
      "Questions on blocks that are being answered.",
    );
  }

  query<R extends QueryRequest>(
    request: R,
    signal: AbortSignal,
    progress?: BlockProgress<R>,
  ): Promise<BlockAnswer<R>> {
    const { queryTimeoutMs } = this.options;
    return this.#inTime(
      queryTimeoutMs,
      signal,
      (inner) => this.#queryListed(request, inner, progress),
    );
  }

  #inTime<T>(
    withinMs: number,
    signal: AbortSignal,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const late = () => new DeadlineError(`blocks did not answer within ${withinMs} ms`);
    return withinTime(this.runtime.clock, withinMs, late, signal, work);
  }

  async #queryListed<R extends QueryRequest>(
    request: R,
    signal: AbortSignal,
    progress: BlockProgress<R> | undefined,
  ): Promise<BlockAnswer<R>> {
    try {
      return await this.#query(request, signal, progress);
    } catch (error) {
      if (!(error instanceof NotFoundError)) throw error;
      await this.#renewList(signal);
    }
    try {
      return await this.#query(request, signal, progress);
    } catch (error) {
      if (!(error instanceof NotFoundError)) throw error;
      throw new UnavailableError(error.message, { cause: error });
    }
  }

  async #query<R extends QueryRequest>(
    request: R,
    signal: AbortSignal,
    progress: BlockProgress<R> | undefined,
  ): Promise<BlockAnswer<R>> {
    const { tenant } = request;
    const blocks = this.#blocksOf(request);
    progress?.began(blocks);
    return await this.#observed(request.kind, tenant, async () => {
      const startMs = this.runtime.clock.monotonic();
      const { readBytesMax = 0, isExplained = false } = request;
      const estimatedBytes = readBytesMax > 0 || isExplained
        ? await this.#estimated(request, readBytesMax, blocks, signal)
        : undefined;
      let answer: AnswerOf<R> = mergeAnswers(request, []);
      let completedJobs = 0;
      const explained: ExplainedBlock[] = [];
      await this.#jobs.run<ScanResult<R>>({
        tenant,
        op: opOf(request),
        blocks,
        ask: async (scanner, batch, inner) => {
          const scanned = await scanner.scan(request, batch, inner);
          const worker = this.scanners.all.indexOf(scanner);
          const explained = scanned.explained?.map((block) => ({ ...block, worker }));
          return explained === undefined ? scanned : { ...scanned, explained };
        },
        ...(progress !== undefined && { batchMax: this.#pieceSize(blocks.length) }),
        isOftenShort: request.kind === "search" && !request.mostRecent && progress === undefined,
        isVain: (block) => canStop(request, progressOf(answer), block),
        heard: (scanned, batch) => {
          progress?.answered(scanned.answer, batch);
          answer = mergeAnswers(request, [answer, scanned.answer]);
          completedJobs += scanned.completedBlocks;
          explained.push(...scanned.explained ?? []);
          // What the others still do may be in vain. Not so for the most recent: theirs may be newer.
          return request.kind === "search" && !request.mostRecent &&
            canStop(request, progressOf(answer), undefined);
        },
      }, signal);
      return {
        answer,
        blockIds: blocks.map(({ blockID }) => blockID),
        ...(request.isExplained && {
          explained: {
            estimatedBytes,
            blocks: explained,
            ms: this.runtime.clock.monotonic() - startMs,
          },
        }),
        stats: {
          totalBlocks: blocks.length,
          totalJobs: blocks.length,
          completedJobs,
          totalBlockBytes: blocks.reduce((sum, { size }) => sum + size, 0),
        },
      };
    });
  }

  /** Small, so that there is something to tell meanwhile. */
  #pieceSize(blocks: number): number {
    const pieces = Math.max(1, this.scanners.all.length) * PIECES_MAX;
    return Math.min(this.options.jobs.batchMax, Math.max(1, Math.ceil(blocks / pieces)));
  }

  /** Refuses a question that would read more than it may; 0 is no bound. */
  async #estimated(
    request: QueryRequest,
    readBytesMax: number,
    blocks: readonly BlockMeta[],
    signal: AbortSignal,
  ): Promise<number> {
    const bytes = await estimateAll(this.#jobs, request, opOf(request), blocks, signal);
    if (readBytesMax === 0 || bytes <= readBytesMax) return bytes;
    throw new InputError(
      "unprocessable",
      `the query would read ${bytes} bytes of ${blocks.length} blocks, more than the ` +
        `${readBytesMax} that it may: ask for a shorter time or fewer attributes`,
    );
  }

  findTrace(tenant: string, traceId: Uint8Array, signal: AbortSignal): Promise<FoundInBlocks> {
    const { findTimeoutMs } = this.options;
    return this.#inTime(findTimeoutMs, signal, (inner) => this.#findListed(tenant, traceId, inner));
  }

  async #findListed(
    tenant: string,
    traceId: Uint8Array,
    signal: AbortSignal,
  ): Promise<FoundInBlocks> {
    const { isListStale, ...found } = await this.#findTrace(tenant, traceId, signal);
    if (!isListStale) return found;
    await this.#renewList(signal);
    const { isListStale: _, ...again } = await this.#findTrace(tenant, traceId, signal);
    return again;
  }

  async #findTrace(
    tenant: string,
    traceId: Uint8Array,
    signal: AbortSignal,
  ): Promise<FoundInBlocks & { readonly isListStale: boolean }> {
    const blocks = this.list.blocks(tenant);
    return await this.#observed("find", tenant, async () => {
      const batchMax = this.options.findBatchMax;
      const found = await findInAll(this.#jobs, tenant, traceId, blocks, batchMax, signal);
      const { traces, ...rest } = found;
      const inspectedBytes = traces.reduce((sum, { length }) => sum + length, 0);
      return { traces, inspectedBytes, ...rest };
    });
  }

  /** Not for every question: a block that has lost its data is gone for all of them. */
  async #renewList(signal: AbortSignal): Promise<void> {
    const now = this.runtime.clock.monotonic();
    if (now - this.#renewedMs < RENEW_EVERY_MS) return;
    this.#renewedMs = now;
    await this.list.poll?.(signal);
  }

  #blocksOf(request: QueryRequest): readonly BlockMeta[] {
    const { tenant, startSeconds, endSeconds, blockJob } = request;
    if (blockJob !== undefined) {
      const block = this.list.blocks(tenant).find(({ blockID }) => blockID === blockJob.blockId);
      if (block === undefined) throw new NotFoundError(`no block ${blockJob.blockId} is listed`);
      return [block];
    }
    const only = request.kind === "metrics" ? request.onlyBlocks : undefined;
    if (only === undefined) return this.list.blocksOverlapping(tenant, startSeconds, endSeconds);
    const wanted = new Set(only);
    const blocks = this.list.blocks(tenant).filter(({ blockID }) => wanted.has(blockID));
    if (blocks.length < wanted.size) {
      const missing = only.filter((id) => !blocks.some(({ blockID }) => blockID === id));
      throw new UnavailableError(`blocks are gone: ${missing.join(", ")}`);
    }
    return blocks;
  }

  async #observed<T>(operation: string, tenant: string, work: () => Promise<T>): Promise<T> {
    const { clock } = this.runtime;
    const startedMs = clock.monotonic();
    this.#inflight.inc();
    try {
      return await work();
    } finally {
      this.#inflight.dec();
      this.#seconds.labels(operation, tenant).observe((clock.monotonic() - startedMs) / 1000);
    }
  }
}

function opOf({ kind }: QueryRequest): string {
  return kind === "search" || kind === "metrics" ? kind : "metadata";
}
