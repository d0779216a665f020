import assert from "node:assert/strict";
import fc from "fast-check";
import { type BlockMeta, bloomKey, dataKey, metaKey } from "../../model/block_meta.ts";
import { columnText } from "../../tests/support/column_text.ts";
import { goldenBlock, goldenColumns, goldenFinds } from "../../tests/support/golden_blocks.ts";
import type { Plain } from "../../tests/support/otlp.ts";
import { putBlock, spansIn, spansOf } from "../../tests/support/small_blocks.ts";
import { MemoryObjectStore } from "../store/memory.ts";
import { openBlock } from "./block.ts";
import { BlockCache } from "./block_cache.ts";
import { mergeBlocks, type MergeRequest } from "./merge_blocks.ts";

const TENANT = "single-tenant";
const OUTPUT = "94af3b86-1bbb-432e-8161-49aece25c15e";
const signal = new AbortController().signal;
const pause = () => Promise.resolve();

async function goldenInputs() {
  const store = new MemoryObjectStore();
  const inputs: BlockMeta[] = [];
  for (const name of ["compaction-a", "compaction-b"]) {
    const golden = await goldenBlock(name);
    for (const [key, bytes] of golden.store.objects) await store.write(key, bytes);
    inputs.push(golden.meta);
  }
  return { store, inputs };
}

function requestOf(inputs: BlockMeta[], changes: Partial<MergeRequest> = {}): MergeRequest {
  return {
    tenant: TENANT,
    blockId: OUTPUT,
    inputs,
    codec: "zstd",
    spansPerRowGroup: 80_000,
    bytesPerTraceMax: 0,
    ...changes,
  };
}

const open = (store: MemoryObjectStore, meta: BlockMeta) =>
  openBlock(store, meta, new BlockCache(1 << 26));

/** How the traces were divided between a and b: split.json of the golden data. */
function splitOfTraces(): Map<string, string> {
  const golden = new URL("../../tests/golden/", import.meta.url);
  const read = (name: string) => JSON.parse(Deno.readTextFileSync(new URL(name, golden)));
  const split = read("blocks/compaction/split.json");
  return new Map(
    read("traces/index.json").traces.map(({ name, traceID }: Plain) => [traceID, split[name]]),
  );
}

// Of traces that lie in both the peer orders spans by start within the scopes of each part, we over
// all parts; what is derived from that order differs too, and is compared in the next test.
Deno.test("golden blocks merged equal the peer's, value by value and level by level", async () => {
  const { store, inputs } = await goldenInputs();
  const { meta, ...counts } = await mergeBlocks(store, requestOf(inputs), pause, signal);
  const ours = await open(store, meta);
  const golden = await goldenBlock("compaction-out");
  const theirs = await open(golden.store, golden.meta);
  const split = splitOfTraces();
  const ids = goldenColumns("compaction-out")[0]!.row_groups[0]!.v as string[];
  let rows = 0;
  for (const column of goldenColumns("compaction-out")) {
    for (const [row, id] of ids.entries()) {
      const isWhole = /only/.test(split.get(id)!);
      if (column.path === "TraceID") rows += isWhole ? 1 : 0;
      if (!isWhole) continue;
      const [mine, wanted] = await Promise.all([ours, theirs].map(async ({ file }) => {
        const group = file.metadata.rowGroups[0]!;
        return columnText((await file.rows(group, column.path, row, row + 1))!, column);
      }));
      assert.deepEqual(mine, wanted, `${column.path} of trace ${nameOf(id)}`);
    }
  }
  assert.equal(ids.length, 124);
  assert.equal(rows, ids.filter((id) => /only/.test(split.get(id)!)).length);
  assert.ok(rows > 50);
  assert.deepEqual(counts, {
    tracesCombined: 39,
    spansDeduplicated: 230,
    spansOverLimit: 0,
    spans: 655,
  });
  const { size, footerSize, checksums } = meta;
  const replaces = inputs.map(({ blockID }) => blockID);
  assert.deepEqual(meta, { ...golden.meta, size, footerSize, replaces, checksums });
  assert.equal(checksums?.bloom.length, 1);
  assert.deepEqual(
    JSON.parse(new TextDecoder().decode(await store.read(metaKey(TENANT, OUTPUT)))),
    meta,
  );
});

const names = new Map<string, string>(
  JSON.parse(
    Deno.readTextFileSync(new URL("../../tests/golden/traces/index.json", import.meta.url)),
  ).traces.map(({ name, traceID }: Plain) => [traceID, name]),
);
const nameOf = (id: string) => names.get(id) ?? id;

