import assert from "node:assert/strict";
import { type BlockMeta, compactedMetaKey, metaKey } from "../../model/block_meta.ts";
import { MemoryObjectStore } from "../../storage/mod.ts";
import { GOLDEN_TENANT, GOLDEN_V5, goldenStore } from "../../tests/support/golden_store.ts";
import { cli } from "./cli_testing.ts";

const store = await goldenStore();

const id = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;

async function put(store: MemoryObjectStore, changes: Partial<BlockMeta>, isCompacted = false) {
  const meta: BlockMeta = {
    format: "vParquet5",
    blockID: id(1),
    tenantID: "acme",
    startTime: "2026-01-01T14:00:00Z",
    endTime: "2026-01-01T15:00:00Z",
    totalObjects: 1000,
    size: 50_000,
    compactionLevel: 0,
    indexPageSize: 0,
    totalRecords: 1,
    bloomShards: 2,
    footerSize: 4000,
    replicationFactor: 1,
    ...changes,
  };
  const { tenantID, blockID } = meta;
  const key = isCompacted ? compactedMetaKey(tenantID, blockID) : metaKey(tenantID, blockID);
  await store.write(key, new TextEncoder().encode(JSON.stringify(meta)));
  await store.write(`${tenantID}/${blockID}/data.parquet`, new Uint8Array(meta.size));
  await store.write(`${tenantID}/${blockID}/bloom-0`, new Uint8Array(100));
}

Deno.test("live blocks are listed newest first, others with --all and what is the matter", async () => {
  const store = new MemoryObjectStore();
  await put(store, { blockID: id(1) });
  await put(store, { blockID: id(2), endTime: "2026-01-01T15:30:00Z", replaces: [id(3)] });
  await put(store, { blockID: id(3) });
  await put(store, { blockID: id(4), endTime: "2025-12-01T15:00:00Z" }, true);
  await put(store, { blockID: id(5) });
  await store.write(metaKey("acme", id(5)), new Uint8Array(2));
  await store.write(`acme/${id(6)}/data.parquet`, new Uint8Array(7));
  await store.write("acme/index.json.gz", new Uint8Array(7));
  const listed = await cli(store, ["list", "blocks", "acme"]);
  assert.equal(
    listed.out,
    `BLOCK                                 FORMAT     LEVEL  TRACES      SIZE  GROUPS  BLOOMS  START (UTC)          COVERS    AGE
${id(2)}  vParquet5      0   1,000  49.3 KiB       1       2  2026-01-01 14:00:00   1h30m  30m0s
${id(1)}  vParquet5      0   1,000  49.2 KiB       1       2  2026-01-01 14:00:00    1h0m   1h0m

2 blocks, 2,000 traces, 98.5 KiB; 4 more with --all
`,
  );
  const { blocks } = (await cli(store, ["list", "blocks", "--all", "--json"])).json();
  assert.deepEqual(blocks.map((block: any) => [block.blockId, block.state]), [
    [id(2), "live"],
    [id(1), "live"],
    [id(3), "replaced"],
    [id(4), "compacted"],
    [id(5), "damaged"],
    [id(6), "unfinished"],
  ]);
  assert.match(blocks[4].problem, /not JSON/);
  assert.equal(blocks[0].meta.totalObjects, 1000);
  const text = await cli(store, ["list", "blocks", "-all"]);
  assert.match(text.out, /damaged .*acme\/.*meta.json: not JSON/);
});

Deno.test("blocks of all tenants are told apart", async () => {
  const store = new MemoryObjectStore();
  await put(store, {});
  await put(store, { tenantID: "other", blockID: id(2) });
  await store.write("empty/index.json.gz", new Uint8Array(7));
  const { out } = await cli(store, ["list", "blocks"]);
  assert.match(out, /^TENANT {2}BLOCK/);
  assert.match(out, /^acme {4}00000000-/m);
  assert.match(out, /^other {3}00000000-/m);
});

Deno.test("compaction levels are added up", async () => {
  const { out } = await cli(store, ["list", "compaction-summary"]);
  assert.equal(
    out,
    `TENANT         LEVEL  BLOCKS  TRACES      SIZE  AVERAGE  SMALLEST  LARGEST  NEWEST  OLDEST
single-tenant      0       5     625  1.24 MiB  255 KiB   213 KiB  391 KiB    2h0m    3h0m
single-tenant      1       1     124   103 KiB  103 KiB   103 KiB  103 KiB    2h0m    2h0m
single-tenant: 2 retired, 364 KiB
`,
  );
  const { levels, retired } = (await cli(store, ["list", "compaction-summary", "--json"])).json();
  assert.deepEqual(levels.map((one: any) => [one.level, one.blocks, one.traces]), [
    [0, 5, 5 * 126 - 5],
    [1, 1, 124],
  ]);
  assert.deepEqual(retired.map((one: any) => [one.tenant, one.compacted]), [[GOLDEN_TENANT, 2]]);
});

Deno.test("blooms are added up by level and age", async () => {
  const store = new MemoryObjectStore();
  await put(store, { blockID: id(1) });
  await put(store, { blockID: id(2) });
  await put(store, { blockID: id(3), endTime: "2025-12-30T15:00:00Z", compactionLevel: 2 });
  await put(store, { blockID: id(4) }, true);
  const { cells } = (await cli(store, ["list", "cache-summary", "acme", "--json"])).json();
  assert.deepEqual(cells, [
    { level: 0, days: 0, blocks: 2, bloomShards: 4, bloomBytes: 200, footerBytes: 8000 },
    { level: 2, days: 2, blocks: 1, bloomShards: 2, bloomBytes: 100, footerBytes: 4000 },
  ]);
  const { out } = await cli(store, ["list", "cache-summary"]);
  assert.equal(
    out,
    `LEVEL  DAYS OLD  BLOCKS  BLOOMS  BLOOM BYTES   FOOTERS
    0         0       2       4        200 B  7.81 KiB
    2         2       1       2        100 B  3.91 KiB
`,
  );
});

Deno.test("a block that goes while it is listed is no error", async () => {
  const store = await goldenStore(["v5-default", "v4-default"]);
  const list = store.list.bind(store);
  store.list = async (prefix, ...rest) => {
    const listing = await list(prefix, ...rest);
    if (prefix !== "") await store.delete(metaKey(GOLDEN_TENANT, GOLDEN_V5));
    return listing;
  };
  const { code, out } = await cli(store, ["list", "blocks"]);
  assert.equal(code, 0);
  assert.match(out, /\n1 blocks, 126 traces/);
});
