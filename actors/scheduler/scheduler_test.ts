// What the scheduler gives to whom, and what it makes of what they bring, on a simulated clock. The tests
// are the workers; laws as in actors/worker/upkeep_test.ts.
import assert from "node:assert/strict";
import { UnavailableError } from "../../lib/errors.ts";
import { SimulatedDisk } from "../../lib/simulated_disk.ts";
import type { BlockMeta } from "../../model/block_meta.ts";
import { mergeBlocks } from "../../storage/mod.ts";
import {
  assertClean,
  assertHeld,
  begin,
  census,
  HOUR_MS,
  newWorld,
  pass,
  put,
  putFour,
  rules,
  T0_MS,
  type World,
} from "../../tests/support/upkeep_world.ts";
import type { CompactionDetail, GivenJob, JobUpdate } from "./job.ts";

const NEVER = new AbortController().signal;
const LEASE_MS = 120_000;

/** What is asked while time stands still is answered after some turns. */
async function soon<T>(world: World, promise: Promise<T>): Promise<T> {
  let isSettled = false;
  promise.catch(() => {}).finally(() => isSettled = true);
  for (let i = 0; i < 20 && !isSettled; i++) await pass(world.clock, 8);
  if (!isSettled) throw new Error("it waits");
  return await promise;
}

/** A scheduler without workers, and a worker's words to it. */
async function beginAlone(world: World, disk = new SimulatedDisk(), jobTimeoutMs = 15_000) {
  const life = await begin(world, { workers: 0, disk, scheduler: { jobTimeoutMs } });
  await pass(world.clock, 100);
  const next = (worker: string, leaseMs = LEASE_MS) =>
    soon(world, life.scheduler.next({ worker, leaseMs }, NEVER));
  const update = (update: JobUpdate) => soon(world, life.scheduler.update(update, NEVER));
  const succeed = (worker: string, { job }: GivenJob, ...outputs: string[]) =>
    update({
      jobId: job.id,
      worker,
      status: "succeeded",
      result: { kind: "compaction", outputs, gone: [], flagged: [] },
    });
  return { ...life, next, update, succeed };
}

const inputsOf = ({ job }: GivenJob) => (job.detail as CompactionDetail).inputs;

/** Merges what the job says, and dies before it marks anything. */
async function mergeAndDie(world: World, blocks: readonly BlockMeta[], output: number) {
  const { meta } = await mergeBlocks(
    world.store,
    {
      tenant: "acme",
      blockId: `00000000-0000-4000-8000-${String(output).padStart(12, "0")}`,
      inputs: blocks,
      codec: "none",
      spansPerRowGroup: 1000,
      bytesPerTraceMax: 0,
    },
    () => Promise.resolve(),
    NEVER,
  );
  return meta.blockID;
}

Deno.test("no block is given to two workers, and a worker that asks again is given what it has", async () => {
  const world = newWorld();
  await putFour(world, "acme", 1);
  await putFour(world, "other", 11);
  const life = await beginAlone(world);
  const a = await life.next("a");
  const b = await life.next("b");
  assert.notEqual(a!.job.tenant, b!.job.tenant);
  assert.deepEqual((await life.next("a"))!.job, a!.job);
  assert.equal(await life.metric("tempo_backend_scheduler_jobs_retry_total"), 1);
  assert.equal(await life.metric("tempo_backend_scheduler_jobs_created_total"), 2);
  assert.equal(await life.metric("tempo_backend_scheduler_jobs_active"), 2);
  await life.stop();
});

Deno.test("who asks when there is nothing waits, hears of a job at once, and else of none", async () => {
  const world = newWorld();
  const life = await beginAlone(world);
  const asked = life.scheduler.next({ worker: "a", leaseMs: LEASE_MS }, NEVER);
  await pass(world.clock, 14_000);
  await assert.rejects(soon(world, asked), /it waits/);
  await pass(world.clock, 1_000);
  assert.equal(await asked, undefined);
  assert.equal(await life.metric("tempo_backend_scheduler_jobs_not_found_total"), 1);

  const blocks = await putFour(world, "acme", 1);
  assert.equal(blocks.size, 4);
  await life.list.poll();
  await pass(world.clock, 1_000);
  const given = await life.next("a");
  const waiting = life.scheduler.next({ worker: "b", leaseMs: LEASE_MS }, NEVER);
  await pass(world.clock, 1_000);
  await life.update({ jobId: given!.job.id, worker: "a", status: "given_back" });
  assert.equal((await soon(world, waiting))!.job.id, given!.job.id);
  await life.stop();
});

