import assert from "node:assert/strict";
import { SimulatedClock } from "../../lib/clock.ts";
import { isMachineBusy, pacedPause } from "./pace.ts";

Deno.test("merging rests three times as long as it worked while the machine is busy", async () => {
  const clock = new SimulatedClock();
  let isBusy = false;
  const pause = pacedPause(clock, () => isBusy, () => Promise.resolve());
  const restAfter = async (workMs: number) => {
    await clock.advance(workMs);
    const startedMs = clock.now();
    let restedMs = -1;
    const resting = pause().then(() => restedMs = clock.now() - startedMs);
    await clock.advance(5_000);
    await resting;
    return restedMs;
  };
  assert.equal(await restAfter(20), 0);
  isBusy = true;
  // The time this test waited after the pause counts as work of the next step.
  assert.equal(await restAfter(20), 1_000);
  const first = pacedPause(clock, () => true, () => Promise.resolve());
  await clock.advance(20);
  let isDone = false;
  const resting = first().then(() => isDone = true);
  await clock.advance(59);
  assert.equal(isDone, false);
  await clock.advance(1);
  await resting;
});

Deno.test("a machine is busy when all its cores are wanted", () => {
  assert.equal(isMachineBusy(1.4, 2), false);
  assert.equal(isMachineBusy(1.6, 2), true);
});
