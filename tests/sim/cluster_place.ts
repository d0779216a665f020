// Where one life of a simulated process runs: its own clock, which is skewed, its chance, its metrics.
// Rule: a crash ends it between two instructions: no timer of a dead life fires, and nothing that it has asked of
// the world comes back, so that it hangs for ever and is forgotten.
import type { Clock } from "../../lib/clock.ts";
import { type Random, seededRandom } from "../../lib/random.ts";
import { createRuntime, type Runtime } from "../../lib/runtime.ts";

export interface Skew {
  /** Ahead of true time. */
  aheadMs: number;
  /** Its seconds to one true one. */
  readonly rate: number;
}

export class Place {
  readonly runtime: Runtime;
  readonly #gone = new AbortController();

  constructor(
    readonly name: string,
    readonly zone: string,
    base: Clock,
    skew: Skew,
    random: Random,
  ) {
    const clock = new PlaceClock(base, skew, this);
    this.runtime = createRuntime({
      clock,
      random: seededRandom(Math.floor(random.next() * 2 ** 31)),
    });
  }

  get isDead(): boolean {
    return this.#gone.signal.aborted;
  }

  /** Aborts at the crash: for those on the other side, who see the connection break. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  crash(): void {
    this.#gone.abort();
  }

  /** What the work comes to, unless the life has ended by then. */
  alive<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      work.then(
        (value) => this.isDead || resolve(value),
        (error) => this.isDead || reject(error),
      );
    });
  }
}

class PlaceClock implements Clock {
  readonly #startMs: number;

  constructor(readonly base: Clock, readonly skew: Skew, readonly place: { isDead: boolean }) {
    this.#startMs = base.monotonic();
  }

  now(): number {
    const lifeMs = this.base.monotonic() - this.#startMs;
    return Math.floor(this.base.now() + this.skew.aheadMs + lifeMs * (this.skew.rate - 1));
  }

  monotonic(): number {
    return this.base.monotonic() * this.skew.rate;
  }

  setTimeout(callback: () => void, delayMs: number): number {
    if (this.place.isDead) return 0;
    const whenDue = () => this.place.isDead || callback();
    return this.base.setTimeout(whenDue, delayMs / this.skew.rate);
  }

  clearTimeout(id: number): void {
    this.base.clearTimeout(id);
  }
}
