import assert from "node:assert/strict";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { SimulatedClock } from "../lib/clock.ts";
import { createRuntime } from "../lib/runtime.ts";
import { mergeAnswers, type MetricsRequest, type ResultTrace } from "../query/engine/mod.ts";
import { FakeFrontend, foundTrace } from "../tests/support/fake_frontend.ts";
import { encodeOtlp } from "../tests/support/otlp.ts";
import { createTestApi, NOW_MS, testDeps } from "../tests/support/test_api.ts";
import { createApi } from "./api.ts";
import { ANSWER_CHARS_MAX } from "./mcp/mcp_tools.ts";
import { type ApiOptions, defaultApiOptions } from "./options.ts";
import { serveApi } from "./serve.ts";

const ID = "000000000000000000000000000000ab";
const OTHER = "000000000000000000000000000000cd";
const cost = { inspectedTraces: 0, inspectedSpans: 0, inspectedBytes: 0 };

const traceOf = (id: string, spans: number) =>
  foundTrace(encodeOtlp({
    resourceSpans: [{
      resource: { attributes: [{ key: "service.name", value: { stringValue: "shop" } }] },
      scopeSpans: [{
        scope: {},
        spans: Array.from({ length: spans }, (_, i) => ({
          traceId: Uint8Array.fromHex(id),
          spanId: new Uint8Array(8).fill(i + 1),
          ...(i === 0 ? {} : { parentSpanId: new Uint8Array(8).fill(1) }),
          name: `op ${i}`,
          startTimeUnixNano: String(1_000_000 * i),
          endTimeUnixNano: String(1_000_000 * (i + 1)),
          attributes: [{ key: "text", value: { stringValue: "x".repeat(1000) } }],
        })),
      }],
    }],
  }));

/** The SDK's own client, over HTTP. */
async function connected(options: Partial<ApiOptions> = {}) {
  const frontend = new FakeFrontend();
  frontend.traces.set(`single-tenant/${ID}`, traceOf(ID, 3));
  frontend.traces.set(`single-tenant/${OTHER}`, traceOf(OTHER, 2));
  const runtime = createRuntime({ clock: new SimulatedClock(NOW_MS) });
  const all = { ...defaultApiOptions, isMcpEnabled: true, ...options };
  const api = createApi(runtime, testDeps(frontend), all);
  const listener = await serveApi(createRuntime(), api, { hostname: "127.0.0.1", port: 0 });
  const client = new Client({ name: "test", version: "1" });
  const url = new URL(`http://127.0.0.1:${listener.port}/api/mcp`);
  const headers = { "X-Scope-OrgID": "acme" };
  await client.connect(
    new StreamableHTTPClientTransport(url, { requestInit: { headers } }) as never,
  );
  return {
    frontend,
    runtime,
    client,
    async call(name: string, args: Record<string, unknown> = {}) {
      const { content, isError } = await client.callTool({ name, arguments: args });
      const [{ text }] = content as [{ text: string }];
      assert.ok(text.length <= ANSWER_CHARS_MAX + 200, `${name}: ${text.length} characters`);
      return { text, isError: isError === true };
    },
    async [Symbol.asyncDispose]() {
      await client.close();
      await listener[Symbol.asyncDispose]();
    },
  };
}

Deno.test("it is not there unless it is switched on, and is only posted to", async () => {
  const off = createTestApi();
  assert.equal((await off.send("POST", "/api/mcp")).status, 404);
  const on = createTestApi({}, { isMcpEnabled: true, multitenancyEnabled: true });
  assert.equal((await on.send("GET", "/api/mcp")).status, 405);
  assert.equal((await on.send("POST", "/api/mcp")).status, 401);
});

Deno.test("a model sees what there is", async () => {
  await using mcp = await connected();
  const { tools } = await mcp.client.listTools();
  assert.deepEqual((tools as { name: string }[]).map(({ name }) => name), [
    "traceql-search",
    "traceql-metrics-instant",
    "traceql-metrics-range",
    "get-trace",
    "trace-diff",
    "get-attribute-names",
    "get-attribute-values",
    "docs-traceql",
    "docs-config",
  ]);
  assert.deepEqual(tools[0]!.inputSchema.required, ["query"]);
  const { resources } = await mcp.client.listResources();
  assert.deepEqual((resources as { uri: string }[]).map(({ uri }) => uri), [
    "docs://traceql/basic",
    "docs://traceql/aggregates",
    "docs://traceql/structural",
    "docs://traceql/metrics",
    "docs://traceql/query",
    "docs://config/overview",
    "docs://config/reference",
  ]);
  for (const { uri } of resources) {
    const { contents } = await mcp.client.readResource({ uri });
    assert.ok((contents[0] as { text: string }).text.length > 200, uri);
  }
  await assert.rejects(mcp.client.readResource({ uri: "docs://traceql/nothing" }));
  assert.match(
    (await mcp.call("docs-config", { name: "reference" })).text,
    /grpc_listen_port: 9095/,
  );
  assert.match((await mcp.call("docs-traceql", { name: "x" })).text, /there are basic, aggregates/);
});

