// Slow twin of copying rows: reading all traces as spans and writing them again gives the same block,
// every column, level by level and value by value.
import assert from "node:assert/strict";
import fc from "fast-check";
import { CorruptionError } from "../../lib/errors.ts";
import { seededRandom } from "../../lib/random.ts";
import { type BlockFormat, type BlockMeta, dataKey } from "../../model/block_meta.ts";
import { defaultDedicated } from "../../model/dedicated_attributes.ts";
import { OtlpDecoder } from "../../model/otlp_decode.ts";
import { SpanColumns } from "../../model/span_columns.ts";
import { goldenBlock } from "../../tests/support/golden_blocks.ts";
import { encodeOtlp, type Plain, requests } from "../../tests/support/otlp.ts";
import { realisticTraces } from "../../tests/support/realistic.ts";
import { T0_MS, TENANT } from "../../tests/support/small_blocks.ts";
import type { CodecName } from "../parquet/compress.ts";
import { Column } from "../parquet/column.ts";
import { PhysicalType } from "../parquet/metadata.ts";
import { MemoryObjectStore } from "../store/memory.ts";
import { type Block, openBlock } from "./block.ts";
import { BlockCache } from "./block_cache.ts";
import { writeBlock } from "./block_writer.ts";
import { composeBlock } from "./compose_block.ts";
import { mergeBlocks } from "./merge_blocks.ts";

const signal = new AbortController().signal;
const pause = () => Promise.resolve();
const idOf = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;
const open = (store: MemoryObjectStore, meta: BlockMeta) =>
  openBlock(store, meta, new BlockCache(1 << 26));

async function put(
  store: MemoryObjectStore,
  number: number,
  messages: readonly Uint8Array[],
  spansPerRowGroup: number,
  codec: CodecName,
): Promise<Block | undefined> {
  const columns = new SpanColumns(defaultDedicated);
  const decoder = new OtlpDecoder(columns);
  for (const message of messages) decoder.decode(message);
  if (columns.length === 0) return undefined;
  const request = {
    tenant: TENANT,
    blockId: idOf(number),
    columns,
    spansPerRowGroup,
    codec,
    clampStartMs: T0_MS,
    clampEndMs: T0_MS + 60_000,
    replicationFactor: 1,
    hasNoCompactFlag: false,
  };
  return await open(store, await writeBlock(store, request, pause, signal));
}

interface Changes {
  readonly spansPerRowGroup?: number;
  readonly bytesPerTraceMax?: number;
  readonly codec?: CodecName;
}

/** The blocks as one, copied and read as spans. */
async function bothWays(store: MemoryObjectStore, blocks: readonly Block[], changes: Changes) {
  const { tenantID, dedicatedColumns = [] } = blocks[0]!.meta;
  const [copied, read] = await Promise.all([true, false].map(async (canCopy, i) => {
    const identity = {
      blockID: idOf(100 + i),
      tenantID,
      startTime: "2026-01-01T12:00:00Z",
      endTime: "2026-01-01T12:01:00Z",
      compactionLevel: 1,
      dedicatedColumns,
      replicationFactor: 1,
      format: blocks[0]!.meta.format as BlockFormat,
    };
    const request = {
      codec: "zstd" as const,
      spansPerRowGroup: 80_000,
      bytesPerTraceMax: 0,
      dropTraceIds: new Set<string>(),
      identity,
      canCopy,
      ...changes,
    };
    const { meta, ...counts } = await composeBlock(store, blocks, request, pause, signal);
    return { block: await open(store, meta), meta, counts };
  }));
  return { copied: copied!, read: read! };
}

async function assertEqualBothWays(
  store: MemoryObjectStore,
  blocks: readonly Block[],
  changes: Changes = {},
) {
  const { copied, read } = await bothWays(store, blocks, changes);
  assert.deepEqual(copied.counts, read.counts);
  assert.equal(copied.meta.totalObjects, read.meta.totalObjects);
  assert.equal(copied.meta.totalRecords, read.meta.totalRecords);
  const groups = read.block.file.metadata.rowGroups;
  for (const [i, group] of groups.entries()) {
    const own = copied.block.file.metadata.rowGroups[i]!;
    assert.equal(own.rows, group.rows);
    for (const [path, chunk] of group.chunks) {
      const [a, b] = await Promise.all([
        copied.block.file.column(own, path),
        read.block.file.column(group, path),
      ]);
      assert.deepEqual(described(a!), described(b!), path);
      assert.deepEqual(own.chunks.get(path)!.statistics, chunk.statistics, path);
      assert.deepEqual(
        await copied.block.file.pageMaxima(own, path),
        await read.block.file.pageMaxima(group, path),
        path,
      );
    }
  }
  return { copied, read };
}

function described(column: Column) {
  const { entryCount, valueCount, leaf, codes, dictionary, ints, words, bits } = column;
  const values = {
    [PhysicalType.ByteArray]: () =>
      Array.from({ length: valueCount }, (_, i) => dictionary.at(codes[i]!).toHex()),
    [PhysicalType.Int32]: () => ints.slice(0, valueCount),
    [PhysicalType.Boolean]: () => bits.slice(0, valueCount),
    [PhysicalType.Int64]: () => words.slice(0, valueCount * 2),
    [PhysicalType.Double]: () => words.slice(0, valueCount * 2),
  }[leaf.type]();
  return {
    entryCount,
    repetition: column.repetition.slice(0, leaf.repetitionMax > 0 ? entryCount : 0),
    definition: column.definition.slice(0, leaf.definitionMax > 0 ? entryCount : 0),
    values,
  };
}

