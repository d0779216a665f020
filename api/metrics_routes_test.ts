import assert from "node:assert/strict";
import { type MetricsAnswer, type MetricsRequest, query } from "../query/engine/mod.ts";
import { defaultLimits } from "../model/limits.ts";
import { LiveView } from "../model/live_view.ts";
import { type Recording, recordings } from "../tests/support/golden_http.ts";
import { goldenSpans } from "../tests/support/golden_spans.ts";
import { refused, withoutPlace } from "../tests/support/refused.ts";
import { decodeAnswer } from "../tests/support/tempopb.ts";
import { createTestApi, NOW_MS, type TestApi } from "../tests/support/test_api.ts";

const NOW_NANO = BigInt(NOW_MS) * 1_000_000n;
const SECOND = 1_000_000_000n;
const HOUR = 3600n * SECOND;
const signal = new AbortController().signal;

const rate = encodeURIComponent("{} | rate()");

async function asked(api: TestApi, path: string): Promise<MetricsRequest> {
  const response = await api.get(path);
  assert.equal(response.status, 200, await response.text());
  return api.frontend.asked.at(-1) as MetricsRequest;
}

Deno.test("refused metrics queries get the recorded status and words", async (t) => {
  const api = createTestApi();
  const differ: Readonly<Record<string, string>> = {
    "({} | rate()) * 10s": "the peer says line 0",
    "start only": "its clock is years later than the test's",
  };
  const refusals = [
    ...(await recordings("errors-metrics.jsonl")),
    ...(await recordings("metrics-queries.jsonl.gz")).filter(({ group }) => group === "errors"),
  ];
  assert.ok(refusals.length > 40, String(refusals.length));
  for (const recorded of refusals) {
    if (recorded.name in differ) continue;
    await t.step(recorded.name, async () => {
      const response = await api.get(recorded.path);
      const body = await response.text();
      assert.equal(response.status, recorded.status, body);
      const type = recorded.response_headers["content-type"];
      assert.equal(response.headers.get("Content-Type"), type);
      if (recorded.status !== 200) assert.equal(withoutPlace(body), recorded.body);
    });
  }
  await refused(api.get(`/api/metrics/query_range?q=${rate}&start=1700000000`), 400, /24h0m0s$/);
  const withDuration = encodeURIComponent("({} | rate()) * 10s");
  await refused(
    api.get(`/api/metrics/query_range?q=${withDuration}`),
    400,
    /^parse error at line 1, col 17: duration cannot be used/,
  );
});

Deno.test("a tenant may have another limit for the range of a metrics query", async () => {
  const read = { ...defaultLimits.read, maxMetricsDurationMs: 3_600_000 };
  const api = createTestApi({ limits: () => ({ ...defaultLimits, read }) });
  await asked(api, `/api/metrics/query_range?q=${rate}&since=1h`);
  await refused(api.get(`/api/metrics/query_range?q=${rate}&since=2h`), 400, /duration of 1h0m0s$/);
});

Deno.test("a query without times is about the last hour, in steps of 15 seconds", async () => {
  const request = await asked(createTestApi(), `/api/metrics/query_range?q=${rate}`);
  assert.deepEqual(request, {
    kind: "metrics",
    tenant: "single-tenant",
    query: "{} | rate()",
    startNano: NOW_NANO - HOUR - 15n * SECOND,
    endNano: NOW_NANO,
    stepNano: 15n * SECOND,
    isInstant: false,
    startSeconds: NOW_MS / 1000 - 3615,
    endSeconds: NOW_MS / 1000,
    exemplars: 100,
    maxSeries: 0,
  });
});

