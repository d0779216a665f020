import assert from "node:assert/strict";
import fc from "fast-check";
import { SimulatedClock } from "../lib/clock.ts";
import { InputError, UnavailableError } from "../lib/errors.ts";
import { createRuntime } from "../lib/runtime.ts";
import { defaultLimits, type Limits } from "../model/limits.ts";
import { readIds, readTraces } from "../model/record.ts";
import { embeddedRing, RingRouter, SpreadTokens } from "../ring/mod.ts";
import { decodeOtlp, encodeOtlp, type Plain, requests } from "../tests/support/otlp.ts";
import { type LogRecord, MemoryLog, type MemoryLogOptions } from "../wal/mod.ts";
import { createDistributor, defaultDistributorOptions, type DistributorOptions } from "./mod.ts";

interface GoldenRecord {
  readonly error?: string;
  readonly key_hex: string;
  readonly partition: number;
  readonly traceIDs: string[];
  readonly value_hex: string;
}
interface GoldenCase {
  readonly max_attribute_bytes: number;
  readonly max_record_size_bytes: number;
  readonly tenant: string;
  readonly spans: number;
  readonly skip_metrics_generation: boolean;
  readonly records: GoldenRecord[];
  readonly traces: { traceID: string; trace_bytes: number; spans: number }[];
  readonly truncated_attributes: Record<string, number>;
}

const goldenDir = new URL("../tests/golden/kafka/", import.meta.url);
const neverAborted = new AbortController().signal;
const router = new RingRouter(() => fourPartitions);
const fourPartitions = embeddedRing(4, new SpreadTokens());

function distributorWith(
  { ingestion = {}, before, ...options }:
    & Partial<DistributorOptions>
    & Pick<MemoryLogOptions, "before">
    & { ingestion?: Partial<Limits["ingestion"]> } = {},
) {
  const clock = new SimulatedClock(1000);
  const runtime = createRuntime({ clock });
  const log = new MemoryLog(runtime, { partitions: 4, ...(before ? { before } : {}) });
  const limits = { ...defaultLimits, ingestion: { ...defaultLimits.ingestion, ...ingestion } };
  const distributor = createDistributor(
    runtime,
    { log, partitions: router, limits: () => limits },
    {
      ...defaultDistributorOptions,
      ...options,
    },
  );
  const push = (bytes: Uint8Array, tenant = "t", signal = neverAborted) =>
    distributor.push(
      { tenant, bytes, receiver: "otlp/otlp_receiver", transport: "grpc" },
      signal,
    );
  const metric = async (name: string, labels: Record<string, string> = {}) => {
    const found = await runtime.metrics.registry.getSingleMetric(name)!.get();
    const wanted = Object.entries(labels);
    return found.values.find((value) =>
      wanted.every(([label, of]) => (value.labels as Record<string, string>)[label] === of)
    )?.value;
  };
  return { clock, runtime, log, push, metric };
}

async function recordsOf(log: MemoryLog): Promise<LogRecord[]> {
  const all: LogRecord[] = [];
  for (const partition of log.partitions) {
    const options = { bytesMax: Infinity, waitMs: 0, signal: neverAborted };
    all.push(...(await log.read(partition, 0, options)).records);
  }
  return all;
}

/** Trace id to trace message of a record. */
function tracesOf(value: Uint8Array): Map<string, string> {
  const ids: string[] = [];
  const traces: string[] = [];
  readIds(value, (id) => ids.push(id.toHex()));
  readTraces(value, (trace) => traces.push(trace.toHex()));
  assert.equal(ids.length, traces.length);
  return new Map(ids.map((id, i) => [id, traces[i]!]));
}

/** The spans of a trace, each with its resource and scope, whatever they are grouped by. */
function flat(bytes: string): Plain[] {
  const { resourceSpans } = decodeOtlp(Uint8Array.fromHex(bytes));
  return resourceSpans.flatMap(({ scopeSpans, ...resource }: Plain) =>
    scopeSpans.flatMap(({ spans, ...scope }: Plain) =>
      spans.map((span: Plain) => ({ resource, scope, span }))
    )
  );
}