/** A request whose traces may be of this block alone. */
function placed(request: Plain, block: number, isAlone: readonly boolean[]): Uint8Array {
  for (const { scopeSpans } of request.resourceSpans) {
    for (const { spans } of scopeSpans) {
      for (const span of spans) {
        const id = span.traceId[0];
        if (isAlone[id % isAlone.length]) span.traceId = new Uint8Array(16).fill(id + 16 * block);
      }
    }
  }
  return encodeOtlp(request);
}

Deno.test("copied rows give the block that spans give, for any blocks, row groups and shared traces", async () => {
  const law = fc.asyncProperty(
    fc.array(fc.array(requests, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 4 }),
    fc.array(fc.boolean(), { minLength: 1, maxLength: 4 }),
    fc.integer({ min: 1, max: 12 }),
    fc.constantFrom(0, 0, 700),
    fc.constantFrom<CodecName>("none", "zstd", "snappy"),
    async (lists, isAlone, rows, bytesPerTraceMax, codec) => {
      const store = new MemoryObjectStore();
      const blocks: Block[] = [];
      for (const [i, list] of lists.entries()) {
        const messages = list.map((request) => placed(structuredClone(request), i + 1, isAlone));
        const block = await put(store, i, messages, rows, codec);
        if (block !== undefined) blocks.push(block);
      }
      if (blocks.length === 0) return;
      await assertEqualBothWays(store, blocks, {
        spansPerRowGroup: 14 - rows,
        bytesPerTraceMax,
        codec,
      });
    },
  );
  await fc.assert(law, { numRuns: 15 });
});

Deno.test("copied rows give the block that spans give, for pages and dictionaries of real size", async () => {
  const store = new MemoryObjectStore();
  const blocks: Block[] = [];
  const common = realisticTraces(300, 77);
  for (const number of [1, 2]) {
    // Some traces in both, and spans enough for several pages of each.
    const messages = [...realisticTraces(4_200, number), ...common];
    blocks.push((await put(store, number, messages, 5_000, "zstd"))!);
  }
  const { copied, read } = await assertEqualBothWays(store, blocks);
  assert.ok(copied.counts.tracesCombined === 0 && copied.counts.spansDeduplicated > 250);
  assert.ok(copied.meta.size < read.meta.size * 1.005, "a copy is not larger");
  const [group] = copied.block.file.metadata.rowGroups;
  const spots = (await copied.block.file.pageSpots(group!)).get("TraceID")!;
  assert.ok(spots.length >= 3);
  const hasDictionary = (block: Block, path: string) => {
    const { offset, dataOffset } = block.file.metadata.rowGroups[0]!.chunks.get(path)!;
    return dataOffset > offset;
  };
  for (const path of group!.chunks.keys()) {
    if ((await copied.block.file.column(group!, path))!.valueCount === 0) continue;
    assert.equal(hasDictionary(copied.block, path), hasDictionary(read.block, path), path);
  }
});

Deno.test("blocks of the peer, with pages cut elsewhere, are copied as they are", async () => {
  const names = ["v5-default", "v5-small-groups", "v5-custom-dedicated", "v4-default"];
  for (const name of names) {
    const { store, meta } = await goldenBlock(name);
    const block = await open(store, meta);
    const { copied } = await bothWays(store, [block], { spansPerRowGroup: 100 });
    const texts = async ({ file }: Block, path: string) => {
      const parts: ReturnType<typeof described>[] = [];
      for (const group of file.metadata.rowGroups) {
        parts.push(described((await file.column(group, path))!));
      }
      const levels = (key: "repetition" | "definition") => parts.flatMap((part) => [...part[key]]);
      return [
        levels("repetition"),
        levels("definition"),
        parts.flatMap(({ values }) => Array.from<unknown>(values)),
      ];
    };
    for (const { path } of block.file.metadata.leaves) {
      assert.deepEqual(await texts(copied.block, path), await texts(block, path), path);
    }
    assert.ok(copied.meta.totalRecords > 3);
  }
});

Deno.test("a flipped byte of an input is told, or the output is as it would be", async () => {
  const random = seededRandom(9);
  const below = (n: number) => Math.floor(random.next() * n);
  const store = new MemoryObjectStore();
  const metas: BlockMeta[] = [];
  const shared = realisticTraces(30, 5);
  for (const number of [1, 2]) {
    const block = await put(store, number, [...realisticTraces(60, number), ...shared], 50, "zstd");
    metas.push(block!.meta);
  }
  const merged = async () => {
    const request = {
      tenant: TENANT,
      blockId: idOf(100),
      inputs: metas,
      codec: "zstd" as const,
      spansPerRowGroup: 60,
      bytesPerTraceMax: 0,
    };
    const { meta } = await mergeBlocks(store, request, pause, signal);
    return (await store.read(dataKey(TENANT, meta.blockID))).toHex();
  };
  const clean = await merged();
  const key = dataKey(TENANT, metas[1]!.blockID);
  const whole = store.objects.get(key)!;
  let told = 0;
  for (let round = 0; round < 60; round++) {
    const damaged = whole.slice();
    damaged[below(whole.length)]! ^= 1 + below(255);
    store.objects.set(key, damaged);
    try {
      assert.equal(await merged(), clean);
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
      assert.match(error.message, new RegExp(metas[1]!.blockID));
      told++;
    }
  }
  assert.ok(told > 40, `${told} of 60`);
});
