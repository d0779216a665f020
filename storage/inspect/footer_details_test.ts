import assert from "node:assert/strict";
import { dataKey } from "../../model/block_meta.ts";
import { defaultDedicated } from "../../model/dedicated_attributes.ts";
import { goldenBlock, goldenBlocks } from "../../tests/support/golden_blocks.ts";
import { blockSchema } from "../block/block_schema.ts";
import { Repetition } from "../block/schema.ts";
import { ParquetFile } from "../parquet/file.ts";
import type { MemoryObjectStore } from "../store/memory.ts";
import type { BlockMeta } from "../../model/block_meta.ts";
import { readFooterDetails, type SchemaNode } from "./footer_details.ts";
import { someBlock, someSpans } from "../../tests/support/some_block.ts";

function sourceOf(store: MemoryObjectStore, { tenantID, blockID }: BlockMeta) {
  const bytes = store.objects.get(dataKey(tenantID, blockID))!;
  return {
    sizeBytes: bytes.length,
    read: (offset: number, size: number) => Promise.resolve(bytes.subarray(offset, offset + size)),
  };
}

Deno.test("details of a footer are about the same columns, in the same order, as what readers keep", async () => {
  for (const name of Object.keys(goldenBlocks)) {
    const { store, meta } = await goldenBlock(name);
    const source = sourceOf(store, meta);
    const details = await readFooterDetails(source);
    const { metadata } = await ParquetFile.open(source);
    assert.match(details.createdBy, /parquet-go/);
    assert.deepEqual(
      details.leaves.map(({ path }) => path),
      metadata.leaves.map(({ path }) => path),
    );
    for (const [i, leaf] of details.leaves.entries()) {
      const { repetitionMax, definitionMax, path } = metadata.leaves[i]!;
      assert.ok(
        leaf.lists.length === repetitionMax || leaf.lists.length === repetitionMax - 1,
        path,
      );
      const deepest = leaf.lists.at(-1);
      assert.ok((deepest?.definition ?? 0) <= definitionMax, path);
    }
    assert.equal(details.rowGroups.length, metadata.rowGroups.length);
    for (const chunks of details.rowGroups) {
      assert.equal(chunks.length, details.leaves.length);
      for (const { encodings, codec } of chunks) {
        assert.ok(encodings.length > 0);
        assert.match(codec, /^(none|snappy|zstd)$/);
      }
    }
  }
});

Deno.test("a block of ours says in its footer what its schema says", async () => {
  const { store, meta } = await someBlock(someSpans(500));
  const { leaves, schema, createdBy } = await readFooterDetails(sourceOf(store, meta));
  assert.equal(createdBy, "segno");
  const expected = blockSchema(defaultDedicated).leaves;
  const logical = {
    u32: "INTEGER(32,false)",
    u64: "INTEGER(64,false)",
    i32: "INTEGER(32,true)",
    i64: "INTEGER(64,true)",
    string: "STRING",
    bytes: undefined,
    double: undefined,
    bool: undefined,
  };
  assert.deepEqual(
    leaves.map(({ path, logical }) => ({ path, logical })),
    expected.map(({ path, type }) => ({ path: path.join("."), logical: logical[type] })),
  );
  const found: SchemaNode[] = [];
  const walk = (node: SchemaNode) => node.type ? found.push(node) : node.children.forEach(walk);
  walk(schema);
  const words = {
    [Repetition.Required]: "required",
    [Repetition.Optional]: "optional",
    [Repetition.Repeated]: "repeated",
  };
  assert.deepEqual(
    found.map(({ repetition }) => repetition),
    expected.map(({ repetition }) => words[repetition]),
  );
});
