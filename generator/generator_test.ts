// A generator over a log in memory and a disk that forgets: what is delivered, judged by who receives it.
import assert from "node:assert/strict";

import fc from "fast-check";
import { uncompressSync } from "snappy";

import { SimulatedClock } from "../lib/clock.ts";
import { UnavailableError } from "../lib/errors.ts";
import { type Random, seededRandom } from "../lib/random.ts";
import { createRuntime } from "../lib/runtime.ts";
import { SimulatedDisk } from "../lib/simulated_disk.ts";
import { nextTurn } from "../lib/waiting.ts";
import { T0_MS, writtenSeries } from "../tests/support/series.ts";
import { MemoryLog } from "../wal/mod.ts";
import { Delivery } from "./delivery/delivery.ts";
import type { Endpoint, Outcome } from "./delivery/endpoint.ts";
import { Generator, GENERATOR_GROUP } from "./generator.ts";
import type { Point } from "./series.ts";
import type { GeneratorSettings } from "./settings.ts";
import type { SeriesMaker } from "./tenant_fold.ts";
import { WholeLog } from "./whole_log.ts";

const EVERY_MS = 15_000;

Deno.test("records become points of their tenant, and are committed when they are on the disk", async () => {
  const world = new World();
  world.start();
  await world.append(0, "a", 3);
  await world.append(1, "a", 2);
  await world.append(1, "b", 4);
  await world.clock.advance(EVERY_MS - 1_000);
  assert.equal(await world.committed(0), 0, "where it began");
  await world.clock.advance(1_500);
  assert.deepEqual(world.totals(), { a: 5, b: 4 });
  assert.equal(await world.committed(0), 1);
  assert.equal(await world.committed(1), 2);
  await world.stop();
});

Deno.test("a stop collects and delivers what has come since", async () => {
  const world = new World();
  world.start();
  await world.append(0, "a", 3);
  await world.clock.advance(2_000);
  await world.stop();
  assert.deepEqual(world.totals(), { a: 3 });
  assert.equal(await world.committed(0), 1);
});

Deno.test("tenants who want nothing cost nothing, until they want something", async () => {
  const world = new World();
  world.unwanted.add("b");
  world.start();
  await world.append(0, "b", 3);
  await world.append(0, "a", 1);
  await world.clock.advance(EVERY_MS + 1_000);
  assert.deepEqual(world.totals(), { a: 1 });
  assert.equal(await world.committed(0), 2);
  world.unwanted.clear();
  await world.clock.advance(EVERY_MS);
  await world.append(0, "b", 5);
  await world.clock.advance(2 * EVERY_MS);
  assert.deepEqual(world.totals(), { a: 1, b: 5 });
  await world.stop();
});

Deno.test("where nobody wants metrics nothing is read", async () => {
  const world = new World();
  world.isWanted = false;
  world.start();
  await world.append(0, "a", 1);
  await world.clock.advance(60_000);
  assert.equal(world.reads, 0);
  assert.equal(await world.committed(0), undefined);
  world.isWanted = true;
  await world.clock.advance(2 * EVERY_MS);
  assert.deepEqual(world.totals(), { a: 1 });
  await world.stop();
});

Deno.test("records that want no metrics made of them are passed over, and so are those that are none", async () => {
  const world = new World();
  world.start();
  await world.appendBytes(0, "a", Uint8Array.of(0x28, 1)); // skipMetricsGeneration
  await world.appendBytes(0, "a", Uint8Array.of(0xff));
  await world.append(0, "a", 2);
  await world.clock.advance(EVERY_MS + 1_000);
  assert.deepEqual(world.totals(), { a: 2 });
  const text = await world.runtime.metrics.text();
  assert.match(text, /generation_skipped_processor_pushes_total{tenant="a"} 1/);
  assert.match(text, /segno_generator_malformed_records_total{tenant="a"} 1/);
  assert.match(text, /tempo_ingest_group_partition_lag{group="metrics-generator",partition="0"} 0/);
  assert.match(text, /tempo_metrics_generator_assigned_partitions 2/);
  await world.stop();
});

