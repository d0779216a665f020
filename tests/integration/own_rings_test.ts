// The rings of a process that is alone: told as those of a fleet are, and obeyed.
import assert from "node:assert/strict";
import { systemRandom } from "../../lib/random.ts";
import { eventually, findTrace } from "../support/query_client.ts";
import { ServerProcess } from "../support/server_process.ts";

const JSON_WANTED = { headers: { Accept: "application/json" } };

Deno.test("a process alone tells its rings, and a partition made Inactive takes no new spans", async () => {
  const dir = Deno.makeTempDirSync({ prefix: "segno-own-rings-" });
  try {
    await using server = await ServerProcess.start({ dir, segno: "  partitions: 2" });
    const { url, ports } = server;
    // deno-lint-ignore no-explicit-any
    const json = async (path: string): Promise<any> =>
      await (await fetch(`${url}${path}`, JSON_WANTED)).json();
    const partitions = async () =>
      // deno-lint-ignore no-explicit-any
      (await json("/partition-ring")).partitions.map(({ id, state }: any) => [id, state]);
    assert.deepEqual(await partitions(), [[0, 2], [1, 2]]);
    const { shards } = await json("/live-store/ring");
    assert.deepEqual(shards.map(({ state }: { state: string }) => state), ["ACTIVE"]);
    const metrics = await (await fetch(`${url}/metrics`)).text();
    assert.match(metrics, /^tempo_ring_members\{name="distributor",state="ACTIVE"\} 1$/m);
    assert.match(metrics, /^tempo_partition_ring_partitions\{.*state="Active"\} 2$/m);

    const change = (state: string) =>
      post(`${url}/partition-ring`, {
        action: "change_state",
        partition_id: "0",
        partition_state: `Partition${state}`,
      });
    assert.equal(await change("Inactive"), 302);
    assert.deepEqual(await partitions(), [[0, 3], [1, 2]]);
    const traceIds = Array.from({ length: 8 }, () => systemRandom.uuid().replaceAll("-", ""));
    const spans = traceIds.map((traceId) => ({
      traceId,
      spanId: "0102030405060708",
      name: "a span",
      startTimeUnixNano: "1",
      endTimeUnixNano: "2",
    }));
    const pushed = await fetch(`http://127.0.0.1:${ports.otlpHttp}/v1/traces`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] }),
    });
    assert.equal(pushed.status, 200, await pushed.text());
    for (const traceId of traceIds) {
      const found = await eventually(() => findTrace(url, traceId), ({ length }) => length === 1);
      assert.equal(found.length, 1);
    }
    const [watermark] = /0;offset=(\d+)/.exec(
      (await fetch(`${url}/api/search/tags`).then(drained)).get("X-Segno-Watermark")!,
    )!.slice(1);
    assert.equal(watermark, "0", "nothing came to partition 0");
    assert.equal(await change("Pending"), 400);
    assert.equal(await change("Active"), 302);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});

async function post(url: string, form: Record<string, string>): Promise<number> {
  const body = new URLSearchParams(form);
  const response = await fetch(url, { method: "POST", body, redirect: "manual" });
  await response.text();
  return response.status;
}

async function drained(response: Response): Promise<Headers> {
  await response.text();
  return response.headers;
}