for (
  const name of [
    "1-two-traces",
    "2-interleaved",
    "3-split",
    "5-truncated-attributes",
    "6-own-attribute-limit",
    "7-split-skip-generation",
  ]
) {
  Deno.test(`records are Tempo's: ${name}`, async () => {
    const golden: GoldenCase = JSON.parse(
      await Deno.readTextFile(new URL(`${name}.json`, goldenDir)),
    );
    const request = await Deno.readFile(new URL(`${name}.otlp.pb`, goldenDir));
    const { log, push, metric } = distributorWith({
      attributeBytesMax: golden.max_attribute_bytes,
      recordBytesMax: golden.max_record_size_bytes,
    });
    await push(request, golden.tenant);

    const records = await recordsOf(log);
    for (const { tenant, value } of records) {
      assert.equal(tenant, golden.tenant);
      assert.ok(value.length <= golden.max_record_size_bytes);
    }
    for (let partition = 0; partition < 4; partition++) {
      const ours = records.filter((record) => record.partition === partition);
      const theirs = golden.records.filter((record) => record.partition === partition);
      const all = (values: Uint8Array[]) =>
        new Map(values.flatMap((value) => [...tracesOf(value)]));
      // Tempo writes a ResourceSpans for each scope and joins equal scopes; we keep the structure.
      const spansOrBytes = name === "2-interleaved" ? flat : (bytes: string) => bytes;
      const described = (values: Uint8Array[]) =>
        [...all(values)].map(([id, bytes]) => ({ id, trace: spansOrBytes(bytes) }))
          .sort((a, b) => a.id < b.id ? -1 : 1);
      assert.deepEqual(
        described(ours.map(({ value }) => value)),
        described(theirs.map(({ value_hex }) => Uint8Array.fromHex(value_hex))),
      );
      assert.equal(ours.length, theirs.length);
    }
    for (const [scope, count] of Object.entries(golden.truncated_attributes)) {
      const counted = await metric("tempo_distributor_attributes_truncated_total", { scope });
      assert.equal(counted ?? 0, count, scope);
    }
    assert.equal(await metric("tempo_distributor_spans_received_total"), golden.spans);
    assert.equal(await metric("tempo_receiver_accepted_spans"), golden.spans);
  });
}

Deno.test("a record is Tempo's to the byte when traces come in the same order", async () => {
  const golden: GoldenCase = JSON.parse(
    await Deno.readTextFile(new URL("1-two-traces.json", goldenDir)),
  );
  const { log, push } = distributorWith();
  await push(await Deno.readFile(new URL("1-two-traces.otlp.pb", goldenDir)), golden.tenant);
  const [record] = await recordsOf(log);
  assert.equal(record!.value.toHex(), golden.records[0]!.value_hex);
});

Deno.test("one trace too large for a record refuses the request and nothing is stored", async () => {
  const golden: GoldenCase = JSON.parse(
    await Deno.readTextFile(new URL("4-too-large-entry.json", goldenDir)),
  );
  const request = await Deno.readFile(new URL("4-too-large-entry.otlp.pb", goldenDir));
  const { log, push, metric } = distributorWith({ recordBytesMax: golden.max_record_size_bytes });
  const error = golden.records.find(({ error }) => error)!.error!;
  await assert.rejects(push(request), new InputError("too_large", error));
  assert.deepEqual(await recordsOf(log), []);
  assert.equal(await metric("tempo_receiver_refused_spans"), golden.spans);
  assert.equal(await metric("tempo_discarded_spans_total", { reason: "unknown_error" }), 8);
});

const traceId = new Uint8Array(16).fill(7);
const spanId = new Uint8Array(8).fill(7);
const requestOf = (...spans: Plain[]) =>
  encodeOtlp({ resourceSpans: [{ scopeSpans: [{ spans }] }] });

Deno.test("a request without spans succeeds and is only counted on ingress", async () => {
  const { log, push, metric } = distributorWith();
  await push(new Uint8Array(0));
  const bytes = encodeOtlp({ resourceSpans: [{ resource: { attributes: [{ key: "a" }] } }] });
  await push(bytes);
  assert.deepEqual(await recordsOf(log), []);
  assert.equal(await metric("tempo_distributor_ingress_bytes_total"), bytes.length);
  assert.equal(await metric("tempo_distributor_bytes_received_total"), undefined);
});

Deno.test("one bad id refuses the whole request", async () => {
  const { log, push, metric } = distributorWith();
  const bytes = requestOf({ traceId, spanId }, { traceId, spanId: [1, 2] }, { spanId });
  await assert.rejects(
    push(bytes),
    new InputError(
      "invalid_argument",
      "span ids must be 64 bit and not all zero, received 16 bits",
    ),
  );
  assert.deepEqual(await recordsOf(log), []);
  assert.equal(await metric("tempo_discarded_spans_total", { reason: "invalid_span_id" }), 3);
  assert.equal(await metric("tempo_distributor_spans_received_total"), 3);
});

Deno.test("malformed protobuf is an invalid argument and nothing is stored", async () => {
  const { log, push } = distributorWith();
  await assert.rejects(
    push(requestOf({ traceId, spanId }).slice(0, -1)),
    (error: InputError) =>
      error instanceof InputError && error.code === "invalid_argument" &&
      error.message.startsWith("malformed OTLP request: "),
  );
  assert.deepEqual(await recordsOf(log), []);
});

Deno.test("what could not be decoded later is refused, however deep it lies", async () => {
  const attributes = [{ key: "k", value: { stringValue: "needle" } }];
  const bytes = requestOf({ traceId, spanId, events: [{ name: "e", attributes }] });
  const broken = bytes.slice();
  broken[Buffer.from(bytes).indexOf("needle") - 1] = 127; // the length of the value
  const { log, push } = distributorWith();
  await push(bytes);
  await assert.rejects(push(broken), (error: InputError) => error.code === "invalid_argument");
  assert.equal((await recordsOf(log)).length, 1);
});

