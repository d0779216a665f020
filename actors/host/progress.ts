// Tells a worker how far the log is durable: at once after a pause, and then in steps of a few
// milliseconds. Under load there are a thousand commits a second; a message for each would cost both
// threads more than the spans in it do.
// Bench: `bench:e2e --only http30`, 23 → 16 µs a span (docs/perf.md).
import type { Clock } from "../../lib/clock.ts";
import type { DurableState } from "../../wal/mod.ts";

export const STEP_MS = 10;

export interface ProgressSource {
  durable(): DurableState;
  /** Returns the way out. */
  onDurable(listener: (state: DurableState) => void): () => void;
}

export class Progress implements Disposable {
  readonly #stopListening: () => void;
  #timer: number | undefined;
  #lastMs = -Infinity;

  constructor(
    readonly clock: Clock,
    readonly log: ProgressSource,
    readonly tell: (state: DurableState) => void,
  ) {
    this.#stopListening = log.onDurable(() => this.#changed());
  }

  [Symbol.dispose](): void {
    this.#stopListening();
    if (this.#timer !== undefined) this.clock.clearTimeout(this.#timer);
  }

  #changed(): void {
    if (this.#timer !== undefined) return; // what it will tell includes this
    const waitMs = this.#lastMs + STEP_MS - this.clock.monotonic();
    if (waitMs <= 0) this.#tell();
    else this.#timer = this.clock.setTimeout(() => this.#tell(), waitMs);
  }

  #tell(): void {
    this.#timer = undefined;
    this.#lastMs = this.clock.monotonic();
    this.tell(this.log.durable());
  }
}
