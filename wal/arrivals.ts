// Where long polls wait until something has been appended.
import type { Clock } from "../lib/clock.ts";

export class Arrivals {
  #waiting = new Set<() => void>();

  /** Resolves at the next arrival or after `waitMs`; rejects with the signal's reason. */
  wait(clock: Clock, waitMs: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    return new Promise((resolve, reject) => {
      const leave = () => {
        clock.clearTimeout(timer);
        signal.removeEventListener("abort", abort);
        this.#waiting.delete(finish);
      };
      const finish = () => {
        leave();
        resolve();
      };
      const abort = () => {
        leave();
        reject(signal.reason);
      };
      const timer = clock.setTimeout(finish, waitMs);
      signal.addEventListener("abort", abort);
      this.#waiting.add(finish);
    });
  }

  announce(): void {
    for (const finish of [...this.#waiting]) finish();
  }
}
