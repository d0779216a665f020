// The phases of the scheduler: what it knew is read and held against the bucket, then it serves, and now
// and then does what the clock asks for. Workers are answered in every phase after the first two.
// The weather is waited out; a bug goes up to the supervisor, who starts it again from its journal.
//
//   opening ─▶ reconciling ─▶ serving ──rest──▶ maintaining ─▶ serving
//      └───────────┴── error ──▶ backing_off ──▶ where it was
//
// The drawing is a sketch; docs/machines/scheduler.mmd is derived from this code.
import { assign, fromPromise, setup } from "xstate";
import { InvariantError } from "../../lib/invariant.ts";
import { backoffMs } from "../block_builder/machine.ts";

export interface SchedulerInput {
  /** When it is to look at the clock again. */
  restMs(): number;
}

interface Context extends SchedulerInput {
  readonly attempts: number;
  readonly error: unknown;
}

export const schedulerMachine = setup({
  types: {} as {
    context: Context;
    events: { type: "never" };
    input: SchedulerInput;
  },
  actors: {
    open: fromPromise<void>(notProvided),
    reconcile: fromPromise<void>(notProvided),
    maintain: fromPromise<void>(notProvided),
  },
  guards: {
    isBug: ({ context }) => context.error instanceof InvariantError,
  },
  delays: {
    rest: ({ context }) => context.restMs(),
    backoff: ({ context }) => backoffMs(context.attempts),
  },
  actions: {
    countFailure: assign(({ context }, params: { error: unknown }) => ({
      attempts: context.attempts + 1,
      error: params.error,
    })),
    forgetFailures: assign({ attempts: 0, error: null }),
    escalate: ({ context }) => {
      throw context.error;
    },
  },
}).createMachine({
  id: "scheduler",
  initial: "opening",
  context: ({ input }) => ({ ...input, attempts: 0, error: null }),
  states: {
    opening: {
      invoke: {
        src: "open",
        onDone: { target: "reconciling", actions: "forgetFailures" },
        onError: {
          target: "opening_again",
          actions: { type: "countFailure", params: ({ event }) => event },
        },
      },
    },
    opening_again: {
      always: { guard: "isBug", target: "failed" },
      after: { backoff: "opening" },
    },
    reconciling: {
      invoke: {
        src: "reconcile",
        onDone: { target: "maintaining", actions: "forgetFailures" },
        onError: {
          target: "reconciling_again",
          actions: { type: "countFailure", params: ({ event }) => event },
        },
      },
    },
    reconciling_again: {
      always: { guard: "isBug", target: "failed" },
      after: { backoff: "reconciling" },
    },
    serving: { after: { rest: "maintaining" } },
    maintaining: {
      invoke: {
        src: "maintain",
        onDone: { target: "serving", actions: "forgetFailures" },
        onError: {
          target: "maintaining_again",
          actions: { type: "countFailure", params: ({ event }) => event },
        },
      },
    },
    maintaining_again: {
      always: { guard: "isBug", target: "failed" },
      after: { backoff: "maintaining" },
    },
    failed: { entry: "escalate" }, // The supervisor hears of it.
  },
});

function notProvided(): Promise<never> {
  return Promise.reject(new InvariantError("SC-0: effect not provided"));
}
