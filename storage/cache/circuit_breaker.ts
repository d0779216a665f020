// Whether to ask somebody who may be down. Closed: ask. After so many failures in a row it opens and
// nobody asks for a while; then one may try, and what becomes of that decides.
import type { Clock } from "../../lib/clock.ts";

export interface BreakerOptions {
  /** In a row; 0: never opens. */
  readonly failuresMax: number;
  readonly openMs: number;
}

export class CircuitBreaker {
  #failures = 0;
  #openUntilMs = -Infinity;
  #isTrying = false;

  constructor(readonly clock: Clock, readonly options: BreakerOptions) {}

  get isOpen(): boolean {
    const { failuresMax } = this.options;
    return failuresMax > 0 && this.#failures >= failuresMax;
  }

  /** Nobody may try yet. */
  get isResting(): boolean {
    return this.isOpen && this.clock.monotonic() < this.#openUntilMs;
  }

  /** True lets the caller ask; it then tells what became of it. */
  mayAsk(): boolean {
    if (!this.isOpen) return true;
    if (this.#isTrying || this.clock.monotonic() < this.#openUntilMs) return false;
    return this.#isTrying = true;
  }

  succeeded(): void {
    this.#failures = 0;
    this.#isTrying = false;
  }

  failed(): void {
    this.#failures++;
    this.#isTrying = false;
    if (this.isOpen) this.#openUntilMs = this.clock.monotonic() + this.options.openMs;
  }
}
