import assert from "node:assert/strict";
import { UnavailableError } from "../../lib/errors.ts";
import type { QueryRequest, ResultTrace } from "../../query/engine/mod.ts";
import { foundTrace } from "../../tests/support/fake_frontend.ts";
import { encodeOtlp } from "../../tests/support/otlp.ts";
import { createTestApi, NOW_MS, type TestApi } from "../../tests/support/test_api.ts";
import type { ApiOptions } from "../options.ts";

const ID = "000000000000000000000000000000ab";
const cost = { inspectedTraces: 0, inspectedSpans: 0, inspectedBytes: 0 };

const otlp = encodeOtlp({
  resourceSpans: [{
    resource: { attributes: [{ key: "service.name", value: { stringValue: "shop" } }] },
    scopeSpans: [{
      scope: {},
      spans: [{ traceId: Uint8Array.fromHex(ID), spanId: new Uint8Array(8).fill(1), name: "op" }],
    }],
  }],
});

const result: ResultTrace = {
  traceId: ID,
  rootServiceName: "shop",
  rootTraceName: "op",
  startUnixNano: 1_790_000_000_123_456_789n,
  durationNano: 1_000n,
  spanSets: [],
  serviceStats: {
    shop: { spanCount: 3, errorCount: 1 },
    cart: { spanCount: 2, errorCount: 0 },
  },
};

function anApi(options: Partial<ApiOptions> = {}): TestApi {
  const api = createTestApi({}, options);
  api.frontend.traces.set(`single-tenant/${ID}`, foundTrace(otlp));
  api.frontend.searchAnswer = { kind: "search", traces: [result], ...cost };
  api.frontend.tagValuesAnswer = {
    kind: "tag_values",
    values: [{ type: "string", value: "shop" }, { type: "string", value: "cart" }],
    ...cost,
  };
  return api;
}

async function json(api: TestApi, path: string, headers = {}) {
  const response = await api.get(`/jaeger${path}`, headers);
  assert.equal(response.headers.get("content-type"), "application/json");
  return { status: response.status, body: await response.json() };
}

const asked = (api: TestApi, kind: QueryRequest["kind"]) =>
  api.frontend.asked.filter((one) => one.kind === kind);
const envelope = (data: unknown[]) => ({
  data,
  total: data.length,
  limit: 0,
  offset: 0,
  errors: null,
});

Deno.test("v1: services and operations", async () => {
  const api = anApi();
  const services = await json(api, "/api/services");
  assert.deepEqual(services, { status: 200, body: envelope(["cart", "shop"]) });
  const names = await json(api, "/api/services/sh%2Fop/operations");
  assert.deepEqual(names.body, envelope(["cart", "shop"]));
  const [first, second] = asked(api, "tag_values");
  assert.ok(first?.kind === "tag_values" && second?.kind === "tag_values");
  assert.deepEqual([first.tag, first.query], ["resource.service.name", "{}"]);
  assert.deepEqual([second.tag, second.query], ["name", '{ resource.service.name = "sh/op" }']);
  const one = await json(api, "/api/operations?service=shop&spanKind=server");
  assert.deepEqual(one.body.data, [
    { name: "cart", spanKind: "server" },
    { name: "shop", spanKind: "server" },
  ]);
  assert.equal((await json(api, "/api/operations?service=shop")).body.data.length, 12);
  assert.equal((await json(api, "/api/operations")).status, 400);
  assert.equal((await json(api, "/api/operations?service=a&spanKind=x")).status, 400);
});

Deno.test("v1: a search as Grafana and older UIs send it", async () => {
  const api = anApi();
  const tags = encodeURIComponent('{"http.status_code":"500"}');
  const { status, body } = await json(
    api,
    `/api/traces?service=shop&operation=op&tags=${tags}&tag=a:b:c&minDuration=1ms&maxDuration=1.5s` +
      "&limit=7&start=1767276000000000&end=1767276060000001",
  );
  assert.deepEqual([status, body.total, body.data[0].traceID], [200, 1, ID]);
  assert.equal(body.data[0].spans[0].operationName, "op");
  const [request] = asked(api, "search");
  assert.ok(request?.kind === "search");
  assert.equal(
    request.query,
    '{ resource.service.name = "shop" && name = "op" && .a = "b:c" && ' +
      '(.http.status_code = "500" || .http.status_code = 500) && ' +
      "duration >= 1000000ns && duration <= 1500000000ns }",
  );
  const { limit, startSeconds, endSeconds, mostRecent } = request;
  assert.deepEqual([limit, startSeconds, endSeconds, mostRecent], [
    7,
    1767276000,
    1767276061,
    true,
  ]);
  await json(api, "/api/traces?service=shop&operation=&tags=&minDuration=&maxDuration=&limit=20");
  const [, unbounded] = asked(api, "search");
  assert.deepEqual([unbounded!.startSeconds, unbounded!.endSeconds], [0, 0]);
  const byId = await json(api, `/api/traces?traceID=ab&traceID=cd`);
  assert.deepEqual(byId.body.data.map(({ traceID }: { traceID: string }) => traceID), [ID]);
});

