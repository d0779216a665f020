import assert from "node:assert/strict";
import { SimulatedClock } from "../../lib/clock.ts";
import { createRuntime } from "../../lib/runtime.ts";
import type { BlockMeta } from "../../model/block_meta.ts";
import { defaultDedicated } from "../../model/dedicated_attributes.ts";
import { OtlpDecoder } from "../../model/otlp_decode.ts";
import { SpanColumns } from "../../model/span_columns.ts";
import { BlockList, type CompactRequest, LocalObjectStore, writeBlock } from "../../storage/mod.ts";
import { traceMessage } from "../../tests/support/records.ts";
import { WorkerCompactor } from "./compactor.ts";

const T0_MS = 1_767_268_800_000;
const signal = new AbortController().signal;

async function putBlock(store: LocalObjectStore, block: number): Promise<BlockMeta> {
  const columns = new SpanColumns(defaultDedicated);
  new OtlpDecoder(columns).decode(traceMessage({ trace: block, spans: [block] }).bytes);
  const blockId = `00000000-0000-4000-8000-${String(block).padStart(12, "0")}`;
  return await writeBlock(
    store,
    {
      tenant: "acme",
      blockId,
      columns,
      codec: "zstd",
      clampStartMs: T0_MS,
      clampEndMs: T0_MS + 1000,
      replicationFactor: 1,
      hasNoCompactFlag: false,
    },
    () => Promise.resolve(),
    signal,
  );
}

const requestOf = (inputs: readonly BlockMeta[]): CompactRequest => ({
  tenant: "acme",
  inputs,
  codec: "zstd",
  spansPerRowGroup: 1000,
  bytesPerTraceMax: 0,
  aheadMs: 0,
});

Deno.test("a worker merges, ends when it is idle, and another takes its place", async () => {
  const path = await Deno.makeTempDir();
  const store = await LocalObjectStore.open(path);
  const runtime = createRuntime({ clock: new SimulatedClock(T0_MS) });
  const list = new BlockList(runtime, store, { readsMax: 4 });
  const compactor = new WorkerCompactor(runtime, { backend: "local", local: { path } });
  try {
    assert.equal(compactor.isRunning, false);
    const [a, b] = [await putBlock(store, 1), await putBlock(store, 2)];
    const first = await compactor.compact(requestOf([a, b]), signal);
    assert.ok(first.kind === "compacted");
    await list.poll();
    assert.deepEqual(list.blocks("acme").map(({ blockID }) => blockID), [first.output.blockID]);
    assert.equal(list.compacted("acme").length, 2);
    await (runtime.clock as SimulatedClock).advance(59_000);
    assert.equal(compactor.isRunning, true);
    await (runtime.clock as SimulatedClock).advance(2_000);
    assert.equal(compactor.isRunning, false);

    const stale = await compactor.compact(requestOf([a, first.output]), signal);
    assert.deepEqual(stale, { kind: "stale", gone: [a.blockID], flagged: [] });
    const damaged = { ...first.output, size: first.output.size - 1 };
    const c = await putBlock(store, 3);
    await assert.rejects(compactor.compact(requestOf([damaged, c]), signal), {
      name: "CorruptionError",
      message: new RegExp(damaged.blockID),
    });
    const second = await compactor.compact(requestOf([first.output, c]), signal);
    assert.ok(second.kind === "compacted");
    assert.equal(second.output.compactionLevel, 2);
    assert.equal(second.output.totalObjects, 3);
  } finally {
    await compactor[Symbol.asyncDispose]();
    await Deno.remove(path, { recursive: true });
  }
});

Deno.test("a worker that cannot start fails its job, and whoever stops a job ends the thread", async () => {
  const path = await Deno.makeTempDir();
  const store = await LocalObjectStore.open(path);
  const runtime = createRuntime({ clock: new SimulatedClock(T0_MS) });
  const broken = new WorkerCompactor(
    runtime,
    { backend: "local", local: { path } },
    () => new Worker("data:text/javascript,throw new Error('broken')", { type: "module" }),
  );
  const compactor = new WorkerCompactor(runtime, { backend: "local", local: { path } });
  try {
    const request = requestOf([await putBlock(store, 1), await putBlock(store, 2)]);
    await assert.rejects(broken.compact(request, signal), { name: "UnavailableError" });
    const stop = new AbortController();
    const working = compactor.compact(request, stop.signal);
    const reason = new Error("enough");
    stop.abort(reason);
    await assert.rejects(working, reason);
    assert.equal(compactor.isRunning, false);
  } finally {
    await broken[Symbol.asyncDispose]();
    await compactor[Symbol.asyncDispose]();
    await Deno.remove(path, { recursive: true });
  }
});
