// How long ago the oldest record was acknowledged that no partition has folded yet: what a search asked
// now would miss. From marks of the log's end over time, and from what partitions say they have reached.
import type { Clock } from "../../lib/clock.ts";
import type { DurableState } from "../../wal/mod.ts";

/** Marks are this far apart at least: the lag is known to so much. */
const MARK_MS = 20;
/** A partition that stands still for minutes must not grow a list: then only its oldest mark counts. */
const MARKS_MAX = 1_000;

interface Mark {
  readonly atMs: number;
  /** End of the partition at that time. */
  readonly endOffset: number;
}

/** How far a partition's spans are in every answer that is asked for from now on. */
export interface Watermark {
  readonly partition: number;
  /** All records before it. */
  readonly nextOffset: number;
  /** All that was acknowledged before; Unix milliseconds. */
  readonly completeToMs: number;
}

export class FoldLag {
  readonly #marks = new Map<number, Mark[]>();
  readonly #nextOffsets = new Map<number, number>();
  /** Where each partition ended, when it was last seen to grow. */
  readonly #ends = new Map<number, Mark>();

  constructor(readonly clock: Clock) {}

  /** The log is durable up to here. */
  durable({ partitions, endOffsets }: DurableState): void {
    const nowMs = this.clock.monotonic();
    partitions.forEach((partition, i) => {
      const endOffset = endOffsets[i]!;
      if (endOffset !== this.#ends.get(partition)?.endOffset) {
        this.#ends.set(partition, { atMs: nowMs, endOffset });
      }
      if (endOffset <= (this.#nextOffsets.get(partition) ?? 0)) return;
      let marks = this.#marks.get(partition);
      if (marks === undefined) this.#marks.set(partition, marks = []);
      const last = marks.at(-1);
      const isSoon = last !== undefined && nowMs - last.atMs < MARK_MS;
      if (!isSoon && marks.length < MARKS_MAX) marks.push({ atMs: nowMs, endOffset });
    });
  }

  /** The partition has folded every record before this offset. */
  folded(partition: number, nextOffset: number): void {
    this.#nextOffsets.set(partition, nextOffset);
    const marks = this.#marks.get(partition);
    if (marks === undefined) return;
    const left = marks.findIndex(({ endOffset }) => endOffset > nextOffset);
    marks.splice(0, left < 0 ? marks.length : left);
  }

  watermarks(): Watermark[] {
    const { clock } = this;
    const nowMs = clock.monotonic();
    return [...this.#ends].map(([partition, end]) => {
      const nextOffset = this.#nextOffsets.get(partition) ?? 0;
      // A mark stands for what became durable shortly before it too.
      const oldestMs = this.#marks.get(partition)?.[0]?.atMs ?? end.atMs;
      const behindMs = nextOffset >= end.endOffset ? 0 : nowMs - oldestMs + MARK_MS;
      return { partition, nextOffset, completeToMs: clock.now() - behindMs };
    }).sort((a, b) => a.partition - b.partition);
  }

  /** Of the partition that is furthest behind; 0 when all are at the end. */
  get lagMs(): number {
    const nowMs = this.clock.monotonic();
    let lagMs = 0;
    for (const [oldest] of this.#marks.values()) {
      if (oldest !== undefined) lagMs = Math.max(lagMs, nowMs - oldest.atMs);
    }
    return lagMs;
  }
}