Deno.test("v1: what cannot be meant is refused in the envelope", async () => {
  const api = anApi();
  const cases: [string, RegExp][] = [
    ["", /^parameter 'service' is required$/],
    ["service=a&tag=b", /^malformed 'tag' parameter, expecting key:value, received: b$/],
    ["service=a&tags=%7B", /^malformed 'tags' parameter, cannot unmarshal JSON/],
    [
      "service=a&tags=%7B%22a%22%3A%7B%7D%7D",
      /^malformed 'tags' parameter, expecting text for "a"$/,
    ],
    ["service=a&minDuration=x", /^unable to parse param 'minDuration'/],
    ["service=a&minDuration=2s&maxDuration=1s", /^'maxDuration' should be greater/],
    ["service=a&start=x", /^unable to parse param 'start'/],
    ["service=a&limit=-1", /^unable to parse param 'limit'/],
  ];
  for (const [query, message] of cases) {
    const { status, body } = await json(api, `/api/traces?${query}`);
    assert.equal(status, 400);
    assert.equal(body.data, null);
    assert.match(body.errors[0].msg, message);
    assert.equal(body.errors[0].code, 400);
  }
});

Deno.test("v1: a trace, and one that is missing is never empty data", async () => {
  const api = anApi();
  // Grafana says when in milliseconds, the book in microseconds.
  const found = await json(api, `/api/traces/ab?start=1767276000000&end=1767276060000`);
  assert.deepEqual([found.status, found.body.data[0].spans.length], [200, 1]);
  assert.deepEqual(found.body.data[0].processes.p1.serviceName, "shop");
  const missing = await json(api, "/api/traces/dd");
  assert.deepEqual(missing, {
    status: 404,
    body: {
      data: null,
      total: 0,
      limit: 0,
      offset: 0,
      errors: [{ code: 404, msg: "trace not found" }],
    },
  });
  assert.equal((await json(api, "/api/traces/xyz")).status, 400);
  api.frontend.failure = new UnavailableError("a partition is replaying");
  assert.equal((await json(api, "/api/traces/ab")).status, 503);
});

Deno.test("v1: calls between services of the most recent traces", async () => {
  const api = anApi();
  const span = (id: string, parent: string, service: string) => ({
    spanId: id,
    name: undefined,
    startUnixNano: 0n,
    durationNano: 0n,
    attributes: [
      { key: "service.name", value: { stringValue: service } },
      { key: "span:parentID", value: { stringValue: parent } },
    ],
  });
  const spans = [
    span("1", "", "web"),
    span("2", "1", "cart"),
    span("3", "2", "cart"),
    span("4", "1", "cart"),
    span("5", "3", "db"),
    span("6", "missing", "lost"),
  ];
  const traces = [{ ...result, spanSets: [{ spans, matched: 6, attributes: [] }] }];
  api.frontend.searchAnswer = { kind: "search", traces, ...cost };
  const { body } = await json(api, "/api/dependencies?endTs=1767276000000&lookback=3600000");
  assert.deepEqual(body.data, [
    { parent: "web", child: "cart", callCount: 2 },
    { parent: "cart", child: "db", callCount: 1 },
  ]);
  const [request] = asked(api, "search");
  assert.deepEqual([request!.startSeconds, request!.endSeconds], [1767272400, 1767276000]);
  await json(api, "/api/dependencies");
  assert.equal(asked(api, "search")[1]!.endSeconds, NOW_MS / 1000);
  assert.equal((await json(api, "/api/dependencies?endTs=x")).status, 400);
});

