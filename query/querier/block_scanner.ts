// Runs questions on blocks of one store, in the thread that asks: row group by row group, newest block
// first, no further than the answer needs.
// Rules: a search fails with the first block that cannot be read, naming it; a find goes on and names
// the blocks it could not read. Between two row groups the thread does what else is due.
// A find asks the blooms of all blocks before it opens any: nearly all of them say no.
import type { Clock } from "../../lib/clock.ts";
import { CorruptionError, NotFoundError, UnavailableError } from "../../lib/errors.ts";
import type { BlockMeta } from "../../model/block_meta.ts";
import {
  BlockCache,
  BloomProbe,
  type CachesConfig,
  mayHoldTrace,
  type ObjectStore,
  openBlock,
  type RoleCache,
  type RoleCaches,
} from "../../storage/mod.ts";
import {
  type AnswerOf,
  compile,
  execute,
  needsOf,
  prunedBecause,
  type QueryAnswer,
  type QueryRequest,
  startRun,
} from "../engine/mod.ts";
import { canStop } from "./early_exit.ts";
import {
  type ExplainedBlock,
  explainedBlock,
  type ExplainedRowGroup,
  RowGroupWatch,
} from "./explain.ts";
import { ANSWERS, type Kept, KeptAnswers } from "./kept_answers.ts";

export interface BlockScannerOptions {
  /** Of all that is kept. */
  readonly cacheBytesMax: number;
  /** How much of it may be bytes that are not decoded, and answers; not given: none. */
  readonly caches?: CachesConfig;
  /** Of one question, at a time. */
  readonly scansMax: number;
  readonly findsMax: number;
}

/** Blooms that one find reads at a time: 100 KB each, and all of it waiting. */
const BLOOMS_MAX = 64;

export interface ScanResult<R extends QueryRequest> {
  readonly answer: AnswerOf<R>;
  readonly completedBlocks: number;
  readonly explained?: readonly ExplainedBlock[];
}

const ENOUGH = "enough was found";

export interface FindResult {
  readonly traces: Uint8Array<ArrayBuffer>[];
  readonly failedBlocks: readonly string[];
  /** Some block is no longer there, so there is a newer list. */
  readonly isListStale: boolean;
}

export class BlockScanner {
  readonly cache: BlockCache;
  readonly answers: RoleCache<Kept> | undefined;

  constructor(
    readonly store: ObjectStore,
    readonly options: BlockScannerOptions,
    readonly pause: () => Promise<void>,
    readonly caches?: RoleCaches,
    /** Of what is told of how long things took. */
    readonly clock: Pick<Clock, "monotonic"> = { monotonic: () => 0 },
  ) {
    this.cache = new BlockCache(options.cacheBytesMax, caches);
    this.answers = caches?.withCodec("frontend-search", ANSWERS);
  }

  /** `blocks` newest first. */
  async scan<R extends QueryRequest>(
    request: R,
    blocks: readonly BlockMeta[],
    signal: AbortSignal,
  ): Promise<ScanResult<R>> {
    const plan = compile(request);
    const run = startRun(plan);
    const needs = request.isExplained ? needsOf(plan) : [];
    const explained: ExplainedBlock[] = [];
    const kept = this.answers && KeptAnswers.to(request, this.answers);
    let completedBlocks = 0;
    await inTurn(blocks, this.options.scansMax, signal, async (meta, inner) => {
      const told: ExplainedRowGroup[] = [];
      const tell = (skipped?: string) => {
        if (request.isExplained) explained.push(explainedBlock(meta, told, skipped));
      };
      if (canStop(request, run.progress(), meta)) return tell(ENOUGH);
      await blamed(meta, async () => {
        const known = await kept?.of(meta);
        for (const part of known ?? []) {
          run.addAnswer(part);
          if (canStop(request, run.progress(), meta)) return tell(ENOUGH);
        }
        if (known !== undefined) return tell();
        const block = await openBlock(this.store, meta, this.cache);
        const parts: QueryAnswer[] = [];
        for (const { index, spans } of rowGroupsOf(request, block)) {
          inner.throwIfAborted();
          const watch = request.isExplained ? new RowGroupWatch(this.clock) : undefined;
          const view = block.view(index, watch);
          if (kept === undefined) await run.add(view, inner);
          else {
            const part = await execute(plan, view, inner);
            parts.push(part);
            run.addAnswer(part);
          }
          if (watch !== undefined) {
            const estimatedBytes = view.bytesOf(needs);
            const readBytes = view.inspectedBytes;
            told.push(watch.explained({ rowGroup: index, spans, estimatedBytes, readBytes }));
          }
          await this.pause();
          if (parts.length === block.rowGroups.length) kept?.keep(meta, block.timeBounds, parts);
          if (canStop(request, run.progress(), meta)) return tell(ENOUGH);
        }
        tell();
      });
      completedBlocks++;
    });
    const answer = run.answer() as AnswerOf<R>;
    return { answer, completedBlocks, ...(request.isExplained && { explained }) };
  }

