import assert from "node:assert/strict";
import { fromPromise } from "xstate";
import { SimulatedClock } from "../../lib/clock.ts";
import { UnavailableError } from "../../lib/errors.ts";
import { InvariantError } from "../../lib/invariant.ts";
import { toMermaid } from "../../tools/mermaid.ts";
import { runMachine } from "../run_machine.ts";
import { backendMachine, type Work } from "./machine.ts";

/** Runs for `ms`; each plan is the next of the script, or nothing. */
async function run(script: (Work | Error)[], ms: number) {
  const clock = new SimulatedClock();
  const journal: string[] = [];
  const machine = backendMachine.provide({
    actors: {
      plan: fromPromise<Work>(() => {
        const next = script.shift() ?? "nothing";
        journal.push(`plan ${clock.now()}`);
        return next instanceof Error ? Promise.reject(next) : Promise.resolve(next);
      }),
      retain: fromPromise<void>(() => Promise.resolve(void journal.push("retain"))),
      compact: fromPromise<void>(() => Promise.resolve(void journal.push("compact"))),
    },
  });
  const stop = new AbortController();
  const { signal } = stop;
  const done = runMachine(machine, { input: { restMs: 1000 }, clock, signal });
  let failure: unknown;
  done.catch((error) => failure = error);
  await clock.advance(ms);
  stop.abort();
  await done.catch(() => {});
  return { journal, failure };
}

Deno.test("the backend does one thing after the other, and rests when there is nothing to do", async () => {
  const { journal } = await run(["retention", "compaction", "compaction"], 2500);
  assert.deepEqual(journal, [
    ...["plan 0", "retain", "plan 0", "compact", "plan 0", "compact"],
    ...["plan 0", "plan 1000", "plan 2000"],
  ]);
});

Deno.test("weather is waited out, longer each time; a bug goes up", async () => {
  const weather = () => new UnavailableError("storm");
  const { journal } = await run([weather(), weather(), "compaction"], 2000);
  assert.deepEqual(journal, ["plan 0", "plan 500", "plan 1500", "compact", "plan 1500"]);
  const bug = new InvariantError("X-1: injected");
  assert.equal((await run([bug], 100)).failure, bug);
});

Deno.test("the drawing of the machine is current", () => {
  const drawn = Deno.readTextFileSync(new URL("../../docs/machines/backend.mmd", import.meta.url));
  assert.equal(toMermaid(backendMachine), drawn);
});
