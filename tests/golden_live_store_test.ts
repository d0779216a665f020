// The golden traces on the way that spans take, from a push to a block; which then equals the block that
// the peer's single binary wrote of the same requests.
import assert from "node:assert/strict";
import { bloomKey } from "../model/block_meta.ts";
import { SINGLE_TENANT } from "../model/limits.ts";
import { layoutTraces } from "../model/trace_layout.ts";
import { MemoryObjectStore, writeBlock } from "../storage/mod.ts";
import { goldenBlock } from "./support/golden_blocks.ts";
import { parquetOf, rowDifferences } from "./support/golden_columns.ts";
import { pushedTraces, SENT_LATER } from "./support/pushed_traces.ts";

function nameOf(traceId: Uint8Array): string {
  const index = JSON.parse(
    Deno.readTextFileSync(new URL("./golden/traces/index.json", import.meta.url)),
  );
  const id = traceId.toHex();
  return index.traces.find(({ traceID }: { traceID: string }) => traceID.padStart(32, "0") === id)
    .name;
}

Deno.test("traces that are pushed, folded and written make the block the peer's single binary wrote", async () => {
  const peer = await goldenBlock("v5-live-store");
  const { columns, refused } = await pushedTraces((name) => !SENT_LATER.includes(name));
  assert.deepEqual(refused, ["short-parent"]);
  const store = new MemoryObjectStore();
  const request = {
    tenant: SINGLE_TENANT,
    blockId: peer.meta.blockID,
    columns,
    codec: "zstd" as const,
    clampStartMs: Date.parse(peer.meta.startTime),
    clampEndMs: Date.parse(peer.meta.endTime),
    replicationFactor: 1,
    hasNoCompactFlag: false,
  };
  const { signal } = new AbortController();
  const meta = await writeBlock(store, request, () => Promise.resolve(), signal);
  const [ours, peers] = await Promise.all([
    parquetOf(store, meta),
    parquetOf(peer.store, peer.meta),
  ]);
  const differences = await rowDifferences(ours, peers, "v5-live-store");
  const { traces } = layoutTraces(columns);
  const byName = new Map(
    [...differences].map(([row, paths]) => [nameOf(columns.traces.id(traces[row]!)), paths]),
  );
  // The peer's distributor joins scopes that differ in their attributes alone, and loses those of the
  // later ones. Ours does not, on purpose.
  assert.ok(byName.get("scopes")!.every((path) => path.startsWith("rs.ss.")));
  // In a trace without a root the peer leaves in this column what the row before had there.
  const childCounts = ["rs.ss.Spans.ChildCount"];
  byName.delete("scopes");
  assert.deepEqual(Object.fromEntries(byName), { cycle: childCounts, "self-parent": childCounts });
  const key = bloomKey(meta.tenantID, meta.blockID, 0);
  assert.deepEqual(await store.read(key), await peer.store.read(key));
  const { size, footerSize, checksums } = meta;
  assert.deepEqual(meta, { ...peer.meta, size, footerSize, checksums });
});
