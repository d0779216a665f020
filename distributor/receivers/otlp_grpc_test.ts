import assert from "node:assert/strict";
import * as grpc from "@grpc/grpc-js";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-grpc";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BasicTracerProvider, BatchSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { systemClock } from "../../lib/clock.ts";
import { InputError, UnavailableError } from "../../lib/errors.ts";
import { seededRandom } from "../../lib/random.ts";
import { GrpcClient } from "../../tests/support/grpc_client.ts";
import { decodeOtlp } from "../../tests/support/otlp.ts";
import { EXPORT_PATH, serveOtlpGrpc } from "./otlp_grpc.ts";
import { receiverFor } from "./receiver_testing.ts";

const noise = (size: number) => seededRandom(1).fill(new Uint8Array(size));

Deno.test("messages of all sizes arrive byte for byte", async () => {
  await using receiver = await receiverFor(serveOtlpGrpc);
  using client = new GrpcClient(receiver.port);
  for (const size of [0, 1, 5, 16_379, 16_384, 65_535, 1_000_000, 16 << 20]) {
    const bytes = noise(size);
    assert.deepEqual(await client.unary(EXPORT_PATH, bytes), new Uint8Array([10, 0]));
    const push = receiver.pushes.pop()!;
    assert.equal(Buffer.compare(push.bytes, bytes), 0, `${size} bytes`);
    assert.deepEqual([push.tenant, push.receiver, push.transport], [
      "single-tenant",
      "otlp/otlp_receiver",
      "grpc",
    ]);
  }
});

Deno.test("gzip is decompressed, and bounded", async () => {
  await using receiver = await receiverFor(serveOtlpGrpc, { bodyBytesMax: 1_000_000 });
  const gzip = grpc.compressionAlgorithms.gzip;
  using client = new GrpcClient(receiver.port, { "grpc.default_compression_algorithm": gzip });
  const bytes = new Uint8Array(1_000_000).fill(7);
  await client.unary(EXPORT_PATH, bytes);
  assert.equal(Buffer.compare(receiver.pushes[0]!.bytes, bytes), 0);
  const error = await client.refusal(EXPORT_PATH, new Uint8Array(1_000_001));
  assert.equal(error.code, grpc.status.RESOURCE_EXHAUSTED);
  assert.equal(receiver.pushes.length, 1);
});

Deno.test("a message over the limit is refused and the connection lives on", async () => {
  await using receiver = await receiverFor(serveOtlpGrpc, { bodyBytesMax: 1000 });
  using client = new GrpcClient(receiver.port);
  const error = await client.refusal(EXPORT_PATH, noise(5_000_000));
  assert.equal(error.code, grpc.status.RESOURCE_EXHAUSTED);
  await client.unary(EXPORT_PATH, noise(1000));
  assert.equal(receiver.pushes.length, 1);
});

Deno.test("with multi-tenancy a call names its tenant or is unauthenticated", async () => {
  await using receiver = await receiverFor(serveOtlpGrpc, { multitenancyEnabled: true });
  using client = new GrpcClient(receiver.port);
  const error = await client.refusal(EXPORT_PATH, noise(1));
  assert.deepEqual([error.code, error.details], [grpc.status.UNAUTHENTICATED, "no org id"]);
  await client.unary(EXPORT_PATH, noise(1), { "X-Scope-OrgID": "team-a" });
  assert.deepEqual(receiver.pushes.map(({ tenant }) => tenant), ["team-a"]);
});

Deno.test("refusals carry code, message and retry info", async () => {
  await using receiver = await receiverFor(serveOtlpGrpc);
  using client = new GrpcClient(receiver.port);
  const cases: [Error, grpc.status, string][] = [
    [new InputError("invalid_argument", "100% bäd\nid"), 3, "100% bäd\nid"],
    [new InputError("too_large", "single entry size"), 8, "single entry size"],
    [new InputError("resource_exhausted", "never", {}), 8, "never"],
    [new UnavailableError("disk full"), 14, "disk full"],
    [new TypeError("secret is undefined"), 13, "internal error"],
  ];
  for (const [thrown, code, details] of cases) {
    receiver.behave(() => Promise.reject(thrown));
    const error = await client.refusal(EXPORT_PATH, noise(1));
    assert.deepEqual([error.code, error.details], [code, details]);
    assert.deepEqual(error.metadata.get("grpc-status-details-bin"), []);
  }
  receiver.behave(() =>
    Promise.reject(new InputError("resource_exhausted", "too fast", { retryAfterMs: 5000 }))
  );
  const error = await client.refusal(EXPORT_PATH, noise(1));
  assert.equal(error.code, grpc.status.RESOURCE_EXHAUSTED);
  const [details] = error.metadata.get("grpc-status-details-bin") as Buffer[];
  const any = Buffer.concat([
    Buffer.from([0x0a, 40]),
    Buffer.from("type.googleapis.com/google.rpc.RetryInfo"),
    Buffer.from([0x12, 4, 0x0a, 2, 0x08, 5]), // 5 seconds
  ]);
  const status = Buffer.concat([
    Buffer.from([0x08, 8, 0x12, 8]),
    Buffer.from("too fast"),
    Buffer.from([0x1a, any.length]),
    any,
  ]);
  assert.equal(details!.toString("hex"), status.toString("hex"));
});

