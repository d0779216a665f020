// The peer's services on a live-store, by its own messages as protobufjs writes and reads them.
import assert from "node:assert/strict";
import { systemClock } from "../lib/clock.ts";
import { GrpcClient } from "../lib/grpc_client.ts";
import { defaultGrpcServerOptions, GrpcServer } from "../lib/grpc_server.ts";
import { createRuntime } from "../lib/runtime.ts";
import { defaultLimits } from "../model/limits.ts";
import { decodeOtlp } from "../tests/support/otlp.ts";
import { fastClock } from "../tests/support/fast_clock.ts";
import { TestLiveStore } from "../tests/support/live_store.ts";
import { newRecord, traceIdOf } from "../tests/support/records.ts";
import { decodeAnswer, encodeRequest } from "../tests/support/tempopb.ts";
import { MemoryLog } from "../wal/mod.ts";
import { liveQuerier } from "./live_querier.ts";
import { defaultApiOptions } from "./options.ts";

const TENANT = "acme";
const T0 = 1_767_268_800n;
const SECOND = 1_000_000_000n;
const never = new AbortController().signal;

async function serving() {
  const runtime = createRuntime({ clock: fastClock() });
  const log = new MemoryLog(runtime, { partitions: 2 });
  const store = new TestLiveStore(runtime, log, { partitions: [0, 1] });
  const at = (seconds: bigint) => (T0 + seconds) * SECOND;
  await log.append([
    newRecord(0, TENANT, [{ trace: 1, spans: [1, 2], startUnixNano: at(0n) }]),
    newRecord(1, TENANT, [{ trace: 2, spans: [3], service: "shop", startUnixNano: at(60n) }]),
    newRecord(1, "other", [{ trace: 3, spans: [4, 5], service: "bank", startUnixNano: at(0n) }]),
  ]);
  await store.caughtUp();
  const options = { ...defaultApiOptions, multitenancyEnabled: true };
  const methods = liveQuerier(runtime, { live: store, limits: () => defaultLimits }, options);
  const server = new GrpcServer(createRuntime({ clock: systemClock }), methods, {
    ...defaultGrpcServerOptions,
    closeTimeoutMs: 100,
  });
  const client = new GrpcClient(systemClock, {
    address: `127.0.0.1:${server.listen("127.0.0.1", 0)}`,
    timeoutMs: 5_000,
    receivedBytesMax: 1 << 20,
  });
  return {
    store,
    async ask(path: string, request: string, answer: string, fields: object, tenant = TENANT) {
      const headers = { "x-scope-orgid": tenant };
      const bytes = await client.call(`/${path}`, encodeRequest(request, fields), headers, never);
      return decodeAnswer(answer, bytes);
    },
    async [Symbol.asyncDispose]() {
      client[Symbol.dispose]();
      await server[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
    },
  };
}

const search = ["tempopb.Querier/SearchRecent", "SearchRequest", "SearchResponse"] as const;
const byId = [
  "tempopb.Querier/FindTraceByID",
  "TraceByIDRequest",
  "TraceByIDResponse",
] as const;
const range = ["tempopb.Metrics/QueryRange", "QueryRangeRequest", "QueryRangeResponse"] as const;

Deno.test("a recent search answers what is live, of its tenant", async () => {
  await using served = await serving();
  const all = await served.ask(...search, { Query: "{}", Limit: 20 });
  assert.deepEqual(all.traces.map((one: { traceID: string }) => one.traceID), [
    traceIdOf(2).toHex(),
    traceIdOf(1).toHex(),
  ]);
  assert.equal(all.traces[1].spanSets[0].matched, 2);
  assert.equal(all.metrics.inspectedSpans, "3");
  const other = await served.ask(...search, { Query: "{}", Limit: 20 }, "other");
  assert.deepEqual(other.traces.map((one: { traceID: string }) => one.traceID), [
    traceIdOf(3).toHex(),
  ]);
  const timed = { Query: "{}", start: Number(T0) + 30, end: Number(T0) + 90 };
  assert.equal((await served.ask(...search, timed)).traces.length, 1);
  // More than a user may ask of us.
  const huge = { Query: "{}", Limit: 900_000, start: 1, end: Number(T0) + 90 };
  assert.equal((await served.ask(...search, huge)).traces.length, 2);
});

Deno.test("a trace by its id is the trace, or nothing", async () => {
  await using served = await serving();
  const found = await served.ask(...byId, { traceID: traceIdOf(1) });
  const { resourceSpans } = decodeOtlp(Uint8Array.fromBase64(found.trace));
  assert.deepEqual(
    resourceSpans[0].scopeSpans[0].spans.map((span: { name: string }) => span.name).sort(),
    ["span 1", "span 2"],
  );
  const none = await served.ask(...byId, { traceID: traceIdOf(9) });
  assert.equal(none.trace, undefined);
  assert.equal((await served.ask(...byId, { traceID: traceIdOf(1) }, "other")).trace, undefined);
  await assert.rejects(served.ask(...byId, { traceID: new Uint8Array(20) }), /invalid trace id/);
});

Deno.test("tags and their values, in both forms", async () => {
  await using served = await serving();
  const v2 = await served.ask(
    "tempopb.Querier/SearchTagsV2",
    "SearchTagsRequest",
    "SearchTagsV2Response",
    { scope: "resource" },
  );
  assert.deepEqual(v2.scopes, [{ name: "resource", tags: ["service.name"] }]);
  const v1 = await served.ask(
    "tempopb.Querier/SearchTags",
    "SearchTagsRequest",
    "SearchTagsResponse",
    {},
  );
  assert.deepEqual(v1.tagNames, ["number", "service.name"]);
  const values = await served.ask(
    "tempopb.Querier/SearchTagValuesV2",
    "SearchTagValuesRequest",
    "SearchTagValuesV2Response",
    { tagName: "resource.service.name" },
  );
  assert.deepEqual(
    values.tagValues.map((one: { type: string; value: string }) => `${one.type} ${one.value}`)
      .sort(),
    ["string cart", "string shop"],
  );
  const bare = await served.ask(
    "tempopb.Querier/SearchTagValues",
    "SearchTagValuesRequest",
    "SearchTagValuesResponse",
    { tagName: "service.name" },
  );
  assert.deepEqual(bare.tagValues, ["cart", "shop"]);
});

Deno.test("a range of metrics is laid as it was asked, and its series are finished", async () => {
  await using served = await serving();
  const asked = {
    query: "{} | count_over_time() by (resource.service.name)",
    start: String((T0 - 7n) * SECOND),
    end: String((T0 + 113n) * SECOND),
    step: String(60n * SECOND),
    queryMode: "recent",
  };
  const { series } = await served.ask(...range, asked);
  type Series = { labels: { value: { stringValue: string } }[]; samples: object[] };
  const told = series.map(({ labels, samples }: Series) => [labels[0]!.value.stringValue, samples]);
  const [first, second] = [53n, 113n].map((after) => String((T0 + after) * 1000n));
  assert.deepEqual(told.sort(), [
    ["cart", [{ value: 2, timestampMs: first }, { timestampMs: second }]],
    ["shop", [{ timestampMs: first }, { value: 1, timestampMs: second }]],
  ]);
  const instant = await served.ask(...range, {
    ...asked,
    query: "{} | count_over_time()",
    instant: true,
  });
  assert.deepEqual(instant.series[0].samples, [{ value: 3, timestampMs: second }]);
});

Deno.test("who may not be asked refuses, and so does what makes no sense", async () => {
  await using served = await serving();
  const refused = (code: number, text: RegExp) => (error: { code?: number; message: string }) =>
    (error.code ?? 14) === code && text.test(error.message);
  await assert.rejects(served.ask(...search, { Query: "{ nonsense" }), refused(3, /parse error/));
  await assert.rejects(served.ask(...search, { Query: "{}" }, ""), refused(16, /no org id/));
  served.store.refused = "live-store is starting";
  for (
    const asked of [
      served.ask(...search, { Query: "{}" }),
      served.ask(...byId, { traceID: traceIdOf(1) }),
      served.ask(...range, { query: "{} | rate()", start: "1", end: "2000", step: "1000" }),
    ]
  ) await assert.rejects(asked, refused(14, /live-store is starting/));
});
