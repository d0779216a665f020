// What opening a block, asking it and finding in it costs, and what its footer says for nothing.
import assert from "node:assert/strict";
import { bloomKey } from "../../model/block_meta.ts";
import { goldenBlock } from "../../tests/support/golden_blocks.ts";
import { openBlock } from "./block.ts";
import { BlockCache } from "./block_cache.ts";

Deno.test("a block is opened once, by one read of its footer", async () => {
  const { store, meta } = await goldenBlock("v5-default");
  const cache = new BlockCache(1 << 26);
  const [first, second] = await Promise.all([
    openBlock(store, meta, cache),
    openBlock(store, meta, cache),
  ]);
  assert.equal(first, second);
  assert.equal(store.calls.read, 1);
  assert(store.bytesRead <= meta.footerSize + 8);
  assert.deepEqual(first.rowGroups.map(({ rows }) => rows), [meta.totalObjects]);
});

Deno.test("a key or value that a row group never saw costs dictionaries and no pages", async () => {
  const { store, meta } = await goldenBlock("v5-default");
  const block = await openBlock(store, meta, new BlockCache(1 << 26));
  const { chunks } = block.file.metadata.rowGroups[0]!;
  const dictionaryBytes = (path: string) => chunks.get(path)!.dataOffset - chunks.get(path)!.offset;
  const keys = dictionaryBytes("rs.ss.Spans.Attrs.Key");
  const none = block.view(0);
  assert.equal((await none.attribute("span", "never.seen")).ownerCount, 0);
  assert.equal(none.inspectedBytes, keys);
  const ask = { anyOf: ["nowhere"] };
  const system = block.view(0);
  assert.equal((await system.attribute("span", "db.system", ask)).ownerCount, 0);
  assert.equal(system.inspectedBytes, dictionaryBytes("rs.ss.Spans.Attrs.Value"));
  const again = block.view(0);
  await again.attribute("span", "db.system", ask);
  assert.equal(again.inspectedBytes, 0, "what is kept is not read again");
});

Deno.test("a trace by id is two reads of a block that is open, one of them for good", async () => {
  const { store, meta } = await goldenBlock("v5-small-groups");
  const block = await openBlock(store, meta, new BlockCache(1 << 26));
  let requests = 0;
  const readRanges = store.readRanges.bind(store);
  store.readRanges = (...request) => {
    requests++;
    return readRanges(...request);
  };
  const { idWords } = await block.view(2).traces();
  const id = (row: number) => new Uint8Array(idWords.slice(row * 4, row * 4 + 4).buffer);
  await block.findTrace(id(0));
  requests = 0;
  assert(await block.findTrace(id(1)) !== undefined);
  assert(requests <= 1, `${requests} reads with offsets, ids and dictionaries known`);
  store.bytesRead = 0;
  assert.equal(await block.findTrace(new Uint8Array(16).fill(0xee)), undefined);
  const bloom = store.objects.get(bloomKey(meta.tenantID, meta.blockID, 0))!;
  assert(store.bytesRead <= bloom.length, "the bloom says no");
});

Deno.test("a find that is called off does not read", async () => {
  const { store, meta } = await goldenBlock("v5-default");
  const block = await openBlock(store, meta, new BlockCache(1 << 26));
  const signal = AbortSignal.abort(new Error("called off"));
  await assert.rejects(block.findTrace(new Uint8Array(16), signal), /called off/);
});

Deno.test("bounds that the footer has are those of the values", async () => {
  let compared = 0;
  for (const name of ["v5-default", "v5-small-groups", "compaction-out"]) {
    const { store, meta } = await goldenBlock(name);
    const block = await openBlock(store, meta, new BlockCache(1 << 26));
    for (const { index } of block.rowGroups) {
      const view = block.view(index);
      for (
        const [path, of] of [["Kind", view.kinds()], ["StatusCode", view.statusCodes()]] as const
      ) {
        const bounds = view.statistics(`rs.ss.Spans.${path}`);
        if (bounds === undefined) continue;
        compared++;
        const values = await of;
        assert.deepEqual(bounds, {
          min: BigInt(Math.min(...values)),
          max: BigInt(Math.max(...values)),
        });
      }
      assert.equal(view.statistics("rs.ss.Spans.Name"), undefined, "not a column of integers");
    }
  }
  assert(compared > 0, "no golden footer has bounds");
});
