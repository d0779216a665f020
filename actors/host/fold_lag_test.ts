import assert from "node:assert/strict";
import { SimulatedClock } from "../../lib/clock.ts";
import { FoldLag } from "./fold_lag.ts";

const durable = (...endOffsets: number[]) => ({
  firstSegment: 1,
  segment: 1,
  position: 0,
  partitions: endOffsets.map((_, i) => i),
  startOffsets: endOffsets.map(() => 0),
  endOffsets,
});

Deno.test("the lag is the age of the oldest record that is not folded", async () => {
  const clock = new SimulatedClock();
  const lag = new FoldLag(clock);
  assert.equal(lag.lagMs, 0);
  lag.durable(durable(5, 0));
  await clock.advance(100);
  lag.durable(durable(9, 0));
  assert.equal(lag.lagMs, 100);
  lag.folded(0, 4);
  assert.equal(lag.lagMs, 100);
  lag.folded(0, 5);
  assert.equal(lag.lagMs, 0); // the second mark is as old as now
  await clock.advance(50);
  assert.equal(lag.lagMs, 50);
  lag.folded(0, 9);
  assert.equal(lag.lagMs, 0);
});

Deno.test("the partition furthest behind counts", async () => {
  const clock = new SimulatedClock();
  const lag = new FoldLag(clock);
  lag.durable(durable(1, 0));
  await clock.advance(30);
  lag.durable(durable(1, 1));
  await clock.advance(70);
  assert.equal(lag.lagMs, 100);
  lag.folded(0, 1);
  assert.equal(lag.lagMs, 70);
});

Deno.test("marks do not pile up while a partition stands still", async () => {
  const clock = new SimulatedClock();
  const lag = new FoldLag(clock);
  for (let i = 1; i <= 5_000; i++) {
    lag.durable(durable(i));
    await clock.advance(20);
  }
  assert.equal(lag.lagMs, 100_000);
  lag.folded(0, 5_000);
  assert.equal(lag.lagMs, 0);
});

Deno.test("a watermark is now when all is folded, and before the oldest that is not", async () => {
  const clock = new SimulatedClock(1_000_000);
  const lag = new FoldLag(clock);
  lag.durable(durable(5, 0));
  await clock.advance(100);
  const of = () =>
    lag.watermarks().map(({ nextOffset, completeToMs }) => [nextOffset, completeToMs]);
  assert.deepEqual(of(), [[0, 1_000_000 - 20], [0, 1_000_100]]);
  lag.folded(0, 5);
  assert.deepEqual(of()[0], [5, 1_000_100]);

  // What became durable so soon after a mark that it has none of its own.
  lag.durable(durable(6, 0));
  await clock.advance(5);
  lag.durable(durable(7, 0));
  lag.folded(0, 6);
  await clock.advance(50);
  assert.ok(of()[0]![1]! < 1_000_105, String(of()[0]));
});
