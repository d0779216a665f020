import assert from "node:assert/strict";
import { gunzipSync } from "node:zlib";
import { CorruptionError, InputError, UnavailableError } from "../lib/errors.ts";
import { defaultLimits, type Limits } from "../model/limits.ts";
import { foundTrace } from "../tests/support/fake_frontend.ts";
import { encodeOtlp } from "../tests/support/otlp.ts";
import { decodeAnswer } from "../tests/support/tempopb.ts";
import { createTestApi, NOW_MS } from "../tests/support/test_api.ts";

const NOW = NOW_MS / 1000;
const PROTOBUF = { Accept: "application/protobuf" };

const spans = (count: number) => ({
  resourceSpans: [{
    scopeSpans: [{ spans: Array.from({ length: count }, (_, i) => ({ name: `span ${i}` })) }],
  }],
});

async function refused(response: Promise<Response>, status: number, body: string | RegExp) {
  const { status: actual, headers } = await response;
  const text = await (await response).text();
  assert.equal(actual, status, text);
  assert.match(headers.get("Content-Type")!, /^text\/plain/);
  if (typeof body === "string") assert.equal(text, body);
  else assert.match(text, body);
}

// ---- Traces by id ----

Deno.test("a trace has resource, scope and status even if they were not sent", async () => {
  const api = createTestApi();
  api.frontend.traces.set(`single-tenant/${"0".repeat(31)}7`, foundTrace(encodeOtlp(spans(1))));
  const trace = {
    resourceSpans: [{
      resource: {},
      scopeSpans: [{ scope: {}, spans: [{ name: "span 0", status: {} }] }],
    }],
  };
  assert.deepEqual(await (await api.get("/api/v2/traces/7")).json(), { trace, metrics: {} });
  assert.deepEqual(await (await api.get("/api/traces/007")).json(), {
    batches: trace.resourceSpans,
  });
});

Deno.test("a trace that nobody knows: v1 404 without a body, v2 an empty trace", async () => {
  const api = createTestApi();
  const v1 = await api.get("/api/traces/7");
  assert.deepEqual([v1.status, await v1.text()], [404, ""]);
  assert.deepEqual(await (await api.get("/api/v2/traces/7")).json(), { trace: {}, metrics: {} });
  // Grafana's plugin needs the trace to be there: field 1, no bytes.
  const body = await (await api.get("/api/v2/traces/7", PROTOBUF)).bytes();
  assert.deepEqual([...body.subarray(0, 2)], [0x0a, 0]);
});

Deno.test("a trace over its size limit: v1 422, v2 what fits, and says so", async () => {
  const global = { maxBytesPerTrace: 300 };
  const api = createTestApi({ limits: () => ({ ...defaultLimits, global }) });
  api.frontend.traces.set(`single-tenant/${"0".repeat(31)}7`, foundTrace(encodeOtlp(spans(50))));
  await refused(api.get("/api/traces/7"), 422, /^trace exceeds max size \(max bytes: 300\)/);
  const v2 = await (await api.get("/api/v2/traces/7")).json();
  assert.equal(v2.status, "PARTIAL");
  assert.equal(
    v2.message,
    "Trace exceeds maximum size of 300 bytes, a partial trace is returned",
  );
  const kept = v2.trace.resourceSpans[0].scopeSpans[0].spans.length;
  assert.ok(kept > 10 && kept < 50, `${kept} kept`);
  const decoded = decodeAnswer(
    "TraceByIDResponse",
    await (await api.get("/api/v2/traces/7", PROTOBUF)).bytes(),
  );
  assert.deepEqual([decoded.status, decoded.message], [v2.status, v2.message]);
});

