// Blocks of every version and with dedicated columns of every kind are merged into blocks of the same:
// of traces that lie in one of them only, the peer's block of all says how each column looks.
import assert from "node:assert/strict";
import type { BlockFormat, BlockMeta } from "../../model/block_meta.ts";
import { dedicatedAttributes } from "../../model/dedicated_attributes.ts";
import { OtlpDecoder } from "../../model/otlp_decode.ts";
import { SpanColumns } from "../../model/span_columns.ts";
import { goldenBlock, goldenColumns } from "../../tests/support/golden_blocks.ts";
import { parquetOf, rowDifferences, valueDifferences } from "../../tests/support/golden_columns.ts";
import { allGoldenTraces } from "../../tests/support/golden_traces.ts";
import { MemoryObjectStore } from "../store/memory.ts";
import { writeBlock } from "./block_writer.ts";
import { mergeBlocks } from "./merge_blocks.ts";
import { rewriteBlock } from "./rewrite_block.ts";

const signal = new AbortController().signal;
const pause = () => Promise.resolve();

for (const name of ["v4-default", "v5-custom-dedicated"]) {
  Deno.test(`blocks like ${name} are merged into one like it`, async () => {
    const peer = await goldenBlock(name);
    const { format, dedicatedColumns } = peer.meta;
    const dedicated = dedicatedAttributes(dedicatedColumns!, format as BlockFormat);
    const store = new MemoryObjectStore();
    const inputs: BlockMeta[] = [];
    for (const part of [0, 1, 2]) {
      const columns = new SpanColumns(dedicated);
      const decoder = new OtlpDecoder(columns, { keepsZeroParents: true });
      for (const [i, { message }] of allGoldenTraces().entries()) {
        if (i % 3 === part) decoder.decode(message);
      }
      const request = {
        tenant: "t",
        blockId: `00000000-0000-4000-8000-00000000000${part}`,
        columns,
        spansPerRowGroup: 300,
        codec: "snappy" as const,
        clampStartMs: 0,
        clampEndMs: 2 ** 42,
        replicationFactor: 1,
        hasNoCompactFlag: false,
      };
      inputs.push(await writeBlock(store, request, pause, signal));
    }
    const request = {
      tenant: "t",
      blockId: "00000000-0000-4000-8000-00000000000f",
      inputs,
      codec: "zstd" as const,
      spansPerRowGroup: 500,
      bytesPerTraceMax: 0,
    };
    const { meta } = await mergeBlocks(store, request, pause, signal);
    assert.equal(meta.format, format);
    assert.deepEqual(meta.dedicatedColumns, dedicatedColumns);
    assert.equal(meta.totalObjects, 126);
    assert.ok(meta.totalRecords > 1);
    const differences = await valueDifferences(await parquetOf(store, meta), name);
    const untold = differences.filter(({ column, at }) => !isNotInTheInputs(name, column, at));
    assert.deepEqual(untold, []);
  });
}

/** What the peer knew of the traces and a block does not tell, or does not know itself. */
function isNotInTheInputs(name: string, column: string, at: number): boolean {
  if (column === "RootServiceName") {
    // Which of two `service.name` came first.
    const id = goldenColumns(name)[0]!.row_groups[0]!.v[at];
    return ["dup-keys", "service-twice"].includes(traceNames().get(id)!);
  }
  // In a trace without a root the peer leaves what the row before had there.
  return column === "rs.ss.Spans.ChildCount" &&
    goldenColumns(name).find(({ path }) => path.endsWith("NestedSetLeft"))!
        .row_groups[0]!.v[at] === 0;
}

function traceNames(): Map<string, string> {
  const index = JSON.parse(
    Deno.readTextFileSync(new URL("../../tests/golden/traces/index.json", import.meta.url)),
  );
  return new Map(
    index.traces.map(({ name, traceID }: { name: string; traceID: string }) => [traceID, name]),
  );
}

Deno.test("a vParquet4 block brought into vParquet5 is the block that vParquet5 would have been", async () => {
  const { store, meta: input } = await goldenBlock("v4-default");
  const newer = await goldenBlock("v5-default");
  const request = {
    input,
    blockId: "00000000-0000-4000-8000-00000000000e",
    dropTraceIds: new Set<string>(),
    dedicatedColumns: newer.meta.dedicatedColumns!,
    format: "vParquet5" as const,
    codec: "zstd" as const,
    spansPerRowGroup: 500,
  };
  const outcome = await rewriteBlock(store, request, pause, signal);
  assert.ok(outcome.kind === "rewritten");
  const ours = await parquetOf(store, outcome.meta);
  const peers = await parquetOf(newer.store, newer.meta);
  const ids = goldenColumns("v5-default")[0]!.row_groups[0]!.v;
  const names = traceNames();
  const differences = [...await rowDifferences(ours, peers, "v5-default")].map(([row, columns]) => [
    names.get(ids[row] as string),
    columns,
  ]);
  assert.deepEqual(Object.fromEntries(differences), {
    // What is lost in any block: which of two `service.name` came first.
    "dup-keys": ["RootServiceName"],
    "service-twice": ["RootServiceName"],
    // The peer's leftovers, see golden_writer_test.ts.
    "cycle": ["rs.ss.Spans.ChildCount"],
    "self-parent": ["rs.ss.Spans.ChildCount"],
    // The older format keeps the value before one of another type; by then nobody knows which was last.
    "ded-duplicate-key": ["rs.ss.Spans.DedicatedAttributes.String05"],
  });
});
