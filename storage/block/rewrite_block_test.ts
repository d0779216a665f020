import assert from "node:assert/strict";
import fc from "fast-check";
import { type BlockMeta, metaKey } from "../../model/block_meta.ts";
import { defaultDedicated } from "../../model/dedicated_attributes.ts";
import { goldenBlock, goldenFinds } from "../../tests/support/golden_blocks.ts";
import { putBlock, spansIn, spansOf, TENANT } from "../../tests/support/small_blocks.ts";
import { MemoryObjectStore } from "../store/memory.ts";
import { openBlock } from "./block.ts";
import { BlockCache } from "./block_cache.ts";
import { rewriteBlock, type RewriteRequest } from "./rewrite_block.ts";

const OUTPUT = "94af3b86-1bbb-432e-8161-49aece25c15e";
const signal = new AbortController().signal;
const pause = () => Promise.resolve();
const hexOf = (trace: number) => (trace + 1).toString(16).padStart(2, "0").repeat(16);

function requestOf(input: BlockMeta, changes: Partial<RewriteRequest> = {}): RewriteRequest {
  return {
    input,
    blockId: OUTPUT,
    dropTraceIds: new Set(),
    codec: "zstd",
    spansPerRowGroup: 80_000,
    ...changes,
  };
}

const written = (store: MemoryObjectStore) =>
  [...store.objects.keys()].filter((key) => key.includes(OUTPUT));

Deno.test("a rewritten block has the other traces, takes the old one's place, and says what went", async () => {
  const store = new MemoryObjectStore();
  const input = await putBlock(store, 1, [[0, 0], [1, 1], [1, 2], [2, 3], [5, 4]]);
  const dropTraceIds = new Set([hexOf(1), hexOf(5), hexOf(7)]);
  const outcome = await rewriteBlock(store, requestOf(input, { dropTraceIds }), pause, signal);
  assert.ok(outcome.kind === "rewritten");
  const { meta, removed, spans } = outcome;
  assert.deepEqual(removed, { traceIds: [hexOf(1), hexOf(5)], spans: 3 });
  assert.equal(spans, 2);
  const { size, footerSize, checksums } = meta;
  assert.deepEqual(meta, {
    ...input,
    blockID: OUTPUT,
    checksums,
    size,
    footerSize,
    totalObjects: 2,
    replaces: [input.blockID],
  });
  assert.deepEqual(await spansIn(store, meta, 0), [0]);
  assert.deepEqual(await spansIn(store, meta, 1), []);
  assert.deepEqual(await spansIn(store, meta, 2), [3]);
  assert.ok(store.objects.has(metaKey(TENANT, input.blockID)), "the input is not touched");
});

Deno.test("nothing is written where nothing would change, or nothing would remain", async () => {
  const store = new MemoryObjectStore();
  const input = await putBlock(store, 1, [[0, 0], [1, 1], [1, 2]], 1);
  const untouched = requestOf(input, { dropTraceIds: new Set([hexOf(4)]) });
  assert.deepEqual(await rewriteBlock(store, untouched, pause, signal), { kind: "untouched" });
  const emptied = requestOf(input, { dropTraceIds: new Set([hexOf(0), hexOf(1)]) });
  assert.deepEqual(await rewriteBlock(store, emptied, pause, signal), {
    kind: "emptied",
    removed: { traceIds: [hexOf(0), hexOf(1)], spans: 3 },
  });
  assert.deepEqual(written(store), []);
});

Deno.test("of any block exactly the named traces go, and the receipt adds up", async () => {
  const aSpan = fc.tuple(fc.nat(6), fc.nat(20));
  const spans = fc.uniqueArray(aSpan, {
    minLength: 1,
    maxLength: 30,
    selector: ([trace, span]) => trace * 100 + span,
  });
  const law = fc.asyncProperty(
    spans,
    fc.uniqueArray(fc.nat(8), { minLength: 1 }),
    fc.integer({ min: 1, max: 40 }),
    async (list, dropped, rows) => {
      const store = new MemoryObjectStore();
      const input = await putBlock(store, 1, list, rows);
      const dropTraceIds = new Set(dropped.map(hexOf));
      const request = requestOf(input, { dropTraceIds, spansPerRowGroup: 41 - rows });
      const outcome = await rewriteBlock(store, request, pause, signal);
      const gone = list.filter(([trace]) => dropped.includes(trace));
      const stay = list.filter(([trace]) => !dropped.includes(trace));
      const kind = gone.length === 0 ? "untouched" : stay.length === 0 ? "emptied" : "rewritten";
      assert.equal(outcome.kind, kind);
      if (outcome.kind === "untouched") return;
      const traceIds = [...new Set(gone.map(([trace]) => hexOf(trace)))].sort();
      assert.deepEqual(outcome.removed, { traceIds, spans: gone.length });
      if (outcome.kind === "emptied") return;
      assert.equal(outcome.spans, stay.length);
      for (let trace = 0; trace < 7; trace++) {
        const wanted = stay.flatMap(([of, span]) => of === trace ? [span] : []);
        assert.deepEqual(await spansIn(store, outcome.meta, trace), wanted);
      }
    },
  );
  await fc.assert(law, { numRuns: 40 });
});