Deno.test("a trace with something missing: v1 fails, v2 says why", async () => {
  const api = createTestApi();
  const found = { ...foundTrace(encodeOtlp(spans(1))), partialBecause: "block b is damaged" };
  api.frontend.traces.set(`single-tenant/${"0".repeat(31)}7`, found);
  await refused(api.get("/api/traces/7"), 503, "block b is damaged");
  const v2 = await (await api.get("/api/v2/traces/7")).json();
  assert.deepEqual([v2.status, v2.message], ["PARTIAL", "block b is damaged"]);
});

// ---- Tenants ----

Deno.test("with multi-tenancy the header says whose data is meant", async () => {
  const rules = { multitenancyEnabled: true, multiTenantQueriesEnabled: false };
  const api = createTestApi({}, rules);
  await refused(api.get("/api/search"), 401, "no org id");
  await refused(api.get("/api/traces/7"), 401, "no org id");
  await refused(
    api.get("/api/search", { "X-Scope-OrgID": "a|b" }),
    400,
    "multi-tenant query unsupported",
  );
  assert.equal((await api.get("/api/search", { "X-Scope-OrgID": "a" })).status, 200);
  assert.equal(api.frontend.asked[0]!.tenant, "a");
  assert.equal((await api.get("/api/echo")).status, 200);
});

Deno.test("a query of several tenants is answered by all of them", async () => {
  const api = createTestApi({}, { multitenancyEnabled: true });
  const get = async (path: string) =>
    await (await api.get(path, { "X-Scope-OrgID": "b|a|b" })).json();
  const traces = ["1", "2"].map((id) => ({
    traceId: id.padStart(32, "0"),
    rootServiceName: "",
    rootTraceName: "",
    startUnixNano: BigInt(id),
    durationNano: 0n,
    spanSets: [],
    serviceStats: {},
  }));
  api.frontend.searchAnswer = { ...api.frontend.searchAnswer, traces };
  const found = await get("/api/search?q=%7B%7D&limit=2");
  assert.deepEqual(found.traces.map(({ traceID }: { traceID: string }) => traceID), ["2", "1"]);
  assert.equal(found.metrics.totalJobs, 4);
  assert.deepEqual(api.frontend.asked.map(({ tenant }) => tenant), ["a", "b"]);

  api.frontend.traces.set(`a/${"0".repeat(31)}7`, foundTrace(encodeOtlp(spans(1))));
  api.frontend.traces.set(`b/${"0".repeat(31)}7`, foundTrace(encodeOtlp(spans(2))));
  assert.equal((await get("/api/traces/7")).batches.length, 2);

  api.frontend.tagsAnswer = { ...api.frontend.tagsAnswer, scopes: { span: ["x"] } };
  assert.deepEqual((await get("/api/v2/search/tags?scope=span")).scopes, [
    { name: "span", tags: ["x"] },
  ]);
  api.frontend.failure = new UnavailableError("b is away");
  await refused(api.get("/api/traces/7", { "X-Scope-OrgID": "a|b" }), 503, "b is away");
});

Deno.test("without multi-tenancy the header is ignored", async () => {
  const api = createTestApi();
  await api.get("/api/search", { "X-Scope-OrgID": "a" });
  assert.equal(api.frontend.asked[0]!.tenant, "single-tenant");
});

// ---- Search ----

Deno.test("a search without a range has no bound and the defaults of its options", async () => {
  const api = createTestApi();
  await api.get("/api/search?q=%7B%7D");
  assert.deepEqual(api.frontend.asked, [{
    kind: "search",
    tenant: "single-tenant",
    query: "{}",
    limit: 20,
    spansPerSpanSet: 3,
    startSeconds: 0,
    endSeconds: 0,
    mostRecent: false,
  }]);
});

