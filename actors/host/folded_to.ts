// How far each partition has folded a log that is not this process's own: what the partitions say themselves.
import type { Watermark } from "./fold_lag.ts";

export class FoldedTo {
  readonly #marks = new Map<number, Watermark>();

  folded(partition: number, nextOffset: number, completeToMs: number): void {
    const before = this.#marks.get(partition);
    // A partition that starts again replays what it once had; its spans are elsewhere by then, or not ready.
    if (before !== undefined && nextOffset < before.nextOffset) {
      this.#marks.set(partition, { partition, nextOffset, completeToMs });
      return;
    }
    const later = Math.max(completeToMs, before?.completeToMs ?? 0);
    this.#marks.set(partition, { partition, nextOffset, completeToMs: later });
  }

  watermarks(): Watermark[] {
    return [...this.#marks.values()].sort((a, b) => a.partition - b.partition);
  }
}