Deno.test("a worker that is not heard of loses its job to the next one; one that is heard of keeps it", async () => {
  const world = newWorld();
  await putFour(world, "acme", 1);
  const life = await beginAlone(world);
  const { job } = (await life.next("a"))!;
  const running = (worker: string) => life.update({ jobId: job.id, worker, status: "running" });
  for (let i = 0; i < 5; i++) {
    await pass(world.clock, LEASE_MS * 0.7);
    assert.equal(await running("a"), true);
  }
  assert.equal(await running("b"), false, "it is not its job");
  await pass(world.clock, LEASE_MS + 1);
  assert.equal((await life.next("b"))!.job.id, job.id);
  assert.equal(await running("a"), false);
  assert.equal(await running("b"), true);
  const failed = { jobId: job.id, worker: "a", status: "failed", error: "late" } as const;
  assert.equal(await life.update(failed), false, "what failed elsewhere is of no interest");
  assert.equal(await running("b"), true);
  await life.stop();
});

Deno.test("two that did one job: both blocks are whole, one counts, the other is retired and deleted", async () => {
  for (const order of ["ab", "ba"]) {
    const world = newWorld();
    const acme = await putFour(world, "acme", 1);
    const life = await beginAlone(world);
    const blocks = [...life.list.blocks("acme")];
    const given = (await life.next("a"))!;
    await pass(world.clock, LEASE_MS + 1);
    assert.equal((await life.next("b"))!.job.id, given.job.id);
    const inputs = inputsOf(given).map((id) => blocks.find(({ blockID }) => blockID === id)!);
    for (const worker of order) {
      const output = await mergeAndDie(world, inputs, worker === "a" ? 101 : 102);
      const isMine = await life.succeed(worker, given, output);
      assert.equal(isMine, worker === "b" && order === "ba");
      await assertHeld(world, life, "acme", acme);
      assert.equal(life.list.blocks("acme").length, 1);
    }
    assert.match(life.list.blocks("acme")[0]!.blockID, /101$/, "in whatever order they came");
    const tidy = await begin(world);
    await life.stop();
    await pass(world.clock, 7 * HOUR_MS);
    await assertClean(world, tidy, new Map([["acme", acme]]));
    await tidy.stop();
  }
});

Deno.test("blocks merged from some of the same ones are merged with each other", async () => {
  const world = newWorld();
  const acme = await putFour(world, "acme", 1);
  const first = await begin(world, { workers: 0 });
  const blocks = [...first.list.blocks("acme")];
  await first.stop();
  await mergeAndDie(world, blocks.slice(0, 3), 101);
  await mergeAndDie(world, blocks.slice(2), 102);
  const life = await begin(world);
  await pass(world.clock, 7 * HOUR_MS);
  await assertClean(world, life, new Map([["acme", acme]]));
  await life.stop();
});

Deno.test("a killed scheduler remembers who has what, and then gives it as before", async () => {
  const world = newWorld();
  const disk = new SimulatedDisk();
  await putFour(world, "acme", 1);
  let life = await beginAlone(world, disk);
  const given = (await life.next("a"))!;
  for (let i = 0; i < 3; i++) {
    await life.stop();
    disk.kill();
    life = await beginAlone(world, disk);
    await assert.rejects(life.next("b"), /it waits/);
    assert.equal((await life.next("a"))!.job.id, given.job.id);
  }
  await pass(world.clock, LEASE_MS + 1);
  assert.equal((await life.next("b"))!.job.id, given.job.id);
  await life.stop();
});

Deno.test("a scheduler that has forgotten everything tells the worker so, and sees what it has done", async () => {
  const world = newWorld();
  const acme = await putFour(world, "acme", 1);
  let life = await beginAlone(world);
  const blocks = [...life.list.blocks("acme")];
  const given = (await life.next("a"))!;
  await life.stop();
  world.store.objects.delete("work.json");
  life = await beginAlone(world);
  const { id: jobId } = given.job;
  assert.equal(await life.update({ jobId, worker: "a", status: "running" }), false);
  const output = await mergeAndDie(world, blocks, 101);
  assert.equal(await life.succeed("a", given, output), false);
  assert.deepEqual(life.list.blocks("acme").map(({ blockID }) => blockID), [output]);
  await assertHeld(world, life, "acme", acme);
  await life.stop();
});

