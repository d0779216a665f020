// Streaming queries of the real process as Grafana's backend asks them: with the real gRPC client, on the
// gRPC port and, where it is switched on, on the HTTP port.
import assert from "node:assert/strict";
import { systemClock } from "../../lib/clock.ts";
import { HEALTH_CHECK, HEALTH_WATCH } from "../../lib/grpc_health.ts";
import { FrameType } from "../../lib/http2_frame.ts";
import { drain, GrpcClient } from "../support/grpc_client.ts";
import { encodeOtlp } from "../support/otlp.ts";
import { eventually } from "../support/query_client.ts";
import { RawHttp2 } from "../support/raw_http2.ts";
import { ServerProcess } from "../support/server_process.ts";
import { someTrace } from "../support/some_trace.ts";
import { decodeAnswer, encodeRequest } from "../support/tempopb.ts";

const TRACES = 12;
const SPANS = 5;

async function send(server: ServerProcess, n: number): Promise<void> {
  const traceId = `cd${String(n).padStart(30, "0")}`;
  const trace = someTrace({ traceId, spans: SPANS, service: `service-${n % 3}` });
  const response = await fetch(server.otlpUrl, {
    method: "POST",
    headers: { "Content-Type": "application/x-protobuf" },
    body: encodeOtlp(trace) as Uint8Array<ArrayBuffer>,
  });
  assert.equal(response.status, 200);
  await response.body?.cancel();
}

async function flush(server: ServerProcess): Promise<void> {
  const flushed = await fetch(`${server.url}/flush`, { method: "POST" });
  assert.ok(flushed.ok, String(flushed.status));
  await flushed.body?.cancel();
}

async function ask(client: GrpcClient, method: string, types: [string, string], fields: object) {
  const path = `/tempopb.StreamingQuerier/${method}`;
  const { messages, status } = await drain(client.stream(path, encodeRequest(types[0], fields)));
  assert.equal(status.code, 0, status.details);
  assert.ok(messages.length > 0, "no message at all");
  const answers = messages.map((message) => decodeAnswer(types[1], message));
  for (const { metrics } of answers) assert.ok(metrics.totalJobs > 0);
  return answers;
}

const SEARCH: [string, string] = ["SearchRequest", "SearchResponse"];

/** Everything that is asked of a port. */
async function checkAnswers(client: GrpcClient): Promise<void> {
  const nowSeconds = Math.floor(systemClock.now() / 1000);
  const range = { start: nowSeconds - 900, end: nowSeconds + 1 };
  const found = async () => {
    const query = { Query: "{}", Limit: 100, SpansPerSpanSet: 3, ...range };
    const answers = await ask(client, "Search", SEARCH, query);
    return new Set(
      answers.flatMap(({ traces = [] }) => traces.map((t: { traceID: string }) => t.traceID)),
    );
  };
  assert.equal((await eventually(found, ({ size }) => size === TRACES)).size, TRACES);
  const [test] = await ask(client, "Search", SEARCH, { Query: "{}", Limit: 1, ...range });
  assert.equal(test.traces.length, 1);
  const none = { Query: "{ .nobody = 1 }", Limit: 20, ...range };
  const nothing = await ask(client, "Search", SEARCH, none);
  for (const message of nothing) assert.deepEqual(Object.keys(message), ["metrics"]);
  const empty = nothing.at(-1);

  const tags = await ask(client, "SearchTagsV2", ["SearchTagsRequest", "SearchTagsV2Response"], {});
  const scopes = tags.flatMap((answer) => answer.scopes ?? []);
  const resource = scopes.filter(({ name }) => name === "resource").flatMap(({ tags }) => tags);
  assert.ok(resource.includes("service.name"));
  const types: [string, string] = ["SearchTagValuesRequest", "SearchTagValuesV2Response"];
  const values = await ask(client, "SearchTagValuesV2", types, {
    tagName: "resource.service.name",
  });
  assert.deepEqual(
    values.flatMap(({ tagValues = [] }) => tagValues.map((v: { value: string }) => v.value)).sort(),
    ["service-0", "service-1", "service-2"],
  );

  const nano = (seconds: number) => `${seconds}000000000`;
  const metrics = {
    query: "{} | count_over_time() by (resource.service.name)",
    start: nano(range.start),
    end: nano(range.end),
    step: nano(60),
  };
  const isWhole = ({ completedJobs, totalJobs }: Progress) => completedJobs === totalJobs;
  assert.ok(isWhole(empty.metrics), "found nothing without having looked everywhere");
  const ranges = await ask(client, "MetricsQueryRange", [
    "QueryRangeRequest",
    "QueryRangeResponse",
  ], metrics);
  const last = ranges.at(-1).series.flatMap((series: Series) => series.samples);
  assert.equal(sum(last), TRACES * SPANS);
  assert.ok(isWhole(ranges.at(-1).metrics));
  const instants = await ask(client, "MetricsQueryInstant", [
    "QueryInstantRequest",
    "QueryInstantResponse",
  ], metrics);
  assert.equal(sum(instants.at(-1).series), TRACES * SPANS);
}

