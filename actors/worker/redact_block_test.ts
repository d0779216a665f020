// One block that two workers redact, because the first was believed dead.
import assert from "node:assert/strict";
import { seededRandom } from "../../lib/random.ts";
import { createRuntime } from "../../lib/runtime.ts";
import { MemoryObjectStore } from "../../storage/mod.ts";
import { putBlock, TENANT } from "../../tests/support/small_blocks.ts";
import { readReceipts } from "./receipts.ts";
import { redactBlock } from "./redact_block.ts";

const NEVER = new AbortController().signal;

/** A call that waits, and tells when it does. */
function gate() {
  const reached = Promise.withResolvers<void>();
  const opened = Promise.withResolvers<void>();
  const delay = {
    then: (resolve: () => void) => (reached.resolve(), opened.promise.then(resolve)),
  } as unknown as Promise<void>;
  return { delay, reached: reached.promise, open: () => opened.resolve() };
}

Deno.test("the second at a block takes back nothing that the first has told", async () => {
  const store = new MemoryObjectStore();
  const input = await putBlock(store, 1, [[1, 1], [1, 2], [2, 3]]);
  const runtime = createRuntime({ random: seededRandom(1) });
  const request = {
    batchId: "b",
    input,
    wish: {
      traceIds: ["02".repeat(16)],
      query: "",
      mode: "apply",
      startSeconds: 0,
      endSeconds: 0,
      requestedBy: "",
    },
    codec: "none",
    spansPerRowGroup: 100,
    aheadMs: 0,
  } as const;
  const redact = () => redactBlock(runtime, store, request, () => Promise.resolve(), NEVER);
  const [marking, writing] = [gate(), gate()];
  store.script({ operation: "write", key: "/meta.compacted.json", call: 1, delay: marking.delay });
  store.script({ operation: "write", key: "/index", call: 2, delay: writing.delay });
  const first = redact();
  await marking.reached;
  const second = redact();
  await writing.reached;
  marking.open();
  assert.deepEqual([(await first).traces, (await first).spans], [1, 2]);
  writing.open();
  assert.deepEqual(await second, { traces: 0, spans: 0, output: undefined, isGone: true });
  const [receipt, ...others] = await readReceipts(store, TENANT, "b", NEVER);
  assert.deepEqual([others.length, receipt!.state, receipt!.spans], [0, "removed", 2]);
  const live = [...store.objects.keys()].filter((key) => key.endsWith("/meta.json"));
  assert.equal(live.length, 1);
});