Deno.test("jobs whose blocks have gone meanwhile are dropped at start", async () => {
  const world = newWorld();
  const disk = new SimulatedDisk();
  await putFour(world, "acme", 1);
  let life = await beginAlone(world, disk);
  const blocks = [...life.list.blocks("acme")];
  assert.notEqual(await life.next("a"), undefined);
  await life.stop();
  await mergeAndDie(world, blocks, 101);
  life = await beginAlone(world, disk);
  assert.equal(await life.metric("tempo_backend_scheduler_jobs_dropped_total"), 1);
  await assert.rejects(life.next("a"), /it waits/);
  await life.stop();
});

Deno.test("a result that is not in the bucket is none, and its blocks are tried again later", async () => {
  const world = newWorld();
  await putFour(world, "acme", 1);
  const life = await beginAlone(world);
  const given = (await life.next("a"))!;
  assert.equal(await life.succeed("a", given, "00000000-0000-4000-8000-000000000999"), true);
  assert.equal(await life.metric("tempo_backend_scheduler_jobs_failed_total"), 1);
  assert.equal(life.list.blocks("acme").length, 4);
  await assert.rejects(life.next("a"), /it waits/);
  await pass(world.clock, 180_000);
  assert.notEqual((await life.next("a"))!.job.id, given.job.id);
  await life.stop();
});

Deno.test("a job that runs for a day has failed, also of a worker that never tells", async () => {
  const world = newWorld();
  await putFour(world, "acme", 1);
  const life = await beginAlone(world);
  const { job: { id: jobId } } = (await life.next("a", 0))!;
  const running = () => life.update({ jobId, worker: "a", status: "running" });
  await pass(world.clock, 23.9 * HOUR_MS);
  assert.equal(await running(), true);
  await pass(world.clock, 0.2 * HOUR_MS);
  assert.equal(await running(), false);
  assert.equal(await life.metric("tempo_backend_scheduler_jobs_failed_total"), 1);
  await life.stop();
});

Deno.test("a scheduler that has stopped, or is not open yet, sends whoever asks away", async () => {
  const world = newWorld();
  const life = await beginAlone(world);
  const waiting = life.scheduler.next({ worker: "a", leaseMs: 0 }, NEVER);
  waiting.catch(() => {});
  await life.stop();
  await assert.rejects(waiting, UnavailableError);
  await assert.rejects(life.scheduler.next({ worker: "a", leaseMs: 0 }, NEVER), UnavailableError);
});

Deno.test("retention is judged by the scheduler's clock, wherever the clocks of workers are", async () => {
  for (const aheadMs of [-5000 * 24 * HOUR_MS, 5000 * 24 * HOUR_MS]) {
    const world = newWorld();
    const acme = await putFour(world, "acme", 1);
    await put(world, "acme", 9, [[7, [70]]], T0_MS - 47 * HOUR_MS);
    const life = await begin(world, { aheadMs });
    await pass(world.clock, 50 * 60_000);
    assert.deepEqual(census(world), { live: 2, compacted: 4, leaked: [] });
    await assertHeld(world, life, "acme", new Map([...acme, [7, [70]]]));
    await pass(world.clock, 3 * HOUR_MS);
    assert.equal(census(world).live, 1, "its two days are over");
    await assertHeld(world, life, "acme", acme);
    await life.stop();
  }
});

for (const [name, workers] of [["two schedulers", 1], ["several workers each", 3]] as const) {
  Deno.test(`${name} on one bucket, as in a rolling update: nothing lost, doubled or leaked`, async () => {
    for (const killAt of workers === 1 ? [0, 1, 2, 3, 5, 8] : [1, 2, 4]) {
      const world = newWorld();
      const acme = await putFour(world, "acme", 1);
      const other = await putFour(world, "other", 11);
      const spans = new Map([["acme", acme], ["other", other]]);
      const old = await begin(world, { workers });
      const young = await begin(world, { workers });
      for (let turn = 0; turn < killAt; turn++) await pass(world.clock, 40);
      for (const [tenant, wanted] of spans) await assertHeld(world, young, tenant, wanted);
      await old.stop();
      for (const [tenant, wanted] of spans) await assertHeld(world, young, tenant, wanted);
      await pass(world.clock, 8 * HOUR_MS);
      await assertClean(world, young, spans);
      await young.stop();
    }
  });
}

Deno.test("a tenant without rules is left alone, with all that was given out of it before", async () => {
  const world = newWorld();
  await putFour(world, "acme", 1);
  let isOff = false;
  const life = await begin(world, { rulesOf: () => isOff ? undefined : rules, workers: 0 });
  isOff = true;
  await pass(world.clock, 100);
  await assert.rejects(
    soon(world, life.scheduler.next({ worker: "a", leaseMs: LEASE_MS }, NEVER)),
    /it waits/,
  );
  await life.stop();
});
