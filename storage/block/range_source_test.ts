import assert from "node:assert/strict";

import { CorruptionError } from "../../lib/errors.ts";
import { createRuntime } from "../../lib/runtime.ts";
import { dataKey } from "../../model/block_meta.ts";
import { goldenBlock } from "../../tests/support/golden_blocks.ts";
import { type CachesConfig, openCaches, type RoleCaches } from "../cache/open_caches.ts";
import { CACHE_ROLES } from "../cache/roles.ts";
import { mayHoldTrace, openBlock } from "./block.ts";
import { BloomProbe } from "./bloom.ts";
import { BlockCache } from "./block_cache.ts";

const BYTES = 10_000_000;
const config: CachesConfig = {
  bytesMax: Object.fromEntries(
    CACHE_ROLES.map((role) => [role, BYTES]),
  ) as CachesConfig["bytesMax"],
  secondTiers: [],
  bloomLevelMin: 0,
  bloomAgeMaxMs: 0,
};
const FAR = { gapBytesMax: 1 << 20 };

async function scene() {
  const runtime = createRuntime();
  const { store, meta } = await goldenBlock("v5-small-groups");
  const caches = await openCaches(runtime, config);
  /** With nothing decoded, as after a long time. */
  const open = (which?: RoleCaches) =>
    openBlock(Object.assign(store, FAR), meta, new BlockCache(1 << 26, which));
  return { runtime, store, meta, caches, open };
}

Deno.test("what a query has read of a block is not read from the store again", async () => {
  const { store, caches, open } = await scene();
  const first = await open(caches);
  const { idWords } = await first.view(1).traces();
  const id = new Uint8Array(idWords.slice(0, 4).buffer);
  const trace = await first.findTrace(id);
  const keys = await first.view(0).attributeKeys("span");
  store.bytesRead = 0;
  const again = await open(caches);
  assert.deepEqual(await again.findTrace(id), trace);
  assert.deepEqual(await again.view(0).attributeKeys("span"), keys);
  assert.equal(store.bytesRead, 0);
});

Deno.test("each range is kept under the role of what it holds, once", async () => {
  const { runtime, store, meta, caches, open } = await scene();
  const block = await open(caches);
  const { idWords } = await block.view(1).traces();
  const id = new Uint8Array(idWords.slice(0, 4).buffer);
  assert(await mayHoldTrace(store, meta, block.cache, new BloomProbe(id)));
  await block.findTrace(id);
  const text = await runtime.metrics.text();
  for (const role of CACHE_ROLES) {
    if (role === "frontend-search") continue;
    const line = `tempodb_cache_requests_total{role="${role}",outcome="miss"}`;
    assert(text.includes(line), line);
  }
  assert(text.includes('tempodb_cache_requests_total{role="bloom",outcome="hit"} 1\n'));
});

Deno.test("bytes that were damaged on their way are not believed a second time", async () => {
  const { store, meta, caches, open } = await scene();
  const key = dataKey(meta.tenantID, meta.blockID);
  const whole = store.objects.get(key)!;
  const { dataOffset } = (await open()).file.metadata.rowGroups[0]!.chunks.get("rs.ss.Spans.Name")!;
  const other = await openCaches(createRuntime(), config);
  const damaged = whole.slice();
  damaged[dataOffset + 2]! ^= 0xff;
  for (
    const [bytes, use] of [
      [damaged, async () => void await (await open(caches)).view(0).names()],
      [
        whole.map((byte, i) => i > whole.length - 500 && i < whole.length - 8 ? byte ^ 0xff : byte),
        async () => void await open(other),
      ],
    ] as const
  ) {
    store.objects.set(key, bytes);
    await assert.rejects(use, CorruptionError);
    store.objects.set(key, whole);
    await use();
  }
});

Deno.test("indexes come with the end of the file, and from the store where they do not", async () => {
  const { store, open } = await scene();
  const block = await open();
  const ahead = block.ahead.bytes.length;
  assert(ahead > block.meta.footerSize && store.calls.read === 1);
  await block.file.pageSpots(block.file.metadata.rowGroups[0]!);
  assert.equal(store.calls.read, 1);
  const near = await openBlock(
    Object.assign(store, { gapBytesMax: 1 << 15 }),
    block.meta,
    new BlockCache(1 << 26),
  );
  assert.equal(near.ahead.bytes.length, 0);
  const spots = await near.file.pageSpots(near.file.metadata.rowGroups[0]!);
  assert.deepEqual(spots, await block.file.pageSpots(block.file.metadata.rowGroups[0]!));
});
