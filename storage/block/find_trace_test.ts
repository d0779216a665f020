// The way to a trace by the bounds of pages of ids, near and far, and what damage to it does.
import assert from "node:assert/strict";
import { CorruptionError } from "../../lib/errors.ts";
import { dataKey } from "../../model/block_meta.ts";
import { defaultDedicated } from "../../model/dedicated_attributes.ts";
import { OtlpDecoder } from "../../model/otlp_decode.ts";
import { SpanColumns } from "../../model/span_columns.ts";
import { realisticTraces } from "../../tests/support/realistic.ts";
import { MemoryObjectStore } from "../store/memory.ts";
import { openBlock } from "./block.ts";
import { BlockCache } from "./block_cache.ts";
import { writeBlock } from "./block_writer.ts";

const FAR_GAP_BYTES = 1 << 20;

const columns = new SpanColumns(defaultDedicated);
const decoder = new OtlpDecoder(columns);
for (const trace of realisticTraces(12_000)) decoder.decode(trace);
const near = new MemoryObjectStore();
const meta = await writeBlock(
  near,
  {
    tenant: "t",
    blockId: "00000000-0000-4000-8000-000000000001",
    columns,
    spansPerRowGroup: 6_000,
    codec: "zstd",
    clampStartMs: 0,
    clampEndMs: 2 ** 42,
    replicationFactor: 1,
    hasNoCompactFlag: false,
  },
  () => Promise.resolve(),
  new AbortController().signal,
);
const far = withGap(FAR_GAP_BYTES);
const idsOf = await openBlock(near, meta, new BlockCache(1 << 26)).then(async (block) => {
  const groups = await Promise.all(block.rowGroups.map(({ index }) => block.view(index).traces()));
  return groups.flatMap(({ idWords }) =>
    Array.from(
      { length: idWords.length / 4 },
      (_, i) => new Uint8Array(idWords.slice(i * 4, i * 4 + 4).buffer),
    )
  );
});

function withGap(gapBytesMax: number): MemoryObjectStore {
  const store = new MemoryObjectStore();
  for (const [key, bytes] of near.objects) store.objects.set(key, bytes);
  return Object.assign(store, { gapBytesMax });
}

/** Rounds: calls of `readRanges` that had to wait for the one before. */
function counted(store: MemoryObjectStore) {
  const calls: { requests: number; bytes: number }[] = [];
  const readRanges = store.readRanges.bind(store);
  store.readRanges = (key, ranges, ...rest) => {
    const bytes = ranges.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    calls.push({ requests: ranges.length, bytes });
    return readRanges(key, ranges, ...rest);
  };
  return calls;
}

Deno.test("every trace is found, from first to last, near and far alike", async () => {
  for (const store of [near, far]) {
    const block = await openBlock(store, meta, new BlockCache(1 << 26));
    for (let i = 0; i < idsOf.length; i += i < 8 ? 1 : 29) {
      const found = await block.findTraceColumns(idsOf[i]!);
      assert.deepEqual(found?.traces.id(0), idsOf[i]);
    }
    assert.deepEqual((await block.findTraceColumns(idsOf.at(-1)!))?.traces.id(0), idsOf.at(-1));
  }
});

Deno.test("an id that only the bloom knows is in no page, wherever it would lie", async () => {
  const store = withGap(FAR_GAP_BYTES);
  for (const key of store.objects.keys()) {
    const bloom = store.objects.get(key)!.slice();
    if (key.includes("bloom")) store.objects.set(key, bloom.fill(0xff, 24));
  }
  const { checksums: _, ...unchecked } = meta;
  const block = await openBlock(store, unchecked, new BlockCache(1 << 26));
  for (let i = 0; i < idsOf.length; i += 23) {
    const beside = idsOf[i]!.slice();
    beside[15]! ^= 1;
    assert.equal(await block.findTraceColumns(beside), undefined);
  }
});

Deno.test("far away a find is two rounds of a block never opened, and two megabytes", async () => {
  const store = withGap(FAR_GAP_BYTES);
  const calls = counted(store);
  const block = await openBlock(store, meta, new BlockCache(1 << 26));
  assert(await block.findTraceColumns(idsOf[300]!) !== undefined);
  assert.equal(calls.length, 2);
  assert(calls.reduce((sum, { bytes }) => sum + bytes, 0) <= 2_000_000);
  assert.equal(calls.reduce((sum, { requests }) => sum + requests, 0), 2);
});

Deno.test("damage to the bounds of pages hides no trace", async () => {
  const block = await openBlock(near, meta, new BlockCache(1 << 26));
  const group = block.file.metadata.rowGroups[0]!;
  const { columnIndex } = group.chunks.get("TraceID")!;
  const [, second] = (await block.file.pageSpots(group)).get("TraceID")!;
  // Where the first page ends and the second begins, and far from there.
  const rows = [-1, 0].map((by) => second!.firstRow + by);
  const ids = [0, ...rows, group.rows - 1].map((row) => idsOf[row]!);
  for (let at = 0; at < columnIndex.sizeBytes; at++) {
    const store = withGap(at % 2 === 0 ? FAR_GAP_BYTES : 1 << 15);
    const bytes = store.objects.get(dataKey(meta.tenantID, meta.blockID))!.slice();
    bytes[columnIndex.offset + at]! ^= 0x10;
    store.objects.set(dataKey(meta.tenantID, meta.blockID), bytes);
    const damaged = await openBlock(store, meta, new BlockCache(1 << 26));
    for (const [i, id] of ids.entries()) {
      const found = await damaged.findTraceColumns(id).catch((error) => {
        if (!(error instanceof CorruptionError)) throw error;
        return "damaged";
      });
      assert.notEqual(found, undefined, `byte ${at} hides trace ${i}`);
    }
  }
});