Deno.test("a disk that is full holds back the commit, and loses nothing", async () => {
  const world = new World();
  world.start();
  await world.append(0, "a", 1);
  await world.clock.advance(EVERY_MS + 1_000);
  world.disk.capacityBytes = world.disk.usedBytes;
  await world.append(0, "a", 2);
  await world.clock.advance(2 * EVERY_MS);
  assert.deepEqual(world.totals(), { a: 1 });
  assert.equal(await world.committed(0), 1);
  world.disk.capacityBytes = Infinity;
  await world.clock.advance(2 * EVERY_MS);
  assert.deepEqual(world.totals(), { a: 3 });
  assert.equal(await world.committed(0), 2);
  await world.stop();
});

Deno.test("a tenant that has nothing to tell for a quarter of an hour is closed, and opened again when it has", async () => {
  const world = new World();
  world.start();
  await world.append(0, "a", 1);
  await world.clock.advance(EVERY_MS + 1_000);
  world.isSilent = true;
  await world.clock.advance(2 * EVERY_MS);
  assert.throws(() => subdirectory(world.disk, "a").lock("lock"), UnavailableError);
  await world.clock.advance(1_000_000);
  using _mine = await subdirectory(world.disk, "a").lock("lock");
  _mine[Symbol.dispose]();
  world.isSilent = false;
  await world.append(0, "a", 4);
  await world.clock.advance(2 * EVERY_MS);
  assert.deepEqual(world.totals(), { a: 5 });
  await world.stop();
});

Deno.test("a partition that was made anew is counted from its beginning", async () => {
  const world = new World();
  world.start();
  for (let i = 0; i < 5; i++) await world.append(0, "a", 1);
  await world.clock.advance(EVERY_MS + 1_000);
  await world.stop();
  world.log = world.newLog();
  world.start();
  await world.append(0, "a", 7);
  await world.clock.advance(EVERY_MS + 1_000);
  await world.stop();
  assert.deepEqual(world.totals(), { a: 12 });
});

Deno.test("over kills, crashes and endpoints that come and go every record is counted once", async () => {
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.tuple(fc.nat(1), fc.constantFrom("a", "b"), fc.integer({ min: 1, max: 9 })),
    },
    { weight: 4, arbitrary: fc.integer({ min: 100, max: 20_000 }) },
    {
      weight: 2,
      arbitrary: fc.constantFrom("kill" as const, "crash" as const, "stop" as const),
    },
    { weight: 1, arbitrary: fc.constantFrom("away" as const, "back" as const) },
    { weight: 1, arbitrary: fc.constantFrom("uncommitting" as const, "committing" as const) },
    { weight: 1, arbitrary: fc.constantFrom("full" as const, "free" as const) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 20 }), fc.nat(), async (steps, seed) => {
      const world = new World();
      const random = seededRandom(seed);
      const wanted: Record<string, number> = {};
      world.start();
      for (const step of steps) {
        if (typeof step === "number") await world.clock.advance(step);
        else if (step === "away" || step === "back") world.isAway = step === "away";
        else if (step === "committing" || step === "uncommitting") {
          world.isCommitting = step === "committing";
        } else if (step === "full" || step === "free") {
          world.disk.capacityBytes = step === "free" ? Infinity : world.disk.usedBytes;
        } else if (step === "stop") {
          await world.stop();
          world.start();
        } else if (step === "kill" || step === "crash") {
          await world.kill(step === "crash" ? random : undefined);
          world.start();
        } else {
          const [partition, tenant, count] = step;
          await world.append(partition, tenant, count);
          wanted[tenant] = (wanted[tenant] ?? 0) + count;
        }
      }
      world.isAway = false;
      world.isCommitting = true;
      world.disk.capacityBytes = Infinity;
      await world.clock.advance(3 * EVERY_MS);
      await world.stop();
      assert.deepEqual(world.totals(), wanted);
      // After a power cut what was acknowledged last may be sent again.
      if (!steps.includes("crash")) assert.equal(world.outOfOrder, 0);
    }),
    { numRuns: 20 },
  );
});