Deno.test("searches and metrics are of the last hour, or of the time that is given", async () => {
  await using mcp = await connected({ multitenancyEnabled: true });
  const trace: ResultTrace = {
    traceId: ID,
    rootServiceName: "shop",
    rootTraceName: "op",
    startUnixNano: 5n,
    durationNano: 0n,
    spanSets: [],
    serviceStats: {},
  };
  mcp.frontend.searchAnswer = { kind: "search", traces: [trace], ...cost };
  const found = JSON.parse((await mcp.call("traceql-search", { query: "{}" })).text);
  assert.equal(found.traces[0].traceID, ID);
  await mcp.call("traceql-search", {
    query: "{}",
    start: "2026-01-01T10:00:00Z",
    end: "2026-01-01T11:00:00Z",
  });
  const seconds = NOW_MS / 1000;
  const asked = mcp.frontend.asked.map((
    { tenant, startSeconds, endSeconds },
  ) => [tenant, startSeconds, endSeconds]);
  assert.deepEqual(asked, [
    ["acme", seconds - 3600, seconds],
    ["acme", Date.UTC(2026, 0, 1, 10) / 1000, Date.UTC(2026, 0, 1, 11) / 1000],
  ]);
  const query = "{} | count_over_time()";
  await mcp.call("traceql-metrics-range", { query });
  const request = mcp.frontend.asked.pop() as MetricsRequest;
  assert.deepEqual([request.isInstant, request.exemplars], [false, 0]);
  mcp.frontend.metricsAnswer = {
    ...mergeAnswers({ ...request, isInstant: true }, []),
    ...cost,
    leaves: [{
      series: [{ labels: [], bucket: -1, values: Float64Array.of(7), weights: undefined }],
      exemplars: [],
      compared: [],
      crowded: [],
    }],
  };
  const instant = JSON.parse((await mcp.call("traceql-metrics-instant", { query })).text);
  assert.equal(instant.series[0].value, 7);
});

Deno.test("an answer that is too large is cut, and says so", async () => {
  await using mcp = await connected();
  const traces = Array.from({ length: 3000 }, (_, i): ResultTrace => ({
    traceId: i.toString(16).padStart(32, "0"),
    rootServiceName: "shop".repeat(10),
    rootTraceName: "op",
    startUnixNano: 5n,
    durationNano: 0n,
    spanSets: [],
    serviceStats: {},
  }));
  mcp.frontend.searchAnswer = { kind: "search", traces, ...cost };
  const found = JSON.parse((await mcp.call("traceql-search", { query: "{}" })).text);
  assert.equal(found.omitted.traces + found.traces.length, 3000);
  mcp.frontend.traces.set(`single-tenant/${ID}`, traceOf(ID, 250));
  const { trace } = JSON.parse((await mcp.call("get-trace", { trace_id: ID })).text);
  assert.equal(trace.spanCount, 250);
  assert.ok(trace.omittedSpanCount > 100);
});

Deno.test("traces and their differences", async () => {
  await using mcp = await connected();
  const { trace } = JSON.parse((await mcp.call("get-trace", { trace_id: "ab" })).text);
  assert.equal(trace.spans[0].children.length, 2);
  const ids = { base_trace_id: ID, compare_trace_id: OTHER };
  const diff = JSON.parse((await mcp.call("trace-diff", ids)).text);
  assert.deepEqual(diff.stats, {
    spanCountA: 3,
    spanCountB: 2,
    matchedSpans: 2,
    modifiedSpans: 0,
    addedSpans: 0,
    removedSpans: 1,
    fieldChanges: 0,
    attributeChanges: 0,
    eventChanges: 0,
    truncated: false,
  });
  const short = { ...ids, format: "trace-summary-v0-native" };
  const { version, stats } = JSON.parse((await mcp.call("trace-diff", short)).text);
  assert.deepEqual([version, stats], ["trace-summary-v0-native", diff.stats]);
  const missing = await mcp.call("get-trace", { trace_id: "ee" });
  assert.deepEqual(missing, { text: "trace ee not found", isError: true });
});

Deno.test("attributes and their values", async () => {
  await using mcp = await connected();
  mcp.frontend.tagsAnswer = { kind: "tags", scopes: { span: ["b", "a"] }, ...cost };
  const names = JSON.parse((await mcp.call("get-attribute-names", { scope: "span" })).text);
  assert.deepEqual(names.scopes[0], { name: "span", tags: ["a", "b"] });
  mcp.frontend.tagValuesAnswer = {
    kind: "tag_values",
    values: [{ type: "string", value: "GET" }, { type: "int", value: "5" }],
    ...cost,
  };
  const args = { "name": "span.m", "filter-query": "{ span.x = 1 }" };
  const values = JSON.parse((await mcp.call("get-attribute-values", args)).text);
  assert.deepEqual(values, { tagValues: { string: ["GET"], int: ["5"] } });
  const request = mcp.frontend.asked.at(-1)!;
  assert.equal(request.kind === "tag_values" && request.query, "{ span.x = 1 }");
});

Deno.test("what is wrong is told to the model, and calls are counted", async () => {
  await using mcp = await connected();
  const refused = await mcp.call("traceql-search", { query: "{ nonsense" });
  assert.equal(refused.isError, true);
  assert.match(refused.text, /parse error at line 1/);
  for (
    const [args, message] of [
      [{}, "query is missing"],
      [{ query: 5 }, "query must be a text"],
      [{ query: "{}", start: "yesterday" }, "invalid start: expected RFC 3339"],
    ] as const
  ) {
    assert.deepEqual(await mcp.call("traceql-search", args), { text: message, isError: true });
  }
  await assert.rejects(mcp.client.callTool({ name: "nobody", arguments: {} }));
  const text = await mcp.runtime.metrics.text();
  assert.match(text, /tempo_query_frontend_mcp_calls_total\{tool="traceql-search"\} 4/);
  assert.ok(!text.includes("nobody"));
});
