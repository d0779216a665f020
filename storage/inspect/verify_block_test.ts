import assert from "node:assert/strict";
import fc from "fast-check";
import { UnavailableError } from "../../lib/errors.ts";
import { bloomKey, dataKey, indexKey } from "../../model/block_meta.ts";
import { blockSchema } from "../block/block_schema.ts";
import { dedicatedOfBlock } from "../block/dedicated_columns.ts";
import { layoutTraces } from "../../model/trace_layout.ts";
import { goldenBlock, goldenBlocks } from "../../tests/support/golden_blocks.ts";
import { allGoldenSpans } from "../../tests/support/golden_traces.ts";
import { BlockDataWriter } from "../block/row_group_writer.ts";
import { traceRange } from "../block/row_group_ranges.ts";
import { ByteCursor } from "../../lib/byte_cursor.ts";
import { ParquetFile } from "../parquet/file.ts";
import { readOffsetIndex } from "../parquet/page_header.ts";
import { compressorOf } from "../parquet/compress.ts";
import type { MemoryObjectStore } from "../store/memory.ts";
import type { BlockMeta } from "../../model/block_meta.ts";
import { verifyBlock } from "./verify_block.ts";
import { BLOCK_ID, signal, someBlock, someSpans, TENANT } from "../../tests/support/some_block.ts";

const KEY = dataKey(TENANT, BLOCK_ID);

async function problemsOf(store: MemoryObjectStore, meta: BlockMeta): Promise<string[]> {
  const { problems } = await verifyBlock(store, meta, { signal });
  return problems.map(({ where, what }) => `${where}: ${what}`);
}

/** As the peer writes it, so that what a checksum would tell is found by looking. */
function withoutChecksums({ checksums: _, ...meta }: BlockMeta): BlockMeta {
  return meta;
}

for (const name of Object.keys(goldenBlocks)) {
  Deno.test(`golden block ${name} is sound`, async () => {
    const { store, meta } = await goldenBlock(name);
    const verified = await verifyBlock(store, meta, { signal });
    assert.deepEqual(verified.problems, []);
    assert.equal(verified.traces, meta.totalObjects);
    assert.equal(verified.rowGroups, meta.totalRecords);
    assert.ok(verified.bytesRead >= meta.size, "all of it was read");
  });
}

Deno.test("blocks of ours are sound: every codec, several row groups, every kind of attribute", async () => {
  for (const codec of ["zstd", "snappy", "none"] as const) {
    const rich = await someBlock(allGoldenSpans(), { codec, spansPerRowGroup: 500 });
    assert.deepEqual(await problemsOf(rich.store, rich.meta), []);
    const many = await someBlock(someSpans(600), { codec, spansPerRowGroup: 200 });
    const verified = await verifyBlock(many.store, many.meta, { signal });
    assert.deepEqual(verified.problems, []);
    assert.ok(verified.spans >= 600 && verified.rowGroups >= 3);
    assert.equal(verified.pagesWithoutChecksum, 0);
  }
});

/** Everything that a reader gets of a block's columns. */
async function contentsOf(bytes: Uint8Array): Promise<unknown> {
  const file = await fileOf(bytes);
  const contents: unknown[] = [];
  for (const group of file.metadata.rowGroups) {
    for (const path of group.chunks.keys()) {
      const column = (await file.column(group, path))!;
      const { entryCount, valueCount, dictionary } = column;
      const texts = Array.from(
        column.codes.subarray(0, valueCount),
        (code) => dictionary.text(code),
      );
      contents.push([
        path,
        column.repetition.slice(0, entryCount),
        column.definition.slice(0, entryCount),
        texts,
        column.ints.slice(0, valueCount),
        column.words.slice(0, valueCount * 2),
        column.bits.slice(0, valueCount),
      ]);
    }
  }
  return contents;
}

function fileOf(bytes: Uint8Array): Promise<ParquetFile> {
  const { length: sizeBytes } = bytes;
  const read = (offset: number, size: number) =>
    Promise.resolve(bytes.subarray(offset, offset + size));
  return ParquetFile.open({ sizeBytes, read });
}

