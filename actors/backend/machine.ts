// The phases of looking after blocks: one thing at a time, for as long as there is something to do,
// and then a rest. The weather is waited out; a bug goes up to the supervisor.
//
//   planning ──retention──▶ retaining ──▶ planning
//      │ └────compaction──▶ compacting ──▶ planning
//      │ nothing              └──error──▶ backing_off ──▶ planning
//      ▼
//   resting ──interval──▶ planning
//
// The drawing is a sketch; docs/machines/backend.mmd is derived from this code.
import { assign, fromPromise, setup } from "xstate";
import { InvariantError } from "../../lib/invariant.ts";
import { backoffMs } from "../block_builder/machine.ts";

export type Work = "retention" | "compaction" | "nothing";

export interface BackendInput {
  readonly restMs: number;
}

interface Context extends BackendInput {
  readonly attempts: number;
  readonly error: unknown;
}

export const backendMachine = setup({
  types: {} as {
    context: Context;
    events: { type: "never" };
    input: BackendInput;
  },
  actors: {
    plan: fromPromise<Work>(notProvided),
    retain: fromPromise<void>(notProvided),
    compact: fromPromise<void>(notProvided),
  },
  guards: {
    isBug: ({ context }) => context.error instanceof InvariantError,
  },
  delays: {
    rest: ({ context }) => context.restMs,
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
  id: "backend",
  initial: "planning",
  context: ({ input }) => ({ ...input, attempts: 0, error: null }),
  states: {
    planning: {
      invoke: {
        src: "plan",
        onDone: [
          { guard: ({ event }) => event.output === "retention", target: "retaining" },
          { guard: ({ event }) => event.output === "compaction", target: "compacting" },
          { target: "resting", actions: "forgetFailures" },
        ],
        onError: {
          target: "backing_off",
          actions: { type: "countFailure", params: ({ event }) => event },
        },
      },
    },
    retaining: {
      invoke: {
        src: "retain",
        onDone: { target: "planning", actions: "forgetFailures" },
        onError: {
          target: "backing_off",
          actions: { type: "countFailure", params: ({ event }) => event },
        },
      },
    },
    compacting: {
      invoke: {
        src: "compact",
        onDone: { target: "planning", actions: "forgetFailures" },
        onError: {
          target: "backing_off",
          actions: { type: "countFailure", params: ({ event }) => event },
        },
      },
    },
    resting: { after: { rest: "planning" } },
    backing_off: {
      always: { guard: "isBug", target: "failed" },
      after: { backoff: "planning" },
    },
    failed: { entry: "escalate" }, // The supervisor hears of it.
  },
});

function notProvided(): Promise<never> {
  return Promise.reject(new InvariantError("BE-0: effect not provided"));
}
