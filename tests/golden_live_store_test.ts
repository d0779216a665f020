// The golden traces on the way that spans take: pushed one by one, read from the log, folded, written as a
// block; which then equals the block that the peer's single binary wrote of the same requests. It shows
// what receivers do: long attributes are cut, at bytes, and parent ids of zeros are none.
import assert from "node:assert/strict";
import { PartitionState } from "../actors/live_store/fold.ts";
import { ColumnsPool } from "../actors/live_store/columns_pool.ts";
import { createDistributor } from "../distributor/mod.ts";
import { SimulatedClock } from "../lib/clock.ts";
import { InputError } from "../lib/errors.ts";
import { createRuntime } from "../lib/runtime.ts";
import { bloomKey } from "../model/block_meta.ts";
import { defaultDedicated } from "../model/dedicated_attributes.ts";
import { defaultLimits, SINGLE_TENANT } from "../model/limits.ts";
import type { SpanColumns } from "../model/span_columns.ts";
import { layoutTraces } from "../model/trace_layout.ts";
import { embeddedRing, RingRouter, SpreadTokens } from "../ring/mod.ts";
import { MemoryObjectStore, writeBlock } from "../storage/mod.ts";
import { MemoryLog } from "../wal/mod.ts";
import { goldenBlock } from "./support/golden_blocks.ts";
import { parquetOf, rowDifferences } from "./support/golden_columns.ts";
import { allGoldenTraces } from "./support/golden_traces.ts";

const signal = new AbortController().signal;

/** Not sent to the recorded instance before it wrote the block. */
const leftOut = new Set([
  "end-before-start",
  "end-before-start-root",
  "zero-end",
  "events-before-start",
]);

async function foldedGoldenTraces(): Promise<SpanColumns> {
  const runtime = createRuntime({ clock: new SimulatedClock(1_767_268_800_000) });
  const log = new MemoryLog(runtime, { partitions: 1 });
  const ring = embeddedRing(1, new SpreadTokens());
  const distributor = createDistributor(runtime, {
    log,
    partitions: new RingRouter(() => ring),
    limits: () => defaultLimits,
  });
  const refused: string[] = [];
  for (const { name, message } of allGoldenTraces()) {
    if (leftOut.has(name)) continue;
    const push = {
      tenant: SINGLE_TENANT,
      bytes: message.slice(),
      receiver: "otlp/otlp_receiver",
      transport: "http" as const,
    };
    await distributor.push(push, signal).catch((error) => {
      if (!(error instanceof InputError)) throw error;
      refused.push(name);
    });
  }
  assert.deepEqual(refused, ["short-parent"]);
  const state = new PartitionState(
    0,
    new ColumnsPool(1, 1 << 30),
    { bytesPerTraceMax: () => 0, dedicatedOf: () => defaultDedicated },
    { applied: () => {}, dropped: () => assert.fail(), discarded: () => assert.fail() },
  );
  const options = { bytesMax: Infinity, waitMs: 0, signal };
  for (const record of (await log.read(0, 0, options)).records) state.apply(record);
  return state.segments(SINGLE_TENANT)[0]!.columns;
}

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
  const columns = await foldedGoldenTraces();
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
