// How fast blocks are merged: as fast as it goes while the machine has a core to spare, and a quarter of
// the time otherwise, because ingest and queries come first. What is left undone is done at night.
import type { Clock } from "../../lib/clock.ts";
import { nextTurn, sleep } from "../../lib/waiting.ts";

/** Rest per time of work while the machine is busy. */
const REST_PER_WORK = 3;
/** Of one rest: a step that took long, perhaps because the thread did not run, is not paid for in full. */
const REST_MAX_MS = 1_000;

const NEVER = new AbortController().signal;

/** A `pause` for work in steps. */
export function pacedPause(
  clock: Clock,
  isBusy: () => boolean,
  turn: () => Promise<void> = nextTurn,
): () => Promise<void> {
  let resumedMs = clock.monotonic();
  return async () => {
    const workedMs = clock.monotonic() - resumedMs;
    await turn();
    if (isBusy()) await sleep(clock, Math.min(REST_MAX_MS, workedMs * REST_PER_WORK), NEVER);
    resumedMs = clock.monotonic();
  };
}

/** Whether as many threads want to run as there are cores, the one that merges included. */
export function isMachineBusy(loadAverage: number, cores: number): boolean {
  return loadAverage > cores - 0.5;
}
