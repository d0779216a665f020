// Blocks that we write of the golden traces beside those the peer wrote of them: every column in its
// place, every value and every level, every byte of the blooms, and what meta.json says.
import assert from "node:assert/strict";
import { type BlockFormat, bloomKey } from "../../model/block_meta.ts";
import {
  columnsOfFormat,
  dedicatedAttributes,
  defaultDedicated,
} from "../../model/dedicated_attributes.ts";
import type { SpanColumns } from "../../model/span_columns.ts";
import { describeSpans } from "../../tests/support/describe.ts";
import {
  goldenBlock,
  goldenColumns,
  goldenRows,
  goldenSchema,
} from "../../tests/support/golden_blocks.ts";
import {
  type ColumnDifference,
  parquetOf,
  valueDifferences,
} from "../../tests/support/golden_columns.ts";
import { allGoldenSpans, goldenSpansOf } from "../../tests/support/golden_traces.ts";
import { Codec } from "../parquet/metadata.ts";
import { MemoryObjectStore } from "../store/memory.ts";
import { blockSchema } from "./block_schema.ts";
import type { Group, Leaf } from "./schema.ts";
import { writeBlock, type WriteBlockRequest } from "./block_writer.ts";

const T0_MS = 1_767_268_800_000;

async function written(columns: SpanColumns, blockId: string, changes: Partial<WriteBlockRequest>) {
  const store = new MemoryObjectStore();
  const request = {
    tenant: "single-tenant",
    blockId,
    columns,
    codec: "zstd" as const,
    clampStartMs: T0_MS - 60_000,
    clampEndMs: T0_MS + 7_200_000,
    replicationFactor: 1,
    hasNoCompactFlag: false,
    ...changes,
  };
  const signal = new AbortController().signal;
  return { store, meta: await writeBlock(store, request, () => Promise.resolve(), signal) };
}

async function assertLikePeers(name: string, changes: Partial<WriteBlockRequest> = {}) {
  const peer = await goldenBlock(name);
  const listed = peer.meta.dedicatedColumns!;
  const dedicated = dedicatedAttributes(listed, peer.meta.format as BlockFormat);
  const columns = allGoldenSpans(dedicated);
  const { store, meta } = await written(columns, peer.meta.blockID, changes);
  const file = await parquetOf(store, meta);
  assert.deepEqual(await valueDifferences(file, name), leftOverChildCounts(name));
  assert.deepEqual(file.metadata.rowGroups.map(({ rows }) => rows), goldenRows(name));
  for (let shard = 0; shard < peer.meta.bloomShards; shard++) {
    const key = bloomKey(meta.tenantID, meta.blockID, shard);
    assert.deepEqual(await store.read(key), await peer.store.read(key));
  }
  // Sizes are the encoder's; the times of those blocks were chosen; checksums are a field of ours.
  const { size, footerSize, startTime, endTime, checksums } = meta;
  assert.deepEqual(meta, { ...peer.meta, size, footerSize, startTime, endTime, checksums });
  assert.deepEqual(Object.keys(meta), [...Object.keys(peer.meta), "checksums"]);
  return meta;
}

/**
 * In a trace without a root the peer leaves in ChildCount what the row before had there. Ours are 0, and
 * this says where that makes a difference.
 */
function leftOverChildCounts(name: string): ColumnDifference[] {
  const column = "rs.ss.Spans.ChildCount";
  const valuesOf = (path: string) =>
    goldenColumns(name).filter((golden) => golden.path === path)
      .flatMap(({ row_groups }) => row_groups.flatMap(({ v }) => v));
  const ids = new Set(
    ["cycle", "self-parent"].flatMap((trace) =>
      describeSpans(goldenSpansOf(trace)).map(({ spanId }) => spanId)
    ),
  );
  const lefts = valuesOf("rs.ss.Spans.NestedSetLeft");
  const spanIds = valuesOf("rs.ss.Spans.SpanID");
  const counts = valuesOf(column);
  return counts.flatMap((count, at) =>
    ids.has(spanIds[at]) && lefts[at] === 0 && count !== 0
      ? [{ column, at, ours: "0", peers: String(count) }]
      : []
  );
}

