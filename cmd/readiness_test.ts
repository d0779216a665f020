import assert from "node:assert/strict";
import { SimulatedClock } from "../lib/clock.ts";
import { createRuntime } from "../lib/runtime.ts";
import { Readiness } from "./readiness.ts";

Deno.test("a process is ready when its partitions have caught up and nothing else stands against it", async () => {
  const clock = new SimulatedClock(0);
  const readiness = new Readiness();
  assert.deepEqual(readiness.reasons, [], "without partitions there is nothing to wait for");

  let caughtUp: () => Promise<boolean> = () => Promise.reject(new Error("the thread is starting"));
  const watching = readiness.watch(createRuntime({ clock }), () => caughtUp());
  const starting = ["LiveStore not ready: live-store is starting"];
  assert.deepEqual(readiness.reasons, starting);
  await clock.advance(250);
  assert.deepEqual(readiness.reasons, starting);
  caughtUp = () => Promise.resolve(true);
  await clock.advance(100);
  assert.deepEqual(readiness.reasons, []);

  let other: string | undefined = "no querier";
  readiness.also(() => other);
  assert.deepEqual(readiness.reasons, ["no querier"]);
  caughtUp = () => Promise.resolve(false);
  await clock.advance(1_000);
  assert.deepEqual(readiness.reasons, [...starting, "no querier"]);
  other = undefined;
  readiness.stopping();
  assert.deepEqual(readiness.reasons, ["Application is stopping"]);
  await watching[Symbol.asyncDispose]();
});