Deno.test("broken bytes beside an attribute that must be cut are an invalid argument too", async () => {
  const attributes = [{ key: "long", value: { stringValue: "x".repeat(100) } }, { key: "k" }];
  const bytes = encodeOtlp({
    resourceSpans: [{ resource: { attributes }, scopeSpans: [{ spans: [{ traceId, spanId }] }] }],
  });
  const broken = bytes.slice();
  const at = Buffer.from(bytes).indexOf("x".repeat(100));
  broken[at - 1] = 127; // the length of the value
  const { log, push } = distributorWith({ attributeBytesMax: 50 });
  await push(bytes);
  await assert.rejects(push(broken), (error: InputError) => error.code === "invalid_argument");
  assert.equal((await recordsOf(log)).length, 1);
});

Deno.test("the rate limit is counted before the bytes count as received", async () => {
  const bytes = requestOf({ traceId, spanId }, { traceId, spanId });
  const ingestion = { rateLimitBytes: 1, burstSizeBytes: bytes.length };
  const { push, metric } = distributorWith({ ingestion });
  await push(bytes);
  await assert.rejects(
    push(bytes),
    (error: InputError) => error.code === "resource_exhausted" && error.retryAfterMs === 5000,
  );
  assert.equal(await metric("tempo_distributor_ingress_bytes_total"), 2 * bytes.length);
  assert.equal(await metric("tempo_distributor_bytes_received_total"), bytes.length);
  assert.equal(await metric("tempo_discarded_spans_total", { reason: "rate_limited" }), 2);
});

Deno.test("the push ends only after the log has the records", async () => {
  const written = Promise.withResolvers<void>();
  const { push } = distributorWith({ before: () => written.promise });
  let isAcknowledged = false;
  const pushing = push(requestOf({ traceId, spanId })).then(() => isAcknowledged = true);
  for (let i = 0; i < 50; i++) await Promise.resolve();
  assert.equal(isAcknowledged, false);
  written.resolve();
  await pushing;
});

Deno.test("a full disk passes on as unavailable and the spans count as refused", async () => {
  const full = new UnavailableError("no space left");
  const { push, metric } = distributorWith({ before: () => Promise.reject(full) });
  await assert.rejects(push(requestOf({ traceId, spanId })), full);
  assert.equal(await metric("tempo_receiver_refused_spans"), 1);
  assert.equal(await metric("tempo_receiver_accepted_spans"), undefined);
});

Deno.test("requests beyond the share of memory are unavailable until others are done", async () => {
  const written = Promise.withResolvers<void>();
  const bytes = requestOf({ traceId, spanId });
  const { push } = distributorWith({
    before: () => written.promise,
    inflightBytesMax: bytes.length * 2,
  });
  const first = [push(bytes), push(bytes)];
  await assert.rejects(push(bytes), UnavailableError);
  written.resolve();
  await Promise.all(first);
  await push(bytes);
});

Deno.test("an aborted request is not stored", async () => {
  const { log, push } = distributorWith();
  const signal = AbortSignal.abort(new Error("client went away"));
  await assert.rejects(push(requestOf({ traceId, spanId }), "t", signal), /client went away/);
  assert.deepEqual(await recordsOf(log), []);
});

Deno.test("the artificial delay counts from the start of the push", async () => {
  const { clock, log, push } = distributorWith({ ingestion: { artificialDelayMs: 1000 } });
  let isDone = false;
  const pushing = push(requestOf({ traceId, spanId })).then(() => isDone = true);
  await clock.advance(899);
  assert.equal((await recordsOf(log)).length, 1);
  assert.equal(isDone, false);
  await clock.advance(202);
  assert.equal(isDone, true);
  await pushing;
});

Deno.test("every span of any request is stored once, whatever the size of records", async () => {
  await fc.assert(
    fc.asyncProperty(requests, fc.integer({ min: 3000, max: 40_000 }), async (request, max) => {
      const { log, push, metric } = distributorWith({ recordBytesMax: max });
      const bytes = encodeOtlp(request);
      try {
        await push(bytes);
      } catch (error) {
        assert.ok(error instanceof InputError && error.code === "too_large", String(error));
        assert.deepEqual(await recordsOf(log), []);
        return;
      }
      const records = await recordsOf(log);
      const ids = records.flatMap(({ value }) => [...tracesOf(value).keys()]);
      assert.equal(new Set(ids).size, ids.length);
      for (const { value } of records) assert.ok(value.length <= max + 2);
      const spans = request.resourceSpans.flatMap((rs) => rs.scopeSpans.flatMap((ss) => ss.spans));
      assert.equal(await metric("tempo_receiver_accepted_spans") ?? 0, spans.length);
    }),
    { numRuns: 60 },
  );
});
