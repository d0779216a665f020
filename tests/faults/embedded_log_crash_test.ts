// Random schedules of appends, commits, faults, crashes and restarts on a disk that forgets what was
// not synced. What happened is written down and judged from the journal after each restart.
import assert from "node:assert/strict";
import fc from "fast-check";
import { SimulatedClock } from "../../lib/clock.ts";
import { UnavailableError } from "../../lib/errors.ts";
import { type Random, seededRandom } from "../../lib/random.ts";
import { createRuntime, type Runtime } from "../../lib/runtime.ts";
import { SimulatedDisk } from "../../lib/simulated_disk.ts";
import { options, record } from "../../wal/contract.ts";
import { EmbeddedLog } from "../../wal/embedded_log.ts";
import { defaultEmbeddedLogOptions } from "../../wal/embedded_log_options.ts";

const OPTIONS = {
  ...defaultEmbeddedLogOptions,
  partitions: 2,
  groups: ["g"],
  segmentBytesMax: 3000,
  retentionBytesMax: 6000,
};

type Step =
  | { readonly kind: "append"; readonly sizes: readonly (readonly [number, number])[] }
  | { readonly kind: "commit" | "retain" | "restart" | "idle" }
  | { readonly kind: "wait"; readonly turns: number }
  | { readonly kind: "crash" | "kill" }
  | {
    readonly kind: "fault";
    readonly at: "write" | "sync" | "open" | "sync_directory" | "truncate";
  }
  | { readonly kind: "heal" }
  | { readonly kind: "full"; readonly freeBytes: number };

const appendStep = fc.record({
  kind: fc.constant("append" as const),
  sizes: fc.array(fc.tuple(fc.nat(1), fc.nat(900)), { minLength: 1, maxLength: 4 }),
});

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: appendStep },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("wait" as const), turns: fc.nat(40) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom("commit" as const, "idle" as const) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom("retain" as const, "restart" as const) }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom("crash" as const, "kill" as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("fault" as const),
      at: fc.constantFrom(
        "write" as const,
        "sync" as const,
        "open" as const,
        "sync_directory" as const,
        "truncate" as const,
      ),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("full" as const), freeBytes: fc.nat(2000) }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("heal" as const) }) },
);

/** A log, its disk, and what a client remembers of it. */
class World {
  readonly disk = new SimulatedDisk();
  readonly random: Random;
  readonly acked = new Map<string, string>();
  readonly sent = new Set<string>();
  readonly committed = [0, 0];
  clock = new SimulatedClock();
  runtime!: Runtime;
  log!: EmbeddedLog;
  refusals = 0;
  #names = 0;
  #inFlight: Promise<unknown>[] = [];

  constructor(seed: number) {
    this.random = seededRandom(seed);
  }

  async boot(): Promise<void> {
    this.heal();
    this.clock = new SimulatedClock(this.clock.now() + 1);
    this.runtime = createRuntime({ clock: this.clock });
    this.log = await EmbeddedLog.open(this.runtime, this.disk.mount(), OPTIONS);
  }

