import assert from "node:assert/strict";
import { SimulatedClock } from "../../lib/clock.ts";
import { createRuntime } from "../../lib/runtime.ts";
import { Accounts, type Objective } from "./accounts.ts";

const signal = new AbortController().signal;

async function isCountedInTime(
  objective: Objective,
  tookMs: number,
  bytes: number,
): Promise<boolean> {
  const clock = new SimulatedClock();
  const runtime = createRuntime({ clock });
  const accounts = new Accounts(runtime, { search: objective });
  await accounts.of("search", "t", signal, async () => {
    await clock.advance(tookMs);
    return { result: undefined, bytes };
  });
  const text = await runtime.metrics.text();
  assert.match(text, /queries_total\{tenant="t",op="search",result="completed"\} 1/);
  assert.match(text, new RegExp(`bytes_inspected_total\\{tenant="t",op="search"\\} ${bytes}`));
  return /queries_within_slo_total\{[^}]*\} 1/.test(text);
}

Deno.test("a question is in time by its duration or by its speed, and always without an objective", async () => {
  const none = { durationMs: 0, bytesPerSecond: 0 };
  assert.equal(await isCountedInTime(none, 9_000, 0), true);
  const short = { durationMs: 100, bytesPerSecond: 0 };
  assert.equal(await isCountedInTime(short, 100, 0), true);
  assert.equal(await isCountedInTime(short, 101, 1e9), false);
  const fast = { durationMs: 100, bytesPerSecond: 1_000 };
  assert.equal(await isCountedInTime(fast, 2_000, 2_000), true);
  assert.equal(await isCountedInTime(fast, 2_000, 1_999), false);
});

Deno.test("a question that is given up, or fails, is not in time", async () => {
  const runtime = createRuntime({ clock: new SimulatedClock() });
  const accounts = new Accounts(runtime, {});
  const gone = new AbortController();
  gone.abort(new Error("gone"));
  await assert.rejects(
    accounts.of("metrics", "t", gone.signal, () => Promise.reject(gone.signal.reason)),
  );
  await assert.rejects(
    accounts.of("traces", "t", signal, () => Promise.reject(new Error("broken"))),
  );
  const text = await runtime.metrics.text();
  assert.match(text, /queries_total\{tenant="t",op="metrics",result="canceled"\} 1/);
  assert.match(text, /queries_total\{tenant="t",op="traces",result="completed"\} 1/);
  assert.doesNotMatch(text, /queries_within_slo_total\{/);
});
