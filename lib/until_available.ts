// Work that needs a server which may be away for a while: tried until it is there.
import type { Clock } from "./clock.ts";
import { UnavailableError } from "./errors.ts";
import { sleep } from "./waiting.ts";

const PAUSE_MS = 1_000;

/** `away` hears of each failure; other errors than UnavailableError are thrown, as the signal's reason is. */
export async function untilAvailable<T>(
  clock: Clock,
  signal: AbortSignal,
  work: () => Promise<T>,
  away: (error: UnavailableError) => void,
): Promise<T> {
  for (;;) {
    signal.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof UnavailableError)) throw error;
      away(error);
    }
    await sleep(clock, PAUSE_MS, signal);
  }
}
