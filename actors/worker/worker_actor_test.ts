// How workers begin, go on and stop, with a real scheduler, on a simulated clock.
import assert from "node:assert/strict";
import { UnavailableError } from "../../lib/errors.ts";
import {
  assertClean,
  assertHeld,
  begin,
  HOUR_MS,
  type Life,
  type LifeWishes,
  newWorld,
  pass,
  putFour,
  type World,
} from "../../tests/support/upkeep_world.ts";
import type { JobSource, JobUpdate } from "../scheduler/job.ts";

const NEVER = new AbortController().signal;

/** Four blocks whose merging stands still at its last object until `open` is called. */
async function beginHeld(wishes: LifeWishes = {}) {
  const world = newWorld();
  const acme = await putFour(world, "acme", 1);
  const gate = Promise.withResolvers<void>();
  world.store.script({ operation: "write", key: "/index", call: 1, delay: gate.promise });
  const life = await begin(world, wishes);
  await pass(world.clock, 10_000);
  return { world, acme, life, open: () => gate.resolve() };
}

const jobsOf = ({ scheduler }: Life) => [...scheduler.scheduler!.book.state.jobs.values()];
const statesOf = (life: Life) => jobsOf(life).map(({ state }) => state);

async function soon(world: World): Promise<void> {
  for (let i = 0; i < 5; i++) await pass(world.clock, 40);
}

Deno.test("asked to stop, a worker finishes its job and takes no other", async () => {
  const { world, acme, life, open } = await beginHeld();
  await putFour(world, "other", 11);
  await life.list.poll();
  assert.deepEqual(statesOf(life), ["running"]);
  life.finish();
  await pass(world.clock, 20_000);
  open();
  await soon(world);
  await pass(world.clock, 2 * 60_000);
  assert.deepEqual(statesOf(life), ["succeeded"]);
  assert.equal(life.list.blocks("other").length, 4);
  await assertHeld(world, life, "acme", acme);
  await life.stop();
});

Deno.test("a job that is not done in time is given back, and to the next worker at once", async () => {
  const { world, acme, life, open } = await beginHeld();
  life.finish();
  await pass(world.clock, 29_000, 1000);
  assert.deepEqual(statesOf(life), ["running"]);
  await pass(world.clock, 2_000, 100);
  open(); // a store's call that was under way ends some time
  await soon(world);
  assert.deepEqual(statesOf(life), ["pending"]);
  const next = life.scheduler.next({ worker: "another", leaseMs: 60_000 }, NEVER);
  await soon(world);
  assert.equal((await next)!.job.id, jobsOf(life)[0]!.job.id);
  await assertHeld(world, life, "acme", acme);
  await life.stop();
});

Deno.test("a worker is heard of while it works, for as long as it takes", async () => {
  const { world, acme, life, open } = await beginHeld();
  await pass(world.clock, HOUR_MS, 10_000);
  assert.deepEqual(jobsOf(life).map(({ state, attempts }) => [state, attempts]), [["running", 1]]);
  open();
  await pass(world.clock, 8 * HOUR_MS);
  await assertClean(world, life, new Map([["acme", acme]]));
  await life.stop();
});

/** A scheduler that some updates do not reach. */
function deafTo(isLost: (update: JobUpdate) => boolean) {
  return (scheduler: JobSource): JobSource => ({
    next: (request, signal) => scheduler.next(request, signal),
    update: (update, signal) =>
      isLost(update)
        ? Promise.reject(new UnavailableError("the wire is cut"))
        : scheduler.update(update, signal),
  });
}

Deno.test("a worker that was believed dead stops when it hears so, and leaves nothing behind", async () => {
  let isCut = true;
  let first: string | undefined;
  const { world, acme, life, open } = await beginHeld({
    workers: 2,
    source: (scheduler) => ({
      async next(request, signal) {
        const given = await scheduler.next(request, signal);
        if (given !== undefined) first ??= request.worker;
        return given;
      },
      update: deafTo(({ worker, status }) => isCut && worker === first && status === "running")(
        scheduler,
      ).update,
    }),
  });
  await pass(world.clock, 3 * 60_000, 5_000);
  const [record] = jobsOf(life);
  assert.equal(record!.attempts, 2, "the other one was given it");
  isCut = false;
  open();
  await pass(world.clock, 5 * 60_000, 5_000);
  await assertHeld(world, life, "acme", acme);
  await pass(world.clock, 8 * HOUR_MS);
  await assertClean(world, life, new Map([["acme", acme]]));
  await life.stop();
});

Deno.test("a result is told again until it is heard", async () => {
  let left = 3;
  const { world, acme, life, open } = await beginHeld({
    source: deafTo(({ status }) => status === "succeeded" && left-- > 0),
  });
  open();
  await pass(world.clock, 60_000, 1_000);
  assert.ok(left < 0);
  assert.deepEqual(statesOf(life), ["succeeded"]);
  // And once or so at the beginning, before the scheduler was open.
  assert.ok(await life.metric("tempo_backend_worker_call_retries_total") >= 3);
  await assertHeld(world, life, "acme", acme);
  await life.stop();
});