  /** What a question will read of blocks if nothing is cached, from their footers. */
  async estimate(
    request: QueryRequest,
    blocks: readonly BlockMeta[],
    signal: AbortSignal,
  ): Promise<number> {
    const plan = compile(request);
    const needs = needsOf(plan);
    let bytes = 0;
    await inTurn(blocks, this.options.findsMax, signal, (meta) =>
      blamed(meta, async () => {
        const block = await openBlock(this.store, meta, this.cache);
        for (const { index } of rowGroupsOf(request, block)) {
          const view = block.view(index);
          if (prunedBecause(plan, view) === undefined) bytes += view.bytesOf(needs);
        }
      }));
    return bytes;
  }

  async find(
    traceId: Uint8Array,
    blocks: readonly BlockMeta[],
    signal: AbortSignal,
  ): Promise<FindResult> {
    const traces: Uint8Array<ArrayBuffer>[] = [];
    const failedBlocks: string[] = [];
    let isListStale = false;
    const eachOf = (some: readonly BlockMeta[], atOnce: number, work: Work<BlockMeta>) =>
      inTurn(some, atOnce, signal, async (meta, inner) => {
        try {
          await work(meta, inner);
        } catch (error) {
          if (!isOfOneBlock(error)) throw error;
          if (error instanceof NotFoundError) isListStale = true;
          failedBlocks.push(`${nameOf(meta)}: ${(error as Error).message}`);
        }
      });
    const holding: BlockMeta[] = [];
    const probe = new BloomProbe(traceId);
    await eachOf(blocks, BLOOMS_MAX, async (meta) => {
      if (await mayHoldTrace(this.store, meta, this.cache, probe)) holding.push(meta);
    });
    await eachOf(holding, this.options.findsMax, async (meta, inner) => {
      const block = await openBlock(this.store, meta, this.cache);
      const trace = await block.findTrace(traceId, inner);
      if (trace !== undefined) traces.push(trace as Uint8Array<ArrayBuffer>);
    });
    return { traces, failedBlocks: failedBlocks.sort(), isListStale };
  }
}

type OpenBlock = Awaited<ReturnType<typeof openBlock>>;

/** All of them, or those of a job on some. */
function rowGroupsOf({ blockJob }: QueryRequest, { rowGroups }: OpenBlock): OpenBlock["rowGroups"] {
  if (blockJob === undefined) return rowGroups;
  const { fromRowGroup: from, toRowGroup: to } = blockJob;
  return rowGroups.filter(({ index }) => index >= from && index < to);
}

const nameOf = ({ tenantID, blockID }: BlockMeta) => `${tenantID}/${blockID}`;

/** Weather and bad bytes concern a block; bugs, bad questions and stopping do not. */
function isOfOneBlock(error: unknown): boolean {
  return error instanceof CorruptionError || error instanceof NotFoundError ||
    error instanceof UnavailableError;
}

/** Errors of one block say which it is. */
async function blamed(meta: BlockMeta, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isOfOneBlock(error) || !(error instanceof Error)) throw error;
    const name = nameOf(meta);
    if (error instanceof NotFoundError) {
      throw new NotFoundError(`block ${name} is gone: ${error.message}`, { cause: error });
    }
    if (error.message.includes(name)) throw error;
    if (error instanceof CorruptionError) {
      throw new CorruptionError(error.message, error.offset, `block ${name}`);
    }
    throw new UnavailableError(`block ${name}: ${error.message}`, { cause: error });
  }
}

type Work<T> = (item: T, signal: AbortSignal) => Promise<void>;

/**
 * Works on items from the first to the last, `atOnce` at a time. The first failure stops the others
 * and is thrown when all have come to rest.
 */
async function inTurn<T>(
  items: readonly T[],
  atOnce: number,
  signal: AbortSignal,
  work: Work<T>,
): Promise<void> {
  const failure = new AbortController();
  const inner = AbortSignal.any([signal, failure.signal]);
  let next = 0;
  const lane = async () => {
    try {
      while (next < items.length) {
        inner.throwIfAborted();
        await work(items[next++]!, inner);
      }
    } catch (error) {
      failure.abort(error); // the first one counts
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, lane));
  inner.throwIfAborted();
}
