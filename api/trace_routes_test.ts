import assert from "node:assert/strict";
import { defaultLimits } from "../model/limits.ts";
import { foundTrace } from "../tests/support/fake_frontend.ts";
import { encodeOtlp } from "../tests/support/otlp.ts";
import { refused } from "../tests/support/refused.ts";
import { decodeAnswer } from "../tests/support/tempopb.ts";
import { createTestApi } from "../tests/support/test_api.ts";

const PROTOBUF = { Accept: "application/protobuf" };
const spans = (count: number) => ({
  resourceSpans: [{
    scopeSpans: [{ spans: Array.from({ length: count }, (_, i) => ({ name: `span ${i}` })) }],
  }],
});

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

Deno.test("for language models a trace is short, unless JSON is asked for", async () => {
  const api = createTestApi();
  api.frontend.traces.set(`single-tenant/${"0".repeat(31)}7`, foundTrace(encodeOtlp(spans(2))));
  const llm = "application/vnd.grafana.llm+json";
  const answer = await api.get("/api/v2/traces/7", { Accept: "application/vnd.grafana.llm" });
  assert.equal(answer.headers.get("content-type"), llm);
  const { trace } = await answer.json();
  assert.deepEqual([trace.spanCount, trace.spans.length], [2, 2]);
  const json = await api.get("/api/v2/traces/7", { Accept: `${llm}, application/json` });
  assert.equal(json.headers.get("content-type"), "application/json");
  await json.body?.cancel();
  const v1 = await api.get("/api/traces/7", { Accept: llm });
  assert.equal(v1.headers.get("content-type"), "application/json");
  await v1.body?.cancel();
  const missing = await api.get("/api/v2/traces/8", { Accept: llm });
  assert.deepEqual(await missing.json(), { trace: {} });
});

Deno.test("two traces are compared, whole or not at all", async () => {
  const api = createTestApi();
  const id = (n: number) => `${"0".repeat(31)}${n}`;
  api.frontend.traces.set(`single-tenant/${id(1)}`, foundTrace(encodeOtlp(spans(2))));
  api.frontend.traces.set(`single-tenant/${id(2)}`, foundTrace(encodeOtlp(spans(3))));
  api.frontend.traces.set(`single-tenant/${id(3)}`, {
    ...foundTrace(encodeOtlp(spans(1))),
    partialBecause: "block b is damaged",
  });
  const post = async (body: unknown) => {
    const answer = await api.post("/api/v2/traces/diff", JSON.stringify(body));
    return { status: answer.status, text: await answer.text() };
  };
  const sides = (base: string, compare: string) => ({
    base: { traceId: base, start: 1, end: 2 },
    compare: { traceId: compare },
  });
  const { status, text } = await post(sides("1", "2"));
  assert.equal(status, 200);
  const { version, stats } = JSON.parse(text);
  assert.deepEqual([version, stats.spanCountA, stats.spanCountB, stats.addedSpans], [
    "trace-patch-v0",
    2,
    3,
    1,
  ]);
  const summary = await post({ ...sides("1", "2"), format: "trace-summary-v0-composed" });
  const { version: form, patch } = JSON.parse(summary.text);
  assert.deepEqual([form, patch], ["trace-summary-v0-composed", JSON.parse(text)]);
  assert.equal((await post(sides("1", "9"))).status, 404);
  assert.equal((await post(sides("1", "3"))).status, 503);
  assert.equal((await post(sides("1", "xyz"))).status, 400);
  assert.equal((await post({})).status, 400);
  assert.equal((await post({ ...sides("1", "2"), format: "other" })).status, 400);
  const get = await api.get("/api/v2/traces/diff");
  assert.deepEqual([get.status, await get.text()], [405, "Method Not Allowed\n"]);
});
