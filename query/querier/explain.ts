// What is told of how a question was answered from blocks: for each block and row group whether and why it
// was passed over, what was read and found in the cache, and how long each stage took.
import type { CacheWatch } from "../../storage/mod.ts";
import type { BlockMeta } from "../../model/block_meta.ts";
import type { Clock } from "../../lib/clock.ts";

export interface ExplainedRowGroup {
  readonly rowGroup: number;
  readonly spans: number;
  /** As the footer says, before anything is read. */
  readonly estimatedBytes: number;
  /** Why it was passed over. */
  readonly pruned?: string;
  readonly readBytes: number;
  readonly cacheHits: number;
  readonly cacheMisses: number;
  /** What had to be read or made, by its name in the cache. */
  readonly loaded: readonly string[];
  readonly ms: number;
  /** Of the pipeline, by its text. */
  readonly stages: Readonly<Record<string, number>>;
}

export interface ExplainedBlock {
  readonly block: string;
  readonly spans: number;
  readonly sizeBytes: number;
  /** Which scanner answered. */
  readonly worker: number;
  /** Why nothing of it, or no more of it, was looked at. */
  readonly skipped?: string;
  readonly rowGroups: readonly ExplainedRowGroup[];
}

/** Names kept of one row group. */
const LOADED_MAX = 200;

export class RowGroupWatch implements CacheWatch {
  #pruned: string | undefined;
  #hits = 0;
  readonly #loaded: string[] = [];
  readonly #stages = new Map<string, number>();
  readonly #startMs: number;

  constructor(readonly clock: Pick<Clock, "monotonic">) {
    this.#startMs = clock.monotonic();
  }

  now(): number {
    return this.clock.monotonic();
  }

  stage(name: string, ms: number): void {
    this.#stages.set(name, (this.#stages.get(name) ?? 0) + ms);
  }

  pruned(why: string): void {
    this.#pruned = why;
  }

  found(): void {
    this.#hits++;
  }

  loaded(name: string): void {
    this.#loaded.push(name);
  }

  explained(
    about: Pick<ExplainedRowGroup, "rowGroup" | "spans" | "estimatedBytes" | "readBytes">,
  ): ExplainedRowGroup {
    return {
      ...about,
      ...(this.#pruned !== undefined && { pruned: this.#pruned }),
      cacheHits: this.#hits,
      cacheMisses: this.#loaded.length,
      loaded: this.#loaded.slice(0, LOADED_MAX),
      ms: rounded(this.now() - this.#startMs),
      stages: Object.fromEntries([...this.#stages].map(([name, ms]) => [name, rounded(ms)])),
    };
  }
}

export function explainedBlock(
  { blockID, totalSpans, size }: BlockMeta,
  rowGroups: readonly ExplainedRowGroup[],
  skipped: string | undefined,
): ExplainedBlock {
  return {
    block: blockID,
    spans: totalSpans ?? rowGroups.reduce((sum, { spans }) => sum + spans, 0),
    sizeBytes: size,
    worker: 0,
    ...(skipped !== undefined && { skipped }),
    rowGroups,
  };
}

const rounded = (ms: number) => Math.round(ms * 1_000) / 1_000;
