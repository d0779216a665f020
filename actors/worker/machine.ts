// The phases of a worker: it asks for a job, does it, and tells what came of it. When there is none it
// rests a little longer each time; when the scheduler is away it tries again likewise, and what it has to
// tell is kept until it is told. A bug goes up to the supervisor.
//
//   asking ──job──▶ working ─▶ reporting ─▶ asking
//      │ ▲ none, weather          └ weather ─▶ reporting, later
//      ▼ │
//   resting                 stop: at once while it asks or rests, else after its report
//
// The drawing is a sketch; docs/machines/worker.mmd is derived from this code.
import { assign, fromPromise, setup } from "xstate";
import { InvariantError } from "../../lib/invariant.ts";

export type Asked = "job" | "nothing";
/** "weather": the job failed for a reason that may be everywhere. */
export type Reported = "fine" | "weather";

export interface WorkerInput {
  /** How long to rest after so many times without a job, or failed calls, in a row. */
  backoffMs(attempts: number): number;
}

interface Context extends WorkerInput {
  readonly attempts: number;
  readonly isStopping: boolean;
  readonly error: unknown;
}

export const workerMachine = setup({
  types: {} as {
    context: Context;
    events: { type: "stop" };
    input: WorkerInput;
  },
  actors: {
    ask: fromPromise<Asked>(notProvided),
    work: fromPromise<void>(notProvided),
    report: fromPromise<Reported>(notProvided),
  },
  guards: {
    isBug: ({ context }) => context.error instanceof InvariantError,
    isStopping: ({ context }) => context.isStopping,
  },
  delays: {
    backoff: ({ context }) => context.backoffMs(context.attempts),
  },
  actions: {
    noteStop: assign({ isStopping: true }),
    countAttempt: assign(({ context }) => ({ attempts: context.attempts + 1, error: null })),
    countFailure: assign(({ context }, params: { error: unknown }) => ({
      attempts: context.attempts + 1,
      error: params.error,
    })),
    forgetAttempts: assign({ attempts: 0, error: null }),
    escalate: ({ context }) => {
      throw context.error;
    },
  },
}).createMachine({
  id: "worker",
  initial: "asking",
  context: ({ input }) => ({ ...input, attempts: 0, isStopping: false, error: null }),
  on: { stop: { actions: "noteStop" } },
  states: {
    asking: {
      always: { guard: "isStopping", target: "stopped" },
      invoke: {
        src: "ask",
        onDone: [
          {
            guard: ({ event }) => event.output === "job",
            target: "working",
            actions: "forgetAttempts",
          },
          { target: "resting", actions: "countAttempt" },
        ],
        onError: {
          target: "resting",
          actions: { type: "countFailure", params: ({ event }) => event },
        },
      },
    },
    resting: {
      always: [
        { guard: "isBug", target: "failed" },
        { guard: "isStopping", target: "stopped" },
      ],
      after: { backoff: "asking" },
    },
    working: {
      invoke: {
        src: "work",
        onDone: "reporting",
        onError: {
          target: "failed",
          actions: { type: "countFailure", params: ({ event }) => event },
        },
      },
    },
    reporting: {
      invoke: {
        src: "report",
        onDone: [
          {
            guard: ({ event }) => event.output === "fine",
            target: "asking",
            actions: "forgetAttempts",
          },
          { target: "resting", actions: "countAttempt" },
        ],
        onError: {
          target: "reporting_again",
          actions: { type: "countFailure", params: ({ event }) => event },
        },
      },
    },
    reporting_again: {
      always: [
        { guard: "isBug", target: "failed" },
        // The scheduler is away; it will miss this worker, and give the job out again.
        { guard: "isStopping", target: "stopped" },
      ],
      after: { backoff: "reporting" },
    },
    stopped: { type: "final" },
    failed: { entry: "escalate" }, // The supervisor hears of it.
  },
});

function notProvided(): Promise<never> {
  return Promise.reject(new InvariantError("WO-0: effect not provided"));
}
