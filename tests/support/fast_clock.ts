// A clock whose waits pass a hundred times faster: for tests of code with real I/O between its waits.
import { type Clock, systemClock } from "../../lib/clock.ts";

export function fastClock(factor = 100): Clock {
  return {
    ...systemClock,
    setTimeout: (callback, delayMs) => systemClock.setTimeout(callback, delayMs / factor),
  };
}
