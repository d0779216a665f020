// How many series a tenant has, how many it may have, and what became of the others.
// Rule: the series of what overflows are beyond the limit: without them counts would be lost.

export class SeriesCounts {
  added = 0;
  removed = 0;
  /** Updates of series that there was no room for. */
  limited = 0;
  #limitedActive = 0;
  #overflowing = 0;

  /** 0: no limit. */
  constructor(public max: number) {}

  get active(): number {
    return this.#limitedActive + this.#overflowing;
  }

  /** Whether there is room. */
  take(series: number): boolean {
    if (this.max > 0 && this.#limitedActive + series > this.max) return false;
    this.#limitedActive += series;
    this.added += series;
    return true;
  }

  give(series: number): void {
    this.#limitedActive -= series;
    this.removed += series;
  }

  takeForOverflow(series: number): void {
    this.#overflowing += series;
    this.added += series;
  }

  giveOfOverflow(series: number): void {
    this.#overflowing -= series;
    this.removed += series;
  }
}
