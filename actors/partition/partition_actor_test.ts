import assert from "node:assert/strict";
import fc from "fast-check";
import { UnavailableError } from "../../lib/errors.ts";
import { createRuntime, type Runtime } from "../../lib/runtime.ts";
import { nextTurn } from "../../lib/waiting.ts";
import { defaultDedicated } from "../../model/dedicated_attributes.ts";
import { MemoryObjectStore } from "../../storage/store/memory.ts";
import { fastClock } from "../../tests/support/fast_clock.ts";
import { newRecord, spanIdOf } from "../../tests/support/records.ts";
import { spanIdsOf, visibleBlocks } from "../../tests/support/visible_spans.ts";
import { MemoryLog } from "../../wal/mod.ts";
import { ColumnsPool } from "../live_store/columns_pool.ts";
import { partitionMetrics } from "./metrics.ts";
import { BLOCK_BUILDER_GROUP } from "../block_builder/section_builder.ts";
import { PartitionActor } from "./partition_actor.ts";

const TENANT = "single-tenant";

/** What outlives a crash: the log and the store. */
class World {
  readonly runtime: Runtime = createRuntime({ clock: fastClock() });
  /** Called once, instead of the next commit: the blocks are there, the offset is not. */
  insteadOfCommit: (() => void) | undefined;
  readonly log = new MemoryLog(this.runtime, {
    partitions: 1,
    before: ({ kind }) => {
      if (kind !== "commit" || this.insteadOfCommit === undefined) return;
      this.insteadOfCommit();
      this.insteadOfCommit = undefined;
      throw new UnavailableError("injected");
    },
  });
  readonly store = new MemoryObjectStore();
  readonly announced: string[] = [];
  #span = 0;