  async take(step: Step): Promise<void> {
    if (step.kind === "append") return this.append(step.sizes);
    if (step.kind === "commit") return this.commit();
    if (step.kind === "wait") return await turns(step.turns);
    if (step.kind === "idle") return await this.clock.advance(OPTIONS.markAfterMs);
    if (step.kind === "retain") return void await this.log.retain();
    if (step.kind === "heal") return this.heal();
    if (step.kind === "full") {
      this.disk.capacityBytes = this.disk.usedBytes + step.freeBytes;
      return;
    }
    if (step.kind === "fault") {
      this.disk.before = ({ kind }) => {
        if (kind === step.at) throw new Error("input/output error");
      };
      return;
    }
    if (step.kind === "restart") {
      await this.log[Symbol.asyncDispose]();
    } else if (step.kind === "kill") {
      this.disk.kill();
    } else {
      this.disk.crash(this.random);
    }
    await Promise.all(this.#inFlight);
    this.#inFlight = [];
    await this.boot();
    await this.judge();
  }

  heal(): void {
    this.disk.before = undefined;
    this.disk.capacityBytes = Infinity;
  }

  append(sizes: readonly (readonly [number, number])[]): void {
    const texts = sizes.map(([, size]) => `${this.#names++}:`.padEnd(size, "x"));
    const records = sizes.map(([partition], i) => record(partition, "t", texts[i]!));
    for (const text of texts) this.sent.add(text);
    const appended = this.log.append(records).then((offsets) => {
      offsets.forEach((offset, i) => {
        const place = `${sizes[i]![0]}/${offset}`;
        assert.ok(!this.acked.has(place), `${place} is given out twice`);
        assert.ok(offset >= this.committed[sizes[i]![0]]!, `${place} would never be read`);
        this.acked.set(place, texts[i]!);
      });
    }, (error) => this.#refused(error));
    this.#inFlight.push(appended);
  }

  commit(): void {
    for (const partition of [0, 1]) {
      const committed = this.log.endOffset(partition).then(async (end) => {
        await this.log.commit("g", partition, end);
        this.committed[partition] = Math.max(end, this.committed[partition]!);
      });
      this.#inFlight.push(committed.catch((error) => this.#refused(error)));
    }
  }

  #refused(error: unknown): void {
    if (!(error instanceof UnavailableError)) throw error;
    this.refusals++;
  }

  async judge(): Promise<void> {
    const seen = new Set<string>();
    for (const partition of [0, 1]) {
      const start = await this.log.startOffset(partition);
      const found = new Map<number, string>();
      const end = await this.log.endOffset(partition);
      for (let next = start; next < end;) {
        const batch = await this.log.read(partition, next, options({ bytesMax: 1500 }));
        for (const { offset, value } of batch.records) {
          assert.ok(offset >= next, `offset ${offset} comes again`);
          next = offset + 1;
          found.set(offset, new TextDecoder().decode(value));
        }
        assert.ok(batch.nextOffset >= next);
        next = batch.nextOffset;
      }
      for (const text of found.values()) {
        assert.ok(this.sent.has(text), "nobody sent this");
        assert.ok(!seen.has(text), `${text.slice(0, 8)} is there twice`);
        seen.add(text);
      }
      const committed = await this.log.committedOffset("g", partition) ?? 0;
      assert.ok(committed >= this.committed[partition]!, "a committed offset moved back");
      for (const [place, text] of this.acked) {
        const [of, offset] = place.split("/").map(Number) as [number, number];
        if (of !== partition) continue;
        // Retention may have taken it, but not before the group was done with it.
        const mustBeThere = offset >= Math.min(start, committed);
        if (mustBeThere) assert.equal(found.get(offset), text, `${place} was acknowledged`);
        assert.ok(offset < end, `${place} is beyond the end`);
      }
    }
    const text = await this.runtime.metrics.text();
    assert.match(text, /segno_log_corrupt_segments_total 0/, "a crash is no corruption");
  }
}

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await Promise.resolve();
}

Deno.test("embedded log loses nothing acknowledged and gives out no offset twice, come what may", async () => {
  let acked = 0;
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { maxLength: 60 }), fc.nat(), async (steps, seed) => {
      const world = new World(seed);
      await world.boot();
      for (const step of steps) await world.take(step);
      await world.take({ kind: "crash" });
      // It recovers by itself: what is appended now is taken.
      const before = world.acked.size;
      await world.take({ kind: "append", sizes: [[0, 10], [1, 2000]] });
      await world.take({ kind: "restart" });
      assert.equal(world.acked.size, before + 2);
      acked += world.acked.size;
      refused += world.refusals;
      await world.log[Symbol.asyncDispose]();
    }),
    { numRuns: Number(Deno.env.get("RUNS") ?? 400) },
  );
  assert.ok(acked > 200 && refused > 50, `${acked} acknowledged, ${refused} refused`);
});