Deno.test("a flipped byte, wherever it is, is a problem or changes nothing that is read", async () => {
  const { store, meta } = await someBlock(someSpans(150), { spansPerRowGroup: 80 });
  const whole = store.objects.get(KEY)!.slice();
  const contents = await contentsOf(whole);
  let harmless = 0;
  const runs = 40;
  await fc.assert(
    fc.asyncProperty(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), async (at, by) => {
      const damaged = whole.slice();
      damaged[at]! ^= by;
      store.objects.set(KEY, damaged);
      if ((await problemsOf(store, meta)).length > 0) return;
      harmless++;
      assert.deepEqual(await contentsOf(damaged), contents, `byte ${at}`);
    }),
    { numRuns: runs },
  );
  assert.ok(harmless < runs / 2, `${harmless} of ${runs} flips were harmless`);
});

Deno.test("what is missing or too short is told, and so is the rest", async () => {
  const { store, meta } = await someBlock(someSpans(300));
  const bytes = store.objects.get(KEY)!;
  await store.delete(bloomKey(TENANT, BLOCK_ID, 0));
  assert.deepEqual(await problemsOf(store, meta), ["bloom-0: is missing"]);
  store.objects.set(KEY, bytes.slice(0, -20));
  const [bloom, size, footer, ...none] = await problemsOf(store, meta);
  assert.equal(bloom, "bloom-0: is missing");
  assert.match(size!, /^meta.json: size \d+ where data.parquet has \d+ bytes$/);
  assert.match(footer!, /^data.parquet: not the end of a Parquet file/);
  assert.match(none.join(), /index/, "no row group was read, so the index says too much");
  await store.delete(KEY);
  assert.ok((await problemsOf(store, meta)).includes("data.parquet: is missing"));
});

Deno.test("a store that cannot be reached is no problem of the block", async () => {
  const { store, meta } = await someBlock(someSpans(100));
  store.script({ operation: "read", key: "data", call: 3, fail: new UnavailableError("storm") });
  await assert.rejects(verifyBlock(store, meta, { signal }), UnavailableError);
  const stopped = AbortSignal.abort(new Error("enough"));
  await assert.rejects(verifyBlock(store, meta, { signal: stopped }), /enough/);
});

Deno.test("a bloom that does not know a trace is a problem: the trace would not be found", async () => {
  const { store, meta } = await someBlock(someSpans(300));
  const bloom = store.objects.get(bloomKey(TENANT, BLOCK_ID, 0))!;
  bloom.fill(0, 24, bloom.length);
  const problems = await problemsOf(store, withoutChecksums(meta));
  assert.ok(problems.length > 5);
  for (const problem of problems) assert.match(problem, /^bloom-0: does not know [0-9a-f]{32}$/);
  const { problemCount } = await verifyBlock(store, withoutChecksums(meta), { signal });
  assert.equal(problemCount, meta.totalObjects);
});

Deno.test("a meta that is not true of its block is told field by field", async () => {
  const { store, meta } = await someBlock(someSpans(300));
  const wrong = {
    ...meta,
    totalObjects: meta.totalObjects + 1,
    totalRecords: 7,
    totalSpans: 5,
    footerSize: meta.footerSize - 1,
    endTime: "1990-01-01T00:00:00Z",
    dedicatedColumns: [{ n: "http.route" }],
  };
  const problems = (await problemsOf(store, wrong)).join("\n");
  assert.match(problems, /meta.json: totalObjects \d+ where there are \d+ traces/);
  assert.match(problems, /meta.json: totalRecords 7 where there are 1 row groups/);
  assert.match(problems, /meta.json: totalSpans 5 where there are \d+ spans/);
  assert.match(problems, /meta.json: footerSize/);
  assert.match(problems, /meta.json: ends at 1990/);
  assert.match(problems, /column .*String02 is not of the format/);
});

Deno.test("traces out of order and bounds that hide values are problems, whatever checksums say", async () => {
  const columns = someSpans(300);
  const { store, meta } = await someBlock(columns);
  const layout = layoutTraces(columns);
  const parts: Uint8Array[] = [];
  const writer = new BlockDataWriter(
    blockSchema(dedicatedOfBlock(meta)),
    compressorOf("zstd"),
    (bytes) => parts.push(bytes.slice()),
  );
  // The second half of the traces first.
  const half = layout.traces.length >> 1;
  for (const [from, to] of [[half, layout.traces.length], [0, half]] as const) {
    for (const _ of writer.rowGroup(columns, traceRange(layout, from, to)));
  }
  const { sizeBytes, footerBytes } = writer.finish();
  store.objects.set(
    KEY,
    new Uint8Array(await new Blob(parts as Uint8Array<ArrayBuffer>[]).bytes()),
  );
  const swapped = { ...meta, size: sizeBytes, footerSize: footerBytes, totalRecords: 2 };
  await store.delete(indexKey(TENANT, BLOCK_ID));
  const problems = await problemsOf(store, withoutChecksums(swapped));
  assert.equal(problems.length, 1);
  assert.match(problems[0]!, /^row group 1, TraceID: row 0: [0-9a-f]{32} after [0-9a-f]{32}$/);
});

