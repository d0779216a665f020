import assert from "node:assert/strict";
import { fromPromise } from "xstate";
import { SimulatedClock } from "../../lib/clock.ts";
import { UnavailableError } from "../../lib/errors.ts";
import { InvariantError } from "../../lib/invariant.ts";
import { toMermaid } from "../../tools/mermaid.ts";
import { runMachine } from "../run_machine.ts";
import { type Asked, type Reported, workerMachine } from "./machine.ts";

interface Script {
  readonly asked?: (Asked | Error)[];
  readonly worked?: (Error | undefined)[];
  readonly reported?: (Reported | Error)[];
  /** When it is asked to stop. */
  readonly stopAtMs?: number;
  /** How long a job takes. */
  readonly jobMs?: number;
}

async function run(script: Script, ms: number) {
  const { asked = [], worked = [], reported = [], stopAtMs, jobMs = 0 } = script;
  const clock = new SimulatedClock();
  const journal: string[] = [];
  const told = async <T>(what: string, value: T | Error) => {
    journal.push(`${what} ${clock.now()}`);
    if (what === "work" && jobMs > 0) {
      await new Promise<void>((done) => void clock.setTimeout(done, jobMs));
    }
    if (value instanceof Error) throw value;
    return value;
  };
  const machine = workerMachine.provide({
    actors: {
      ask: fromPromise<Asked>(() => told("ask", asked.shift() ?? "nothing")),
      work: fromPromise<void>(() => told("work", worked.shift())),
      report: fromPromise<Reported>(() => told("report", reported.shift() ?? "fine")),
    },
  });
  const end = new AbortController();
  const done = runMachine(machine, {
    input: { backoffMs: (attempts) => 100 * 2 ** (attempts - 1) },
    clock,
    signal: end.signal,
    onStart: (send) => {
      if (stopAtMs !== undefined) clock.setTimeout(() => send({ type: "stop" }), stopAtMs);
    },
  }).then(() => journal.push(`end ${clock.now()}`));
  let failure: unknown;
  done.catch((error) => failure = error);
  await clock.advance(ms);
  end.abort();
  await done.catch(() => {});
  return { journal: journal.filter((line) => line !== `end ${ms}`), failure };
}

const weather = () => new UnavailableError("storm");

Deno.test("a worker does jobs while there are some, and then asks less and less often", async () => {
  const { journal } = await run({ asked: ["job", "job"] }, 1000);
  assert.deepEqual(journal, [
    ...["ask 0", "work 0", "report 0", "ask 0", "work 0", "report 0"],
    ...["ask 0", "ask 100", "ask 300", "ask 700"],
  ]);
});

Deno.test("a report is kept until the scheduler has heard it; a scheduler that is away is asked again", async () => {
  const { journal } = await run(
    { asked: [weather(), "job"], reported: [weather(), weather(), "fine"] },
    450,
  );
  assert.deepEqual(journal, [
    ...["ask 0", "ask 100", "work 100", "report 100", "report 200", "report 400", "ask 400"],
  ]);
});

Deno.test("after a job that the weather spoilt it rests before it asks again", async () => {
  const { journal } = await run({ asked: ["job"], reported: ["weather"] }, 150);
  assert.deepEqual(journal, ["ask 0", "work 0", "report 0", "ask 100"]);
});

Deno.test("asked to stop it ends at once while it rests, and else after its report", async () => {
  const resting = await run({ stopAtMs: 50 }, 1000);
  assert.deepEqual(resting.journal, ["ask 0", "end 50"]);
  const working = await run({ asked: ["job", "job"], jobMs: 300, stopAtMs: 50 }, 1000);
  assert.deepEqual(working.journal, ["ask 0", "work 0", "report 300", "end 300"]);
  const unheard = { asked: ["job" as const], reported: [weather()], jobMs: 300, stopAtMs: 50 };
  assert.deepEqual((await run(unheard, 1000)).journal, [
    "ask 0",
    "work 0",
    "report 300",
    "end 300",
  ]);
});

Deno.test("a bug goes up", async () => {
  const bug = new InvariantError("X-1: injected");
  assert.equal((await run({ asked: [bug] }, 100)).failure, bug);
  assert.equal((await run({ asked: ["job"], worked: [bug] }, 100)).failure, bug);
  assert.equal((await run({ asked: ["job"], reported: [bug] }, 100)).failure, bug);
});

Deno.test("the drawing of the machine is current", () => {
  const path = new URL("../../docs/machines/worker.mmd", import.meta.url);
  assert.equal(toMermaid(workerMachine), Deno.readTextFileSync(path));
});