Deno.test("other methods are unimplemented", async () => {
  await using receiver = await receiverFor(serveOtlpGrpc);
  using client = new GrpcClient(receiver.port);
  const error = await client.refusal("/opentelemetry.Other/Export", noise(1));
  assert.equal(error.code, grpc.status.UNIMPLEMENTED);
});

Deno.test("many calls in flight on one connection are answered each by its own", async () => {
  await using receiver = await receiverFor(serveOtlpGrpc);
  using client = new GrpcClient(receiver.port);
  const random = seededRandom(2);
  receiver.behave(async ({ bytes }) => {
    await new Promise<void>((resolve) => systemClock.setTimeout(resolve, random.next() * 20));
    if (bytes[0] === 1) throw new InputError("invalid_argument", String(bytes.length));
  });
  const calls = Array.from({ length: 300 }, async (_, i) => {
    const bytes = new Uint8Array(1 + i * 100).fill(i % 2);
    if (i % 2 === 0) await client.unary(EXPORT_PATH, bytes);
    else assert.equal((await client.refusal(EXPORT_PATH, bytes)).details, String(bytes.length));
  });
  await Promise.all(calls);
  assert.equal(receiver.pushes.length, 300);
});

Deno.test("a client that cancels, or vanishes in the middle of a message, leaves nothing behind", async () => {
  await using receiver = await receiverFor(serveOtlpGrpc);
  const client = new GrpcClient(receiver.port);
  const arrived = Promise.withResolvers<void>();
  const written = Promise.withResolvers<void>();
  receiver.behave(() => {
    arrived.resolve();
    return written.promise;
  });
  let call: grpc.ClientUnaryCall | undefined;
  const refusal = client.refusal(EXPORT_PATH, noise(10), {}, {}, (started) => call = started);
  await arrived.promise;
  call!.cancel();
  assert.equal((await refusal).code, grpc.status.CANCELLED);
  written.resolve();
  const abandoned = client.refusal(EXPORT_PATH, noise(10_000_000), {}, {}, (call) => {
    systemClock.setTimeout(() => call.cancel(), 2);
  });
  assert.equal((await abandoned).code, grpc.status.CANCELLED);
  client[Symbol.dispose]();
  using other = new GrpcClient(receiver.port);
  await other.unary(EXPORT_PATH, noise(10));
});

Deno.test("closing waits for calls in flight and takes no new ones", async () => {
  const receiver = await receiverFor(serveOtlpGrpc);
  using client = new GrpcClient(receiver.port);
  const arrived = Promise.withResolvers<void>();
  const written = Promise.withResolvers<void>();
  receiver.behave(() => {
    arrived.resolve();
    return written.promise;
  });
  const exporting = client.unary(EXPORT_PATH, noise(10));
  await arrived.promise;
  let isClosed = false;
  const closing = receiver[Symbol.asyncDispose]().then(() => isClosed = true);
  await new Promise<void>((resolve) => systemClock.setTimeout(resolve, 50));
  assert.equal(isClosed, false);
  written.resolve();
  await exporting;
  await closing;
  await assert.rejects(Deno.connect({ hostname: "127.0.0.1", port: receiver.port }));
});

Deno.test("closing does not wait for ever", async () => {
  const receiver = await receiverFor(serveOtlpGrpc, { closeTimeoutMs: 50 });
  using client = new GrpcClient(receiver.port);
  const arrived = Promise.withResolvers<void>();
  receiver.behave(() => {
    arrived.resolve();
    return Promise.withResolvers<void>().promise;
  });
  const refusal = client.refusal(EXPORT_PATH, noise(10));
  await arrived.promise;
  await receiver[Symbol.asyncDispose]();
  const retryable = [grpc.status.UNAVAILABLE, grpc.status.CANCELLED];
  assert.ok(retryable.includes((await refusal).code));
});

Deno.test("calls are counted by how they ended", async () => {
  await using receiver = await receiverFor(serveOtlpGrpc);
  using client = new GrpcClient(receiver.port);
  await client.unary(EXPORT_PATH, noise(1));
  receiver.behave(() => Promise.reject(new UnavailableError("disk full")));
  await client.refusal(EXPORT_PATH, noise(1));
  const text = await receiver.runtime.metrics.text();
  for (const status of ["success", "error"]) {
    const labels = `method="gRPC",route="${EXPORT_PATH}",status_code="${status}",ws="false"`;
    assert.ok(text.includes(`tempo_request_duration_seconds_count{${labels}} 1`), text);
  }
});

Deno.test("the OpenTelemetry SDK's exporter is understood", async () => {
  await using receiver = await receiverFor(serveOtlpGrpc);
  const exporter = new OTLPTraceExporter({ url: `http://127.0.0.1:${receiver.port}` });
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ "service.name": "shop" }),
    spanProcessors: [new BatchSpanProcessor(exporter)],
  });
  const tracer = provider.getTracer("test");
  for (let i = 0; i < 20; i++) tracer.startSpan(`span ${i}`).end();
  await provider.forceFlush();
  await provider.shutdown();
  const [rs] = decodeOtlp(receiver.pushes[0]!.bytes).resourceSpans;
  assert.equal(rs.resource.attributes[0].value.stringValue, "shop");
  assert.equal(rs.scopeSpans[0].spans.length, 20);
});