interface Progress {
  readonly completedJobs: number;
  readonly totalJobs: number;
}

interface Series {
  readonly samples: { readonly value?: number }[];
}

const sum = (values: { readonly value?: number }[]) =>
  values.reduce((total, { value = 0 }) => total + value, 0);

Deno.test("streams are answered on the gRPC port and the HTTP port, beside HTTP", async () => {
  const dir = Deno.makeTempDirSync({ prefix: "segno-streaming-" });
  try {
    await using server = await ServerProcess.start({
      dir,
      config: "stream_over_http_enabled: true",
    });
    for (let n = 0; n < TRACES; n++) {
      await send(server, n);
      if (n % 4 === 3 && n < TRACES - 1) await flush(server);
    }
    for (const port of [server.ports.grpc, server.ports.http]) {
      using client = new GrpcClient(port);
      await checkAnswers(client);
      const health = await client.unary(HEALTH_CHECK, new Uint8Array(0));
      assert.deepEqual(health, Uint8Array.of(8, 1));
      const refused = encodeRequest("SearchRequest", { Query: "{ nonsense" });
      const { status } = await drain(client.stream("/tempopb.StreamingQuerier/Search", refused));
      assert.equal(status.code, 3);
      assert.match(status.details, /parse error at line 1/);
    }
    assert.equal(await (await fetch(`${server.url}/api/echo`)).text(), "echo\n");
    using http2 = await RawHttp2.connect(server.ports.http);
    await http2.request(1, { ":method": "GET", ":path": "/api/echo", ":authority": "segno" });
    assert.equal((await http2.answer()).text, "echo\n");

    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    const labels = `method="gRPC",route="/tempopb.StreamingQuerier/Search",status_code="success"`;
    assert.ok(metrics.includes(labels), metrics.slice(0, 2000));

    // A watcher hears of the end and does not hold it up. By hand: what the real client's HTTP/2 does with a
    // GOAWAY can end this whole process (docs/adr/0002).
    using watcher = await RawHttp2.connect(server.ports.http);
    await watcher.request(1, {
      ":method": "POST",
      ":path": HEALTH_WATCH,
      ":scheme": "http",
      ":authority": "segno",
      "content-type": "application/grpc",
    }, new Uint8Array(5));
    const statuses = [await healthStatus(watcher)];
    const [code, last] = await Promise.all([server.stop(15_000), healthStatus(watcher)]);
    assert.equal(code, 0, server.lines.join("\n"));
    statuses.push(last);
    assert.deepEqual(statuses, [1, 2]);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});

/** Of the next message of a watch: one byte of length-prefixed protobuf, field 1. */
async function healthStatus(watcher: RawHttp2): Promise<number> {
  for (;;) {
    const { type, payload } = await watcher.frame();
    if (type === FrameType.Data && payload.length >= 7) return payload[6]!;
  }
}

Deno.test("without the switch the HTTP port answers HTTP alone", async () => {
  const dir = Deno.makeTempDirSync({ prefix: "segno-streaming-" });
  try {
    await using server = await ServerProcess.start({ dir });
    // By hand: the real client may crash over an answer without trailers.
    using client = await RawHttp2.connect(server.ports.http);
    await client.request(1, {
      ":method": "POST",
      ":path": "/tempopb.StreamingQuerier/Search",
      ":scheme": "http",
      ":authority": "segno",
      "content-type": "application/grpc",
    }, new Uint8Array(5));
    const { headers } = await client.answer();
    assert.deepEqual([headers.get(":status"), headers.get("grpc-status")], ["404", undefined]);
    {
      using other = new GrpcClient(server.ports.grpc);
      await ask(other, "Search", SEARCH, { Query: "{}", Limit: 1 });
    }
    assert.equal(await server.stop(), 0, server.lines.join("\n"));
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});
