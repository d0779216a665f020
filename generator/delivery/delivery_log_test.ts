import assert from "node:assert/strict";

import fc from "fast-check";

import { SimulatedClock } from "../../lib/clock.ts";
import { UnavailableError } from "../../lib/errors.ts";
import { seededRandom } from "../../lib/random.ts";
import { createRuntime } from "../../lib/runtime.ts";
import { SimulatedDisk } from "../../lib/simulated_disk.ts";
import { counter, T0_MS } from "../../tests/support/series.ts";
import type { Collection } from "./collection.ts";
import { CollectionReader } from "./collection_reader.ts";
import type { Cursor } from "./cursors.ts";
import { DeliveryLog, type DeliveryLogOptions } from "./delivery_log.ts";
import { logCounts } from "./delivery_metrics.ts";
import { segmentName } from "./segment.ts";

const OPTIONS: DeliveryLogOptions = {
  segmentBytesMax: 100,
  segmentAgeMaxMs: 3_600_000,
  keptMinMs: 60_000,
  keptMaxMs: 600_000,
};

const START: Cursor = { segment: 0, position: 0, sent: 0 };

Deno.test("what is appended is read in order, over segments and lives", async () => {
  const world = new World();
  for (let i = 0; i < 10; i++) {
    const log = await world.open();
    for (let j = 0; j < 10; j++) await log.append(world.collection(10 * i + j));
    assert.deepEqual([...log.nextOffsets], [[0, 10 * i + 9]]);
    await log[Symbol.asyncDispose]();
  }
  await using log = await world.open();
  assert.ok(log.segments.length > 10);
  assert.deepEqual(await valuesOf(log), Array.from({ length: 100 }, (_, i) => i));
});

Deno.test("an endpoint that is new begins with what is new; one that was there, where it was", async () => {
  const world = new World();
  {
    await using log = await world.open();
    const first = await log.openCursor("a/b");
    await log.append(world.collection(0));
    await log.append(world.collection(1));
    const { next } = (await readAll(log, first.current))[0]!;
    await first.move(next);
  }
  await using log = await world.open();
  const [old, other] = [await log.openCursor("a/b"), await log.openCursor("other")];
  await log.append(world.collection(2));
  assert.deepEqual(await valuesOf(log, old.current), [1, 2]);
  assert.deepEqual(await valuesOf(log, other.current), [2]);
});

Deno.test("segments go when everybody has them and they are not new; or when they are too old", async () => {
  const world = new World();
  await using log = await world.open();
  const cursor = await log.openCursor("a");
  const slow = await log.openCursor("slow");
  for (let i = 0; i < 30; i++) await log.append(world.collection(i));
  const count = log.segments.length;
  assert.ok(count > 4);
  await cursor.move(log.end);
  await log.truncate();
  assert.equal(log.segments.length, count, "the slow one has none of it");
  await slow.move(log.end);
  await log.truncate();
  assert.equal(log.segments.length, count, "a later life wants to know how new series are");
  await world.clock.advance(OPTIONS.keptMinMs + 100);
  await log.truncate();
  assert.equal(log.segments.length, 1, "the newest says what is counted");
  assert.deepEqual(world.disk.names().filter((name) => name.endsWith(".segment")), [
    segmentName(count),
  ]);

  for (let i = 30; i < 60; i++) await log.append(world.collection(i));
  await world.clock.advance(OPTIONS.keptMaxMs + 100);
  await log.truncate();
  assert.equal(log.segments.length, 1);
  assert.match(await world.runtime.metrics.text(), /segno_generator_lost_segments_total\S+ [1-9]/);
});

Deno.test("a disk that is full has room again when everybody has what is there", async () => {
  const world = new World();
  await using log = await world.open();
  const cursor = await log.openCursor("a");
  for (let i = 0; i < 30; i++) await log.append(world.collection(i));
  world.disk.capacityBytes = world.disk.usedBytes;
  await assert.rejects(log.append(world.collection(30)), UnavailableError);
  await cursor.move(log.end);
  await world.clock.advance(OPTIONS.keptMinMs + 100);
  await log.append(world.collection(31));
  assert.deepEqual(await valuesOf(log, cursor.current), [31]);
});