Deno.test("with a window set, a search without a range looks at the newest part only", async () => {
  const api = createTestApi({}, { queryBackendAfterMs: 900_000, queryEndCutoffMs: 30_000 });
  const asked = async (query: string) => {
    await api.get(`/api/search?${query}`);
    const { startSeconds, endSeconds } = api.frontend.asked.at(-1)!;
    return [startSeconds - NOW, endSeconds - NOW];
  };
  assert.deepEqual(await asked(""), [-930, -30]);
  assert.deepEqual(await asked("since=1h"), [-3630, -30]);
  assert.deepEqual(await asked(`start=${NOW - 100}&end=${NOW}`), [-100, -30]);
  assert.deepEqual(await asked(`start=${NOW - 10}&end=${NOW}`), [-930, -30]);
});

Deno.test("a search keeps its range as it was given", async () => {
  const api = createTestApi();
  await api.get(`/api/search?start=${NOW - 100}&end=${NOW + 50}`);
  const { startSeconds, endSeconds } = api.frontend.asked[0]!;
  assert.deepEqual([startSeconds, endSeconds], [NOW - 100, NOW + 50]);
});

Deno.test("a tenant may have another limit for the range of a search", async () => {
  const read = { ...defaultLimits.read, maxSearchDurationMs: 3_600_000 };
  const api = createTestApi({ limits: (): Limits => ({ ...defaultLimits, read }) });
  assert.equal((await api.get("/api/search?since=1h")).status, 200);
  await refused(api.get("/api/search?since=2h"), 400, /^range specified .* exceeds 1h0m0s\./);
});

Deno.test("most_recent is a hint of the query", async () => {
  const api = createTestApi();
  await api.get(`/api/search?q=${encodeURIComponent("{} with (most_recent=true)")}`);
  const [request] = api.frontend.asked;
  assert.ok(request!.kind === "search" && request!.mostRecent);
});

Deno.test("tags and durations of old become TraceQL, and answers have no span sets", async () => {
  const api = createTestApi();
  const span = { spanId: "01", name: "n", startUnixNano: 1n, durationNano: 1n, attributes: [] };
  api.frontend.searchAnswer = {
    ...api.frontend.searchAnswer,
    traces: [{
      traceId: "00000000000000000000000000000abc",
      rootServiceName: "",
      rootTraceName: "r",
      startUnixNano: 5n,
      durationNano: 7_900_000n,
      spanSets: [{ spans: [span], matched: 1, attributes: [] }],
      serviceStats: { a: { spanCount: 1, errorCount: 0 } },
    }],
  };
  const tags = 'service.name=cart http.status_code=500 status.code=error x.y="a b"';
  const params = new URLSearchParams({ tags, minDuration: "10ms" });
  const { traces } = await (await api.get(`/api/search?${params}`)).json();
  assert.deepEqual(traces, [{
    traceID: "abc",
    rootServiceName: "<root span not yet received>",
    rootTraceName: "r",
    startTimeUnixNano: "5",
    durationMs: 7,
  }]);
  const [request] = api.frontend.asked;
  assert.equal(
    request!.kind === "search" && request!.query,
    [
      `{ resource.service.name =~ "(?s).*cart.*" && traceDuration >= 10000000ns }`,
      "{ .http.status_code = 500 && traceDuration >= 10000000ns }",
      "{ status = error && traceDuration >= 10000000ns }",
      `{ .x.y = "a b" && traceDuration >= 10000000ns }`,
    ].join(" && "),
  );
});

Deno.test("an unknown parameter of a bare search is a tag", async () => {
  const api = createTestApi();
  await api.get("/api/search?customer=a%20%22b%22%5C");
  const [request] = api.frontend.asked;
  assert.equal(request!.kind === "search" && request!.query, `{ .customer = "a \\"b\\"\\\\" }`);
});

Deno.test("trace ids keep their zeros where a tenant wants so", async () => {
  const read = { ...defaultLimits.read, leftPadTraceIds: true };
  const api = createTestApi({ limits: (): Limits => ({ ...defaultLimits, read }) });
  const traceId = "00000000000000000000000000000abc";
  const trace = { traceId, rootServiceName: "", rootTraceName: "", spanSets: [], serviceStats: {} };
  api.frontend.searchAnswer = {
    ...api.frontend.searchAnswer,
    traces: [{ ...trace, startUnixNano: 0n, durationNano: 0n }],
  };
  const { traces } = await (await api.get("/api/search?q=%7B%7D")).json();
  assert.deepEqual(traces, [{ traceID: traceId, rootServiceName: "<root span not yet received>" }]);
});

