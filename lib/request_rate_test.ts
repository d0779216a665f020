import assert from "node:assert/strict";
import fc from "fast-check";
import { SimulatedClock } from "./clock.ts";
import { RequestRate } from "./request_rate.ts";

const NEVER = new AbortController().signal;

Deno.test("a burst goes at once, and then so many a second", async () => {
  const clock = new SimulatedClock();
  const rate = new RequestRate(clock, { perSecond: 10, burst: 3 });
  const wentMs: number[] = [];
  for (let i = 0; i < 6; i++) void rate.turn(NEVER).then(() => wentMs.push(clock.now()));
  await clock.advance(1_000);
  assert.deepEqual(wentMs, [0, 0, 0, 100, 200, 300]);
  await clock.advance(10_000);
  for (let i = 0; i < 4; i++) void rate.turn(NEVER).then(() => wentMs.push(clock.now() - 11_000));
  await clock.advance(1_000);
  assert.deepEqual(wentMs.slice(6), [0, 0, 0, 100], "what was not used does not add up");
});

Deno.test("in no stretch of time more go than the burst and what the stretch allows", async () => {
  const gaps = fc.array(fc.nat({ max: 300 }), { minLength: 2, maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(gaps, fc.integer({ min: 1, max: 5 }), async (gaps, burst) => {
      const clock = new SimulatedClock();
      const rate = new RequestRate(clock, { perSecond: 10, burst });
      const wentMs: number[] = [];
      for (const gap of gaps) {
        await clock.advance(gap);
        void rate.turn(NEVER).then(() => wentMs.push(clock.now()));
      }
      await clock.advance(60_000);
      assert.equal(wentMs.length, gaps.length);
      for (const [i, from] of wentMs.entries()) {
        for (let j = i; j < wentMs.length; j++) {
          assert.ok(j - i + 1 <= burst + (wentMs[j]! - from) / 100 + 1.001, `${wentMs}`);
        }
      }
    }),
    { numRuns: 30 },
  );
});

Deno.test("who gives up does not wait", async () => {
  const rate = new RequestRate(new SimulatedClock(), { perSecond: 1, burst: 1 });
  await rate.turn(NEVER);
  const stop = new AbortController();
  const waiting = rate.turn(stop.signal);
  stop.abort();
  await waiting;
});
