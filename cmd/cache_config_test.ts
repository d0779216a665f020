import assert from "node:assert/strict";

import { cachesConfig } from "./cache_config.ts";
import { ConfigSchema } from "./config/schema.ts";

const BYTES = 100_000_000;
const of = (config: unknown) => cachesConfig(ConfigSchema.parse(config), BYTES);
const tiers = (...caches: unknown[]) => of({ cache: { caches } }).secondTiers;

Deno.test("shares never pass what there is, and files on a local disk are left to its system", () => {
  for (const backend of ["local", "s3"]) {
    const { bytesMax } = of({ storage: { trace: { backend } } });
    const sum = Object.values(bytesMax).reduce((a, b) => a + b);
    assert(sum <= BYTES / 2, "the larger part is for what is decoded");
    assert.equal(bytesMax["parquet-page"] === 0, backend === "local");
    assert.equal(bytesMax.bloom, backend === "local" ? 10_000_000 : 20_000_000);
  }
});

Deno.test("which blooms are put elsewhere is as storage.trace says", () => {
  const trace = { cache_min_compaction_level: 1, cache_max_block_age: "48h" };
  const { bloomLevelMin, bloomAgeMaxMs } = of({ storage: { trace } });
  assert.deepEqual([bloomLevelMin, bloomAgeMaxMs], [1, 48 * 3_600_000]);
});

Deno.test("memcached is where its addresses or the service of its host say", () => {
  const at = (memcached: unknown) => {
    const [tier] = tiers({ roles: ["bloom"], memcached });
    assert(tier?.kind === "memcached");
    return tier.memcached.addresses;
  };
  assert.deepEqual(at({ addresses: "a:1, dns+b:2" }), ["a:1", "dns+b:2"]);
  assert.deepEqual(at({ host: "cache.ns" }), ["dnssrv+_memcached._tcp.cache.ns"]);
  assert.deepEqual(at({ host: "c", service: "own" }), ["dnssrv+_own._tcp.c"]);
});

Deno.test("timeouts, expiry, the breaker and the queue are as their keys say", () => {
  const background = { writeback_goroutines: 3, writeback_buffer: 7 };
  const memcached = {
    addresses: "a:1",
    timeout: "50ms",
    ttl: "1h",
    max_item_size: 5_000,
    circuit_breaker_consecutive_failures: 2,
    circuit_breaker_timeout: "3s",
  };
  const redis = { endpoint: "r:6379,[::1]:6380", db: 2, expiration: "2h", tls_enabled: true };
  const [first, second] = of({
    cache: {
      background,
      caches: [{ roles: ["bloom", "none"], memcached }, { roles: ["parquet-page"], redis }],
    },
  }).secondTiers;
  assert(first?.kind === "memcached" && second?.kind === "redis");
  assert.deepEqual(first.roles, ["bloom"]);
  assert.equal(first.memcached.ttlMs, 3_600_000);
  assert.deepEqual(first.options, {
    name: "memcached[0] bloom",
    timeoutMs: 50,
    breaker: { failuresMax: 2, openMs: 3_000 },
    valueBytesMax: 5_000,
    writersMax: 3,
    queuedMax: 7,
  });
  assert.deepEqual(second.redis, {
    endpoints: [{ host: "r", port: 6379 }, { host: "::1", port: 6380 }],
    masterName: "",
    username: "",
    password: "",
    db: 2,
    timeoutMs: 500,
    expirationMs: 7_200_000,
    tls: { isUnverified: false },
  });
  assert.equal(second.options.name, "redis[1] parquet-page");
});

Deno.test("what is missing or cannot be done is refused by its key", async (t) => {
  const cases: [one: unknown, message: RegExp][] = [
    [{ memcached: {} }, /^cache\.caches\[0\]\.memcached\.addresses: is empty, and so is host$/],
    [{ memcached: { addresses: "a" } }, /addresses: a has no port/],
    [{ memcached: { addresses: "a:1", tls_enabled: true } }, /memcached\.tls_enabled: /],
    [{ redis: {} }, /^cache\.caches\[0\]\.redis\.endpoint: is empty$/],
    [{ redis: { endpoint: "a" } }, /redis\.endpoint: expected host:port, not a/],
  ];
  for (const [one, message] of cases) {
    await t.step(String(message), () => {
      assert.throws(() => tiers({ roles: ["bloom"], ...one as object }), { message });
    });
  }
});
