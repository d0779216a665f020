import assert from "node:assert/strict";
import fc from "fast-check";
import { UnavailableError } from "../../lib/errors.ts";
import { createRuntime } from "../../lib/runtime.ts";
import { openCaches } from "../cache/open_caches.ts";
import { type BytesByRole, CACHE_ROLES } from "../cache/roles.ts";
import { BlockCache } from "./block_cache.ts";

const of = <T>(value: T, sizeBytes = 1) => () => Promise.resolve({ value, sizeBytes });

Deno.test("block cache loads what is asked for together once", async () => {
  const cache = new BlockCache(10);
  let loads = 0;
  const load = async () => {
    loads++;
    await Promise.resolve();
    return { value: "v", sizeBytes: 1 };
  };
  assert.deepEqual(await Promise.all([cache.get("a", load), cache.get("a", load)]), ["v", "v"]);
  assert.equal(await cache.get("a", load), "v");
  assert.equal(loads, 1);
});

Deno.test("block cache forgets the least recently used first", async () => {
  const cache = new BlockCache(3);
  for (const name of ["a", "b", "c"]) await cache.get(name, of(name));
  await cache.get("a", of("never loaded"));
  await cache.get("d", of("d"));
  assert.equal(await cache.get("a", of("again")), "a");
  assert.equal(await cache.get("b", of("again")), "again");
});

Deno.test("block cache passes over what has lives, and as often again once it is asked for", async () => {
  const cache = new BlockCache(3);
  const small = () => cache.get("small", of("small"), 2);
  await small();
  const turnOver = async (name: string) => {
    for (let i = 0; i < 3; i++) await cache.get(`${name} ${i}`, of("large"));
  };
  for (let round = 0; round < 4; round++) {
    await turnOver(`a${round}`);
    const { misses } = cache;
    await small();
    assert.equal(cache.misses, misses, `round ${round}`);
  }
  for (let round = 0; round < 3; round++) await turnOver(`b${round}`);
  const { misses } = cache;
  await small();
  assert.equal(cache.misses, misses + 1);
});

Deno.test("block cache gives but does not keep what is larger than itself", async () => {
  const cache = new BlockCache(3);
  assert.equal(await cache.get("huge", of("h", 4)), "h");
  assert.equal(cache.sizeBytes, 0);
});

Deno.test("block cache tries again after a failure, and all who waited hear of it", async () => {
  const cache = new BlockCache(3);
  const fail = () => Promise.reject(new UnavailableError("storm"));
  const both = await Promise.allSettled([cache.get("a", fail), cache.get("a", fail)]);
  assert.deepEqual(both.map(({ status }) => status), ["rejected", "rejected"]);
  assert.equal(await cache.get("a", of("calm")), "calm");
});

Deno.test("block cache forgets a block by its prefix", async () => {
  const cache = new BlockCache(30);
  await cache.under("t/1/").get("x", of("old"));
  await cache.under("t/2/").get("x", of("other"));
  cache.forget("t/1/");
  assert.equal(await cache.under("t/1/").get("x", of("new")), "new");
  assert.equal(await cache.under("t/2/").get("x", of("new")), "other");
  assert.equal(cache.sizeBytes, 2);
});

Deno.test("block cache never holds more than it may, whatever is asked for", async () => {
  const asked = fc.array(fc.tuple(fc.nat({ max: 9 }), fc.nat({ max: 8 })), { maxLength: 60 });
  await fc.assert(fc.asyncProperty(asked, fc.nat({ max: 20 }), async (gets, bytesMax) => {
    const cache = new BlockCache(bytesMax);
    for (const [name, sizeBytes] of gets) {
      assert.equal(await cache.get(`${name}`, of(name, sizeBytes)), name);
      assert(cache.sizeBytes <= bytesMax, `${cache.sizeBytes} of ${bytesMax}`);
    }
  }));
});

Deno.test("what caches of bytes hold is part of the number, what they leave is used", async () => {
  const bytesMax = Object.fromEntries(CACHE_ROLES.map((role) => [role, 10_000])) as BytesByRole;
  const config = { bytesMax, secondTiers: [], bloomLevelMin: 0, bloomAgeMaxMs: 0 };
  const ranges = await openCaches(createRuntime(), config);
  const cache = new BlockCache(10_000, ranges);
  const load = () => Promise.resolve({ value: 1, sizeBytes: 1_000 });
  const fill = async () => {
    for (let i = 0; i < 20; i++) await cache.get(`a ${i}`, load);
  };
  await fill();
  assert.equal(cache.sizeBytes, 10_000);
  ranges.of("bloom").put("b", new Uint8Array(2_000));
  await cache.get("another", load);
  assert(cache.sizeBytes + ranges.sizeBytes <= 10_000 && cache.sizeBytes >= 7_000);
});