class World {
  readonly clock = new SimulatedClock(T0_MS, turns);
  readonly disk = new SimulatedDisk();
  readonly runtime = createRuntime({ clock: this.clock, random: seededRandom(1) });
  log = this.newLog();
  readonly unwanted = new Set<string>();
  isWanted = true;
  isAway = false;
  isCommitting = true;
  /** Then all series have ended. */
  isSilent = false;
  reads = 0;
  outOfOrder = 0;
  /** By tenant, as they were received. */
  readonly received = new Map<string, Point[]>();
  #life: { stop: AbortController; done: Promise<void>; isDead: boolean } | undefined;

  newLog(): MemoryLog {
    return new MemoryLog(this.runtime, {
      partitions: 2,
      before: ({ kind }) => {
        if (kind === "read") this.reads++;
      },
    });
  }

  start(): void {
    const life = { stop: new AbortController(), done: Promise.resolve(), isDead: false };
    this.#life = life;
    const { log } = this;
    const share = new WholeLog(
      this.runtime,
      {
        partitions: log.partitions,
        commit: (group, partition, offset) => {
          if (life.isDead || !this.isCommitting) {
            return Promise.reject(new UnavailableError("nobody is there to commit"));
          }
          return log.commit(group, partition, offset);
        },
      },
      GENERATOR_GROUP,
      () => this.isWanted,
    );
    const endpoint: Endpoint = {
      send: (body, { tenant }) => {
        if (this.isAway || life.isDead) {
          return Promise.resolve({ kind: "away", reason: "away", afterMs: undefined });
        }
        const bytes = uncompressSync(body as never) as Uint8Array;
        return Promise.resolve(this.receive(tenant!, bytes));
      },
      [Symbol.dispose]() {},
    };
    const delivery = new Delivery(
      this.runtime,
      OPTIONS,
      {
        tenants: () => Promise.resolve(["a", "b"].filter((tenant) => this.hasLog(tenant))),
        open: (tenant) => Promise.resolve(subdirectory(this.disk, tenant)),
      },
      (tenant) => ({ tenant }),
      () => endpoint,
    );
    const generator = new Generator(
      this.runtime,
      {
        log,
        share,
        startOf: async (partition) => await log.committedOffset(GENERATOR_GROUP, partition) ?? 0,
        endOf: (partition) => log.endOffset(partition),
      },
      { settingsOf: (tenant) => this.unwanted.has(tenant) ? undefined : SETTINGS },
      delivery,
      { readsAtOnce: 2, readBytesMax: 1 << 20, readWaitMs: 500, flushMs: 5_000 },
      () => new SumMaker(() => this.isSilent),
    );
    life.done = generator.run(life.stop.signal);
  }

  async stop(): Promise<void> {
    const { stop, done } = this.#life!;
    stop.abort();
    let isDone = false;
    void done.finally(() => isDone = true);
    for (let i = 0; i < 100 && !isDone; i++) await this.clock.advance(200);
    await done;
  }

  /** With a crash the disk forgets what was not synced. */
  async kill(crash: Random | undefined): Promise<void> {
    const life = this.#life!;
    life.isDead = true;
    if (crash === undefined) this.disk.kill();
    else this.disk.crash(crash);
    await this.stop();
  }

  hasLog(tenant: string): boolean {
    return this.disk.names().some((name) => name.startsWith(`${tenant}|`));
  }

  append(partition: number, tenant: string, count: number): Promise<void> {
    // A trace of so many bytes, which the maker adds up.
    return this.appendBytes(partition, tenant, Uint8Array.of(0x12, count, ...Array(count).fill(0)));
  }