  /** Appends a record of one trace; its spans are acknowledged when this resolves. */
  async append(trace: number, spans: number, tenant = TENANT): Promise<void> {
    const numbers = Array.from({ length: spans }, () => this.#span++);
    await this.log.append([newRecord(0, tenant, [{ trace, spans: numbers }])]);
  }

  get acknowledgedSpans(): string[] {
    return Array.from({ length: this.#span }, (_, span) => spanIdOf(span).toHex()).sort();
  }

  actor(spansMax: number): PartitionActor {
    return new PartitionActor(this.runtime, {
      log: this.log,
      store: this.store,
      pool: new ColumnsPool(2, 1 << 30),
      limits: { bytesPerTraceMax: () => 0, dedicatedOf: () => defaultDedicated },
      metrics: partitionMetrics(this.runtime.metrics),
      announce: ({ blocks }) => {
        this.announced.push(...blocks.map(({ blockID }) => blockID));
        return Promise.resolve();
      },
      pause: nextTurn,
      folded() {},
    }, {
      partition: 0,
      cut: { spansMax, bytesMax: 1 << 30, ageMaxMs: 3_600_000 },
      codec: "snappy",
      spansPerRowGroup: 80_000,
      timeSlackMs: 120_000,
      readBytesMax: 500,
      readWaitMs: 100,
    });
  }

  async visibleSpans(): Promise<string[]> {
    const blocks = await visibleBlocks(this.store);
    return (await Promise.all(blocks.map((meta) => spanIdsOf(this.store, meta)))).flat().sort();
  }
}

/** A process that crashes and starts again on the same log and store. */
class Life {
  #stop = new AbortController();
  #actor: PartitionActor;
  #run: Promise<void>;

  constructor(readonly world: World, readonly spansMax: number) {
    this.#actor = world.actor(spansMax);
    this.#run = this.#actor.run(this.#stop.signal).catch(() => {});
  }

  async crash(): Promise<void> {
    this.#stop.abort();
    await this.#run;
    this.#stop = new AbortController();
    this.#actor = this.world.actor(this.spansMax);
    this.#run = this.#actor.run(this.#stop.signal).catch(() => {});
  }

  /** A crash on the way leaves the flush without an answer: the next life is asked again. */
  async flush(): Promise<void> {
    for (;;) {
      const actor = this.#actor;
      await Promise.race([actor.flush(), this.#run]);
      if (actor === this.#actor) return;
    }
  }

  async drain(): Promise<void> {
    this.#actor.drain();
    await this.#run;
  }
}

const NEVER = new AbortController().signal;

Deno.test("a partition answers live at once, and cuts blocks by spans", async () => {
  const world = new World();
  for (let trace = 0; trace < 10; trace++) await world.append(trace, 3);
  const actor = world.actor(12);
  const run = actor.run(NEVER);
  while (!actor.isReady) await nextTurn();
  await world.append(10, 1);
  actor.drain();
  await run;
  assert.deepEqual(await world.visibleSpans(), world.acknowledgedSpans);
  assert.equal(await world.log.committedOffset(BLOCK_BUILDER_GROUP, 0), 11);
  assert.equal(world.announced.length, 3); // 12, 12 and what was left
});

Deno.test("tenants of one section get a block each", async () => {
  const world = new World();
  await world.append(1, 2, "a");
  await world.append(2, 2, "b");
  const actor = world.actor(1000);
  const run = actor.run(NEVER);
  await actor.flush();
  assert.deepEqual((await visibleBlocks(world.store)).map((meta) => meta.tenantID).sort(), [
    "a",
    "b",
  ]);
  actor.drain();
  await run;
});

Deno.test("a flush resolves when all that was in the log is in blocks", async () => {
  const world = new World();
  await world.append(1, 5);
  const actor = world.actor(1000);
  const run = actor.run(NEVER);
  await actor.flush();
  assert.deepEqual(await world.visibleSpans(), world.acknowledgedSpans);
  await actor.flush(); // nothing new: at once
  actor.drain();
  await run;
});

Deno.test("segments are empty once a block has taken their place", async () => {
  const world = new World();
  await world.append(1, 5);
  const actor = world.actor(1000);
  const run = actor.run(NEVER);
  while (!actor.isReady) await nextTurn();
  assert.equal(actor.segments(TENANT).reduce((sum, { columns }) => sum + columns.length, 0), 5);
  await actor.flush();
  assert.equal(actor.segments(TENANT).length, 0);
  actor.drain();
  await run;
});

Deno.test("a record that cannot be decoded is counted and does not stop the partition", async () => {
  const world = new World();
  const garbage = Uint8Array.of(0x12, 0x03, 0x0a, 0x7f, 0x00); // a trace that claims 127 bytes
  await world.log.append([{
    partition: 0,
    tenant: TENANT,
    sizeBytes: garbage.length,
    write: (to, at) => to.set(garbage, at),
  }]);
  await world.append(1, 2);
  const actor = world.actor(1000);
  const run = actor.run(NEVER);
  await actor.flush();
  assert.deepEqual(await world.visibleSpans(), world.acknowledgedSpans);
  const text = await world.runtime.metrics.text();
  assert.match(text, /records_dropped_total\{tenant="single-tenant",reason="decoding_failed"\} 1/);
  actor.drain();
  await run;
});

Deno.test("who is interrupted while a block is superseded goes on with it", async () => {
  const world = new World();
  const life = new Life(world, 1000);
  await world.append(1, 3);
  world.insteadOfCommit = () => life.crash();
  const fail = new UnavailableError("injected");
  world.store.script({ operation: "delete", key: "/meta.json", call: 1, fail });
  await life.flush();
  assert.equal((await visibleBlocks(world.store)).length, 1);
  assert.deepEqual(await world.visibleSpans(), world.acknowledgedSpans);
  await life.drain();
});

type Step =
  | { readonly kind: "append"; readonly trace: number; readonly spans: number }
  | { readonly kind: "crash"; readonly turns: number }
  | { readonly kind: "crash_before_commit" }
  | { readonly kind: "store_fails"; readonly operation: "write" | "delete"; readonly call: number };

const kind = <K extends Step["kind"]>(kind: K) => fc.constant(kind);
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: kind("append"),
        trace: fc.nat(5),
        spans: fc.integer({ min: 1, max: 9 }),
      }),
    },
    { weight: 2, arbitrary: fc.record({ kind: kind("crash"), turns: fc.nat(60) }) },
    { weight: 1, arbitrary: fc.record({ kind: kind("crash_before_commit") }) },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: kind("store_fails"),
        operation: fc.constantFrom("write", "delete"),
        call: fc.integer({ min: 1, max: 8 }),
      }),
    },
  ),
  { maxLength: 25 },
);

Deno.test("BB-6: whatever crashes or fails, every acknowledged span is in exactly one visible block", async () => {
  await fc.assert(
    fc.asyncProperty(steps, fc.integer({ min: 1, max: 30 }), async (script, spansMax) => {
      const world = new World();
      const life = new Life(world, spansMax);
      for (const step of script) {
        if (step.kind === "append") await world.append(step.trace, step.spans);
        else if (step.kind === "store_fails") {
          const fail = new UnavailableError("injected");
          world.store.script({ operation: step.operation, call: step.call, fail });
        } else if (step.kind === "crash_before_commit") {
          world.insteadOfCommit = () => life.crash();
        } else {
          for (let i = 0; i < step.turns; i++) await nextTurn();
          await life.crash();
        }
      }
      await life.flush();
      assert.deepEqual(await world.visibleSpans(), world.acknowledgedSpans);
      await life.drain();
    }),
    { numRuns: 60 },
  );
});
