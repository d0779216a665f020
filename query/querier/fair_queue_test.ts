import assert from "node:assert/strict";
import fc from "fast-check";

import { FairQueue, type QueuedJob } from "./fair_queue.ts";

const job = (tenant: string, question: object, name: string) => ({ tenant, question, name });
const names = (jobs: { name: string }[] | undefined) => jobs?.map(({ name }) => name).join("");

Deno.test("tenants take turns, whoever came first and with however much", () => {
  const queue = new FairQueue<ReturnType<typeof job>>(0);
  const [busy, calm] = [{}, {}];
  for (const name of "abcd") queue.push(job("busy", busy, name));
  queue.push(job("calm", calm, "x"));
  queue.push(job("calm", calm, "y"));
  const taken = Array.from({ length: 7 }, () => names(queue.take(() => 1)));
  assert.deepEqual(taken, ["a", "x", "b", "y", "c", "d", undefined]);
});

Deno.test("a turn takes several jobs of one question, and not those of the next", () => {
  const queue = new FairQueue<ReturnType<typeof job>>(0);
  const [one, other] = [{}, {}];
  for (const name of "abc") queue.push(job("t", one, name));
  for (const name of "xy") queue.push(job("t", other, name));
  assert.deepEqual([2, 2, 9].map((most) => names(queue.take(() => most))), ["ab", "c", "xy"]);
});

Deno.test("what is alone is taken with nothing else", () => {
  const queue = new FairQueue<QueuedJob>(0);
  const question = {};
  for (const isAlone of [false, true, true, false, false]) {
    queue.push({ tenant: "t", question, isAlone });
  }
  const taken = Array.from({ length: 4 }, () => queue.take(() => 9)?.length);
  assert.deepEqual(taken, [1, 1, 1, 2]);
});

Deno.test("a tenant's queue is full at its limit, another's is not", () => {
  const queue = new FairQueue<ReturnType<typeof job>>(2);
  queue.push(job("t", {}, "a"));
  queue.push(job("t", {}, "b"));
  assert.throws(() => queue.push(job("t", {}, "c")), {
    name: "InputError",
    code: "resource_exhausted",
    message: "job queue full",
  });
  queue.push(job("other", {}, "x"));
  assert.equal(queue.waiting("t"), 2);
});

Deno.test("a question that has ended leaves nothing behind", () => {
  const queue = new FairQueue<ReturnType<typeof job>>(0);
  const [one, other] = [{}, {}];
  queue.push(job("t", one, "a"));
  queue.push(job("t", other, "x"));
  queue.push(job("t", one, "b"));
  queue.drop("t", one);
  assert.equal(names(queue.take(() => 9)), "x");
  queue.push(job("t", one, "c"));
  queue.drop("t", one);
  queue.drop("t", one);
  assert.equal(queue.take(() => 9), undefined);
});

Deno.test("every job is taken once, a tenant's in their order, and no tenant waits two turns", () => {
  const jobs = fc.array(fc.nat({ max: 3 }), { maxLength: 40 });
  fc.assert(fc.property(jobs, fc.integer({ min: 1, max: 4 }), (tenants, batchMax) => {
    const queue = new FairQueue<{ tenant: string; question: object; at: number }>(0);
    const question = {};
    tenants.forEach((tenant, at) => queue.push({ tenant: `${tenant}`, question, at }));
    const taken: { tenant: string; at: number }[][] = [];
    for (let batch = queue.take(() => batchMax); batch; batch = queue.take(() => batchMax)) {
      taken.push(batch);
    }
    const all = taken.flat();
    assert.deepEqual(all.map(({ at }) => at).sort((a, b) => a - b), [...tenants.keys()]);
    for (const tenant of new Set(tenants)) {
      const own = all.filter((job) => job.tenant === `${tenant}`).map(({ at }) => at);
      assert.deepEqual(own, own.toSorted((a, b) => a - b));
    }
    // As long as others wait, nobody comes twice in a row.
    for (let i = 1; i < taken.length; i++) {
      const others = taken.slice(i).some(([job]) => job!.tenant !== taken[i - 1]![0]!.tenant);
      if (others) assert.notEqual(taken[i]![0]!.tenant, taken[i - 1]![0]!.tenant);
    }
  }));
});
