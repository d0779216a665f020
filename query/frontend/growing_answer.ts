// An answer as it grows, for those who want to see it before it is whole.
// Rules: nothing is shown before live data has answered, which is the quickest place and the one whose
// spans may be told by a block as well; who reads slowly gets fewer answers, never a queue of them; the
// last one is what the question is answered without all this.

import type { Clock } from "../../lib/clock.ts";
import { sleep } from "../../lib/waiting.ts";
import type { BlockMeta } from "../../model/block_meta.ts";
import { type AnswerOf, mergeAnswers, type QueryRequest } from "../engine/mod.ts";
import type { BlockProgress } from "../querier/mod.ts";
import type { Answered, Growing } from "./frontend.ts";

/** Between two answers; a reader cannot follow faster. */
const GROWS_EVERY_MS = 100;

/** Told by whoever runs the question. */
export interface Progress<R extends QueryRequest> extends BlockProgress<R> {
  live(answers: readonly AnswerOf<R>[]): void;
}

export async function* growingAnswer<R extends QueryRequest>(
  clock: Clock,
  request: R,
  signal: AbortSignal,
  run: (signal: AbortSignal, progress: Progress<R>) => Promise<Answered<AnswerOf<R>>>,
): AsyncIterable<Growing<AnswerOf<R>>> {
  const left = new AbortController();
  const parts = new Parts(request);
  const done = run(AbortSignal.any([signal, left.signal]), parts);
  let isDone = false;
  const settled = done.then(() => {}, () => {}).then(() => {
    isDone = true;
    parts.changed();
  });
  try {
    while (!isDone) {
      await parts.change();
      if (isDone) break;
      const growing = parts.soFar();
      if (growing === undefined) continue;
      yield growing;
      const enough = new AbortController();
      void settled.then(() => enough.abort());
      await sleep(clock, GROWS_EVERY_MS, enough.signal);
    }
    yield { ...await done, completeFromMs: 0, isLast: true };
  } finally {
    left.abort(); // the reader may have left before the end
  }
}

/** What has been answered by now. */
class Parts<R extends QueryRequest> implements Progress<R> {
  readonly #request: R;
  #live: readonly AnswerOf<R>[] | undefined;
  #asked: readonly BlockMeta[] = [];
  #open = new Set<BlockMeta>();
  #fromBlocks: { readonly answer: AnswerOf<R>; readonly blocks: readonly BlockMeta[] }[] = [];
  #hasChanged = false;
  #wake: () => void = () => {};

  constructor(request: R) {
    this.#request = request;
  }

  live(answers: readonly AnswerOf<R>[]): void {
    this.#live = answers;
    this.changed();
  }

  began(blocks: readonly BlockMeta[]): void {
    this.#asked = blocks;
    this.#open = new Set(blocks);
    this.#fromBlocks = [];
    this.changed();
  }

  answered(answer: AnswerOf<R>, blocks: readonly BlockMeta[]): void {
    this.#fromBlocks.push({ answer, blocks });
    for (const block of blocks) this.#open.delete(block);
    this.changed();
  }

  changed(): void {
    this.#hasChanged = true;
    this.#wake();
  }

  async change(): Promise<void> {
    if (!this.#hasChanged) await new Promise<void>((resolve) => this.#wake = resolve);
    this.#hasChanged = false;
  }

  /** Undefined until live data has answered. */
  soFar(): Growing<AnswerOf<R>> | undefined {
    const live = this.#live;
    if (live === undefined) return undefined;
    const covered = new Set(
      live.flatMap((answer) => answer.kind === "metrics" ? answer.coveredBlocks : []),
    );
    const isCovered = ({ blockID }: BlockMeta) => covered.has(blockID);
    // What stands in memory and in a block is counted once: such a piece is asked again in the end.
    const clear = this.#fromBlocks.filter(({ blocks }) => !blocks.some(isCovered));
    const again = this.#fromBlocks.filter((part) => !clear.includes(part))
      .flatMap(({ blocks }) => blocks.filter((block) => !isCovered(block)));
    const missing = [...this.#open].filter((block) => !isCovered(block)).concat(again);
    return {
      answer: mergeAnswers(this.#request, [...live, ...clear.map(({ answer }) => answer)]),
      stats: {
        totalBlocks: this.#asked.length,
        totalJobs: this.#asked.length + 1,
        completedJobs: this.#asked.length - this.#open.size + 1,
        totalBlockBytes: this.#asked.reduce((sum, { size }) => sum + size, 0),
      },
      // A block ends with the second its last span starts in.
      completeFromMs: Math.max(0, ...missing.map(({ endTime }) => Date.parse(endTime) + 1000)),
      isLast: false,
    };
  }
}
