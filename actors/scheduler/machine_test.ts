import assert from "node:assert/strict";
import { fromPromise } from "xstate";
import { SimulatedClock } from "../../lib/clock.ts";
import { UnavailableError } from "../../lib/errors.ts";
import { InvariantError } from "../../lib/invariant.ts";
import { toMermaid } from "../../tools/mermaid.ts";
import { runMachine } from "../run_machine.ts";
import { schedulerMachine } from "./machine.ts";

type Phase = "open" | "reconcile" | "maintain";

/** Runs for `ms`; what each phase fails with, in turn. */
async function run(failures: Partial<Record<Phase, (Error | undefined)[]>>, ms: number) {
  const clock = new SimulatedClock();
  const journal: string[] = [];
  const phase = (name: Phase) =>
    fromPromise<void>(() => {
      journal.push(`${name} ${clock.now()}`);
      const failure = failures[name]?.shift();
      return failure === undefined ? Promise.resolve() : Promise.reject(failure);
    });
  const machine = schedulerMachine.provide({
    actors: { open: phase("open"), reconcile: phase("reconcile"), maintain: phase("maintain") },
  });
  const stop = new AbortController();
  const { signal } = stop;
  const done = runMachine(machine, { input: { restMs: () => 1000 }, clock, signal });
  let failure: unknown;
  done.catch((error) => failure = error);
  await clock.advance(ms);
  stop.abort();
  await done.catch(() => {});
  return { journal, failure };
}

const weather = () => new UnavailableError("storm");

Deno.test("the scheduler opens, holds its state against the bucket, and then looks now and then", async () => {
  const { journal } = await run({}, 2500);
  assert.deepEqual(journal, [
    ...["open 0", "reconcile 0", "maintain 0", "maintain 1000", "maintain 2000"],
  ]);
});

Deno.test("weather is waited out where it is met, longer each time", async () => {
  const { journal } = await run(
    { open: [weather()], reconcile: [weather()], maintain: [weather(), weather()] },
    3000,
  );
  assert.deepEqual(journal, [
    ...["open 0", "open 500", "reconcile 500", "reconcile 1000"],
    ...["maintain 1000", "maintain 1500", "maintain 2500"],
  ]);
});

Deno.test("a bug goes up from every phase", async () => {
  for (const name of ["open", "reconcile", "maintain"] as const) {
    const bug = new InvariantError("X-1: injected");
    assert.equal((await run({ [name]: [bug] }, 100)).failure, bug);
  }
});

Deno.test("the drawing of the machine is current", () => {
  const path = new URL("../../docs/machines/scheduler.mmd", import.meta.url);
  assert.equal(toMermaid(schedulerMachine), Deno.readTextFileSync(path));
});
