import assert from "node:assert/strict";
import { SimulatedClock, systemClock } from "../lib/clock.ts";
import { CorruptionError, InputError, UnavailableError } from "../lib/errors.ts";
import { defaultGrpcServerOptions, GrpcServer } from "../lib/grpc_server.ts";
import { createRuntime } from "../lib/runtime.ts";
import type { MetricsRequest, ResultTrace, SearchAnswer } from "../query/engine/mod.ts";
import type { TagsAnswer, TagValuesAnswer } from "../query/engine/mod.ts";
import { mergeAnswers } from "../query/engine/mod.ts";
import { FakeFrontend } from "../tests/support/fake_frontend.ts";
import { drain, GrpcClient } from "../tests/support/grpc_client.ts";
import { NOW_MS, testDeps } from "../tests/support/test_api.ts";
import { decodeAnswer, encodeRequest } from "../tests/support/tempopb.ts";
import { type ApiOptions, defaultApiOptions } from "./options.ts";
import { streamingQuerier } from "./streaming_querier.ts";

function serving(options: Partial<ApiOptions> = {}) {
  const frontend = new FakeFrontend();
  // Parameters are read by the test's clock, connections live by the real one.
  const runtime = createRuntime({ clock: new SimulatedClock(NOW_MS) });
  const all = { ...defaultApiOptions, ...options };
  const methods = streamingQuerier(runtime, testDeps(frontend), all);
  const server = new GrpcServer(createRuntime({ clock: systemClock }), methods, {
    ...defaultGrpcServerOptions,
    closeTimeoutMs: 1000,
  });
  const client = new GrpcClient(server.listen("127.0.0.1", 0));
  const open = (method: string, request: string, fields: object, headers = {}) =>
    client.stream(
      `/tempopb.StreamingQuerier/${method}`,
      encodeRequest(request, fields),
      headers,
    );
  return {
    frontend,
    open,
    async ask(method: string, request: string, answer: string, fields: object, headers = {}) {
      const { messages, status } = await drain(open(method, request, fields, headers));
      const decoded = messages.map((message) => decodeAnswer(answer, message));
      return { messages: decoded, bytes: messages, code: status.code, details: status.details };
    },
    async [Symbol.asyncDispose]() {
      client[Symbol.dispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

const cost = { inspectedTraces: 3, inspectedSpans: 4, inspectedBytes: 500 };
const stats = (completedJobs: number) => ({
  totalBlocks: 3,
  totalJobs: 4,
  completedJobs,
  totalBlockBytes: 900,
});
const SECOND = 1_000_000_000n;
const trace = (id: number, matched = 1): ResultTrace => ({
  traceId: id.toString(16).padStart(32, "0"),
  rootServiceName: "shop",
  rootTraceName: "GET /",
  startUnixNano: BigInt(id) * SECOND,
  durationNano: 5_000_000n,
  spanSets: [{ spans: [], matched, attributes: [] }],
  serviceStats: {},
});
const found = (...traces: ResultTrace[]): SearchAnswer => ({ kind: "search", ...cost, traces });
const growing = <A>(answer: A, completedJobs: number, completeFromMs: number) => ({
  answer,
  stats: stats(completedJobs),
  completeFromMs,
  isLast: false,
});
const search = ["Search", "SearchRequest", "SearchResponse"] as const;

Deno.test("a search tells traces once, again when they have grown, and how far it is", async () => {
  await using served = serving();
  served.frontend.growing = [
    growing(found(trace(9)), 1, 5_000),
    growing(found(trace(9), trace(8)), 2, 4_000),
  ];
  served.frontend.searchAnswer = found(trace(9, 2), trace(8), trace(1));
  const { messages, code } = await served.ask(...search, { Query: "{}", Limit: 20 });
  assert.equal(code, 0);
  const ids = messages.map(({ traces = [] }) => traces.map((t: { traceID: string }) => t.traceID));
  assert.deepEqual(ids, [["9"], ["8"], ["9", "1"]]);
  assert.deepEqual(
    messages.map(({ metrics }) => [metrics.completedJobs, metrics.totalJobs, metrics.totalBlocks]),
    [[1, 4, 3], [2, 4, 3], [2, 2, 1]],
  );
  assert.equal(messages[2].traces[0].spanSets[0].matched, 2);
  const [request] = served.frontend.asked;
  assert.ok(request?.kind === "search");
  assert.equal(request.spansPerSpanSet, 3);
});

Deno.test("the most recent are told when everything newer has been looked at", async () => {
  await using served = serving();
  served.frontend.growing = [
    growing(found(trace(9), trace(7)), 1, 8_000),
    growing(found(trace(9), trace(8), trace(7)), 2, 7_000),
  ];
  served.frontend.searchAnswer = found(trace(9), trace(8), trace(7));
  const Query = "{} with (most_recent=true)";
  const { messages } = await served.ask(...search, { Query, Limit: 3 });
  const ids = messages.map(({ traces = [] }) => traces.map((t: { traceID: string }) => t.traceID));
  assert.deepEqual(ids, [["9"], ["8", "7"], []]);
});

Deno.test("no more traces are told than were asked for", async () => {
  await using served = serving();
  served.frontend.growing = [growing(found(trace(3), trace(2)), 1, 0)];
  served.frontend.searchAnswer = found(trace(9), trace(3));
  const { messages } = await served.ask(...search, { Query: "{}", Limit: 2 });
  assert.deepEqual(messages.map(({ traces = [] }) => traces.length), [2, 0]);
});

Deno.test("a search that finds nothing, as Grafana's test asks it, has one message with metrics", async () => {
  await using served = serving();
  const end = NOW_MS / 1000;
  const fields = { Query: "{}", start: end - 900, end, Limit: 1, RF1After: "AAAA" };
  const { messages, bytes, code } = await served.ask(...search, fields);
  assert.deepEqual([messages.length, code], [1, 0]);
  assert.deepEqual(messages[0], {
    metrics: {
      inspectedBytes: "500",
      totalBlocks: 1,
      completedJobs: 2,
      totalJobs: 2,
      totalBlockBytes: "300",
      inspectedSpans: "4",
    },
  });
  assert.ok(bytes[0]!.length > 0);
  const [request] = served.frontend.asked;
  assert.deepEqual([request!.startSeconds, request!.endSeconds], [end - 900, end]);
});

Deno.test("the form of old asks for tags", async () => {
  await using served = serving();
  const Tags = { "service.name": 'a "b" c', "x": "1" };
  await served.ask(...search, { Tags, MinDurationMs: 250, MaxDurationMs: 1000 });
  const [request] = served.frontend.asked;
  assert.ok(request!.kind === "search");
  for (const part of ['a \\"b\\" c', '"1"', "250", "1"]) {
    assert.ok(request!.query.includes(part), request!.query);
  }
});

Deno.test("large answers come in messages no larger than they may be", async () => {
  await using served = serving({ streamBytesMax: 1000 });
  served.frontend.searchAnswer = found(...Array.from({ length: 100 }, (_, i) => trace(i + 1)));
  const { messages, bytes } = await served.ask(...search, { Query: "{}", Limit: 100 });
  assert.ok(bytes.length > 3 && bytes.every(({ length }) => length <= 1000));
  assert.equal(messages.flatMap(({ traces }) => traces).length, 100);
  assert.ok(messages.every(({ metrics }) => metrics.totalJobs === 2));
});

const tagsOf = (scopes: Record<string, string[]>): TagsAnswer => ({
  kind: "tags",
  scopes,
  ...cost,
});
const valuesOf = (...values: string[]): TagValuesAnswer => ({
  kind: "tag_values",
  values: values.map((value) => ({ type: "string", value })),
  ...cost,
});

Deno.test("tags and values are told once each, in both versions", async () => {
  await using served = serving();
  served.frontend.growing = [growing(tagsOf({ span: ["b"] }), 1, 0)];
  served.frontend.tagsAnswer = tagsOf({ span: ["a", "b"], resource: ["r"] });
  const fields = { scope: "", maxTagsPerScope: 5000 };
  const v2 = await served.ask("SearchTagsV2", "SearchTagsRequest", "SearchTagsV2Response", fields);
  const [first, last] = v2.messages;
  assert.deepEqual(first.scopes[0], { name: "span", tags: ["b"] });
  assert.equal(first.scopes[1].name, "intrinsic");
  assert.deepEqual(last.scopes, [{ name: "span", tags: ["a"] }, { name: "resource", tags: ["r"] }]);
  assert.equal(last.metrics.totalJobs, 2);
  const v1 = await served.ask("SearchTags", "SearchTagsRequest", "SearchTagsResponse", fields);
  assert.deepEqual(v1.messages.map(({ tagNames }) => tagNames), [["b"], ["a", "r"]]);

  served.frontend.growing = [growing(valuesOf("y"), 1, 0)];
  served.frontend.tagValuesAnswer = valuesOf("x", "y", "z");
  const asked = { tagName: "span.foo", query: "{ span.x = 1 }", maxTagValues: 2 };
  const request = "SearchTagValuesRequest";
  const values = await served.ask("SearchTagValuesV2", request, "SearchTagValuesV2Response", asked);
  assert.deepEqual(values.messages.map(({ tagValues }) => tagValues), [
    [{ type: "string", value: "y" }],
    [{ type: "string", value: "x" }],
  ]);
  const old = { tagName: "foo" };
  const v1Values = await served.ask("SearchTagValues", request, "SearchTagValuesResponse", old);
  assert.deepEqual(v1Values.messages.map(({ tagValues }) => tagValues), [["y"], ["x", "z"]]);
  const tags = served.frontend.asked.flatMap((one) => one.kind === "tag_values" ? [one.tag] : []);
  assert.deepEqual(tags, ["span.foo", ".foo"]);
});

const counted = (request: MetricsRequest, points: number[]) => ({
  ...mergeAnswers(request, []),
  ...cost,
  leaves: [{
    series: [{ labels: [], bucket: -1, values: Float64Array.from(points), weights: undefined }],
    exemplars: [],
    compared: [],
    crowded: [],
  }],
});

Deno.test("points of a metrics query are told when their time is complete", async () => {
  await using served = serving();
  const end = BigInt(NOW_MS) * 1_000_000n;
  const start = end - 40n * SECOND;
  const fields = { query: "{} | count_over_time()", start: String(start), end: String(end) };
  const step = String(10n * SECOND);
  const range = ["MetricsQueryRange", "QueryRangeRequest", "QueryRangeResponse"] as const;
  await served.ask(...range, { ...fields, step });
  const request = served.frontend.asked.pop() as MetricsRequest;
  assert.deepEqual([request.stepNano, request.endNano], [10n * SECOND, end]);
  served.frontend.growing = [
    growing(counted(request, [0, 0, 0, 0, 0]), 1, NOW_MS + 1000),
    growing(counted(request, [0, 1, 2, 3, 4]), 2, NOW_MS - 20_000),
    growing(counted(request, [0, 1, 2, 3, 4]), 3, NOW_MS - 20_000),
  ];
  served.frontend.metricsAnswer = counted(request, [1, 2, 2, 3, 4]);
  const { messages } = await served.ask(...range, { ...fields, step });
  const told = messages.map(({ series = [] }) =>
    series.flatMap(({ samples }: { samples: { timestampMs: string; value?: number }[] }) =>
      samples.map(({ timestampMs, value }) => [(Number(timestampMs) - NOW_MS) / 1000, value])
    )
  );
  assert.deepEqual(told[0], []);
  assert.deepEqual(told[1], [[-10, 3], [0, 4]]);
  assert.deepEqual(told[2], []);
  assert.deepEqual(told[3], [[-40, 1], [-30, 2], [-20, 2], [-10, 3], [0, 4]]);
  assert.deepEqual(messages.map(({ metrics }) => metrics.completedJobs), [1, 2, 3, 2]);
});

Deno.test("an instant is told in the end, its progress before", async () => {
  await using served = serving();
  const end = BigInt(NOW_MS) * 1_000_000n;
  const fields = {
    query: "{} | count_over_time()",
    start: String(end - 60n * SECOND),
    end: String(end),
  };
  const instant = ["MetricsQueryInstant", "QueryInstantRequest", "QueryInstantResponse"] as const;
  await served.ask(...instant, fields);
  const request = served.frontend.asked.pop() as MetricsRequest;
  assert.equal(request.isInstant, true);
  served.frontend.growing = [growing(counted(request, [3]), 1, NOW_MS)];
  served.frontend.metricsAnswer = counted(request, [7]);
  const { messages } = await served.ask(...instant, fields);
  assert.deepEqual(
    messages.map(({ series = [] }) => series.map((s: { value: number }) => s.value)),
    [
      [],
      [7],
    ],
  );
});

Deno.test("what is refused has the code and words of its HTTP twin", async () => {
  await using served = serving({
    multitenancyEnabled: true,
    urlDenyList: ["count_over"],
  });
  const tenant = { "x-scope-orgid": "acme" };
  const ask = (fields: object, headers = tenant as object) =>
    served.ask(...search, fields, headers);
  const cases: [Promise<{ code: number; details: string }>, number, RegExp][] = [
    [ask({ Query: "{}" }, {}), 16, /^no org id$/],
    [ask({ Query: "{ nonsense" }), 3, /parse error at line 1, col/],
    [ask({ Query: "{}", Limit: 300_000 }), 3, /^limit 300000 exceeds max limit 262144$/],
    [ask({ Query: "{}", start: 10, end: 5 }), 3, /start must be before end/],
    [
      served.ask(
        "MetricsQueryRange",
        "QueryRangeRequest",
        "QueryRangeResponse",
        { query: "{} | count_over_time()" },
        tenant,
      ),
      3,
      /^Invalid request \/api\/metrics\/query_range\?q=/,
    ],
  ];
  for (const [answer, code, details] of cases) {
    const refused = await answer;
    assert.equal(refused.code, code, refused.details);
    assert.match(refused.details, details);
  }
  const failures: [Error, number][] = [
    [new InputError("resource_exhausted", "job queue full"), 8],
    [new InputError("not_found", "nothing"), 5],
    [new UnavailableError("a partition is replaying"), 13],
    [new CorruptionError("torn", 7), 13],
  ];
  for (const [failure, code] of failures) {
    served.frontend.failure = failure;
    const { messages, ...refused } = await ask({ Query: "{}" });
    assert.deepEqual([messages.length, refused.code, refused.details], [0, code, failure.message]);
  }
});

Deno.test("a message that is none is refused", async () => {
  const methods = streamingQuerier(createRuntime(), testDeps(), defaultApiOptions);
  await using server = new GrpcServer(createRuntime(), methods);
  using client = new GrpcClient(server.listen("127.0.0.1", 0));
  const path = "/tempopb.StreamingQuerier/Search";
  const { status } = await drain(client.stream(path, Uint8Array.of(0x42, 200, 1)));
  assert.equal(status.code, 3);
});

Deno.test("a client that goes away stops the question, of several tenants too", async () => {
  for (const tenant of ["acme", "acme|beta"]) {
    await using served = serving({ multitenancyEnabled: true });
    served.frontend.isEndless = true;
    served.frontend.growing = [growing(found(trace(1)), 1, 0)];
    const stream = served.open("Search", "SearchRequest", { Query: "{}" }, {
      "x-scope-orgid": tenant,
    });
    stream.on("error", () => {});
    await new Promise<void>((resolve) => stream.once("data", () => resolve()));
    stream.cancel();
    for (let i = 0; i < 100 && !served.frontend.hasStopped; i++) {
      await new Promise<void>((resolve) => systemClock.setTimeout(resolve, 5));
    }
    assert.equal(served.frontend.hasStopped, true, tenant);
  }
});

Deno.test("of several tenants one stream is made", async () => {
  await using served = serving({ multitenancyEnabled: true });
  served.frontend.searchAnswer = found(trace(4));
  const headers = { "x-scope-orgid": "a|b" };
  const { messages, code } = await served.ask(...search, { Query: "{}" }, headers);
  assert.equal(code, 0);
  const last = messages.at(-1);
  assert.deepEqual(served.frontend.asked.map(({ tenant }) => tenant).sort(), ["a", "b"]);
  assert.deepEqual([last.metrics.totalJobs, last.metrics.totalBlocks], [4, 2]);
  assert.equal(messages.flatMap(({ traces = [] }) => traces).length, 1);
});
