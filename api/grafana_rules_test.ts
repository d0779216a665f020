// What breaks Grafana's Tempo plugin, rule by rule: it decodes strictly, dereferences unseen and shows
// errors as they are.
import assert from "node:assert/strict";
import { finishTrace } from "../model/finish_trace.ts";
import { mergeAnswers, type MetricsRequest, type ResultTrace } from "../query/engine/mod.ts";
import { FakeFrontend, foundTrace } from "../tests/support/fake_frontend.ts";
import { decodeOtlp, encodeOtlp } from "../tests/support/otlp.ts";
import { createTestApi, NOW_MS } from "../tests/support/test_api.ts";
import { decodeAnswer } from "../tests/support/tempopb.ts";

const cost = { inspectedTraces: 1, inspectedSpans: 2, inspectedBytes: 3 };

/** Keys the plugin's messages have, below each name. */
const SEARCH_KEYS: Keys = {
  traces: {
    ...keys("traceID rootServiceName rootTraceName startTimeUnixNano durationMs"),
    spanSet: spanSetKeys(),
    spanSets: spanSetKeys(),
    serviceStats: { "*": keys("spanCount errorCount") },
  },
  metrics: metricsKeys(),
};
const INSTANT_KEYS: Keys = {
  series: { labels: attributeKeys(), value: true, promLabels: true },
  metrics: metricsKeys(),
  status: true,
  message: true,
};

interface Keys {
  readonly [name: string]: Keys | true;
}

function keys(names: string): Keys {
  return Object.fromEntries(names.split(" ").map((name) => [name, true]));
}

function attributeKeys(): Keys {
  const value = keys("stringValue boolValue intValue doubleValue bytesValue");
  return { key: true, value: { ...value, arrayValue: { values: value } } };
}

function spanSetKeys(): Keys {
  const span = keys("spanID name startTimeUnixNano durationNanos");
  return {
    spans: { ...span, attributes: attributeKeys() },
    matched: true,
    attributes: attributeKeys(),
  };
}

function metricsKeys(): Keys {
  return keys(
    "inspectedTraces inspectedBytes totalBlocks completedJobs totalJobs totalBlockBytes inspectedSpans",
  );
}

function checkKeys(value: unknown, allowed: Keys | true, path: string): void {
  if (Array.isArray(value)) {
    return value.forEach((one, i) => checkKeys(one, allowed, `${path}[${i}]`));
  }
  if (typeof value !== "object" || value === null) return;
  assert.notEqual(allowed, true, `${path} is an object`);
  for (const [key, below] of Object.entries(value)) {
    const next = (allowed as Keys)[key] ?? (allowed as Keys)["*"];
    assert.ok(next !== undefined, `unknown key ${path}.${key}`);
    checkKeys(below, next, `${path}.${key}`);
  }
}

const attribute = { key: "k", value: { arrayValue: { values: [{ stringValue: "x" }] } } };
const trace: ResultTrace = {
  traceId: "00000000000000000000000000000abc",
  rootServiceName: "shop",
  rootTraceName: "GET /",
  startUnixNano: 5n,
  durationNano: 3_000_000n,
  spanSets: [1, 2].map((matched) => ({
    spans: [{
      spanId: "0000000000000001",
      name: "op",
      startUnixNano: 5n,
      durationNano: 6n,
      attributes: [attribute, { key: "d", value: { doubleValue: NaN } }],
    }],
    matched,
    attributes: [attribute],
  })),
  serviceStats: { shop: { spanCount: 3, errorCount: 1 } },
};

Deno.test("search: no key that the plugin does not know, and both spanSet and spanSets", async () => {
  const api = createTestApi();
  api.frontend.searchAnswer = { kind: "search", traces: [trace], ...cost };
  const answer = await (await api.get("/api/search?q=%7B%7D&limit=20&spss=3")).json();
  checkKeys(answer, SEARCH_KEYS, "search");
  assert.deepEqual(answer.traces[0].spanSet, answer.traces[0].spanSets[0]);
  assert.equal(answer.traces[0].spanSets.length, 2);
  // The check itself sees what is not allowed.
  assert.throws(() => checkKeys({ metrics: { backendReads: "1" } }, SEARCH_KEYS, "search"));
});

const frontendWith = (frontend: FakeFrontend, request: MetricsRequest, exemplars: unknown[]) => {
  frontend.metricsAnswer = {
    ...mergeAnswers(request, []),
    ...cost,
    leaves: [{
      series: [{ labels: [], bucket: -1, values: Float64Array.of(1, 2, 3), weights: undefined }],
      exemplars: exemplars as never,
      compared: [],
      crowded: [],
    }],
  };
};

