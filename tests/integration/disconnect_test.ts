// Whoever goes away stops the work of the real process, all the way to the threads that look at blocks: a slow
// question over HTTP, and one that streams over gRPC.
import assert from "node:assert/strict";
import { systemClock } from "../../lib/clock.ts";
import { GrpcClient } from "../../lib/grpc_client.ts";
import { encodeOtlp } from "../support/otlp.ts";
import { eventually, metric, search } from "../support/query_client.ts";
import { ServerProcess } from "../support/server_process.ts";
import { someTrace } from "../support/some_trace.ts";
import { encodeRequest } from "../support/tempopb.ts";

const SPANS = 20_000;
/** Each part is calculated span by span, which takes seconds in all; as long as an address may be. */
const SLOW = `{ ${
  Array.from({ length: 700 }, (_, i) => `.n + ${i} = duration * 2`).join(" || ")
} }`;
const INFLIGHT = "tempo_querier_inflight_backend_queries";
const CANCELED =
  'tempo_query_frontend_queries_total{tenant="single-tenant",op="search",result="canceled"}';

async function fill(server: ServerProcess): Promise<void> {
  const perTrace = 500;
  for (let n = 0; n < SPANS / perTrace; n++) {
    const traceId = `ab${String(n).padStart(30, "0")}`;
    const trace = someTrace({ traceId, spans: perTrace, service: "cart", attributes: { n: "7" } });
    const response = await fetch(server.otlpUrl, {
      method: "POST",
      headers: { "Content-Type": "application/x-protobuf" },
      body: encodeOtlp(trace) as Uint8Array<ArrayBuffer>,
    });
    assert.equal(response.status, 200);
    await response.body?.cancel();
  }
  const flushed = await fetch(`${server.url}/flush`, { method: "POST" });
  assert.ok(flushed.ok);
  await flushed.body?.cancel();
}

/** Until the question is being worked on; then whoever asks leaves; and then nothing of it is left. */
async function isStopped(server: ServerProcess, before: number, leave: () => void): Promise<void> {
  const { url } = server;
  assert.equal(await eventually(() => metric(url, INFLIGHT), (n) => n === 1), 1, "it is asked");
  // Not only begun: a moment later it is still at it.
  await new Promise((resolve) => systemClock.setTimeout(() => resolve(undefined), 300));
  assert.equal(await metric(url, INFLIGHT), 1, "it is slow");
  leave();
  const leftMs = systemClock.monotonic();
  assert.equal(
    await eventually(() => metric(url, INFLIGHT), (n) => n === 0, 1_000),
    0,
    "jobs go on",
  );
  assert.equal(await eventually(() => canceled(url), (n) => n === before + 1, 1_000), before + 1);
  // The thread that looks at blocks is free: it has but one question at a time.
  const found = await search(url, '{ resource.service.name = "cart" }', { limit: 1 });
  assert.equal(found.length, 1);
  const tookMs = systemClock.monotonic() - leftMs;
  assert.ok(tookMs < 3_000, `the next question is answered ${tookMs} ms later`);
}

async function canceled(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const line = text.split("\n").find((line) => line.startsWith(CANCELED));
  return line === undefined ? 0 : Number(line.slice(line.lastIndexOf(" ")));
}

Deno.test("who leaves a slow question, over HTTP or gRPC, stops all of its work within a second", async () => {
  const dir = Deno.makeTempDirSync({ prefix: "segno-disconnect-" });
  try {
    await using server = await ServerProcess.start({ dir });
    await fill(server);
    const inBlocks = async () => {
      const { traces } = await (await fetch(`${server.url}/api/search?q={}&limit=100`)).json();
      return (traces ?? []).length;
    };
    assert.equal(await eventually(inBlocks, (n) => n === SPANS / 500), SPANS / 500);

    const gone = new AbortController();
    const asked = fetch(`${server.url}/api/search?q=${encodeURIComponent(SLOW)}`, {
      signal: gone.signal,
    }).catch((error) => error.name);
    await isStopped(server, 0, () => gone.abort());
    assert.equal(await asked, "AbortError");

    // Not the client of @grpc/grpc-js: one that lives when the server says GOAWAY can end this process (ADR 2).
    using client = new GrpcClient(systemClock, {
      address: `127.0.0.1:${server.ports.grpc}`,
      timeoutMs: 60_000,
      receivedBytesMax: 1 << 20,
    });
    const request = encodeRequest("SearchRequest", { Query: SLOW, Limit: 20 });
    const leaves = new AbortController();
    const path = "/tempopb.StreamingQuerier/Search";
    const streamed = Array.fromAsync(client.stream(path, request, {}, leaves.signal, 0))
      .catch((error) => error.name);
    await isStopped(server, 1, () => leaves.abort());
    assert.equal(await streamed, "AbortError");
    assert.equal(await server.stop(), 0);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});