Deno.test("every trace of the merged golden blocks has the spans the peer finds", async () => {
  for (const spansPerRowGroup of [80_000, 50]) {
    const { store, inputs } = await goldenInputs();
    const request = requestOf(inputs, { spansPerRowGroup, codec: "snappy" });
    const { meta } = await mergeBlocks(store, request, pause, signal);
    assert.equal(meta.totalRecords > 1, spansPerRowGroup === 50);
    const block = await open(store, meta);
    for (const { traceID, proto } of goldenFinds("compaction-out")) {
      const found = await block.findTrace(Uint8Array.fromHex(traceID.padStart(32, "0")));
      assert.ok(found !== undefined, `${traceID} is not found`);
      assert.deepEqual(spansOf(found), spansOf(proto), nameOf(traceID));
    }
  }
});

Deno.test("a merged block has each span of any blocks once, whatever their row groups", async () => {
  const aSpan = fc.tuple(fc.nat(8), fc.nat(20));
  const blocks = fc.array(
    fc.uniqueArray(aSpan, { minLength: 1, maxLength: 30, selector: ([t, s]) => t * 100 + s }),
    { minLength: 2, maxLength: 4 },
  );
  const law = fc.asyncProperty(blocks, fc.integer({ min: 1, max: 40 }), async (lists, rows) => {
    const store = new MemoryObjectStore();
    const inputs: BlockMeta[] = [];
    for (const [i, list] of lists.entries()) inputs.push(await putBlock(store, i, list, rows));
    const request = requestOf(inputs, { spansPerRowGroup: 43 - rows });
    const { meta, spans, spansDeduplicated } = await mergeBlocks(store, request, pause, signal);
    const expected = new Map<number, Set<number>>();
    for (const [trace, span] of lists.flat()) {
      expected.set(trace, (expected.get(trace) ?? new Set()).add(span));
    }
    for (let trace = 0; trace < 9; trace++) {
      const wanted = [...expected.get(trace) ?? []].sort((a, b) => a - b);
      assert.deepEqual((await spansIn(store, meta, trace)).sort((a, b) => a - b), wanted);
    }
    assert.equal(meta.totalObjects, expected.size);
    assert.equal(spans + spansDeduplicated, lists.flat().length);
    assert.equal(meta.compactionLevel, 1);
  });
  await fc.assert(law, { numRuns: 40 });
});

Deno.test("a trace that merging makes too large keeps its first spans; one of a single block stays", async () => {
  const store = new MemoryObjectStore();
  const padding = "x".repeat(1000);
  const inputs = [
    await putBlock(
      store,
      1,
      [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2], [1, 3], [1, 4]],
      1,
      padding,
    ),
    await putBlock(store, 2, [[0, 2], [0, 3], [0, 4], [2, 0]], 1, padding),
  ];
  const request = requestOf(inputs, { bytesPerTraceMax: 3_500 });
  const { meta, spansOverLimit } = await mergeBlocks(store, request, pause, signal);
  assert.equal(spansOverLimit, 2);
  assert.deepEqual(await spansIn(store, meta, 0), [0, 1, 2]);
  assert.deepEqual(await spansIn(store, meta, 1), [0, 1, 2, 3, 4]);
  const tiny = requestOf(inputs, {
    bytesPerTraceMax: 1,
    blockId: inputs[0]!.blockID.replace("0", "9"),
  });
  const least = await mergeBlocks(store, tiny, pause, signal);
  assert.deepEqual(await spansIn(store, least.meta, 0), [0]);
  assert.equal(least.meta.startTime, inputs[1]!.startTime);
});

Deno.test("damage in an input is told with the name of its block, and nothing becomes visible", async () => {
  const { store, inputs } = await goldenInputs();
  const key = dataKey(TENANT, inputs[1]!.blockID);
  const bytes = (await store.read(key)).fill(0xff, 5_000, 60_000);
  await store.write(key, bytes);
  await assert.rejects(mergeBlocks(store, requestOf(inputs), pause, signal), {
    name: "CorruptionError",
    message: new RegExp(inputs[1]!.blockID),
  });
  assert.deepEqual([...store.objects.keys()].filter((name) => name.includes(OUTPUT)), []);
});

Deno.test("a merge that is stopped leaves no meta.json; bloom and index come before it", async () => {
  const { store, inputs } = await goldenInputs();
  const keys: string[] = [];
  const write = store.write.bind(store);
  store.write = (key, ...rest) => (keys.push(key.split("/").at(-1)!), write(key, ...rest));
  await mergeBlocks(store, requestOf(inputs), pause, signal);
  assert.deepEqual(keys, ["data.parquet", "bloom-0", "index", "meta.json"]);
  assert.ok(store.objects.has(bloomKey(TENANT, OUTPUT, 0)));
  const controller = new AbortController();
  const fresh = await goldenInputs();
  let pauses = 0;
  const stopping = () => {
    if (++pauses === 2) controller.abort(new Error("enough"));
    return Promise.resolve();
  };
  await assert.rejects(
    mergeBlocks(fresh.store, requestOf(fresh.inputs), stopping, controller.signal),
    { message: "enough" },
  );
  assert.equal(fresh.store.objects.has(metaKey(TENANT, OUTPUT)), false);
});
