import assert from "node:assert/strict";
import { systemClock } from "../../lib/clock.ts";
import { createRuntime } from "../../lib/runtime.ts";
import { sleep } from "../../lib/waiting.ts";
import { openTopic } from "./open_topic.ts";

Deno.test({
  name: "a broker that is away is waited for, until somebody has had enough",
  // The client's connection that is being refused ends a moment after it is given up.
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr;
    listener.close();
    const stop = new AbortController();
    const opening = openTopic(createRuntime(), {
      brokers: [`127.0.0.1:${port}`],
      topic: "spans",
      clientId: "segno-test",
      clientRack: undefined,
      dialTimeoutMs: 100,
      writeTimeoutMs: 300,
      sasl: undefined,
      tls: undefined,
      createPartitions: undefined,
      recordBytesMax: 1 << 20,
      batchBytesMax: 1 << 20,
      bufferedBytesMax: 1 << 20,
      compression: "none",
    }, stop.signal);
    let isSettled = false;
    const settled = opening.catch(() => {}).then(() => isSettled = true);
    await sleep(systemClock, 1_200, new AbortController().signal);
    assert.equal(isSettled, false, "it is still waiting");
    stop.abort(new Error("enough"));
    await assert.rejects(opening, /enough/);
    await settled;
  },
});
