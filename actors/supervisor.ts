// Restarts failed children, one for one, as OTP supervisors do. A child that
// fails too often within the window is not restarted: the failure escalates.
import type { Clock } from "../lib/clock.ts";
import { UnavailableError } from "../lib/errors.ts";
import { InvariantError } from "../lib/invariant.ts";
import type { Runtime } from "../lib/runtime.ts";
import { sleep } from "../lib/waiting.ts";

/** A long-running task: resolves when it stops cleanly, rejects when it fails. */
export interface ChildSpec {
  readonly id: string;
  run(signal: AbortSignal): Promise<void>;
}

export interface RestartPolicy {
  /** More failures than this within the window escalate. */
  readonly restartsMax: number;
  readonly windowMs: number;
  readonly backoffMinMs: number;
  readonly backoffMaxMs: number;
}

export interface SupervisorEvents {
  restarting(id: string, error: unknown, delayMs: number): void;
}

export class RestartIntensityError extends Error {
  override readonly name = "RestartIntensityError";

  constructor(readonly childId: string, options: ErrorOptions) {
    super(`child ${childId} failed too often`, options);
  }
}

/** Runs one child until it stops cleanly, is aborted, or fails too often. */
export async function supervise(
  clock: Clock,
  child: ChildSpec,
  policy: RestartPolicy,
  signal: AbortSignal,
  events: SupervisorEvents,
): Promise<void> {
  let failureTimesMs: number[] = [];
  while (!signal.aborted) {
    try {
      return await child.run(signal);
    } catch (error) {
      if (signal.aborted) return;
      const now = clock.now();
      failureTimesMs = [...failureTimesMs.filter((at) => now - at < policy.windowMs), now];
      if (failureTimesMs.length > policy.restartsMax) {
        throw new RestartIntensityError(child.id, { cause: error });
      }
      const delayMs = restartDelayMs(policy, failureTimesMs.length);
      events.restarting(child.id, error, delayMs);
      await sleep(clock, delayMs, signal);
    }
  }
}

/** Of whole threads, without which a process cannot go on. */
const THREAD_RESTARTS: RestartPolicy = {
  restartsMax: 3,
  windowMs: 300_000,
  backoffMinMs: 200,
  backoffMaxMs: 10_000,
};

/** `supervise` for one of them, told and counted; `name` is what the log calls it. */
export function superviseThread(
  { clock, log, metrics }: Runtime,
  name: string,
  child: ChildSpec,
  signal: AbortSignal,
): Promise<void> {
  const restarts = metrics.counter(
    "segno_actor_restarts_total",
    "Restarts of supervised actors, by actor and kind of failure.",
    ["actor", "kind"],
  );
  return supervise(clock, child, THREAD_RESTARTS, signal, {
    restarting: (actor, error, delayMs) => {
      restarts.labels(actor, kindOfFailure(error)).inc();
      log.error(`${name} failed and restarts`, { actor, delayMs, error: String(error) });
    },
  });
}

export function restartDelayMs(policy: RestartPolicy, failures: number): number {
  return Math.min(policy.backoffMaxMs, policy.backoffMinMs * 2 ** (failures - 1));
}

/** The word that counters use for a failure. */
export function kindOfFailure(error: unknown): string {
  if (error instanceof RestartIntensityError) return "gave_up";
  if (error instanceof InvariantError) return "bug";
  if (error instanceof UnavailableError) return "unavailable";
  return error instanceof Error ? error.name : "unknown";
}
