// A time by which something must have come to its end: a signal that aborts with an error of the caller's.
import type { Clock } from "./clock.ts";

/** Runs `work` with a signal that also aborts after so long; 0 is no deadline. */
export async function withinTime<T>(
  clock: Clock,
  withinMs: number,
  late: () => Error,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (withinMs === 0) return await work(signal);
  const controller = new AbortController();
  const timer = clock.setTimeout(() => controller.abort(late()), withinMs);
  const either = AbortSignal.any([signal, controller.signal]);
  const { promise, reject } = Promise.withResolvers<never>();
  const stop = () => reject(either.reason);
  either.addEventListener("abort", stop);
  try {
    // Work that does not heed its signal is left alone; nobody waits for it.
    return await Promise.race([work(either), promise]);
  } finally {
    clock.clearTimeout(timer);
    either.removeEventListener("abort", stop);
  }
}
