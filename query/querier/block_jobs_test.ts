import assert from "node:assert/strict";
import { SimulatedClock } from "../../lib/clock.ts";
import { CorruptionError, UnavailableError } from "../../lib/errors.ts";
import { createRuntime } from "../../lib/runtime.ts";
import type { BlockMeta } from "../../model/block_meta.ts";
import { BlockJobs, defaultJobOptions, type JobOptions, type Question } from "./block_jobs.ts";
import type { Scanner } from "./scan_pool.ts";
import { fixedScanners, type ScannerSet } from "./scanner_set.ts";

const SCANNER = {} as Scanner;
const signal = new AbortController().signal;
const blocksOf = (names: string) =>
  [...names].map((blockID) => ({ blockID, size: 1 }) as BlockMeta);

/** Batches in the order they began; each waits until it is let go. */
class Asked {
  readonly begun: string[] = [];
  readonly stopped: string[] = [];
  readonly #gates = new Map<string, PromiseWithResolvers<string>>();

  question(tenant: string, names: string, more: Partial<Question<string>> = {}): Question<string> {
    return {
      tenant,
      op: "search",
      blocks: blocksOf(names),
      ask: (_, blocks, signal) => {
        const batch = blocks.map(({ blockID }) => blockID).join("");
        this.begun.push(batch);
        const gate = Promise.withResolvers<string>();
        this.#gates.set(batch, gate);
        signal.addEventListener("abort", () => {
          this.stopped.push(batch);
          gate.reject(signal.reason);
        });
        return gate.promise;
      },
      heard: () => false,
      ...more,
    };
  }

  async end(batch: string, failure?: Error): Promise<void> {
    const gate = this.#gates.get(batch)!;
    if (failure === undefined) gate.resolve(batch);
    else gate.reject(failure);
    for (let i = 0; i < 20; i++) await Promise.resolve();
  }
}

function jobsWith(options: Partial<JobOptions>) {
  const runtime = createRuntime({ clock: new SimulatedClock() });
  const all = { ...defaultJobOptions, batchMax: 1, lanes: 1, ...options };
  return {
    runtime,
    jobs: new BlockJobs(runtime, fixedScanners([SCANNER]), all),
    asked: new Asked(),
  };
}

Deno.test("a tenant with one job waits for one turn of a tenant with many", async () => {
  const { jobs, asked } = jobsWith({});
  const many = jobs.run(asked.question("busy", "abcd"), signal);
  const one = jobs.run(asked.question("calm", "x"), signal);
  assert.deepEqual(asked.begun, ["a"]);
  await asked.end("a");
  assert.deepEqual(asked.begun, ["a", "b"]); // b was waiting before x came
  await asked.end("b");
  await asked.end("x");
  await one;
  for (const batch of "cd") await asked.end(batch);
  await many;
  assert.deepEqual(asked.begun, ["a", "b", "x", "c", "d"]);
});

Deno.test("several blocks of a question go together, in as many lanes as there are", async () => {
  const { jobs, asked } = jobsWith({ batchMax: 2, lanes: 2 });
  const run = jobs.run(asked.question("t", "abcde"), signal);
  assert.deepEqual(asked.begun, ["ab", "cd"]);
  for (const batch of ["ab", "cd", "e"]) await asked.end(batch);
  await run;
});

Deno.test("what the world did wrong is tried again, block by block, and no more than so often", async () => {
  const { jobs, asked, runtime } = jobsWith({ batchMax: 2 });
  const run = jobs.run(asked.question("t", "ab"), signal);
  await asked.end("ab", new UnavailableError("storm"));
  assert.deepEqual(asked.begun, ["ab", "a"]);
  await asked.end("a");
  await asked.end("b");
  await run;
  assert.match(await runtime.metrics.text(), /query_frontend_retries_sum 2/);

  const lost = jobs.run(asked.question("t", "x"), signal);
  const failed = assert.rejects(lost, { message: "second storm" });
  await asked.end("x", new UnavailableError("storm"));
  await asked.end("x", new UnavailableError("second storm"));
  await failed;
});