Deno.test("times are seconds, fractions, nanoseconds or dates; steps seconds or durations", async () => {
  const api = createTestApi();
  const range = async (params: string) => {
    const { startNano, endNano, stepNano } = await asked(
      api,
      `/api/metrics/query_range?q=${rate}&${params}`,
    );
    return [startNano + stepNano - NOW_NANO, endNano - NOW_NANO, stepNano].map(Number);
  };
  const second = NOW_MS / 1000;
  const expected = [-600e9, -60e9, 60e9];
  for (
    const params of [
      `start=${second - 600}&end=${second - 60}&step=60`,
      `start=${second - 600}.0&end=${second - 60}.000&step=60s`,
      `start=${NOW_NANO - 600n * SECOND}&end=${NOW_NANO - 60n * SECOND}&step=1m`,
      "start=2026-01-01T13:50:00Z&end=2026-01-01T14:59:00%2B01:00&step=60.0",
      "since=10m&end=2026-01-01T13:59:00.000Z&step=1m",
    ]
  ) {
    const [start, ...rest] = await range(params);
    assert.deepEqual(
      [params.startsWith("since") ? start! + 60e9 : start, ...rest],
      expected,
      params,
    );
  }
  assert.deepEqual(await range("since=10m&step=40"), [-600e9, 0, 40e9]);
  assert.deepEqual(await range("since=10m&step=7m"), [-840e9, 0, 420e9]);
});

Deno.test("the interval that is running is told, unless a cutoff is set", async () => {
  const params = `/api/metrics/query_range?q=${rate}&since=1h&step=7m`;
  const open = await asked(createTestApi(), params);
  assert.equal(open.endNano % open.stepNano, 0n);
  assert.ok(open.endNano >= NOW_NANO && open.endNano < NOW_NANO + open.stepNano);
  const cut = await asked(createTestApi({}, { queryEndCutoffMs: 30_000 }), params);
  assert.ok(cut.endNano <= NOW_NANO - 30n * SECOND);
  assert.ok(cut.endNano > NOW_NANO - 30n * SECOND - cut.stepNano);
  const wide = `/api/metrics/query_range?q=${rate}&start=${NOW_MS / 1000 - 40}&step=10m`;
  const cutoff = createTestApi({}, { queryEndCutoffMs: 35_000 });
  assert.ok((await asked(cutoff, wide)).endNano <= NOW_NANO);
  await refused(
    cutoff.get(`/api/metrics/query_range?q=${rate}&start=${NOW_MS / 1000 - 30}&step=1s`),
    400,
    "query window falls entirely within query_end_cutoff",
  );
});

Deno.test("exemplars and series are bounded by parameter, hint and option", async () => {
  const api = createTestApi({}, {
    metrics: { maxDurationMs: 0, maxIntervals: 0, maxExemplars: 50, maxResponseSeries: 7 },
  });
  const bounds = async (q: string, params = "") => {
    const path = `/api/metrics/query_range?q=${encodeURIComponent(q)}${params}`;
    const { exemplars, maxSeries } = await asked(api, path);
    return [exemplars, maxSeries];
  };
  assert.deepEqual(await bounds("{} | rate()"), [50, 7]);
  assert.deepEqual(await bounds("{} | rate()", "&exemplars=5&maxSeries=3"), [5, 3]);
  assert.deepEqual(await bounds("{} | rate()", "&exemplars=500&maxSeries=30"), [50, 7]);
  assert.deepEqual(await bounds("{} | rate() with (exemplars=false)"), [0, 7]);
  assert.deepEqual(await bounds("{} | rate() with (exemplars=9)", "&exemplars=5"), [9, 7]);
  const years = `/api/metrics/query_range?q=${rate}&start=1&step=1s`;
  await refused(api.get(years), 422, /^the query makes 1 series of 17\d{8} intervals/);
});

/** The API over the golden traces. */
async function answered(recorded: Recording): Promise<TestApi> {
  const api = createTestApi();
  await api.get(recorded.path);
  const request = api.frontend.asked.at(-1) as MetricsRequest;
  const answer: MetricsAnswer = await query(request, LiveView.of(goldenSpans()), signal);
  api.frontend.metricsAnswer = answer;
  return api;
}

// deno-lint-ignore no-explicit-any
type Json = any;

const withoutExemplars = ({ series }: Json) =>
  series.map(({ exemplars: _, ...rest }: Json) => rest)
    .sort((a: Json, b: Json) => JSON.stringify(a.labels) < JSON.stringify(b.labels) ? -1 : 1);