Deno.test("the metrics of a search hold no key that Grafana's plugin does not know", async () => {
  const response = await createTestApi().get("/api/search?q=%7B%7D");
  assert.deepEqual(await response.json(), {
    traces: [],
    metrics: {
      inspectedBytes: "500",
      totalBlocks: 1,
      completedJobs: 2,
      totalJobs: 2,
      totalBlockBytes: "300",
      inspectedSpans: "4",
    },
  });
});

Deno.test("a query text over its size limit is refused before it is parsed", async () => {
  const api = createTestApi({}, { maxQueryBytes: 10 });
  await refused(
    api.get(`/api/search?q=${"{".repeat(11)}`),
    400,
    /^TraceQL expression exceeds the configured maximum size of 10 bytes/,
  );
});

Deno.test("a url on the deny list is refused", async () => {
  const api = createTestApi({}, { urlDenyList: ["limit=5\\d"] });
  await refused(
    api.get("/api/search?limit=55"),
    400,
    /^Invalid request \/api\/search\?limit=55\. This query has been identified/,
  );
  assert.equal((await api.get("/api/search?limit=65")).status, 200);
});

// ---- Tags ----

Deno.test("names of tags: sorted in their scopes, in v1 one list without intrinsics", async () => {
  const api = createTestApi();
  api.frontend.tagsAnswer = {
    ...api.frontend.tagsAnswer,
    scopes: { span: ["b", "a", "x"], resource: ["x"], event: [] },
  };
  const v2 = await (await api.get("/api/v2/search/tags")).json();
  assert.deepEqual(v2.scopes.slice(0, 2), [
    { name: "span", tags: ["a", "b", "x"] },
    { name: "resource", tags: ["x"] },
  ]);
  assert.equal(v2.scopes[2].name, "intrinsic");
  assert.equal(v2.scopes.length, 3);
  const v1 = await (await api.get("/api/search/tags")).json();
  assert.deepEqual(v1.tagNames, ["a", "b", "x"]);
  const limited = await (await api.get("/api/v2/search/tags?limit=1&scope=span")).json();
  assert.deepEqual(limited.scopes, [{ name: "span", tags: ["a"] }, {
    name: "resource",
    tags: ["x"],
  }]);
  const decoded = decodeAnswer(
    "SearchTagsV2Response",
    await (await api.get("/api/v2/search/tags", PROTOBUF)).bytes(),
  );
  assert.deepEqual(decoded.scopes, v2.scopes);
});

Deno.test("values of a tag: typed in v2, texts in v1", async () => {
  const api = createTestApi();
  const values = [{ type: "int", value: "7" }, { type: "string", value: "" }] as const;
  api.frontend.tagValuesAnswer = { ...api.frontend.tagValuesAnswer, values };
  const path = "/api/v2/search/tag/span.x/values";
  const { tagValues } = await (await api.get(path)).json();
  assert.deepEqual(tagValues, [{ type: "int", value: "7" }, { type: "string" }]);
  const decoded = decodeAnswer(
    "SearchTagValuesV2Response",
    await (await api.get(path, PROTOBUF)).bytes(),
  );
  assert.deepEqual(decoded.tagValues, tagValues);
  const v1 = await (await api.get("/api/search/tag/x/values")).json();
  assert.deepEqual(v1.tagValues, ["", "7"]);
});

