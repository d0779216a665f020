// The ordinary query frontend on the blocks of a bucket, without live data: the same engine and the
// same merging as in a process, so that the same question has the same answer.

import { nextTurn } from "../../lib/waiting.ts";
import type { BlockMeta } from "../../model/block_meta.ts";
import {
  type AnswerOf,
  mergeAnswers,
  progressOf,
  type QueryRequest,
} from "../../query/engine/mod.ts";
import { createFrontend, type Frontend } from "../../query/frontend/mod.ts";
import {
  BlockQuerier,
  canStop,
  type ListedBlocks,
  type Scanner,
  ScanPool,
} from "../../query/querier/mod.ts";
import { workerCount } from "../config/mod.ts";
import { storeConfig } from "../store_config.ts";
import type { Call } from "./command.ts";
import type { Progress } from "./progress.ts";

export interface BucketFrontend extends AsyncDisposable {
  readonly frontend: Frontend;
}

const CACHE_BYTES = 256 << 20;
const SCANS_MAX = 2;
const FINDS_MAX = 16;
/** Starting a worker takes as long as searching so much. */
const WORTH_WORKERS_BYTES = 64 << 20;

/** `metas` newest first. */
export function openBucketFrontend(
  call: Call,
  metas: readonly BlockMeta[],
  progress: Progress,
): BucketFrontend {
  const { runtime, config, store, cores } = call;
  const sizeBytes = metas.reduce((sum, { size }) => sum + size, 0);
  const workers = call.canShareStore && sizeBytes > WORTH_WORKERS_BYTES
    ? workerCount(config, cores)
    : 0;
  const pool = new ScanPool(runtime, workers === 0 ? store : storeConfig(config), {
    workers,
    cacheBytesMax: CACHE_BYTES,
    scansMax: SCANS_MAX,
    findsMax: FINDS_MAX,
  });
  const seen = new BlocksSeen(metas.length, progress);
  const scanners = pool.scanners.map((scanner) => new ToldScanner(scanner, seen));
  const frontend = createFrontend(runtime, {
    live: { query: () => Promise.resolve([]), findTrace: () => Promise.resolve([]) },
    blocks: new BlockQuerier(runtime, listOf(metas), scanners),
    combineTraces: (parts, signal) => pool.combineTraces(parts, signal),
  });
  return { frontend, [Symbol.asyncDispose]: () => pool[Symbol.asyncDispose]() };
}

function listOf(metas: readonly BlockMeta[]): ListedBlocks {
  return {
    blocks: () => metas,
    blocksOverlapping: (_, startSeconds, endSeconds) =>
      startSeconds === 0 && endSeconds === 0
        ? metas
        : metas.filter(({ startTime, endTime }) =>
          Date.parse(startTime) <= endSeconds * 1000 && Date.parse(endTime) >= startSeconds * 1000
        ),
  };
}

class BlocksSeen {
  #done = 0;

  constructor(readonly all: number, readonly progress: Progress) {}

  add(blocks: number): void {
    this.#done += blocks;
    this.progress.update(this.#done, this.all);
  }
}

/** Hands over some blocks at a time, and tells how far it is. */
class ToldScanner implements Scanner {
  constructor(readonly inner: Scanner, readonly seen: BlocksSeen) {}

  async scan<R extends QueryRequest>(
    request: R,
    blocks: readonly BlockMeta[],
    signal: AbortSignal,
  ): Promise<{ answer: AnswerOf<R>; completedBlocks: number }> {
    let answer: AnswerOf<R> = mergeAnswers(request, []);
    let completedBlocks = 0;
    for (const some of inParts(blocks, SCANS_MAX * 2)) {
      if (!some.every((meta) => canStop(request, progressOf(answer), meta))) {
        const part = await this.inner.scan(request, some, signal);
        answer = mergeAnswers(request, [answer, part.answer]);
        completedBlocks += part.completedBlocks;
      }
      this.seen.add(some.length);
      await nextTurn();
    }
    return { answer, completedBlocks };
  }

  estimate(
    request: QueryRequest,
    blocks: readonly BlockMeta[],
    signal: AbortSignal,
  ): Promise<number> {
    return this.inner.estimate(request, blocks, signal);
  }

  async find(
    traceId: Uint8Array,
    blocks: readonly BlockMeta[],
    signal: AbortSignal,
  ): ReturnType<Scanner["find"]> {
    const found = [];
    for (const some of inParts(blocks, FINDS_MAX * 2)) {
      found.push(await this.inner.find(traceId, some, signal));
      this.seen.add(some.length);
    }
    return {
      traces: found.flatMap(({ traces }) => traces),
      failedBlocks: found.flatMap(({ failedBlocks }) => failedBlocks),
      isListStale: found.some(({ isListStale }) => isListStale),
    };
  }
}

function inParts<T>(items: readonly T[], size: number): T[][] {
  const parts: T[][] = [];
  for (let at = 0; at < items.length; at += size) parts.push(items.slice(at, at + size));
  return parts;
}
