import assert from "node:assert/strict";

import { SimulatedClock } from "../../lib/clock.ts";
import { createRuntime } from "../../lib/runtime.ts";
import { BYTES, RoleCache } from "./role_cache.ts";
import { type CacheClient, SecondTier } from "./second_tier.ts";

const bytes = (...values: number[]) => Uint8Array.from(values);

function scene({ isShared = true, bytesMax = 100_000 } = {}) {
  const clock = new SimulatedClock();
  const runtime = createRuntime({ clock });
  const values = new Map<string, Uint8Array>();
  const client: CacheClient = {
    kind: "rediscache",
    getMethod: "RedisCache.MGet",
    setMethod: "RedisCache.MSet",
    getMany: (keys, found) => {
      keys.forEach((key, i) => values.has(key) && found(i, values.get(key)!));
      return Promise.resolve();
    },
    set: (key, value) => Promise.resolve(void values.set(key, value)),
    close() {},
  };
  const second = new SecondTier(runtime, client, {
    name: "r",
    timeoutMs: 100,
    breaker: { failuresMax: 0, openMs: 0 },
    valueBytesMax: 1_000,
    writersMax: 1,
    queuedMax: 10,
  });
  const open = () =>
    new RoleCache(runtime.metrics, "bloom", bytesMax, isShared ? second : undefined, BYTES);
  return { clock, runtime, values, second, open };
}

Deno.test("what is there is not loaded, what is not is loaded once for all who wait", async () => {
  const { open } = scene({ isShared: false });
  const cache = open();
  let loads = 0;
  const load = () => Promise.resolve(bytes(++loads));
  const both = await Promise.all([cache.through("a", load), cache.through("a", load)]);
  assert.deepEqual(both, [bytes(1), bytes(1)]);
  assert.deepEqual(await cache.through("a", load), bytes(1));
  assert.deepEqual(await cache.through("b", load), bytes(2));
});

Deno.test("what fails to load is told to all who wait, and tried again by the next", async () => {
  const { open } = scene({ isShared: false });
  const cache = open();
  const fails = () => Promise.reject(new Error("503"));
  const both = await Promise.allSettled([cache.through("a", fails), cache.through("a", fails)]);
  assert(both.every(({ status }) => status === "rejected"));
  assert.deepEqual(await cache.through("a", () => Promise.resolve(bytes(1))), bytes(1));
});

Deno.test("another thread finds in the second tier what the first has loaded", async () => {
  const { clock, values, open } = scene();
  const first = open().through("t/b", () => Promise.resolve(bytes(5)));
  await clock.advance(1);
  assert.deepEqual(await first, bytes(5));
  assert.deepEqual([...values.keys()], ["segno1:bloom:t/b"]);
  const other = open();
  const found = other.through("t/b", () => assert.fail());
  await clock.advance(1);
  assert.deepEqual(await found, bytes(5));
  values.clear();
  assert.deepEqual(await other.through("t/b", () => assert.fail()), bytes(5), "kept from then on");
});

Deno.test("what is not to be shared is kept here alone", async () => {
  const { clock, values, open } = scene();
  const cache = open();
  const loaded = cache.through("t/b", () => Promise.resolve(bytes(5)), false);
  await clock.advance(1);
  assert.deepEqual(await loaded, bytes(5));
  assert.equal(values.size, 0);
  assert.deepEqual(await cache.get("t/b"), bytes(5));
});

Deno.test("hits, misses, bytes and size are counted by role", async () => {
  const { runtime, open } = scene({ isShared: false });
  const cache = open();
  for (let i = 0; i < 3; i++) await cache.through("a", () => Promise.resolve(new Uint8Array(500)));
  assert.equal(await cache.get("none"), undefined);
  const text = await runtime.metrics.text();
  for (
    const line of [
      'tempodb_cache_requests_total{role="bloom",outcome="hit"} 2\n',
      'tempodb_cache_requests_total{role="bloom",outcome="miss"} 2\n',
      'tempodb_cache_request_bytes_total{role="bloom",outcome="hit"} 1000\n',
      'tempodb_cache_request_bytes_total{role="bloom",outcome="miss"} 500\n',
      'tempodb_cache_store_size_bytes{role="bloom"} 701\n',
    ]
  ) assert(text.includes(line), line);
});

Deno.test("a part of something larger does not keep the whole alive", async () => {
  const { open } = scene({ isShared: false });
  const cache = open();
  const whole = new Uint8Array(100_000).fill(7);
  cache.put("part", whole.subarray(10, 20));
  whole.fill(0);
  const kept = (await cache.get("part"))!;
  assert.deepEqual(kept, new Uint8Array(10).fill(7));
  assert.equal(kept.buffer.byteLength, 10);
});

Deno.test("values that are no bytes are kept as they are, and told elsewhere as bytes", async () => {
  const { clock, runtime, second } = scene();
  const codec = {
    sizeOf: (value: bigint) => String(value).length,
    own: (value: bigint) => value,
    encode: (value: bigint) => new TextEncoder().encode(String(value)),
    decode: (bytes: Uint8Array) => {
      const text = new TextDecoder().decode(bytes);
      return /^\d+$/.test(text) ? BigInt(text) : undefined;
    },
  };
  const open = () => new RoleCache(runtime.metrics, "frontend-search", 10_000, second, codec);
  open().put("a", 12n);
  await clock.advance(1);
  const found = open().get("a");
  await clock.advance(1);
  assert.equal(await found, 12n);
  second.put("segno1:frontend-search:b", new TextEncoder().encode("none"));
  await clock.advance(1);
  const none = open().get("b");
  await clock.advance(1);
  assert.equal(await none, undefined);
});
