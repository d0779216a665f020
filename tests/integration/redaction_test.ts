// Redaction in a running process: what is still in memory when it is asked for becomes a block first, and a
// trace that was acknowledged a moment ago is gone, for ever, with a receipt.
import assert from "node:assert/strict";

import { eventually, findTrace, search } from "../support/query_client.ts";
import { ServerProcess } from "../support/server_process.ts";
import { randomTraceId, sendOtlp, someTrace } from "../support/some_trace.ts";

Deno.test("a trace that was just sent is redacted from a running process, by query, and stays away", async () => {
  const dir = Deno.makeTempDirSync({ prefix: "segno-redaction-" });
  const config = `
backend_scheduler:
  maintenance_interval: 200ms
  provider: {redaction: {rescan_delay: 1s, poll_interval: 200ms}}
backend_worker: {backoff: {max_period: 200ms}}
`;
  try {
    let server = await ServerProcess.start({ dir, config });
    try {
      const [gone, kept] = [randomTraceId(), randomTraceId()];
      for (const traceId of [gone, kept]) {
        const attributes = { customer: traceId };
        const sent = await sendOtlp(server.otlpUrl, someTrace({ traceId, attributes }));
        assert.equal(sent.status, 200, sent.text);
      }
      const url = `${server.url}/backend-scheduler/redactions`;
      const ask = async () =>
        await fetch(url, {
          method: "POST",
          body: JSON.stringify({ query: `{ span.customer = "${gone}" }`, requestedBy: "dpo" }),
        });
      const asked = await eventually(ask, ({ status }) => status !== 503, 30_000);
      const text = await asked.text();
      assert.equal(asked.status, 202, text);
      const { batchId, jobsCreated } = JSON.parse(text);
      assert.ok(jobsCreated >= 1, "what was in memory is in a block by now");
      const told = await eventually(
        async () => await (await fetch(`${url}/${batchId}`)).json(),
        ({ batch }) => batch?.state === "done",
        60_000,
      );
      assert.deepEqual(told.receipts.map(({ traceIds }: { traceIds: string[] }) => traceIds), [
        [gone],
      ]);
      const assertGone = async () => {
        const answer = await fetch(`${server.url}/api/traces/${gone}`);
        await answer.body?.cancel();
        assert.equal(answer.status, 404);
        assert.equal((await findTrace(server.url, kept)).length, 2);
        const found = await search(server.url, '{ span.customer != "" }');
        assert.deepEqual(found.map(({ traceId }) => traceId), [kept]);
      };
      await assertGone();
      await server.kill();
      server = await ServerProcess.start({ dir, config, ports: server.ports });
      await assertGone();
    } finally {
      await server[Symbol.asyncDispose]();
    }
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});
