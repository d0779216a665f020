// `explain=true` over a whole read path: a block of several row groups in a store, a scanner, the API.
import assert from "node:assert/strict";
import { createFrontend } from "../query/frontend/mod.ts";
import { BlockQuerier, ScanPool } from "../query/querier/mod.ts";
import { goldenBlock } from "../tests/support/golden_blocks.ts";
import { createTestApi, type TestApi } from "../tests/support/test_api.ts";
import { createRuntime } from "../lib/runtime.ts";
import { SimulatedClock } from "../lib/clock.ts";
import { defaultLimits, type Limits } from "../model/limits.ts";

const TIMES = "start=1767268000&end=1767290000";

async function withBlocks(
  test: (api: TestApi) => Promise<void>,
  limits: Limits = defaultLimits,
): Promise<void> {
  const { store, meta } = await goldenBlock("v5-small-groups");
  const runtime = createRuntime({ clock: new SimulatedClock() });
  const options = { workers: 0, cacheBytesMax: 1 << 26, scansMax: 2, findsMax: 2 };
  await using pool = new ScanPool(runtime, store, options);
  const listed = () => [meta];
  const frontend = createFrontend(runtime, {
    live: { query: () => Promise.resolve([]), findTrace: () => Promise.resolve([]) },
    blocks: new BlockQuerier(runtime, { blocks: listed, blocksOverlapping: listed }, pool.scanners),
  });
  await test(createTestApi({ frontend, limits: () => limits }));
}

Deno.test("a search says what it read, what it passed over and why, and what was in the cache", async () => {
  await withBlocks(async (api) => {
    const path = `/api/search?${TIMES}&limit=1000&explain=true&q=` +
      encodeURIComponent("{ duration > 100h } | count() > 0");
    const ask = async () => (await (await api.get(path)).json()).explain;
    const first = await ask();
    assert.deepEqual(first.plan, ["{ duration > 100h0m0s }", "count() > 0"]);
    assert.ok(first.columns.includes("durationNano"), String(first.columns));
    const [{ blocks }] = first.tenants;
    const [{ rowGroups, worker, spans }] = blocks.blocks;
    assert.equal(worker, 0);
    assert.ok(spans > 1_000);
    assert.equal(rowGroups.length, 5);
    const pruned = rowGroups.filter((one: { pruned?: string }) => one.pruned !== undefined);
    assert.ok(pruned.length > 0 && pruned.length < 5, `${pruned.length} row groups passed over`);
    for (const one of pruned) {
      assert.match(one.pruned, /^duration > /);
      assert.equal(one.readBytes, 0);
    }
    const read = rowGroups.find((one: { pruned?: string }) => one.pruned === undefined);
    assert.ok(read.readBytes > 0 && read.readBytes <= read.estimatedBytes * 2);
    assert.ok(read.cacheMisses > 0);
    assert.deepEqual(Object.keys(read.stages)[0], "{ duration > 100h0m0s }");
    assert.ok(blocks.estimatedBytes > 0);

    const again = (await ask()).tenants[0].blocks.blocks[0].rowGroups
      .find((one: { pruned?: string }) => one.pruned === undefined);
    assert.deepEqual([again.readBytes, again.cacheMisses], [0, 0]);
    assert.ok(again.cacheHits > 0);
  });
});

Deno.test("metrics are explained too; who does not ask gets no key that a strict reader refuses", async () => {
  await withBlocks(async (api) => {
    const q = encodeURIComponent("{ status = error } | rate() by (resource.service.name)");
    for (
      const path of [
        `/api/metrics/query_range?${TIMES}&q=${q}`,
        `/api/metrics/query?${TIMES}&q=${q}`,
      ]
    ) {
      const plain = await (await api.get(path)).json();
      assert.equal("explain" in plain, false);
      const { explain, ...rest } = await (await api.get(`${path}&explain=true`)).json();
      assert.deepEqual(explain.plan, [{ stages: ["{ status = error }"], function: "rate" }]);
      assert.ok(explain.columns.includes("resource.service.name"));
      assert.equal(explain.tenants[0].blocks.blocks.length, 1);
      assert.deepEqual(rest.series, plain.series);
    }
    const search = await (await api.get(`/api/search?${TIMES}&q=%7B%7D`)).json();
    assert.deepEqual(Object.keys(search).sort(), ["metrics", "traces"]);
  });
});

Deno.test("a query reads no more than it says, or its tenant may: the lower of the two", async () => {
  const status = async (api: TestApi, query: string) =>
    (await api.get(`/api/search?${TIMES}&q=${encodeURIComponent(query)}`)).status;
  await withBlocks(async (api) => {
    assert.equal(await status(api, "{} with (max_bytes=10)"), 422);
    assert.equal(await status(api, "{} with (max_bytes=100000000)"), 200);
    assert.equal(await status(api, "{}"), 200);
    assert.equal(await status(api, '{} with (max_bytes="much")'), 400);
    const q = encodeURIComponent("{} | rate() with (max_bytes=10)");
    const refused = await api.get(`/api/metrics/query_range?${TIMES}&q=${q}`);
    assert.equal(refused.status, 422);
    assert.match(await refused.text(), /would read \d+ bytes of 1 blocks, more than the 10/);
    // What is passed over is not read.
    assert.equal(await status(api, "{ false } with (max_bytes=10)"), 200);
  });
  const read = { ...defaultLimits.read, maxBytesPerQuery: 10 };
  await withBlocks(async (api) => {
    assert.equal(await status(api, "{}"), 422);
    assert.equal(await status(api, "{} with (max_bytes=100000000)"), 422);
  }, { ...defaultLimits, read });
});