for (const codec of ["zstd", "snappy", "none"] as const) {
  Deno.test(`our block of the golden traces equals the peer's, ${codec}`, async () => {
    await assertLikePeers("v5-default", { codec });
  });
}

Deno.test("our block with dedicated columns of every scope and type equals the peer's", async () => {
  await assertLikePeers("v5-custom-dedicated");
});

Deno.test("blobs have no dictionary and are zstd, whatever the others are", async () => {
  const { meta: { dedicatedColumns } } = await goldenBlock("v5-custom-dedicated");
  const columns = allGoldenSpans(dedicatedAttributes(dedicatedColumns!));
  const { store, meta } = await written(columns, "5a6b0000-0000-4000-8000-000000000003", {
    codec: "none",
  });
  const { rowGroups: [group] } = (await parquetOf(store, meta)).metadata;
  for (const [path, { codec, offset, dataOffset, columnIndex }] of group!.chunks) {
    const isBlob = path === "rs.ss.Spans.DedicatedAttributes.String02" ||
      path === "rs.ss.Spans.Events.DedicatedAttributes.String02";
    assert.equal(codec, isBlob ? Codec.Zstd : Codec.None, path);
    if (!isBlob) continue;
    assert.equal(offset, dataOffset, path);
    assert.equal(columnIndex.sizeBytes, 0, path);
  }
});

Deno.test("our block of small row groups and many bloom shards equals the peer's, cut where it cut", async () => {
  const bloom = { falsePositiveRate: 0.01, shardBytes: 50 };
  const meta = await assertLikePeers("v5-small-groups", { rowGroupBytesMax: 15_000, bloom });
  assert.equal(meta.totalRecords, 5);
  assert.equal(meta.bloomShards, 4);
});

Deno.test("our vParquet4 block of the golden traces equals the peer's", async () => {
  await assertLikePeers("v4-default");
});

Deno.test("of the default columns vParquet4 lists those that the peer lists", async () => {
  const { meta } = await goldenBlock("v4-default");
  assert.deepEqual(columnsOfFormat(defaultDedicated.columns, "vParquet4"), meta.dedicatedColumns);
});

for (const name of ["v5-default", "v5-custom-dedicated", "v4-default"]) {
  Deno.test(`the schema of ${name} is the peer's to the letter`, async () => {
    const { meta } = await goldenBlock(name);
    const dedicated = dedicatedAttributes(meta.dedicatedColumns!, meta.format as BlockFormat);
    const { root } = blockSchema(dedicated);
    assert.equal(schemaText(root), goldenSchema(name));
  });
}

function schemaText(root: Group): string {
  const repetitions = ["required", "optional", "repeated"];
  const types = {
    string: "binary",
    bytes: "binary",
    i32: "int32",
    u32: "int32",
    i64: "int64",
    u64: "int64",
    double: "double",
    bool: "boolean",
  };
  const annotationOf = ({ type }: Leaf) =>
    type === "string"
      ? " (STRING)"
      : /^[iu]/.test(type)
      ? ` (INT(${type.slice(1)},${type.startsWith("i")}))`
      : "";
  const lines = (node: Group | Leaf, indent: string): string[] => {
    const start = `${indent}${repetitions[node.repetition]}`;
    if (!("children" in node)) {
      return [`${start} ${types[node.type]} ${node.name}${annotationOf(node)};`];
    }
    const annotation = node.annotation ? ` (${node.annotation.toUpperCase()})` : "";
    return [
      `${start} group ${node.name}${annotation} {`,
      ...node.children.flatMap((child) => lines(child, indent + "\t")),
      `${indent}}`,
    ];
  };
  return [
    `message ${root.name} {`,
    ...root.children.flatMap((child) => lines(child, "\t")),
    "}",
  ].join("\n");
}