Deno.test("a block of the older format becomes one of ours, with every trace the peer finds in it", async () => {
  const { store, meta: input } = await goldenBlock("v4-default");
  const dedicatedColumns = defaultDedicated.columns;
  const format = "vParquet5";
  const request = requestOf(input, { dedicatedColumns, format, spansPerRowGroup: 300 });
  const outcome = await rewriteBlock(store, request, pause, signal);
  assert.ok(outcome.kind === "rewritten");
  const { meta, removed } = outcome;
  assert.equal(meta.format, "vParquet5");
  assert.deepEqual(meta.dedicatedColumns, dedicatedColumns);
  assert.deepEqual(removed, { traceIds: [], spans: 0 });
  const finds = goldenFinds("v4-default");
  assert.ok(finds.length > 100);
  assert.equal(meta.totalObjects, input.totalObjects);
  // Of a key with a column of its own the newer format has no empty array, and no array beside a value.
  const newer = new Map(goldenFinds("v5-default").map((find) => [find.traceID, find.proto]));
  const block = await openBlock(store, meta, new BlockCache(1 << 26));
  const lossy: string[] = [];
  for (const { traceID, proto } of finds) {
    const found = spansOf((await block.findTrace(Uint8Array.fromHex(traceID.padStart(32, "0"))))!);
    const wanted = spansOf(proto);
    assert.equal(found.length, wanted.length);
    const missing = found.filter((span) => !wanted.includes(span));
    if (missing.length > 0) lossy.push(traceID);
    const inNewer = spansOf(newer.get(traceID)!);
    assert.deepEqual(missing.filter((span) => !inNewer.includes(span)), [], traceID);
  }
  assert.deepEqual(lossy.sort(), [
    "6d9694588bdc67530ea6c502950f517b",
    "994a4b8f8cf87fbae967a62b9e45e730",
    "c67e39c9e8750f82695fa0af2687f1d0",
  ]);
});

Deno.test("a block of the older format without some of its traces stays one of the older format", async () => {
  const { store, meta: input } = await goldenBlock("v4-default");
  const finds = goldenFinds("v4-default");
  const [gone, ...stay] = finds;
  const dropTraceIds = new Set([gone!.traceID.padStart(32, "0")]);
  const bloom = { falsePositiveRate: 0.001, shardBytes: 64 };
  const request = requestOf(input, { dropTraceIds, bloom });
  const outcome = await rewriteBlock(store, request, pause, signal);
  assert.ok(outcome.kind === "rewritten");
  const { meta } = outcome;
  assert.deepEqual([meta.format, meta.dedicatedColumns], ["vParquet4", input.dedicatedColumns]);
  assert.equal(meta.totalObjects, input.totalObjects - 1);
  assert.ok(meta.bloomShards > input.bloomShards);
  const block = await openBlock(store, meta, new BlockCache(1 << 26));
  const found = (id: string) => block.findTrace(Uint8Array.fromHex(id.padStart(32, "0")));
  for (const { traceID, proto } of stay) {
    assert.deepEqual(spansOf((await found(traceID))!), spansOf(proto), traceID);
  }
  assert.equal(await found(gone!.traceID), undefined);
});

Deno.test("a rewrite that is stopped leaves no meta.json", async () => {
  for (const stopAt of [1, 2, 3, 5]) {
    const store = new MemoryObjectStore();
    const input = await putBlock(store, 1, [[0, 0], [1, 1], [2, 2]], 1);
    const stop = new AbortController();
    let pauses = 0;
    const stopping = () => {
      if (++pauses === stopAt) stop.abort(new Error("enough"));
      return Promise.resolve();
    };
    const request = requestOf(input, { dropTraceIds: new Set([hexOf(0)]), spansPerRowGroup: 1 });
    await assert.rejects(rewriteBlock(store, request, stopping, stop.signal), /enough/);
    assert.equal(store.objects.has(metaKey(TENANT, OUTPUT)), false);
  }
});
