// The live-store of one partition: replay the log from the committed offset, then follow it; when the
// head section is due, seal it and hand it to the block-builder, and go on with an empty one.
// Data never passes through here: `pull` folds a batch of records and returns two facts about it.
//
//   replaying ──caught up──▶ live            due, or draining
//      │  ▲                   │ ▲            ───────────────▶ handing_over ──▶ back, or drained
//      ▼  │ pull              ▼ │ pull
//
// The drawing is a sketch; docs/machines/live_store.mmd is derived from this code.
import { assign, fromPromise, setup } from "xstate";
import { InvariantError } from "../../lib/invariant.ts";

/** What a pull has found. */
export interface Pulled {
  /** The fold has reached where the log ended when the partition started. */
  readonly isCaughtUp: boolean;
  /** The head section is to be sealed. */
  readonly isDue: boolean;
}

export interface LiveStoreInput {
  readonly partition: number;
  readonly attemptsMax: number;
}

interface Context extends LiveStoreInput {
  readonly isCaughtUp: boolean;
  readonly isDue: boolean;
  readonly isDraining: boolean;
  readonly attempts: number;
  readonly error: unknown;
}

export type LiveStoreEvent = { type: "drain" };

export const liveStoreMachine = setup({
  types: {} as {
    context: Context;
    events: LiveStoreEvent;
    input: LiveStoreInput;
  },
  actors: {
    pull: fromPromise<Pulled>(notProvided),
    handOver: fromPromise<void>(notProvided),
  },
  guards: {
    mustHandOver: ({ context }) => context.isDue || context.isDraining,
    isCaughtUp: ({ context }) => context.isCaughtUp,
    isDraining: ({ context }) => context.isDraining,
    givesUp: ({ context }) =>
      context.error instanceof InvariantError || context.attempts >= context.attemptsMax,
  },
  delays: {
    backoff: ({ context }) => Math.min(10_000, 100 * 2 ** context.attempts),
  },
  actions: {
    noteDrain: assign({ isDraining: true }),
    notePulled: assign((_, pulled: Pulled) => ({ ...pulled, attempts: 0, error: null })),
    noteHandedOver: assign({ isDue: false }),
    countFailure: assign(({ context }, params: { error: unknown }) => ({
      attempts: context.attempts + 1,
      error: params.error,
    })),
    escalate: ({ context }) => {
      throw context.error;
    },
  },
}).createMachine({
  id: "liveStore",
  initial: "deciding",
  context: ({ input }) => ({
    ...input,
    isCaughtUp: false,
    isDue: false,
    isDraining: false,
    attempts: 0,
    error: null,
  }),
  // A drain that arrives while records are folded is noted, and obeyed after them.
  on: { drain: { actions: "noteDrain" } },
  states: {
    deciding: {
      always: [
        { guard: "mustHandOver", target: "handing_over" },
        { guard: "isCaughtUp", target: "live" },
        { target: "replaying" },
      ],
    },
    replaying: {
      invoke: {
        src: "pull",
        onDone: {
          target: "deciding",
          actions: { type: "notePulled", params: ({ event }) => event.output },
        },
        onError: {
          target: "backing_off",
          actions: { type: "countFailure", params: ({ event }) => event },
        },
      },
    },
    live: {
      invoke: {
        src: "pull",
        onDone: {
          target: "deciding",
          actions: { type: "notePulled", params: ({ event }) => event.output },
        },
        onError: {
          target: "backing_off",
          actions: { type: "countFailure", params: ({ event }) => event },
        },
      },
    },
    handing_over: {
      invoke: {
        src: "handOver",
        onDone: [
          { guard: "isDraining", target: "drained" },
          { target: "deciding", actions: "noteHandedOver" },
        ],
        onError: {
          target: "backing_off",
          actions: { type: "countFailure", params: ({ event }) => event },
        },
      },
    },
    backing_off: {
      always: { guard: "givesUp", target: "failed" },
      after: { backoff: "deciding" },
    },
    drained: { type: "final" },
    failed: { entry: "escalate" }, // The supervisor hears of it.
  },
});

function notProvided(): Promise<never> {
  return Promise.reject(new InvariantError("LS-0: effect not provided"));
}
