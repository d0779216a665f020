// A cache elsewhere that is down, slow, full or lies, under a simulated clock.
import fc from "fast-check";
import assert from "node:assert/strict";

import { SimulatedClock } from "../../lib/clock.ts";
import { createRuntime } from "../../lib/runtime.ts";
import { sealed } from "./sealed_value.ts";
import { type CacheClient, SecondTier, type SecondTierOptions } from "./second_tier.ts";

const OPTIONS: SecondTierOptions = {
  name: "c",
  timeoutMs: 100,
  breaker: { failuresMax: 3, openMs: 10_000 },
  valueBytesMax: 1_000,
  writersMax: 2,
  queuedMax: 4,
};
const bytes = (...values: number[]) => Uint8Array.from(values);

/** A server in memory, whose weather the test makes. */
class FakeServer implements CacheClient {
  readonly kind = "memcache";
  readonly getMethod = "Memcache.GetMulti";
  readonly setMethod = "Memcache.Put";
  readonly values = new Map<string, Uint8Array>();
  readonly gets: (readonly string[])[] = [];
  weather: () => Promise<void> = () => Promise.resolve();
  isClosed = false;

  async getMany(
    keys: readonly string[],
    found: (index: number, value: Uint8Array) => void,
  ) {
    this.gets.push(keys);
    for (const [index, key] of keys.entries()) {
      await this.weather();
      const value = this.values.get(key);
      if (value !== undefined) found(index, value);
    }
  }

  async set(key: string, value: Uint8Array) {
    await this.weather();
    this.values.set(key, value);
  }

  close() {
    this.isClosed = true;
  }
}

function scene(more: Partial<SecondTierOptions> = {}) {
  const clock = new SimulatedClock();
  const runtime = createRuntime({ clock });
  const server = new FakeServer();
  const tier = new SecondTier(runtime, server, { ...OPTIONS, ...more });
  /** A get that is given the time it needs. */
  const get = async (key: string) => {
    const answer = tier.get(key);
    await clock.advance(OPTIONS.timeoutMs + 1);
    return await answer;
  };
  const counted = async (line: string) => {
    const text = await runtime.metrics.text();
    assert(text.includes(line), `${line} is not in\n${text}`);
  };
  return { clock, server, tier, get, counted };
}

const never = () => new Promise<void>(() => {});
const refuses = () => Promise.reject(new Error("connection refused"));

Deno.test("what was put is given back, and what was not is nothing", async () => {
  const { clock, tier, get, counted } = scene();
  tier.put("k", bytes(1, 2));
  await clock.advance(1);
  assert.deepEqual(await get("k"), bytes(1, 2));
  assert.equal(await get("none"), undefined);
  await counted(`{method="Memcache.GetMulti",status_code="200",name="c"} 2\n`);
});

Deno.test("what is asked at the same time is one request", async () => {
  const { clock, server, tier } = scene();
  const later = Promise.resolve().then(() => tier.get("c"));
  const all = Promise.all([tier.get("a"), tier.get("b"), later]);
  await clock.advance(1);
  await all;
  assert.deepEqual(server.gets, [["a", "b", "c"]]);
});

Deno.test("garbage, cut and foreign values are nothing, and counted", async () => {
  const { server, get, counted } = scene();
  server.values.set("garbage", bytes(1, 2, 3));
  server.values.set("cut", sealed("cut", bytes(1, 2, 3)).subarray(0, 14));
  server.values.set("foreign", sealed("another", bytes(1, 2, 3)));
  for (const key of server.values.keys()) assert.equal(await get(key), undefined, key);
  await counted('segno_cache_damaged_values_total{name="c"} 3\n');
});

Deno.test("a server that does not answer in time is a miss, one that fails too", async () => {
  const { server, get, counted } = scene();
  server.weather = never;
  assert.equal(await get("k"), undefined);
  server.weather = refuses;
  assert.equal(await get("k"), undefined);
  await counted(`{method="Memcache.GetMulti",status_code="500",name="c"} 2\n`);
});

Deno.test("what has come when time is up is used", async () => {
  const { clock, server, tier } = scene();
  for (const key of ["a", "b"]) server.values.set(key, sealed(key, bytes(1)));
  let requests = 0;
  server.weather = () => requests++ === 0 ? Promise.resolve() : never();
  const both = Promise.all([tier.get("a"), tier.get("b")]);
  await clock.advance(OPTIONS.timeoutMs + 1);
  assert.deepEqual(await both, [bytes(1), undefined]);
});

Deno.test("after failures in a row nobody is asked; when it is back it is used again", async () => {
  const { clock, server, tier, get, counted } = scene();
  server.weather = refuses;
  for (let i = 0; i < 10; i++) assert.equal(await get("k"), undefined);
  assert.equal(server.gets.length, 3);
  tier.put("k", bytes(1));
  await counted('segno_cache_circuit_open{name="c"} 1\n');
  await counted('segno_cache_dropped_writes_total{name="c",reason="circuit_open"} 1\n');
  server.weather = () => Promise.resolve();
  await clock.advance(10_000);
  assert.equal(await get("k"), undefined);
  tier.put("k", bytes(2));
  await clock.advance(1);
  assert.deepEqual(await get("k"), bytes(2));
  await counted('segno_cache_circuit_open{name="c"} 0\n');
});

Deno.test("what waits to be written is bounded, and the rest is dropped", async () => {
  const { clock, server, tier, counted } = scene();
  server.weather = never;
  for (let i = 0; i < 10; i++) tier.put(`k${i}`, bytes(i));
  // Two are on their way, four wait.
  await counted('segno_cache_dropped_writes_total{name="c",reason="queue_full"} 4\n');
  await clock.advance(1_000);
  server.weather = () => Promise.resolve();
  await clock.advance(20_000);
  await counted('reason="failed"');
});

Deno.test("a value that the server would not take is not sent", async () => {
  const { clock, server, tier, counted } = scene();
  tier.put("k", new Uint8Array(1_001));
  await clock.advance(1);
  assert.equal(server.values.size, 0);
  await counted('segno_cache_dropped_writes_total{name="c",reason="too_large"} 1\n');
});

Deno.test("closed, it answers with nothing and lets go of the server", async () => {
  const { server, tier, get } = scene();
  tier[Symbol.dispose]();
  assert(server.isClosed);
  assert.equal(await get("k"), undefined);
  tier.put("k", bytes(1));
  assert.equal(server.gets.length, 0);
});

Deno.test("whatever the server does, the answer is what was put or nothing", async () => {
  const weather = fc.constantFrom<"fine" | "never" | "refuses" | "garbage" | "mixed">(
    "fine",
    "never",
    "refuses",
    "garbage",
    "mixed",
  );
  const step = fc.record({ weather, key: fc.constantFrom("a", "b", "c"), isPut: fc.boolean() });
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
    const { clock, server, tier, get } = scene({ breaker: { failuresMax: 4, openMs: 300 } });
    for (const { weather, key, isPut } of steps) {
      server.weather = weather === "never"
        ? never
        : weather === "refuses"
        ? refuses
        : () => Promise.resolve();
      if (weather === "garbage") server.values.set(key, bytes(7, 7, 7));
      if (weather === "mixed") {
        const others = [...server.values.values()];
        for (const known of server.values.keys()) server.values.set(known, others.pop()!);
      }
      if (isPut) tier.put(key, new TextEncoder().encode(key));
      await clock.advance(150);
      const found = await get(key);
      if (found !== undefined) assert.equal(new TextDecoder().decode(found), key);
    }
  }));
});
