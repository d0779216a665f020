// Recorded answers of the peer: the same requests must be answered the same way.
// deno-lint-ignore-file no-explicit-any
import assert from "node:assert/strict";
import type { ResultTrace } from "../query/engine/mod.ts";
import { foundTrace } from "../tests/support/fake_frontend.ts";
import { foundTraces, type Recording, recordings } from "../tests/support/golden_http.ts";
import { eachBody } from "../lib/protobuf_fields.ts";
import { tracesJson } from "../model/otlp_json.ts";
import { withoutPlace } from "../tests/support/refused.ts";
import { decodeAnswer } from "../tests/support/tempopb.ts";
import { createTestApi, type TestApi } from "../tests/support/test_api.ts";

Deno.test("refused searches get the recorded status and words", async (t) => {
  const api = createTestApi();
  // The first says line 0, the second prints a raw format: slips that need no following.
  const slips = ["{ span. }", "{} | count() > avg(duration)"];
  const queries = (await recordings("errors-traceql.jsonl"))
    .filter(({ group, name }) => group === "search" && !slips.includes(name));
  for (const recorded of [...await recordings("search-errors.jsonl"), ...queries]) {
    await t.step(recorded.name, async () => {
      const response = await api.get(recorded.path);
      assert.equal(response.status, recorded.status);
      const body = await response.text();
      if (recorded.status !== 200) {
        assert.equal(withoutPlace(body), recorded.body);
        assert.equal(
          response.headers.get("Content-Type"),
          recorded.response_headers["content-type"],
        );
      }
    });
  }
});

// The recorded answers are about traces that a receiver took in, ours about traces as they were sent:
// it cuts long attributes, drops zero parents and empty containers, merges scopes, refuses short ids.
const CHANGED_BY_RECEIVER = [
  ...["long-values", "custom-ded", "zero-parent-bytes", "empty-containers", "scopes"],
  "short-parent",
];
// Telling these pairs apart is the querier's, before a trace gets here.
const CHANGED_BY_QUERIER = ["zipkin-pair", "zipkin-pair-root", "zipkin-server-first", "dup-id-3x"];
const NOT_COMPARED = [...CHANGED_BY_RECEIVER, ...CHANGED_BY_QUERIER];
const GROUPS = [
  "v1-json",
  "v2-json",
  "v1-protobuf",
  "v2-protobuf",
  "ids",
  "accept",
  "method",
  "v2-filter",
];

Deno.test("traces by id are answered as recorded", async (t) => {
  const api = createTestApi();
  for (const [id, otlp] of await foundTraces()) {
    api.frontend.traces.set(`single-tenant/${id}`, foundTrace(otlp));
  }
  let compared = 0;
  for (const recorded of await recordings("trace-by-id.jsonl.gz")) {
    if (!GROUPS.includes(recorded.group) || NOT_COMPARED.includes(recorded.name)) continue;
    if (recorded.status === 500) continue; // a fault of the peer, not to be repeated
    compared++;
    await t.step(`${recorded.group} ${recorded.name}`, () => sameTrace(api, recorded));
  }
  assert.ok(compared > 100, `${compared} compared`);
});

async function sameTrace(api: TestApi, recorded: Recording): Promise<void> {
  const response = await api.send(recorded.method, recorded.path, recorded.headers);
  assert.equal(response.status, recorded.status);
  if (response.status !== 200) {
    return assert.equal(withoutPlace(await response.text()), recorded.body ?? "");
  }
  const type = response.headers.get("Content-Type");
  assert.equal(type, recorded.response_headers["content-type"]);
  const expected = recorded.body_base64 === undefined
    ? JSON.parse(recorded.body!)
    : protobufTrace(Uint8Array.fromBase64(recorded.body_base64), recorded.path);
  const actual = type === "application/protobuf"
    ? protobufTrace(await response.bytes(), recorded.path)
    : await response.json();
  assert.deepEqual(asSets(actual), asSets(expected));
}

/** The trace in a protobuf body, as JSON. */
function protobufTrace(body: Uint8Array, path: string): any {
  if (!path.startsWith("/api/v2")) return tracesJson(body);
  let trace: any;
  eachBody(body, 1, (bytes) => trace = tracesJson(bytes));
  return trace;
}

/** Without metrics, and lists in one order; spans of equal resource and scope may be parted anyhow. */
function asSets(answer: any): any {
  const trace = answer.trace ?? answer;
  const spans = (trace.resourceSpans ?? trace.batches ?? []).flatMap((resourceSpans: any) =>
    resourceSpans.scopeSpans.flatMap((scopeSpans: any) =>
      scopeSpans.spans.map((span: any) => ({
        resource: resourceSpans.resource,
        scope: scopeSpans.scope,
        span,
      }))
    )
  );
  return { status: answer.status, message: answer.message, spans: sorted(spans) };
}

/** Every list of objects below `value` sorted by its JSON. */
function sorted(value: any): any {
  if (Array.isArray(value)) {
    return value.map(sorted).map((one) => [JSON.stringify(one), one])
      .sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0).map(([, one]) => one);
  }
  if (Object.is(value, -0)) return 0; // JSON.stringify writes both as 0
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1).map(([k, v]) => [k, sorted(v)]),
  );
}