Deno.test("instants: no unknown key, step and exemplars are tolerated", async () => {
  const api = createTestApi();
  const q = encodeURIComponent("{} | count_over_time()");
  const path = `/api/metrics/query?q=${q}&start=1767272400&end=1767276000&step=60s&exemplars=10`;
  await api.get(path);
  frontendWith(api.frontend, api.frontend.asked[0] as MetricsRequest, []);
  const response = await api.get(path);
  assert.equal(response.status, 200);
  const answer = await response.json();
  assert.equal(answer.series.length, 1);
  checkKeys(answer, INSTANT_KEYS, "instant");
});

Deno.test("a trace has every message that the plugin dereferences", async () => {
  const api = createTestApi();
  const traceId = new Uint8Array(16).fill(1);
  const bare = encodeOtlp({
    resourceSpans: [{ scopeSpans: [{ spans: [{ traceId, spanId: new Uint8Array(8).fill(2) }] }] }],
  });
  api.frontend.traces.set(`single-tenant/${traceId.toHex()}`, foundTrace(bare));
  const headers = { Accept: "application/protobuf" };
  const bytes = await (await api.get(`/api/v2/traces/${traceId.toHex()}`, headers)).bytes();
  const { trace } = decodeAnswer("TraceByIDResponse", bytes);
  const { resourceSpans: [rs] } = decodeOtlp(Uint8Array.fromBase64(trace));
  assert.ok(rs.resource && rs.scopeSpans[0].scope && rs.scopeSpans[0].spans[0].status);
  // A span without status is written again with an empty one.
  assert.ok(finishTrace(bare).toHex().includes("7a00"));
  const missing = await (await api.get("/api/v2/traces/99", headers)).bytes();
  assert.deepEqual([...missing.slice(0, 2)], [0x0a, 0]);
});

Deno.test("tags and values: what the plugin sends is taken as it comes", async () => {
  const api = createTestApi();
  assert.equal((await api.get("/api/v2/search/tags?limit=5000")).status, 200);
  for (
    const [path, tag] of [
      ["span.foo/bar", "span.foo/bar"],
      ["span.%22a%20b%22", 'span."a b"'],
      ["resource.service.name", "resource.service.name"],
    ] as const
  ) {
    const q = encodeURIComponent('{resource.service.name="a" && (span.x="1" || span.x="2")}');
    const response = await api.get(
      `/api/v2/search/tag/${path}/values?limit=5000&q=${q}&tag=${encodeURIComponent(tag)}`,
    );
    assert.equal(response.status, 200, await response.text());
    const request = api.frontend.asked.at(-1)!;
    assert.ok(request.kind === "tag_values");
    assert.deepEqual([request.tag, request.limit], [tag, 5000]);
    assert.ok(request.query.includes("span.x"), request.query);
  }
});

Deno.test("errors are plain texts that the plugin's words match", async () => {
  const api = createTestApi();
  const end = NOW_MS / 1000;
  const cases: [string, RegExp][] = [
    [
      `/api/search?q=%7B%7D&start=${end - 700_000}&end=${end}`,
      /^range specified by start and end exceeds/,
    ],
    [
      `/api/metrics/query_range?q=${encodeURIComponent("{} | rate()")}&start=${
        end - 100_000
      }&end=${end}`,
      /metrics query time range exceeds the maximum allowed duration of/,
    ],
  ];
  for (const [path, message] of cases) {
    const response = await api.get(path);
    assert.equal(response.status, 400);
    assert.match(response.headers.get("content-type")!, /^text\/plain/);
    assert.match(await response.text(), message);
  }
});

Deno.test("save and test, and older version checks", async () => {
  const api = createTestApi();
  assert.equal((await api.get("/api/echo")).status, 200);
  const { version } = await (await api.get("/api/status/buildinfo")).json();
  assert.match(version, /^3\.\d+\.\d+$/);
});

Deno.test("between processes the answer is protobuf, whatever is accepted", async () => {
  const api = createTestApi();
  for (
    const path of [
      "/querier/api/traces/7",
      "/querier/api/v2/traces/7",
      "/querier/api/search?q=%7B%7D",
      "/querier/api/search/tags",
      "/querier/api/v2/search/tags",
      "/querier/api/search/tag/x/values",
      "/querier/api/v2/search/tag/span.x/values",
      "/querier/api/metrics/query_range?q=%7B%7D%7Crate()",
    ]
  ) {
    const response = await api.get(path, { Accept: "application/json" });
    const isMissing = path.includes("/api/traces/");
    assert.equal(response.status, isMissing ? 404 : 200, path);
    const type = response.headers.get("content-type");
    if (!isMissing) assert.equal(type, "application/protobuf", path);
    await response.body?.cancel();
  }
});
