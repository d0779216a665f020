// So many requests a second and no more, with a burst: whoever comes too early waits for its turn.
// Rule: the bucket may be in debt, and what it owes is how long to wait; the first in the queue is the first to go.
import type { Clock } from "./clock.ts";
import { sleep } from "./waiting.ts";

export interface RequestRateOptions {
  readonly perSecond: number;
  readonly burst: number;
}

export class RequestRate {
  #tokens: number;
  #sinceMs: number;

  constructor(readonly clock: Clock, readonly options: RequestRateOptions) {
    this.#tokens = options.burst;
    this.#sinceMs = clock.monotonic();
  }

  /** Resolves when it may go, or at once when the signal aborts. */
  async turn(signal: AbortSignal): Promise<void> {
    const { perSecond, burst } = this.options;
    const nowMs = this.clock.monotonic();
    this.#tokens = Math.min(burst, this.#tokens + (nowMs - this.#sinceMs) * perSecond / 1000) - 1;
    this.#sinceMs = nowMs;
    if (this.#tokens < 0) await sleep(this.clock, -this.#tokens * 1000 / perSecond, signal);
  }
}