Deno.test("tags arrive escaped, escaped twice, with slashes, and beside a stray parameter", async () => {
  const cases = [
    ["/api/v2/search/tag/span.foo/bar/values?tag=x", "span.foo/bar"],
    ["/api/v2/search/tag/span.%22a%20b%22/values", 'span."a b"'],
    ["/api/v2/search/tag/span.%2522a%2520b%2522/values", 'span."a b"'],
    ["/api/v2/search/tag/span.a%2Fb/values", "span.a/b"],
    ["/api/search/tag/a%20b/values", '."a b"'],
    ["/api/search/tag/http.method/values", ".http.method"],
    ["/api/search/tag/root.name/values", "rootName"],
    ["/api/search/tag/status/values", ".status"],
  ] as const;
  const api = createTestApi();
  for (const [path, tag] of cases) {
    const response = await api.get(path);
    assert.equal(response.status, 200, await response.text());
    const request = api.frontend.asked.at(-1)!;
    assert.equal(request.kind === "tag_values" && request.tag, tag);
  }
});

Deno.test("a filter narrows tags as far as it makes sense", async () => {
  const cases = [
    ["{}", "{ true }"],
    [`{ name = "a" } | count() > 0`, "{ name = `a` }"],
    [`{ name = "a" && span.x = }`, "{ name = `a` && true }"],
    ["{ x", ""],
    ["{} | rate()", ""],
  ] as const;
  const api = createTestApi();
  for (const [q, narrowed] of cases) {
    const response = await api.get(`/api/v2/search/tags?q=${encodeURIComponent(q)}`);
    assert.equal(response.status, 200, await response.text());
    const request = api.frontend.asked.at(-1)!;
    assert.equal(request.kind === "tags" && request.query, narrowed, q);
  }
});

// ---- What all answers have in common ----

Deno.test("each kind of failure has its status", async () => {
  const cases = [
    [new InputError("resource_exhausted", "job queue full", { retryAfterMs: 1500 }), 429],
    [new InputError("unprocessable", "too much"), 422],
    [new UnavailableError("live-store is away"), 503],
    [new CorruptionError("bad page", 7, "block b"), 500],
    [new TypeError("oops"), 500],
  ] as const;
  const api = createTestApi();
  for (const [failure, status] of cases) {
    api.frontend.failure = failure;
    await refused(api.get("/api/search"), status, failure.message);
  }
  api.frontend.failure = cases[0][0];
  assert.equal((await api.get("/api/search")).headers.get("Retry-After"), "2");
});

Deno.test("paths exist below a prefix and below /querier too", async () => {
  const api = createTestApi({}, { httpApiPrefix: "/tempo" });
  for (
    const path of ["/tempo/api/search", "/querier/tempo/api/search", "/tempo/api/echo", "/ready"]
  ) {
    assert.equal((await api.get(path)).status, 200, path);
  }
  assert.equal((await api.get("/api/search")).status, 404);
});

Deno.test("long answers are compressed for those who accept it", async () => {
  const api = createTestApi();
  api.frontend.traces.set(`single-tenant/${"0".repeat(31)}7`, foundTrace(encodeOtlp(spans(100))));
  const plain = await (await api.get("/api/traces/7")).text();
  const response = await api.get("/api/traces/7", { "Accept-Encoding": "gzip, br" });
  assert.equal(response.headers.get("Content-Encoding"), "gzip");
  assert.equal(response.headers.get("Content-Type"), "application/json");
  assert.equal(gunzipSync(await response.bytes()).toString(), plain);
  const short = await api.get("/api/echo", { "Accept-Encoding": "gzip" });
  assert.equal(short.headers.get("Content-Encoding"), null);
});