Deno.test("answers have the recorded form, in JSON and in protobuf", async () => {
  const named = (await recordings("metrics-queries.jsonl.gz")).filter(({ group, name, status }) =>
    status === 200 && group !== "errors" &&
    ["{} | count_over_time() by (status)", "instant, protobuf asked", "protobuf"].includes(name)
  );
  assert.equal(named.length, 4);
  for (const recorded of named) {
    const api = await answered(recorded);
    const { status, message, ...actual } = await (await api.get(recorded.path)).json();
    assert.deepEqual([status, message], [undefined, undefined]);
    const expected = JSON.parse(recorded.body!);
    assert.deepEqual(withoutExemplars(actual), withoutExemplars(expected), recorded.name);
    assert.deepEqual(Object.keys(actual), Object.keys(expected));
    const binary = await api.get(recorded.path, { Accept: "application/protobuf" });
    if (recorded.path.startsWith("/api/metrics/query?")) {
      assert.equal(binary.headers.get("Content-Type"), "application/json");
      continue;
    }
    // Whoever asks for protobuf gets it, as from every other path; the peer answers JSON here.
    assert.equal(binary.headers.get("Content-Type"), "application/protobuf");
    const decoded = decodeAnswer("QueryRangeResponse", await binary.bytes());
    assert.deepEqual(withoutExemplars(decoded), withoutExemplars(actual));
    assert.deepEqual(decoded.metrics, actual.metrics);
    const exemplarsOf = ({ series }: Json) => series.map(({ exemplars }: Json) => exemplars);
    assert.deepEqual(exemplarsOf(decoded), exemplarsOf(actual));
  }
});

Deno.test("a cut response says PARTIAL and why", async () => {
  const [recorded] = (await recordings("metrics-queries.jsonl.gz"))
    .filter(({ name }) => name === "maxSeries 3");
  const api = await answered(recorded!);
  const [actual, expected] = [
    await (await api.get(recorded!.path)).json(),
    JSON.parse(recorded!.body!),
  ];
  assert.equal(actual.series.length, 3);
  assert.deepEqual([actual.status, actual.message], [expected.status, expected.message]);
  const binary = await api.get(recorded!.path, { Accept: "application/protobuf" });
  const decoded = decodeAnswer("QueryRangeResponse", await binary.bytes());
  assert.deepEqual([decoded.status, decoded.message], [expected.status, expected.message]);
});

Deno.test("numbers that are none are texts, and zeros are left out", async () => {
  const api = createTestApi();
  const path = `/api/metrics/query_range?q=${
    encodeURIComponent("{} | max_over_time(span.n)")
  }&since=1m&step=30s`;
  await api.get(path);
  const values = Float64Array.of(0, Infinity, NaN);
  const cost = { inspectedTraces: 0, inspectedSpans: 0, inspectedBytes: 0 };
  const series = [{ labels: [], bucket: -1, values, weights: undefined }];
  const leaves = [{ series, exemplars: [], compared: [], crowded: [] }];
  api.frontend.metricsAnswer = { kind: "metrics", leaves, coveredBlocks: [], ...cost };
  const { series: [told] } = await (await api.get(path)).json();
  assert.deepEqual(told.samples.map((one: Json) => one.value), [undefined, "Infinity"]);
});

Deno.test("several tenants are counted together", async () => {
  const api = createTestApi({}, { multitenancyEnabled: true });
  const path = `/api/metrics/query?q=${encodeURIComponent("{} | count_over_time()")}&since=1m`;
  const cost = { inspectedTraces: 0, inspectedSpans: 0, inspectedBytes: 0 };
  const series = [{ labels: [], bucket: -1, values: Float64Array.of(21), weights: undefined }];
  const leaves = [{ series, exemplars: [], compared: [], crowded: [] }];
  api.frontend.metricsAnswer = { kind: "metrics", leaves, coveredBlocks: [], ...cost };
  const response = await api.get(path, { "X-Scope-OrgID": "a|b" });
  assert.equal((await response.json()).series[0].value, 42);
  assert.deepEqual(api.frontend.asked.map(({ tenant }) => tenant), ["a", "b"]);
});