Deno.test("v1: what is not here says so", async () => {
  const api = anApi();
  assert.equal((await json(api, "/api/metrics/latencies?service=a")).status, 501);
  assert.equal((await api.send("POST", "/jaeger/api/archive/ab")).status, 501);
});

const RANGE = "query.startTimeMin=2026-01-01T13:00:00.5Z&query.startTimeMax=2026-01-01T14:00:00Z";

Deno.test("v3: what Jaeger's UI asks", async () => {
  const api = anApi();
  assert.deepEqual((await json(api, "/api/v3/services")).body, { services: ["cart", "shop"] });
  const operations = await json(api, "/api/v3/operations?service=shop&span_kind=SERVER");
  assert.deepEqual(operations.body.operations[0], { name: "cart", spanKind: "server" });
  const attributes = encodeURIComponent('{"error":"true"}');
  const { body } = await json(
    api,
    `/api/v3/trace-summaries?query.serviceName=shop&${RANGE}&query.searchDepth=5` +
      `&query.durationMin=1ms&query.attributes=${attributes}`,
  );
  assert.deepEqual(body, {
    summaries: [{
      traceId: ID,
      rootServiceName: "shop",
      rootOperationName: "op",
      minStartTimeUnixNano: "1790000000123456789",
      maxEndTimeUnixNano: "1790000000123457789",
      spanCount: 5,
      errorSpanCount: 1,
      orphanSpanCount: 0,
      services: [
        { name: "cart", spanCount: 2, errorSpanCount: 0 },
        { name: "shop", spanCount: 3, errorSpanCount: 1 },
      ],
    }],
  });
  const [request] = asked(api, "search");
  assert.ok(request?.kind === "search");
  assert.equal(
    request.query,
    '{ resource.service.name = "shop" && status = error && duration >= 1000000ns }',
  );
  assert.deepEqual([request.limit, request.startSeconds, request.endSeconds], [
    5,
    Date.UTC(2026, 0, 1, 13) / 1000,
    NOW_MS / 1000,
  ]);
});

Deno.test("v3: traces in OTLP's JSON, by both spellings of parameters", async () => {
  const api = anApi();
  const trace = await json(api, "/api/v3/traces/ab?start_time=2026-01-01T00:00:00Z");
  const [{ scopeSpans }] = trace.body.result.resourceSpans;
  assert.deepEqual(scopeSpans[0].spans[0], {
    traceId: ID,
    spanId: "0101010101010101",
    name: "op",
    status: {},
  });
  const snake = RANGE.replaceAll("startTimeM", "start_time_m");
  const found = await json(
    api,
    `/api/v3/traces?query.service_name=shop&query.num_traces=3&${snake}`,
  );
  assert.equal(found.body.result.resourceSpans.length, 1);
  const [request] = asked(api, "search");
  assert.equal(request!.kind === "search" ? request!.limit : 0, 3);
});

Deno.test("v3: what is refused is told as an error of both kinds", async () => {
  const api = anApi();
  const missing = await json(api, "/api/v3/traces/dd");
  assert.deepEqual(missing, {
    status: 404,
    body: {
      error: { grpcCode: 5, httpCode: 404, message: "trace not found", httpStatus: "Not Found" },
    },
  });
  for (
    const [query, message] of [
      ["query.serviceName=a", /are required$/],
      [
        "query.startTimeMin=2026-01-02T00:00:00Z&query.startTimeMax=2026-01-01T00:00:00Z",
        /must be before/,
      ],
      ["query.startTimeMin=yesterday&query.startTimeMax=2026-01-01T00:00:00Z", /^malformed/],
      [`${RANGE}&query.filter=%7B%7D`, /filter is not supported/],
    ] as const
  ) {
    const { status, body } = await json(api, `/api/v3/traces?${query}`);
    assert.deepEqual([status, body.error.grpcCode], [400, 3]);
    assert.match(body.error.message, message);
  }
});

Deno.test("tenants are told apart, and the paths of Tempo stay Tempo's", async () => {
  const api = anApi({ multitenancyEnabled: true });
  const { status, body } = await json(api, "/api/services");
  assert.deepEqual([status, body.errors[0].msg], [401, "no org id"]);
  assert.equal((await json(api, "/api/services", { "X-Scope-OrgID": "a" })).status, 200);
  assert.equal(asked(api, "tag_values")[0]!.tenant, "a");
  assert.equal((await api.get("/api/services")).status, 404);
});