Deno.test("a bound of the footer that a value lies beyond is a problem", async () => {
  const { store, meta } = await someBlock(someSpans(300));
  const bytes = store.objects.get(KEY)!;
  const { metadata } = await fileOf(bytes);
  // The metadata has no checksum: its bytes are those of the file.
  const { max } = metadata.rowGroups[0]!.chunks.get("rs.ss.Spans.Kind")!.statistics;
  const at = max!.byteOffset - bytes.byteOffset;
  assert.equal(bytes[at], 5);
  bytes[at] = 2;
  const problems = await problemsOf(store, withoutChecksums(meta));
  assert.deepEqual(problems, [
    'row group 0, rs.ss.Spans.Kind: largest value "5" where the footer says "2"',
  ]);
});

Deno.test("page indexes that are not true are problems: a bound, a place", async () => {
  const { store, meta } = await someBlock(someSpans(300));
  const bytes = store.objects.get(KEY)!;
  const whole = bytes.slice();
  const { chunks } = (await fileOf(bytes)).metadata.rowGroups[0]!;
  const { columnIndex } = chunks.get("rs.ss.Spans.Kind")!;
  const index = bytes.subarray(columnIndex.offset, columnIndex.offset + columnIndex.sizeBytes);
  const isMax = (_: number, i: number) =>
    index[i] === 5 && index.slice(i + 1, i + 8).every((b) => b === 0);
  index[index.findIndex(isMax)] = 3;
  assert.deepEqual(await problemsOf(store, withoutChecksums(meta)), [
    'row group 0, rs.ss.Spans.Kind: largest value "5" where the column index of page 0 says "3"',
  ]);
  bytes.set(whole);
  const { offsetIndex, offset } = chunks.get("rs.ss.Spans.Name")!;
  const spots = readOffsetIndex(new ByteCursor(bytes, offsetIndex.offset));
  assert.ok(spots[0]!.offset > offset, "its dictionary comes first");
  // The first offset, a zigzag varint behind list, struct and field: one byte nearer.
  const at = bytes.indexOf(0x16, offsetIndex.offset) + 1;
  bytes[at]! -= 2;
  const [problem] = await problemsOf(store, withoutChecksums(meta));
  assert.match(
    problem!,
    /^row group 0, rs.ss.Spans.Name: page 0 has row 0 .* where the offset index says 0/,
  );
});

Deno.test("what has a checksum in meta.json is held against it, and looked at all the same", async () => {
  const { store, meta } = await someBlock(someSpans(300));
  const bytes = store.objects.get(KEY)!;
  const bloom = store.objects.get(bloomKey(TENANT, BLOCK_ID, 0))!;
  bloom[bloom.length - 1]! ^= 1;
  const writer = bytes.lastIndexOf("segno".charCodeAt(0), bytes.length - 8 - 5);
  bytes[writer + 1]! ^= 1;
  const [first, second, ...none] = await problemsOf(store, meta);
  assert.equal(first, "bloom-0: does not match its checksum");
  assert.match(second!, /^data.parquet: metadata does not match its checksum/);
  assert.deepEqual(none, []);
  assert.deepEqual(await problemsOf(store, withoutChecksums(meta)), []);
});

Deno.test("an index that names other traces is a problem, none at all is not", async () => {
  const { store, meta } = await someBlock(someSpans(300));
  const key = indexKey(TENANT, BLOCK_ID);
  store.objects.set(key, new TextEncoder().encode(JSON.stringify({ rowGroups: ["AAAA"] })));
  assert.match(
    (await problemsOf(store, meta)).join(),
    /^index: row group 0 ends with [0-9a-f]{32}/,
  );
  store.objects.set(key, new TextEncoder().encode("[]"));
  assert.deepEqual(await problemsOf(store, meta), ["index: not a list of row groups"]);
  await store.delete(key);
  assert.deepEqual(await problemsOf(store, meta), []);
});
