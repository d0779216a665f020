import assert from "node:assert/strict";
import { dataKey } from "../../model/block_meta.ts";
import { goldenBlock, goldenBlocks } from "../../tests/support/golden_blocks.ts";
import { Block } from "../block/block.ts";
import { BlockCache } from "../block/block_cache.ts";
import { describeBlock } from "./describe_block.ts";
import { signal, someBlock, someSpans } from "../../tests/support/some_block.ts";

for (const name of Object.keys(goldenBlocks)) {
  Deno.test(`description of golden block ${name} is what reading it finds`, async () => {
    const { store, meta } = await goldenBlock(name);
    const described = await describeBlock(store, meta, signal);
    const { file } = await Block.open(store, meta, new BlockCache(1 << 26));
    assert.equal(described.rowGroups.length, meta.totalRecords);
    const traces = described.rowGroups.reduce((sum, group) => sum + group.traces, 0);
    assert.equal(traces, meta.totalObjects);
    for (const group of file.metadata.rowGroups) {
      const { sizeBytes, firstTraceId, spans } = described.rowGroups[group.index]!;
      const chunks = described.columns.map((column) => column.chunks[group.index]!);
      assert.equal(chunks.reduce((sum, chunk) => sum + chunk.sizeBytes, 0), sizeBytes);
      const kinds = (await file.column(group, "rs.ss.Spans.Kind"))!;
      assert.equal(spans, kinds.valueCount);
      const ids = (await file.column(group, "TraceID"))!;
      assert.equal(firstTraceId, ids.dictionary.at(ids.codes[0]!).toHex());
      for (const { path, chunks } of described.columns) {
        const chunk = chunks[group.index]!;
        const column = (await file.column(group, path))!;
        assert.equal(chunk.entries, column.entryCount, path);
        if (chunk.nulls !== undefined) assert.equal(chunk.entries - chunk.nulls, column.valueCount);
        const dictionary = await file.dictionary(group, path);
        assert.equal(chunk.dictionaryEntries, dictionary?.length ?? 0, path);
      }
    }
  });
}

Deno.test("describing a block reads its ends and dictionaries' heads, and no pages", async () => {
  const { store, meta } = await someBlock(someSpans(3000));
  // Neighbours are read at once where that is cheaper; what is asked for is counted here.
  Object.defineProperty(store, "gapBytesMax", { value: 0 });
  store.bytesRead = 0;
  await describeBlock(store, meta, signal);
  assert.ok(store.bytesRead < meta.size / 8, `${store.bytesRead} of ${meta.size} bytes`);
  assert.ok(store.objects.get(dataKey(meta.tenantID, meta.blockID))!.length === meta.size);
});

Deno.test("columns of attributes say which, bounds are told in the type of the column", async () => {
  const { store, meta } = await goldenBlock("v5-custom-dedicated");
  const { columns } = await describeBlock(store, meta, signal);
  const of = (path: string) => columns.find((column) => column.path === path)!;
  assert.equal(of("rs.ss.Spans.DedicatedAttributes.Int01").attribute, "span.http.status_code");
  assert.equal(of("rs.ss.Spans.Kind").attribute, undefined);
  const blob = of("rs.ss.Spans.DedicatedAttributes.String02").chunks[0]!;
  assert.deepEqual([blob.codec, blob.min, blob.dictionaryBytes], ["zstd", undefined, 0]);
  assert.equal(of("TraceID").chunks[0]!.max, "f".repeat(32));
  assert.equal(of("rs.ss.Spans.Kind").chunks[0]!.max, "9", "a kind that OTLP does not know");
  assert.match(of("EndTimeUnixNano").chunks[0]!.max!, /^\d{19,20}$/);
});