Deno.test("answers to searches have the recorded form, in JSON and in protobuf", async () => {
  const api = createTestApi();
  let compared = 0;
  for (const recorded of await recordings("search.jsonl.gz")) {
    if (recorded.status !== 200 || recorded.path === "/api/search") continue;
    const body = recorded.body === undefined
      ? decodeAnswer("SearchResponse", Uint8Array.fromBase64(recorded.body_base64!))
      : JSON.parse(recorded.body);
    // The cut of `matched`, spans and so on is the engine's; here only the way out is looked at.
    api.frontend.searchAnswer = {
      kind: "search",
      inspectedTraces: 0,
      inspectedSpans: 0,
      inspectedBytes: 0,
      traces: body.traces.map(resultTrace),
    };
    const response = await api.get(recorded.path, recorded.headers);
    assert.equal(response.status, 200, recorded.path);
    const actual = recorded.body === undefined
      ? decodeAnswer("SearchResponse", await response.bytes())
      : await response.json();
    assert.deepEqual(sorted(actual.traces), sorted(body.traces), recorded.path);
    const fromProtobuf = decodeAnswer(
      "SearchResponse",
      await (await api.get(recorded.path, { Accept: "application/protobuf" })).bytes(),
    );
    // What is left out when zero in JSON is left out in protobuf too.
    assert.deepEqual(sorted(fromProtobuf.traces ?? []), sorted(body.traces), recorded.path);
    compared++;
  }
  assert.ok(compared > 200, `${compared} compared`);
});

/** What the engine must have found for a trace to be answered like this. */
function resultTrace(json: any): ResultTrace {
  const attributes = (list: any[] = []) =>
    list.map(({ key = "", value = {} }) => ({ key, value: resultValue(value) }));
  return {
    traceId: (json.traceID ?? "").padStart(32, "0"),
    rootServiceName: json.rootServiceName === NO_ROOT ? "" : json.rootServiceName ?? "",
    rootTraceName: json.rootTraceName ?? "",
    startUnixNano: BigInt(json.startTimeUnixNano ?? 0),
    durationNano: BigInt(json.durationMs ?? 0) * 1_000_000n,
    spanSets: (json.spanSets ?? []).map((spanSet: any) => ({
      matched: spanSet.matched ?? 0,
      attributes: attributes(spanSet.attributes),
      spans: (spanSet.spans ?? []).map((span: any) => ({
        spanId: span.spanID,
        name: span.name,
        startUnixNano: BigInt(span.startTimeUnixNano ?? 0),
        durationNano: BigInt(span.durationNanos ?? 0),
        attributes: attributes(span.attributes),
      })),
    })),
    serviceStats: Object.fromEntries(
      Object.entries(json.serviceStats ?? {}).map((
        [service, stats]: [string, any],
      ) => [service, { spanCount: stats.spanCount ?? 0, errorCount: stats.errorCount ?? 0 }]),
    ),
  };
}

function resultValue(value: any): any {
  if ("doubleValue" in value) return { doubleValue: Number(value.doubleValue) };
  if ("arrayValue" in value) {
    return { arrayValue: { values: (value.arrayValue.values ?? []).map(resultValue) } };
  }
  return value;
}

const NO_ROOT = "<root span not yet received>";

Deno.test("refused questions about tags get the recorded words; scopes their names", async (t) => {
  const api = createTestApi();
  for (const recorded of await recordings("tags.jsonl.gz")) {
    // An identifier that is a constant: refused as well, in other words.
    const isConstant = recorded.name === "v2 error";
    if (recorded.status === 200 && !recorded.path.includes("scope=intrinsic")) continue;
    await t.step(`${recorded.group} ${recorded.name}`, async () => {
      const response = await api.get(recorded.path, recorded.headers);
      assert.equal(response.status, recorded.status);
      const body = await response.text();
      if (isConstant) return;
      if (recorded.status !== 200) return assert.equal(body, recorded.body);
      const [{ metrics: _, ...actual }, { metrics: __, ...expected }] = [
        JSON.parse(body),
        JSON.parse(recorded.body!),
      ];
      assert.deepEqual(actual, expected);
    });
  }
});

Deno.test("operational pages answer as recorded", async (t) => {
  const api = createTestApi();
  const exact = ["/api/echo", "/ready", "/status/usage-stats", "/api/mcp", "/api/overrides"];
  exact.push("/api/nosuch", "/nosuch", "/flush", "/shutdown", "/ingester/ring", "/compactor/ring");
  for (const recorded of await recordings("misc.jsonl")) {
    if (!exact.includes(recorded.path)) continue;
    await t.step(`${recorded.method} ${recorded.path}`, async () => {
      const response = await api.send(recorded.method, recorded.path);
      assert.equal(response.status, recorded.status);
      assert.equal(await response.text(), recorded.body);
      for (const [name, value] of Object.entries(recorded.response_headers)) {
        assert.equal(response.headers.get(name), value, name);
      }
    });
  }
});
