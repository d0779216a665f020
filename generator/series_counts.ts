// How many series a tenant has, how many it may have, and what became of the others.

export class SeriesCounts {
  active = 0;
  added = 0;
  removed = 0;
  /** Updates of series that there was no room for. */
  limited = 0;

  /** 0: no limit. */
  constructor(public max: number) {}

  take(series: number): boolean {
    if (this.max > 0 && this.active + series > this.max) return false;
    this.takeAnyway(series);
    return true;
  }

  /** The series of what overflows is beyond the limit: without it counts would be lost. */
  takeAnyway(series: number): void {
    this.active += series;
    this.added += series;
  }

  give(series: number): void {
    this.active -= series;
    this.removed += series;
  }
}
