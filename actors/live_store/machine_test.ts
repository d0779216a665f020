import assert from "node:assert/strict";
import fc from "fast-check";
import { fromPromise } from "xstate";
import { SimulatedClock } from "../../lib/clock.ts";
import { sleep } from "../../lib/waiting.ts";
import { toMermaid } from "../../tools/mermaid.ts";
import { runMachine } from "../run_machine.ts";
import { liveStoreMachine, type Pulled } from "./machine.ts";

const NEVER = new AbortController().signal;

/** Pulls follow the script; the run is drained at the end. Returns phases and what was done. */
async function runScript(script: readonly ("ok" | "due" | "fail")[], caughtUpAfter: number) {
  const clock = new SimulatedClock();
  const journal: string[] = [];
  const phases: string[] = [];
  const pending = [...script];
  let pulls = 0;
  let send!: (event: { type: string }) => void;
  const machine = liveStoreMachine.provide({
    actors: {
      pull: fromPromise<Pulled>(async () => {
        await sleep(clock, 100, NEVER);
        const outcome = pending.shift() ?? "ok";
        if (outcome === "fail") throw new Error("injected");
        journal.push(`pull ${outcome}`);
        return { isCaughtUp: ++pulls >= caughtUpAfter, isDue: outcome === "due" };
      }),
      handOver: fromPromise<void>(async () => {
        await sleep(clock, 100, NEVER);
        journal.push("hand over");
      }),
    },
  });
  const run = runMachine(machine, {
    input: { partition: 0, attemptsMax: 5 },
    clock,
    signal: NEVER,
    onPhase: (phase) => phases.push(phase),
    onStart: (given) => send = given,
  }).then(() => "drained", () => "failed");
  await clock.advance(15_000 * (script.length + 1));
  send({ type: "drain" });
  await clock.advance(15_000);
  return { end: await run, journal, phases };
}

Deno.test("the live-store replays until caught up, then follows the log", async () => {
  const { phases, end } = await runScript(["ok", "ok"], 2);
  assert.deepEqual(phases.slice(0, 3), ["replaying", "replaying", "live"]);
  assert.equal(end, "drained");
});

Deno.test("LS-6: every due pull is followed by a handing over, and so is a drain", async () => {
  const outcomes = fc.array(fc.constantFrom("ok", "ok", "due", "fail"), { maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(outcomes, fc.nat(5), async (script, caughtUpAfter) => {
      // Failures in a row beyond the limit escalate; the law is about runs that go on.
      fc.pre(!script.join(" ").includes("fail fail fail fail"));
      const { end, journal } = await runScript(script as never, caughtUpAfter);
      assert.equal(end, "drained");
      journal.forEach((entry, i) => {
        if (entry === "pull due") assert.equal(journal[i + 1], "hand over");
      });
      assert.equal(journal.at(-1), "hand over");
      const due = script.filter((outcome) => outcome === "due").length;
      assert.equal(journal.filter((entry) => entry === "hand over").length, due + 1);
    }),
    { numRuns: 40 },
  );
});

Deno.test("a log that cannot be read escalates", async () => {
  const { end } = await runScript(["fail", "fail", "fail", "fail", "fail"], 1);
  assert.equal(end, "failed");
});

Deno.test("live-store diagram matches the code", () => {
  const drawn = Deno.readTextFileSync(
    new URL("../../docs/machines/live_store.mmd", import.meta.url),
  );
  assert.equal(toMermaid(liveStoreMachine), drawn);
});
