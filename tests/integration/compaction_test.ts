// Blocks of a running process are merged without anybody asking, and everything is still found.
import assert from "node:assert/strict";

import { blockTotals } from "../../bench/blocks_on_disk.ts";
import { LocalObjectStore, readTenantIndex } from "../../storage/mod.ts";
import { eventually, findTrace, metric, search } from "../support/query_client.ts";
import { ServerProcess } from "../support/server_process.ts";
import { randomTraceId, sendOtlp, someTrace } from "../support/some_trace.ts";

Deno.test("four blocks become one in a running process, and after a kill all traces are found", async () => {
  const dir = Deno.makeTempDirSync({ prefix: "segno-compaction-" });
  const args = [
    "-backend-scheduler.maintenance-interval=200ms",
    "-backend-scheduler.provider.compaction.min-cycle-interval=200ms",
    "-backend-worker.backoff.max-period=1s",
  ];
  try {
    const ids = Array.from({ length: 4 }, () => randomTraceId());
    let server = await ServerProcess.start({ dir, args });
    try {
      for (const [i, traceId] of ids.entries()) {
        const attributes = { which: traceId };
        const sent = await sendOtlp(server.otlpUrl, someTrace({ traceId, attributes }));
        assert.equal(sent.status, 200, sent.text);
        const flushed = await fetch(`${server.url}/flush`, { method: "POST" });
        await flushed.body?.cancel();
        const isBuilt = async () => (await blockTotals(`${dir}/data/blocks`)).blocks > i;
        if (i < 3) assert.ok(await eventually(isBuilt, (is) => is));
      }
      const merged = await eventually(
        () => metric(server.url, "tempodb_compaction_blocks_total"),
        (count) => count >= 4,
        60_000,
      );
      assert.equal(merged, 4);
      await server.kill();
      server = await ServerProcess.start({ dir, args, ports: server.ports });
      for (const id of ids) assert.equal((await findTrace(server.url, id)).length, 2);
      const found = await search(server.url, '{ span.which != "" }');
      assert.deepEqual(found.map(({ traceId }) => traceId).sort(), [...ids].sort());
      assert.equal(await metric(server.url, "tempodb_blocklist_length"), 1);
      // Of that start, for whoever shares the store.
      const index = await readTenantIndex(
        await LocalObjectStore.open(`${dir}/data/blocks`),
        "single-tenant",
      );
      assert.deepEqual([index.live.length, index.compacted.length], [1, 4]);
      assert.equal(index.live[0]!.replaces!.length, 4);
      assert.equal(index.live[0]!.checksums!.bloom.length, index.live[0]!.bloomShards);
    } finally {
      await server[Symbol.asyncDispose]();
    }
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});
