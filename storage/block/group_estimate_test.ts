import assert from "node:assert/strict";
import { defaultDedicated } from "../../model/dedicated_attributes.ts";
import { OtlpDecoder } from "../../model/otlp_decode.ts";
import { SpanColumns } from "../../model/span_columns.ts";
import { layoutTraces } from "../../model/trace_layout.ts";
import { goldenBlock } from "../../tests/support/golden_blocks.ts";
import { realisticTraces } from "../../tests/support/realistic.ts";
import { MemoryObjectStore } from "../store/memory.ts";
import { openBlock } from "./block.ts";
import { BlockCache } from "./block_cache.ts";
import { writeBlock } from "./block_writer.ts";
import { estimatedBytes } from "./group_estimate.ts";
import { mergeBlocks } from "./merge_blocks.ts";
import { endsWithin } from "./row_group_ranges.ts";

const pause = () => Promise.resolve();
const signal = new AbortController().signal;
const TENANT = "single-tenant";
const idOf = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;

async function built(store: MemoryObjectStore, columns: SpanColumns, id: string) {
  return await writeBlock(
    store,
    {
      tenant: TENANT,
      blockId: id,
      columns,
      codec: "none",
      clampStartMs: 0,
      clampEndMs: 2 ** 42,
      replicationFactor: 1,
      hasNoCompactFlag: false,
    },
    pause,
    signal,
  );
}

function columnsOf(spans: number, seed: number): SpanColumns {
  const columns = new SpanColumns(defaultDedicated);
  const decoder = new OtlpDecoder(columns);
  for (const trace of realisticTraces(spans, seed)) decoder.decode(trace);
  return columns;
}

Deno.test("what a footer says of a row group is what counting its spans says, but for roots' parents", async () => {
  const store = new MemoryObjectStore();
  const columns = columnsOf(900, 1);
  const meta = await built(store, columns, idOf(1));
  const { file } = await openBlock(store, meta, new BlockCache(1 << 20));
  const told = estimatedBytes(file.metadata.rowGroups[0]!);
  const layout = layoutTraces(columns);
  // The estimate of the writer, found by where it cuts: a group ends that has passed the limit.
  const ends = [layout.traces.length];
  const isWithin = (limit: number) => endsWithin(limit, columns, layout, ends).length === 1;
  let [low, high] = [0, 2 * told];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (isWithin(middle)) high = middle;
    else low = middle;
  }
  const lastTrace = told / layout.traces.length * 20;
  assert.ok(told >= high && told - high <= lastTrace + 8 * layout.traces.length, `${told} ${high}`);
});

Deno.test("a merge ends its row groups where the limit of bytes is passed, and only then", async () => {
  const store = new MemoryObjectStore();
  const inputs = [];
  for (const n of [1, 2]) inputs.push(await built(store, columnsOf(900, n), idOf(n)));
  const { file } = await openBlock(store, inputs[0]!, new BlockCache(1 << 20));
  const half = estimatedBytes(file.metadata.rowGroups[0]!) / 2;
  const groups: number[] = [];
  for (const rowGroupBytesMax of [undefined, half * 10, half]) {
    const { meta } = await mergeBlocks(
      store,
      {
        tenant: TENANT,
        blockId: idOf(9),
        inputs,
        codec: "none",
        spansPerRowGroup: 80_000,
        rowGroupBytesMax,
        bytesPerTraceMax: 0,
      },
      pause,
      signal,
    );
    groups.push(meta.totalRecords);
    const merged = await openBlock(store, meta, new BlockCache(1 << 20));
    for (const group of merged.file.metadata.rowGroups) {
      if (rowGroupBytesMax === half) assert.ok(estimatedBytes(group) < half * 1.2);
    }
  }
  assert.deepEqual(groups.slice(0, 2), [1, 1]);
  assert.ok(groups[2] === 4 || groups[2] === 5, String(groups));
});

Deno.test("of the older format it is told from the same columns", async () => {
  const older = await goldenBlock("v4-default");
  const newer = await goldenBlock("v5-default");
  const [a, b] = await Promise.all([older, newer].map(async ({ store, meta }) => {
    const { file } = await openBlock(store, meta, new BlockCache(1 << 20));
    return file.metadata.rowGroups.reduce((sum, group) => sum + estimatedBytes(group), 0);
  }));
  assert.ok(Math.abs(a! - b!) < 0.02 * b!, `${a} ${b}`);
});