  async appendBytes(partition: number, tenant: string, value: Uint8Array): Promise<void> {
    const sizeBytes = value.length;
    await this.log.append([
      { partition, tenant, sizeBytes, write: (to, at) => void to.set(value, at) },
    ]);
    await this.clock.advance(0);
  }

  committed(partition: number): Promise<number | undefined> {
    return this.log.committedOffset(GENERATOR_GROUP, partition);
  }

  /** As Prometheus does: a sample that is older than the newest is none, and the request with it. */
  receive(tenant: string, bytes: Uint8Array): Outcome {
    const points = this.received.get(tenant) ?? [];
    const before = points.length;
    for (const { samples } of writtenSeries(bytes)) {
      for (const { timestamp, value } of samples) {
        const newest = points.at(-1);
        if (newest?.timeMs === timestamp && newest.value === value) continue;
        if (timestamp <= (newest?.timeMs ?? -Infinity)) {
          points.length = before;
          this.outOfOrder++;
          return { kind: "refused", reason: "out of order", isForContents: true };
        }
        points.push({ timeMs: timestamp, value });
      }
    }
    this.received.set(tenant, points);
    return { kind: "taken" };
  }

  /** As PromQL's `increase` adds up: a fall is a beginning anew. */
  totals(): Record<string, number> {
    const total = (points: readonly Point[]) => {
      let sum = 0;
      let before = 0;
      for (const { value } of points as readonly (Point & { value: number })[]) {
        sum += value >= before ? value - before : value;
        before = value;
      }
      return sum;
    };
    const all = [...this.received].map(([tenant, points]) => [tenant, total(points)] as const);
    return Object.fromEntries(all.sort());
  }
}

/** One counter, of the bytes of all traces. */
class SumMaker implements SeriesMaker {
  readonly problems = [];
  readonly #labels = [["__name__", "sum"]] as const;
  #sum = 0;
  #isNew = true;

  constructor(readonly isSilent: () => boolean) {}

  push(record: Uint8Array): void {
    this.#sum += record[1]!;
  }

  collect(nowMs: number) {
    if (this.#sum === 0 || this.isSilent()) return [];
    const zero = { timeMs: Math.floor(nowMs / 60_000) * 60_000 - 1_000, value: 0 };
    const points = [...this.#isNew ? [zero] : [], { timeMs: nowMs, value: this.#sum }];
    this.#isNew = false;
    return [{ labels: this.#labels, points, exemplars: [] }];
  }

  configure(): void {}

  stats(): never {
    throw new Error("nobody asks");
  }
}

/** Files of one disk, with a prefix. */
function subdirectory(disk: SimulatedDisk, name: string) {
  const all = disk.mount();
  return {
    ...all,
    open: (file: string, mode: "read" | "create" | "write") => all.open(`${name}|${file}`, mode),
    list: async () =>
      (await all.list()).filter((one) => one.startsWith(`${name}|`)).map((one) =>
        one.slice(name.length + 1)
      ),
    remove: (file: string) => all.remove(`${name}|${file}`),
    lock: (file: string) => all.lock(`${name}|${file}`),
  };
}

const SETTINGS = { registry: { collectEveryMs: EVERY_MS } } as GeneratorSettings;

const OPTIONS = {
  endpoints: [{
    name: "one",
    url: "http://one",
    headers: {},
    auth: undefined,
    tls: undefined,
    timeoutMs: 1_000,
    sendsExemplars: true,
    sendsNativeHistograms: true,
    relabelling: [],
    queue: {
      samplesMax: 2000,
      atOnce: 1,
      backoffMinMs: 30,
      backoffMaxMs: 1_000,
      retriesOn429: false,
      ageMaxMs: 0,
    },
  }],
  segmentBytesMax: 300,
  segmentAgeMaxMs: 3_600_000,
  keptMinMs: 60_000,
  keptMaxMs: 3_600_000,
};

/** A disk answers over several turns. */
async function turns(): Promise<void> {
  for (let i = 0; i < 100; i++) await Promise.resolve();
  await nextTurn();
}
