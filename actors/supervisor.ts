// Restarts failed children, one for one, as OTP supervisors do. A child that
// fails too often within the window is not restarted: the failure escalates.
import type { Clock } from "../lib/clock.ts";
import { UnavailableError } from "../lib/errors.ts";
import { InvariantError } from "../lib/invariant.ts";
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