Deno.test("bad bytes are not tried again, and nothing of the question goes on", async () => {
  const { jobs, asked } = jobsWith({ lanes: 2 });
  const run = assert.rejects(jobs.run(asked.question("t", "abc"), signal), {
    name: "CorruptionError",
  });
  await asked.end("a", new CorruptionError("bad", 0));
  await run;
  assert.deepEqual(asked.begun, ["a", "b"]);
  assert.deepEqual(asked.stopped, ["a", "b"]);
});

Deno.test("a tenant whose queue is full is refused, and counted", async () => {
  const { jobs, asked, runtime } = jobsWith({ outstandingPerTenantMax: 2 });
  const first = jobs.run(asked.question("t", "abc"), signal).catch((error) => error.message);
  assert.equal(await first, "job queue full");
  assert.match(await runtime.metrics.text(), /discarded_requests_total\{user="t"\} 1/);
  assert.match(await runtime.metrics.text(), /queue_length\{user="t"\} 0/);
});

Deno.test("a question has so many jobs waiting or running, and the rest follows", async () => {
  const { jobs, asked } = jobsWith({ outstandingPerTenantMax: 2, concurrentMax: 2 });
  const run = jobs.run(asked.question("t", "abcd"), signal);
  for (const batch of "abcd") await asked.end(batch);
  await run;
  assert.deepEqual(asked.begun, ["a", "b", "c", "d"]);
});

Deno.test("of metrics another number waits or runs than of what is searched", async () => {
  for (const [op, begun] of [["metrics", ["a"]], ["search", ["a", "b", "c"]]] as const) {
    const { jobs, asked } = jobsWith({ lanes: 9, concurrentMax: 3, metricsConcurrentMax: 1 });
    const run = jobs.run(asked.question("t", "abcd", { op }), signal);
    assert.deepEqual(asked.begun, begun, op);
    for (const batch of "abcd") await asked.end(batch);
    await run;
  }
});

Deno.test("when enough is heard the rest is not begun, and what runs is stopped", async () => {
  const { jobs, asked } = jobsWith({ lanes: 2 });
  const run = jobs.run(asked.question("t", "abcd", { heard: () => true }), signal);
  await asked.end("a");
  await run;
  await Promise.resolve();
  assert.deepEqual(asked.begun, ["a", "b"]);
  assert.deepEqual(asked.stopped, ["a", "b"]);
});

Deno.test("whoever goes away leaves no job behind", async () => {
  const { jobs, asked } = jobsWith({});
  const gone = new AbortController();
  const reason = new Error("gone");
  const run = assert.rejects(jobs.run(asked.question("t", "abc"), gone.signal), reason);
  gone.abort(reason);
  await run;
  assert.deepEqual(asked.stopped, ["a"]);
  const next = jobs.run(asked.question("t", "x"), signal);
  for (let i = 0; i < 20; i++) await Promise.resolve();
  await asked.end("x");
  await next;
  assert.deepEqual(asked.begun, ["a", "x"]);
});

Deno.test("a question that a few blocks may answer asks one first, then more of them", async () => {
  const { jobs, asked } = jobsWith({ batchMax: 9, lanes: 9 });
  const run = jobs.run(asked.question("t", "abcdefgh", { isOftenShort: true }), signal);
  assert.deepEqual(asked.begun, ["a"]);
  await asked.end("a");
  assert.deepEqual(asked.begun, ["a", "bcde"]);
  await asked.end("bcde");
  assert.deepEqual(asked.begun, ["a", "bcde", "fgh"]);
  await asked.end("fgh");
  await run;
});

/** Blocks live with the scanner that their name says: a1 and a2 with a, and with the first if it is not there. */
class Changing implements ScannerSet {
  all: Scanner[] = [];
  #changed = () => {};

  homeOf({ blockID }: BlockMeta): Scanner | undefined {
    return this.all.find((one) => nameOf(one) === blockID[0]) ?? this.all[0];
  }

  onChange(changed: () => void): void {
    this.#changed = changed;
  }

  set(...scanners: Scanner[]): void {
    this.all = scanners;
    this.#changed();
  }
}

const nameOf = (scanner: Scanner) => (scanner as unknown as { readonly name: string }).name;
const scanner = (name: string, lanes = 1) => ({ name, lanes }) as unknown as Scanner;
const named = (...names: string[]) => names.map((blockID) => ({ blockID, size: 1 }) as BlockMeta);

