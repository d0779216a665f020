// Runs questions on blocks of one store, in the thread that asks: row group by row group, newest block
// first, no further than the answer needs.
// Rules: a search fails with the first block that cannot be read, naming it; a find goes on and names
// the blocks it could not read. Between two row groups the thread does what else is due.
// A find asks the blooms of all blocks before it opens any: nearly all of them say no.
import { CorruptionError, NotFoundError, UnavailableError } from "../../lib/errors.ts";
import type { BlockMeta } from "../../model/block_meta.ts";
import {
  BlockCache,
  BloomProbe,
  type CachesConfig,
  mayHoldTrace,
  type ObjectStore,
  openBlock,
  type RoleCaches,
} from "../../storage/mod.ts";
import {
  type AnswerOf,
  compile,
  execute,
  mergeAnswers,
  type Plan,
  type QueryAnswer,
  type QueryRequest,
} from "../engine/mod.ts";
import { canStop } from "./early_exit.ts";
import { KeptAnswers } from "./kept_answers.ts";

export interface BlockScannerOptions {
  /** Of what is decoded. */
  readonly cacheBytesMax: number;
  /** Of the bytes it is decoded from; not given: none. */
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
}

export interface FindResult {
  readonly traces: Uint8Array<ArrayBuffer>[];
  readonly failedBlocks: readonly string[];
  /** Some block is no longer there, so there is a newer list. */
  readonly isListStale: boolean;
}

export class BlockScanner {
  readonly cache: BlockCache;

  constructor(
    readonly store: ObjectStore,
    readonly options: BlockScannerOptions,
    readonly pause: () => Promise<void>,
    readonly caches?: RoleCaches,
  ) {
    this.cache = new BlockCache(options.cacheBytesMax, caches);
  }

  /** `blocks` newest first. */
  async scan<R extends QueryRequest>(
    request: R,
    blocks: readonly BlockMeta[],
    signal: AbortSignal,
  ): Promise<ScanResult<R>> {
    const plan = compile(request);
    const cache = this.caches?.of("frontend-search");
    const kept = cache && new KeptAnswers(cache, request);
    let answer: AnswerOf<R> = mergeAnswers(request, []);
    let completedBlocks = 0;
    await inTurn(blocks, this.options.scansMax, signal, async (meta, inner) => {
      if (canStop(request, answer, meta)) return;
      await blamed(meta, async () => {
        for await (const part of this.#partsOf(plan, meta, kept, inner)) {
          answer = mergeAnswers(request, [answer, part as AnswerOf<R>]);
          if (canStop(request, answer, meta)) return;
        }
      });
      completedBlocks++;
    });
    return { answer, completedBlocks };
  }

  /** Of each row group, as far as they are asked for; kept once all of them are known. */
  async *#partsOf(
    plan: Plan,
    meta: BlockMeta,
    kept: KeptAnswers | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<QueryAnswer> {
    const known = await kept?.of(meta);
    if (known !== undefined) return yield* known;
    const block = await openBlock(this.store, meta, this.cache);
    const parts: QueryAnswer[] = [];
    for (const { index } of block.rowGroups) {
      parts.push(await execute(plan, block.view(index), signal));
      await this.pause();
      if (parts.length === block.rowGroups.length) kept?.keep(meta, block.timeBounds, parts);
      yield parts.at(-1)!;
    }
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
