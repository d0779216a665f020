// Waiting that obeys a clock and a signal.
import { setImmediate } from "node:timers";
import type { Clock } from "./clock.ts";
import type { Random } from "./random.ts";

/** Resolves after the delay, or at once when the signal aborts. Never rejects. */
export function sleep(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const finish = () => {
      clock.clearTimeout(timer);
      signal.removeEventListener("abort", finish);
      resolve();
    };
    const timer = clock.setTimeout(finish, delayMs);
    signal.addEventListener("abort", finish);
  });
}

/** What somebody else's promise says; rejects with the signal's reason when it aborts before. Neither holds on to it. */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const stop = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

export interface BackoffOptions {
  readonly minMs: number;
  readonly maxMs: number;
}

/** Exponential, with full jitter above half, for the n-th failure in a row (from 1). */
export function backoffMs(options: BackoffOptions, failures: number, random: Random): number {
  const ceiling = Math.min(options.maxMs, options.minMs * 2 ** Math.min(30, failures - 1));
  return ceiling * (0.5 + random.next() / 2);
}

/** Works on the items one after the other, and lets the thread do what else is due between steps. */
export async function inSteps<T>(
  items: Iterable<T>,
  itemsPerStep: number,
  work: (item: T) => void,
): Promise<void> {
  let done = 0;
  for (const item of items) {
    work(item);
    if (++done % itemsPerStep === 0) await nextTurn();
  }
}

/** Lets the thread do what else is due, messages and timers included, and comes back. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
