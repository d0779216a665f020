// Jobs on blocks below `/querier`, over a whole read path: two blocks in a store, one of several row groups, and
// live data beside them.
// deno-lint-ignore-file no-explicit-any
import assert from "node:assert/strict";
import { SimulatedClock } from "../lib/clock.ts";
import { createRuntime } from "../lib/runtime.ts";
import { dataKey } from "../model/block_meta.ts";
import { createFrontend } from "../query/frontend/mod.ts";
import { BlockQuerier, fixedScanners, ScanPool } from "../query/querier/mod.ts";
import { goldenBlock } from "../tests/support/golden_blocks.ts";
import { refused } from "../tests/support/refused.ts";
import { decodeAnswer } from "../tests/support/tempopb.ts";
import { createTestApi, type TestApi } from "../tests/support/test_api.ts";

const TIMES = "start=1767268000&end=1767290000";

async function asked(test: (api: TestApi, blockId: string, live: string[]) => Promise<void>) {
  const { store, meta } = await goldenBlock("v5-small-groups");
  const other = await goldenBlock("v5-default");
  const key = dataKey(other.meta.tenantID, other.meta.blockID);
  await store.write(key, await other.store.read(key));
  const runtime = createRuntime({ clock: new SimulatedClock() });
  const options = { workers: 0, cacheBytesMax: 1 << 26, scansMax: 2, findsMax: 2 };
  await using pool = new ScanPool(runtime, store, options);
  const listed = () => [meta, other.meta];
  const live: string[] = [];
  const frontend = createFrontend(runtime, {
    live: {
      query: (request) => (live.push(request.kind), Promise.resolve([])),
      findTrace: () => Promise.resolve([]),
    },
    blocks: new BlockQuerier(
      runtime,
      { blocks: listed, blocksOverlapping: listed },
      fixedScanners(pool.scanners),
    ),
  });
  await test(createTestApi({ frontend }), meta.blockID, live);
}

const parts = [0, 1, 2, 3, 4].map((page) => `&startPage=${page}&pagesToSearch=1`);

Deno.test("a job looks at one block, and at its row groups: all of them together are the block", async () => {
  await asked(async (api, blockId, live) => {
    const found = async (rest: string): Promise<string[]> => {
      const path = `/querier/api/search?${TIMES}&limit=500&q=%7B%7D${rest}`;
      const response = await api.get(path);
      assert.equal(response.status, 200, await response.clone().text());
      const { traces = [] } = decodeAnswer("SearchResponse", await response.bytes());
      return traces.map(({ traceID }: any) => traceID).sort();
    };
    const block = `&blockID=${blockId}`;
    const whole = await found(block);
    assert.ok(whole.length > 100, String(whole.length));
    const each = await Promise.all(parts.map((part) => found(block + part)));
    assert.ok(each.every(({ length }) => length > 0));
    assert.deepEqual(each.flat().sort(), whole, "each trace is in one row group");
    assert.deepEqual(await found(`${block}&startPage=0&pagesToSearch=5`), whole);
    assert.deepEqual(await found(`${block}&startPage=3`), [...each[3]!, ...each[4]!].sort());
    assert.deepEqual(await found(`${block}&startPage=5`), []);
    assert.deepEqual(live, [], "live data is no part of a block");
    await found("");
    assert.deepEqual(live, ["search"]);
  });
});

Deno.test("counts of the jobs of a block add up to its own", async () => {
  await asked(async (api, blockId) => {
    const count = async (rest: string) => {
      const q = encodeURIComponent("{} | count_over_time()");
      const path = `/querier/api/metrics/query?${TIMES}&q=${q}&blockID=${blockId}${rest}`;
      const { series } = await (await api.get(path)).json();
      return series.reduce((sum: number, { value = 0 }: any) => sum + value, 0);
    };
    const each = await Promise.all(parts.map(count));
    assert.ok(each.every((one) => one > 0));
    assert.equal(each.reduce((a, b) => a + b), await count(""));
  });
});

Deno.test("names and values of tags are of the block asked about", async () => {
  await asked(async (api, blockId, live) => {
    for (const path of ["/api/v2/search/tags", "/api/v2/search/tag/name/values"]) {
      const response = await api.get(`/querier${path}?${TIMES}&blockID=${blockId}&startPage=4`);
      assert.equal(response.status, 200);
      assert.ok((await response.bytes()).length > 20);
    }
    assert.deepEqual(live, []);
  });
});

Deno.test("a block that is not there is an error, and what is no block is refused", async () => {
  await asked(async (api, blockId, live) => {
    const path = `/querier/api/search?${TIMES}&q=%7B%7D`;
    const missing = await api.get(`${path}&blockID=00000000-0000-4000-8000-000000000000`);
    assert.equal(missing.status, 503);
    assert.match(await missing.text(), /no block 00000000-0000-4000-8000-000000000000 is listed/);
    await refused(api.get(`${path}&blockID=nonsense`), 400, "invalid blockID");
    await refused(api.get(`${path}&blockID=${blockId}&startPage=x`), 400, /^invalid startPage: /);
    // For everybody else it is a parameter that is not known.
    await (await api.get(`/api/search?${TIMES}&q=%7B%7D&blockID=nonsense`)).body?.cancel();
    assert.deepEqual(live, ["search"]);
  });
});
