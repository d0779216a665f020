import assert from "node:assert/strict";
import fc from "fast-check";
import { SimulatedClock } from "./clock.ts";

Deno.test("timers fire in the order of their time, then of when they were set; cleared ones never", async () => {
  const timers = fc.array(fc.record({ delayMs: fc.nat(9), isCleared: fc.boolean() }));
  await fc.assert(fc.asyncProperty(timers, fc.nat(10), async (all, untilMs) => {
    const clock = new SimulatedClock(1000);
    const fired: number[] = [];
    const ids = all.map(({ delayMs }, i) => clock.setTimeout(() => fired.push(i), delayMs));
    all.forEach(({ isCleared }, i) => isCleared && clock.clearTimeout(ids[i]!));
    await clock.advance(untilMs);
    const expected = all.map((timer, i) => ({ ...timer, i }))
      .filter(({ isCleared, delayMs }) => !isCleared && delayMs <= untilMs)
      .sort((a, b) => a.delayMs - b.delayMs || a.i - b.i);
    assert.deepEqual(fired, expected.map(({ i }) => i));
    assert.equal(clock.now(), 1000 + untilMs);
  }));
});

Deno.test("a timer sees its own time, and what it sets is still due in the same step", async () => {
  const clock = new SimulatedClock();
  const seen: number[] = [];
  const tick = () => {
    seen.push(clock.now());
    if (seen.length < 3) clock.setTimeout(tick, 10);
  };
  clock.setTimeout(tick, 10);
  await clock.advance(35);
  assert.deepEqual(seen, [10, 20, 30]);
  assert.equal(clock.monotonic(), 35);
});
