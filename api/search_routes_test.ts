import assert from "node:assert/strict";
import { defaultLimits, type Limits } from "../model/limits.ts";
import { refused } from "../tests/support/refused.ts";
import { createTestApi, NOW_MS } from "../tests/support/test_api.ts";

const NOW = NOW_MS / 1000;

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

Deno.test("what parses and cannot be searched is refused with its place", async () => {
  const api = createTestApi();
  const asked = (query: string) => api.get(`/api/search?q=${encodeURIComponent(query)}`);
  await refused(
    asked("\n {} | rate()"),
    400,
    "invalid TraceQL query: a metrics query cannot be searched (line 2, col 2)",
  );
  await refused(
    asked("{} with (most_recent=true, max_bytes=-1)"),
    400,
    /^invalid TraceQL query: parse error at line 1, col 38: /,
  );
  await refused(
    asked("{} with (most_recent=true, max_bytes=1.5)"),
    400,
    "hint max_bytes: must be a number of bytes (line 1, col 28)",
  );
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