Deno.test("a later life knows how new each series is: a zero is not put before what was sent", async () => {
  const world = new World();
  {
    await using log = await world.open();
    await log.append(world.collection(7));
  }
  await using log = await world.open();
  const again = {
    ...counter("n", 0, 0),
    points: [{ timeMs: T0_MS - 5_000, value: 0 }, { timeMs: T0_MS + 9_000, value: 8 }],
  };
  await log.append({ timeMs: T0_MS + 9_000, nextOffsets: new Map(), series: [again] });
  const points = (await readAll(log, START)).flatMap(({ collection }) => collection.series)
    .flatMap(({ points }) => points);
  assert.deepEqual(points.map(({ value }) => value), [7, 0, 8]);
  assert.deepEqual(points.map(({ timeMs }) => timeMs), [T0_MS + 7, T0_MS + 8, T0_MS + 9_000]);
});

Deno.test("a false byte ends its segment, is counted, and what comes behind is read", async () => {
  const world = new World();
  for (let i = 0; i < 2; i++) {
    await using log = await world.open();
    for (let j = 0; j < 3; j++) await log.append(world.collection(3 * i + j));
  }
  const name = segmentName(1);
  world.disk.flip(name, world.disk.contents(name).length - 1);
  await using log = await world.open();
  assert.deepEqual(await valuesOf(log), [0, 1, 3, 4, 5]);
  assert.match(await world.runtime.metrics.text(), /prometheus_agent_corruptions_total\S+ 1/);
});

Deno.test("one owner at a time", async () => {
  const world = new World();
  await using _log = await world.open();
  await assert.rejects(world.open(), UnavailableError);
});

Deno.test("over crashes and failing disks nothing acknowledged is lost, nothing comes twice or out of order", async () => {
  const steps = fc.array(
    fc.oneof(
      { weight: 8, arbitrary: fc.constant("append" as const) },
      { weight: 1, arbitrary: fc.constantFrom("crash" as const, "kill" as const) },
      { weight: 1, arbitrary: fc.constantFrom("write" as const, "sync" as const, "open" as const) },
    ),
    { maxLength: 40 },
  );
  await fc.assert(
    fc.asyncProperty(steps, fc.nat(), async (all, seed) => {
      const world = new World();
      const random = seededRandom(seed);
      const [kept, tried] = [new Set<number>(), new Set<number>()];
      let log = await world.open();
      for (const [i, step] of all.entries()) {
        if (step === "append") {
          tried.add(i);
          await log.append(world.collection(i)).then(() => kept.add(i), () => {});
        } else if (step === "crash" || step === "kill") {
          if (step === "crash") world.disk.crash(random);
          else world.disk.kill();
          await log[Symbol.asyncDispose]();
          log = await world.open();
        } else {
          let isDone = false;
          world.disk.before = ({ kind }) => {
            if (isDone || kind !== step) return;
            isDone = true;
            throw new Error("the disk fails");
          };
          tried.add(i);
          await log.append(world.collection(i)).then(() => kept.add(i), () => {});
          world.disk.before = undefined;
        }
      }
      await log[Symbol.asyncDispose]();
      log = await world.open();
      const found = await valuesOf(log);
      assert.deepEqual(found, [...new Set(found)].sort((a, b) => a - b));
      for (const value of kept) assert.ok(found.includes(value), `${value} is lost`);
      for (const value of found) assert.ok(tried.has(value));
      const counted = log.nextOffsets.get(0);
      assert.equal(counted, found.at(-1));
      await log[Symbol.asyncDispose]();
    }),
    { numRuns: 60 },
  );
});

class World {
  readonly clock = new SimulatedClock(T0_MS);
  readonly disk = new SimulatedDisk();
  readonly runtime = createRuntime({ clock: this.clock });

  open(): Promise<DeliveryLog> {
    const counts = logCounts(this.runtime.metrics, "a");
    return DeliveryLog.open(this.runtime, "a", this.disk.mount(), OPTIONS, counts);
  }

  collection(value: number): Collection {
    const timeMs = T0_MS + value;
    const nextOffsets = new Map([[0, value]]);
    return { timeMs, nextOffsets, series: [counter("n", timeMs, value)] };
  }
}

async function readAll(log: DeliveryLog, from: Cursor) {
  using reader = new CollectionReader(log);
  const all = [];
  for (let at = from;;) {
    const found = await reader.read(at);
    if (found === undefined) return all;
    all.push(found);
    at = found.next;
  }
}

async function valuesOf(log: DeliveryLog, from = START): Promise<number[]> {
  const all = await readAll(log, from);
  return all.flatMap(({ collection }) =>
    collection.series.flatMap(({ points }) => points.map(({ value }) => value as number))
  );
}
