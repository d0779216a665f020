import assert from "node:assert/strict";
import { SimulatedClock } from "./clock.ts";
import { withinTime } from "./deadline.ts";

const signal = new AbortController().signal;
const late = () => new Error("late");
const never = () => new Promise<never>(() => {});

Deno.test("work that ends in time has its result, and leaves no timer", async () => {
  const clock = new SimulatedClock();
  assert.equal(await withinTime(clock, 10, late, signal, () => Promise.resolve(7)), 7);
  await clock.advance(20);
});

Deno.test("late work is told to stop and not waited for", async () => {
  const clock = new SimulatedClock();
  let told: unknown;
  const work = withinTime(clock, 10, late, signal, (inner) => {
    inner.addEventListener("abort", () => told = inner.reason);
    return never();
  });
  const failed = assert.rejects(work, { message: "late" });
  await clock.advance(10);
  await failed;
  assert.equal((told as Error).message, "late");
});

Deno.test("without a deadline only the caller stops it", async () => {
  const clock = new SimulatedClock();
  const stop = new AbortController();
  const work = withinTime(clock, 10, late, stop.signal, never);
  const failed = assert.rejects(work, { message: "gone" });
  stop.abort(new Error("gone"));
  await failed;
  assert.equal(await withinTime(clock, 0, late, signal, () => Promise.resolve(1)), 1);
});
