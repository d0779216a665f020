// Runs a state machine as a child task. The only place that creates xstate actors: an actor whose
// errors nobody observes would end the process.
import { type AnyStateMachine, createActor, type InputFrom, type OutputFrom } from "xstate";
import type { Clock } from "../lib/clock.ts";

export interface RunOptions<M extends AnyStateMachine> {
  readonly input: InputFrom<M>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Hears the name of each phase that is entered. */
  readonly onPhase?: (phase: string) => void;
  /** Is given the way to send events once the machine runs. */
  readonly onStart?: (send: (event: { type: string }) => void) => void;
}

/**
 * Resolves with the machine's output when it reaches a final state, rejects when it fails, and stops
 * it, resolving with undefined, when the signal aborts.
 */
export function runMachine<M extends AnyStateMachine>(
  machine: M,
  options: RunOptions<M>,
): Promise<OutputFrom<M> | undefined> {
  const { input, clock, signal, onPhase, onStart } = options;
  const { promise, resolve, reject } = Promise.withResolvers<OutputFrom<M> | undefined>();
  const actor = createActor(machine as AnyStateMachine, { input, clock });
  const stop = () => {
    actor.stop();
    resolve(undefined);
  };
  actor.subscribe({
    next: (snapshot) => onPhase?.(String(snapshot.value)),
    error: reject,
    complete: () => resolve(actor.getSnapshot().output as OutputFrom<M>),
  });
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  else {
    actor.start();
    onStart?.((event) => actor.send(event));
  }
  return promise.finally(() => signal.removeEventListener("abort", stop));
}
