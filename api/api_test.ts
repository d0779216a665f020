import assert from "node:assert/strict";
import { gunzipSync } from "node:zlib";
import { CorruptionError, InputError, UnavailableError } from "../lib/errors.ts";
import { foundTrace } from "../tests/support/fake_frontend.ts";
import { encodeOtlp } from "../tests/support/otlp.ts";
import { refused } from "../tests/support/refused.ts";
import { createTestApi } from "../tests/support/test_api.ts";

const spans = (count: number) => ({
  resourceSpans: [{
    scopeSpans: [{ spans: Array.from({ length: count }, (_, i) => ({ name: `span ${i}` })) }],
  }],
});

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
