// Patience with a server elsewhere: bounded attempts with jittered pauses, a time limit for each, and
// a second request where the first one is slow.
// Rule: only weather is tried again; whoever has left is told so with their own reason.
import type { Clock } from "../../lib/clock.ts";
import type { Runtime } from "../../lib/runtime.ts";
import { backoffMs, type BackoffOptions, sleep } from "../../lib/waiting.ts";
import { type Attempt, BucketFailure } from "./bucket.ts";

export interface RetryOptions {
  readonly attemptsMax: number;
  readonly backoff: BackoffOptions;
}

export interface HedgeOptions {
  /** A read that takes longer is asked a second time; 0: never. */
  readonly atMs: number;
  /** Requests at a time for one read, the first included. */
  readonly upTo: number;
}

/** For callers who never leave. */
export const NEVER: AbortSignal = new AbortController().signal;

/** Not joined with NEVER, which would remember every signal that ever was. */
export function eitherOf(signal: AbortSignal, other: AbortSignal): AbortSignal {
  return signal === NEVER ? other : AbortSignal.any([signal, other]);
}

/** `once` is told which attempt it is, from 1. */
export async function retried<T>(
  runtime: Runtime,
  { attemptsMax, backoff }: RetryOptions,
  signal: AbortSignal,
  once: (attempt: number) => Promise<T>,
): Promise<T> {
  for (let attempt = 1;; attempt++) {
    signal.throwIfAborted();
    try {
      return await once(attempt);
    } catch (error) {
      signal.throwIfAborted();
      const isWeather = error instanceof BucketFailure && error.kind === "weather";
      if (!isWeather || attempt >= attemptsMax) throw error;
      await sleep(runtime.clock, backoffMs(backoff, attempt, runtime.random), signal);
    }
  }
}

/** The first answer of up to `upTo` requests, each begun `atMs` after the one before. */
export function hedged<T>(
  clock: Clock,
  { atMs, upTo }: HedgeOptions,
  signal: AbortSignal,
  onHedge: () => void,
  once: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (atMs <= 0 || upTo < 2) return once(signal);
  const decided = new AbortController();
  const either = eitherOf(signal, decided.signal);
  return new Promise((resolve, reject) => {
    let begun = 0;
    let running = 0;
    let timer: number | undefined;
    const decide = (settle: () => void) => {
      if (timer !== undefined) clock.clearTimeout(timer);
      settle();
      decided.abort(new Error("another request was faster"));
    };
    const begin = () => {
      begun++;
      running++;
      timer = begun < upTo ? clock.setTimeout(hedge, atMs) : undefined;
      once(either).then(
        (answer) => decide(() => resolve(answer)),
        (error) => {
          running--;
          // That an object is missing is an answer too; after weather another may still have one.
          const isWeather = error instanceof BucketFailure && error.kind === "weather";
          if (running === 0 || !isWeather) decide(() => reject(error));
        },
      );
    };
    const hedge = () => {
      onHedge();
      begin();
    };
    begin();
  });
}

/** Runs one attempt, which ends as weather when nothing has come for `timeoutMs`. */
export async function withinTime<T>(
  clock: Clock,
  timeoutMs: number,
  signal: AbortSignal,
  once: (attempt: Attempt) => Promise<T>,
): Promise<T> {
  const timeUp = new AbortController();
  const either = eitherOf(signal, timeUp.signal);
  const expire = () => timeUp.abort(late);
  const late = new BucketFailure("weather", `no answer within ${timeoutMs} ms`, undefined);
  let timer = clock.setTimeout(expire, timeoutMs);
  const progress = () => {
    clock.clearTimeout(timer);
    timer = clock.setTimeout(expire, timeoutMs);
  };
  try {
    // An adapter that does not hear its signal must not hold anyone up.
    return await Promise.race([once({ signal: either, progress }), rejection(either)]);
  } catch (error) {
    signal.throwIfAborted();
    throw timeUp.signal.aborted ? late : error;
  } finally {
    clock.clearTimeout(timer);
  }
}

function rejection(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
