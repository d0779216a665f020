import assert from "node:assert/strict";
import { SimulatedClock } from "../../lib/clock.ts";
import type { DurableState } from "../../wal/mod.ts";
import { Progress, STEP_MS } from "./progress.ts";

function aLog() {
  let position = 0;
  const listeners = new Set<(state: DurableState) => void>();
  const durable = () => ({
    firstSegment: 1,
    segment: 1,
    position,
    partitions: [0],
    startOffsets: [0],
    endOffsets: [position],
  });
  return {
    durable,
    onDurable: (listener: (state: DurableState) => void) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    commit: () => {
      position++;
      for (const listener of listeners) listener(durable());
    },
    listeners,
  };
}

Deno.test("the first progress is told at once, more of it in steps, and the last always", async () => {
  const clock = new SimulatedClock();
  const log = aLog();
  const told: number[] = [];
  using _progress = new Progress(clock, log, ({ position }) => told.push(position));
  log.commit();
  assert.deepEqual(told, [1]);
  for (let i = 0; i < 5; i++) log.commit();
  assert.deepEqual(told, [1]);
  await clock.advance(STEP_MS);
  assert.deepEqual(told, [1, 6]);
  await clock.advance(10 * STEP_MS);
  assert.deepEqual(told, [1, 6]);
  log.commit();
  assert.deepEqual(told, [1, 6, 7]);
});

Deno.test("nothing is told after the end, and nobody listens", async () => {
  const clock = new SimulatedClock();
  const log = aLog();
  const told: number[] = [];
  const progress = new Progress(clock, log, ({ position }) => told.push(position));
  log.commit();
  log.commit();
  progress[Symbol.dispose]();
  await clock.advance(10 * STEP_MS);
  assert.deepEqual(told, [1]);
  assert.equal(log.listeners.size, 0);
});
