// One compaction among others: what it does when the blocks it merges go away under it.
import assert from "node:assert/strict";
import { createRuntime } from "../../lib/runtime.ts";
import { seededRandom } from "../../lib/random.ts";
import { putBlock, T0_MS, TENANT } from "../../tests/support/small_blocks.ts";
import { markCompacted } from "../block_end.ts";
import { MemoryObjectStore } from "../store/memory.ts";
import { compact } from "./compact.ts";

const NEVER = new AbortController().signal;
const pause = () => Promise.resolve();

async function open(aheadMs = 0) {
  const store = new MemoryObjectStore();
  const inputs = [await putBlock(store, 1, [[1, 1]]), await putBlock(store, 2, [[1, 2], [2, 3]])];
  const runtime = createRuntime({ random: seededRandom(1) });
  const request = {
    tenant: TENANT,
    inputs,
    codec: "none" as const,
    spansPerRowGroup: 100,
    bytesPerTraceMax: 0,
    aheadMs,
  };
  return { store, inputs, run: () => compact(runtime, store, request, pause, NEVER) };
}

Deno.test("a block that is merged elsewhere while it is being merged here ends this merge, without a trace", async () => {
  const { store, inputs, run } = await open();
  const gate = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  const delay = {
    then: (resolve: () => void) => (reached.resolve(), gate.promise.then(resolve)),
  } as unknown as Promise<void>;
  store.script({ operation: "write", key: "/index", call: 1, delay });
  const before = [...store.objects.keys()].length;
  const running = run();
  await reached.promise; // its data is written
  await markCompacted(store, inputs[1]!, T0_MS, NEVER);
  gate.resolve();
  assert.deepEqual(await running, {
    kind: "stale",
    gone: [inputs[1]!.blockID],
    flagged: [],
  });
  assert.equal([...store.objects.keys()].length, before, "one meta has another name");
  assert.ok(store.objects.has(`${TENANT}/${inputs[0]!.blockID}/meta.json`));
});

Deno.test("blocks are marked by the clock that judges them", async () => {
  const dayMs = 86_400_000;
  const { store, inputs, run } = await open(-365 * dayMs);
  const outcome = await run();
  assert.equal(outcome.kind, "compacted");
  const text = store.objects.get(`${TENANT}/${inputs[0]!.blockID}/meta.compacted.json`)!;
  const { compactedTime } = JSON.parse(new TextDecoder().decode(text));
  const agoMs = createRuntime().clock.now() - Date.parse(compactedTime);
  assert.ok(Math.abs(agoMs - 365 * dayMs) < dayMs);
});
