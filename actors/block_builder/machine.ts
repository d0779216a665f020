// The block-builder of one partition: take a sealed section, build its blocks, commit the offset,
// and only then let the live-store go of it. A crash anywhere replays from the committed offset and
// builds the same section again, under ids that supersede what is there.
//
//   waiting ──section──▶ building ──▶ committing ──▶ announcing ──▶ waiting
//      │ no more sections   └──error──┬───┴──error───────┘
//      ▼                              ▼
//   drained                     backing_off ──gives up──▶ failed
//
// The drawing is a sketch; docs/machines/block_builder.mmd is derived from this code.
import { assign, fromPromise, setup } from "xstate";
import { invariant, InvariantError } from "../../lib/invariant.ts";

/** A run of records that becomes one block per tenant: [startOffset, nextOffset). */
export interface SectionRange {
  readonly startOffset: number;
  readonly nextOffset: number;
}

export interface BlockBuilderInput {
  readonly partition: number;
  readonly committedOffset: number;
}

interface Context extends BlockBuilderInput {
  readonly section: SectionRange | null;
  /** What is to be tried again after a failure. */
  readonly step: "building" | "committing" | "announcing";
  readonly attempts: number;
  readonly error: unknown;
}

export const blockBuilderMachine = setup({
  types: {} as {
    context: Context;
    events: { type: "never" };
    input: BlockBuilderInput;
    output: { committedOffset: number };
  },
  actors: {
    /** Null when no more sections will come. */
    takeSection: fromPromise<SectionRange | null>(notProvided),
    buildBlocks: fromPromise<void, SectionRange>(notProvided),
    commitOffset: fromPromise<void, { offset: number }>(notProvided),
    /** Resolves once queries see the blocks. */
    announceBlocks: fromPromise<void, SectionRange>(notProvided),
  },
  guards: {
    // A bug does not go away by trying again; the world's failures do, so those never give up: the
    // section stays queryable in memory and the log keeps what comes after.
    isBug: ({ context }) => context.error instanceof InvariantError,
    wasBuilding: ({ context }) => context.step === "building",
    wasCommitting: ({ context }) => context.step === "committing",
  },
  delays: {
    backoff: ({ context }) => backoffMs(context.attempts),
  },
  actions: {
    countFailure: assign(({ context }, params: { error: unknown }) => ({
      attempts: context.attempts + 1,
      error: params.error,
    })),
    escalate: ({ context }) => {
      throw context.error;
    },
  },
}).createMachine({
  id: "blockBuilder",
  initial: "waiting",
  context: ({ input }) => ({
    ...input,
    section: null,
    step: "building",
    attempts: 0,
    error: null,
  }),
  output: ({ context }) => ({ committedOffset: context.committedOffset }),
  states: {
    waiting: {
      invoke: {
        src: "takeSection",
        onDone: [
          { guard: ({ event }) => event.output === null, target: "drained" },
          {
            target: "building",
            actions: assign(({ context, event }) => afterTake(context, event.output)),
          },
        ],
        onError: {
          target: "backing_off",
          actions: { type: "countFailure", params: ({ event }) => event },
        },
      },
    },
    building: {
      invoke: {
        src: "buildBlocks",
        input: ({ context }) => sectionOf(context),
        onDone: { target: "committing", actions: assign({ step: "committing", attempts: 0 }) },
        onError: {
          target: "backing_off",
          actions: { type: "countFailure", params: ({ event }) => event },
        },
      },
    },
    committing: {
      invoke: {
        src: "commitOffset",
        input: ({ context }) => ({ offset: sectionOf(context).nextOffset }),
        onDone: {
          target: "announcing",
          actions: assign(({ context }) => afterCommit(context)),
        },
        onError: {
          target: "backing_off",
          actions: { type: "countFailure", params: ({ event }) => event },
        },
      },
    },
    announcing: {
      invoke: {
        src: "announceBlocks",
        input: ({ context }) => sectionOf(context),
        onDone: { target: "waiting", actions: assign({ section: null, attempts: 0 }) },
        onError: {
          target: "backing_off",
          actions: { type: "countFailure", params: ({ event }) => event },
        },
      },
    },
    backing_off: {
      always: { guard: "isBug", target: "failed" },
      after: {
        backoff: [
          { guard: ({ context }) => context.section === null, target: "waiting" },
          { guard: "wasBuilding", target: "building" },
          { guard: "wasCommitting", target: "committing" },
          { target: "announcing" },
        ],
      },
    },
    drained: { type: "final" },
    failed: { entry: "escalate" }, // The supervisor hears of it.
  },
});

function afterTake(context: Context, section: SectionRange | null): Partial<Context> {
  invariant(section !== null, "BB-2: a section is held while building and committing");
  // Not "===": what lies between may have been lost to damage, and was reported then.
  invariant(
    section.startOffset >= context.committedOffset,
    "BB-4: a section begins at or after the committed offset",
  );
  return { section, step: "building", attempts: 0, error: null };
}

export function afterCommit(context: Context): Partial<Context> {
  const { nextOffset } = sectionOf(context);
  invariant(nextOffset > context.committedOffset, "BB-1: the committed offset only grows");
  return { committedOffset: nextOffset, step: "announcing", attempts: 0, error: null };
}

export function backoffMs(attempts: number): number {
  return Math.min(30_000, 250 * 2 ** Math.min(20, attempts));
}

function sectionOf(context: Context): SectionRange {
  invariant(context.section !== null, "BB-2: a section is held while building and committing");
  return context.section;
}

function notProvided(): Promise<never> {
  return Promise.reject(new InvariantError("BB-0: effect not provided"));
}