Deno.test("requests are counted by route, method and status", async () => {
  const api = createTestApi();
  for (const path of ["/api/traces/7", "/api/v2/search/tag/span.a/values", "/querier/api/search"]) {
    await api.get(path);
  }
  await api.send("POST", "/nosuch");
  await api.get("/status/overrides");
  await api.get("/status/version");
  await api.get("/api/traces/xyz");
  const counts = (await api.metrics()).split("\n").filter((line) => /_seconds_count/.test(line));
  const count = (labels: string) => `tempo_request_duration_seconds_count{${labels},ws="false"} 1`;
  assert.deepEqual(
    counts.sort(),
    [
      count('method="GET",route="api_traces_traceid",status_code="404"'),
      count('method="GET",route="api_v2_search_tag_tagname_values",status_code="200"'),
      count('method="GET",route="querier_api_search",status_code="200"'),
      count('method="POST",route="other",status_code="404"'),
      count('method="GET",route="status_overrides",status_code="200"'),
      count('method="GET",route="status_endpoint",status_code="200"'),
      count('method="GET",route="api_traces_traceid",status_code="400"'),
    ].sort(),
  );
});

// ---- Operations ----

Deno.test("not ready is 503 with the first reason", async () => {
  const readiness = () => ["LiveStore not ready: live-store is starting", "more"];
  await refused(
    createTestApi({ readiness }).get("/ready"),
    503,
    "LiveStore not ready: live-store is starting\n",
  );
});

Deno.test("metrics tell of the process and what it is", async () => {
  const text = await (await createTestApi().get("/metrics")).text();
  assert.match(text, /^process_resident_memory_bytes [1-9]\d+$/m);
  assert.match(text, /^process_cpu_seconds_total 0\.\d+|[1-9]/m);
  assert.match(text, /^go_memstats_heap_inuse_bytes [1-9]\d+$/m);
  assert.match(text, /^tempo_build_info\{version="3.0.2",revision="abc",.*\} 1$/m);
});

Deno.test("status pages: each section begins with its path", async () => {
  const api = createTestApi();
  const page = async (path: string) => await (await api.get(path)).text();
  assert.equal(
    await page("/status/services"),
    [
      "GET /status/services",
      "+--------------+---------+--------------+",
      "| SERVICE NAME | STATUS  | FAILURE CASE |",
      "+--------------+---------+--------------+",
      "| api          | Running |              |",
      "| store        | Running |              |",
      "+--------------+---------+--------------+",
      "",
    ].join("\n"),
  );
  assert.equal(await page("/status/config"), "GET /status/config\n---\nmode: full\n");
  assert.equal(await page("/status/config?mode=diff"), "GET /status/config\n---\nmode: diff\n");
  assert.match(await page("/status/endpoints"), /^\| \/api\/search +\| \^\/api\/search\$ +\|$/m);
  assert.match(await page("/status/runtime_config"), /\n {4}rate_limit_bytes: 30000000\n/);
  assert.match(await page("/status/overrides/a"), /^---\n"a":\n {2}ingestion:\n/);
  const all = await page("/status");
  for (const name of ["version", "services", "endpoints", "runtime_config", "config"]) {
    assert.ok(all.includes(`GET /status/${name}\n`), name);
  }
  assert.equal((await api.get("/status/nosuch")).status, 404);
});

Deno.test("flush and shutdown want a POST, and an owner", async () => {
  await refused(createTestApi().send("POST", "/flush"), 404, "404 page not found\n");
  const done: string[] = [];
  const api = createTestApi({
    admin: {
      // deno-lint-ignore require-await -- nothing to wait for here
      flush: async () => void done.push("flush"),
      shutdown: () => void done.push("shutdown"),
    },
  });
  assert.equal((await api.get("/flush")).status, 405);
  assert.equal((await api.send("POST", "/flush")).status, 204);
  assert.equal((await api.send("POST", "/ingester/shutdown")).status, 204);
  assert.equal((await api.send("POST", "/shutdown")).status, 204);
  assert.deepEqual(done, ["flush", "shutdown", "shutdown"]);
});

Deno.test("the page at / is html", async () => {
  const response = await createTestApi().get("/");
  assert.match(response.headers.get("Content-Type")!, /^text\/html/);
  assert.match(await response.text(), /<title>Segno<\/title>/);
});