function changing(options: Partial<JobOptions> = {}) {
  const clock = new SimulatedClock();
  const runtime = createRuntime({ clock });
  const scanners = new Changing();
  const all = { ...defaultJobOptions, batchMax: 1, scannerWaitMs: 1_000, ...options };
  const jobs = new BlockJobs(runtime, scanners, all);
  const begun: string[] = [];
  const gates = new Map<string, PromiseWithResolvers<void>>();
  const ask: Question<void>["ask"] = (scanner, [block], signal) => {
    const name = `${block!.blockID}@${nameOf(scanner)}`;
    begun.push(name);
    const gate = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => gate.reject(signal.reason));
    gates.set(name, gate);
    return gate.promise;
  };
  const run = (tenant: string, ...names: string[]) =>
    jobs.run({ tenant, op: "search", blocks: named(...names), ask, heard: () => false }, signal);
  const end = async (name: string, error?: Error) => {
    if (error === undefined) gates.get(name)!.resolve();
    else gates.get(name)!.reject(error);
    await clock.advance(0);
  };
  return { scanners, run, begun, end, clock, runtime };
}

Deno.test("jobs wait for a scanner to come, and those of one that has gone are done by others in their order", async () => {
  const { scanners, run, begun, end, runtime } = changing();
  const first = run("t", "a1", "b1", "a2", "b2", "a3");
  assert.deepEqual(begun, []);
  scanners.set(scanner("a"), scanner("b"));
  assert.deepEqual(begun, ["a1@a", "b1@b"]);
  const [a] = scanners.all;
  scanners.set(a!); // what b works on goes on until it says otherwise
  await end("b1@b", new UnavailableError("b is gone"));
  for (const name of ["a1@a", "a2@a", "b2@a", "a3@a", "b1@a"]) await end(name);
  await first;
  assert.deepEqual(begun.slice(2), ["a2@a", "b2@a", "a3@a", "b1@a"]);
  assert.match(await runtime.metrics.text(), /connected_clients 1/);
});

Deno.test("a scanner that comes takes what waits for another and lives with it", async () => {
  const { scanners, run, begun, end } = changing();
  const [a, b] = [scanner("a"), scanner("b", 2)];
  scanners.set(a);
  const running = run("t", "a1", "b1", "a2", "b2", "b3");
  assert.deepEqual(begun, ["a1@a"]);
  scanners.set(a, b);
  assert.deepEqual(begun, ["a1@a", "b1@b", "b2@b"]);
  for (const name of ["a1@a", "b1@b", "b2@b", "a2@a", "b3@b"]) await end(name);
  await running;
});

Deno.test("tenants take turns at whoever is left", async () => {
  const { scanners, run, begun, end } = changing();
  const [a, b] = [scanner("a"), scanner("b")];
  scanners.set(a, b);
  const busy = run("busy", "a1", "b1", "a2", "b2", "a3", "b3");
  const calm = run("calm", "b9");
  scanners.set(a);
  await end("b1@b");
  for (const name of ["a1@a", "a2@a", "b9@a", "b2@a", "a3@a", "b3@a"]) await end(name);
  await Promise.all([busy, calm]);
  assert.deepEqual(begun, ["a1@a", "b1@b", "a2@a", "b9@a", "b2@a", "a3@a", "b3@a"]);
});

Deno.test("a question waits so long for a scanner, and no longer, whenever the last one goes", async () => {
  const { scanners, run, clock, end } = changing();
  const early = run("t", "a1");
  const failed = assert.rejects(early, {
    name: "UnavailableError",
    message: "no querier has been connected for 1000 ms",
  });
  await clock.advance(999);
  const late = run("t", "a2");
  await clock.advance(1);
  await failed;
  let hasFailed = false;
  void late.catch(() => hasFailed = true);
  scanners.set(scanner("a"));
  await clock.advance(5_000); // at work, and nobody waits for a scanner
  assert.ok(!hasFailed);
  scanners.set();
  await end("a2@a", new UnavailableError("a is gone"));
  const over = assert.rejects(late, UnavailableError);
  await clock.advance(1_000);
  await over;
});
