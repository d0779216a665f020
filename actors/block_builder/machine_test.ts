import assert from "node:assert/strict";
import fc from "fast-check";
import { fromPromise } from "xstate";
import { SimulatedClock } from "../../lib/clock.ts";
import { InvariantError } from "../../lib/invariant.ts";
import { sleep } from "../../lib/waiting.ts";
import { toMermaid } from "../../tools/mermaid.ts";
import { runMachine } from "../run_machine.ts";
import { blockBuilderMachine, type SectionRange } from "./machine.ts";

// Each effect writes down what it did; the property reads the journal at the end.
// An assertion inside an effect would be caught by the machine as one more failure.
type Entry = { effect: "build" | "commit" | "announce"; offset: number };

const NEVER = new AbortController().signal;
const SECTIONS = 4;

/** Runs over four sections; each effect takes a second and follows the script, then all is well. */
async function runScript(script: readonly string[], bug = false) {
  const clock = new SimulatedClock();
  const journal: Entry[] = [];
  const pending = [...script];
  let taken = 0;
  const attempt = async () => {
    await sleep(clock, 1_000, NEVER);
    if (pending.shift() === "fail") {
      throw bug ? new InvariantError("X-1: injected") : new Error("injected");
    }
  };
  const machine = blockBuilderMachine.provide({
    actors: {
      takeSection: fromPromise<SectionRange | null>(async () => {
        await sleep(clock, 10, NEVER);
        if (taken === SECTIONS) return null;
        const startOffset = 100 + 10 * taken++;
        return { startOffset, nextOffset: startOffset + 10 };
      }),
      buildBlocks: fromPromise<void, SectionRange>(async ({ input }) => {
        await attempt();
        journal.push({ effect: "build", offset: input.nextOffset });
      }),
      commitOffset: fromPromise<void, { offset: number }>(async ({ input }) => {
        await attempt();
        journal.push({ effect: "commit", offset: input.offset });
      }),
      announceBlocks: fromPromise<void, SectionRange>(async ({ input }) => {
        await attempt();
        journal.push({ effect: "announce", offset: input.nextOffset });
      }),
    },
  });
  const run = runMachine(machine, {
    input: { partition: 3, committedOffset: 100 },
    clock,
    signal: NEVER,
  }).then((output) => ({ output }), (error) => ({ error }));
  await clock.advance(40_000 * (script.length + 20));
  return { journal, result: await run as { output?: { committedOffset: number }; error?: Error } };
}

Deno.test("BB-1, BB-3: whatever fails, an offset is committed once, after its blocks, and only grows", async () => {
  const outcomes = fc.array(fc.constantFrom("ok", "ok", "fail"), { maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(outcomes, async (script) => {
      const { journal, result } = await runScript(script);
      const expected = [110, 120, 130, 140].flatMap((offset) =>
        (["build", "commit", "announce"] as const).map((effect) => ({ effect, offset }))
      );
      assert.deepEqual(journal, expected);
      assert.equal(result.output?.committedOffset, 140);
    }),
    { numRuns: 40 },
  );
});

Deno.test("the block builder does not retry a bug: it rejects, for the supervisor", async () => {
  const { journal, result } = await runScript(["ok", "fail"], true);
  assert.deepEqual(journal, [{ effect: "build", offset: 110 }]);
  assert.ok(result.error instanceof InvariantError);
});

Deno.test("BB-4: a section before the committed offset is a bug", async () => {
  const clock = new SimulatedClock();
  const machine = blockBuilderMachine.provide({
    actors: {
      takeSection: fromPromise<SectionRange | null>(() =>
        Promise.resolve({ startOffset: 90, nextOffset: 110 })
      ),
    },
  });
  const run = runMachine(machine, {
    input: { partition: 0, committedOffset: 100 },
    clock,
    signal: NEVER,
  });
  await assert.rejects(run, /BB-4/);
});

Deno.test("block builder diagram matches the code", () => {
  const drawn = Deno.readTextFileSync(
    new URL("../../docs/machines/block_builder.mmd", import.meta.url),
  );
  assert.equal(toMermaid(blockBuilderMachine), drawn);
});
