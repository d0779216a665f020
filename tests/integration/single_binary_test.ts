// First light, as a new user sees it: the real process, the real OpenTelemetry exporters, curl's
// requests, and a crash in between.
import { SpanStatusCode, type Tracer } from "@opentelemetry/api";
import { OTLPTraceExporter as GrpcExporter } from "@opentelemetry/exporter-trace-otlp-grpc";
import { OTLPTraceExporter as JsonExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { OTLPTraceExporter as ProtobufExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  type SpanExporter,
} from "@opentelemetry/sdk-trace-base";
import assert from "node:assert/strict";

import { eventually, findTrace, search } from "../support/query_client.ts";
import { type ServerPorts, ServerProcess } from "../support/server_process.ts";

const EXPORTERS: Record<string, (ports: ServerPorts) => SpanExporter> = {
  "grpc": ({ otlpGrpc }) => new GrpcExporter({ url: `http://127.0.0.1:${otlpGrpc}` }),
  "http-protobuf": ({ otlpHttp }) =>
    new ProtobufExporter({ url: `http://127.0.0.1:${otlpHttp}/v1/traces` }),
  "http-json": ({ otlpHttp }) =>
    new JsonExporter({ url: `http://127.0.0.1:${otlpHttp}/v1/traces` }),
};

/** One trace of three spans; resolves when the exporter has the answer. */
async function sendTrace(exporter: SpanExporter, service: string): Promise<string> {
  const errors: unknown[] = [];
  const watched: SpanExporter = {
    export: (spans, done) =>
      exporter.export(spans, (result) => {
        if (result.code !== 0) errors.push(result.error);
        done(result);
      }),
    shutdown: () => exporter.shutdown(),
  };
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ "service.name": service }),
    spanProcessors: [new BatchSpanProcessor(watched)],
  });
  const traceId = makeSpans(provider.getTracer("shop", "1.0.0"), service);
  await provider.forceFlush();
  await provider.shutdown();
  assert.deepEqual(errors, []);
  return traceId;
}

function makeSpans(tracer: Tracer, service: string): string {
  const root = tracer.startSpan("GET /cart", { attributes: { "test.via": service } });
  const { traceId } = root.spanContext();
  root.addEvent("cache miss", { "cache.key": "cart:7" });
  root.setStatus({ code: SpanStatusCode.ERROR, message: "no such cart" });
  root.end();
  tracer.startSpan("SELECT carts", { root: true, links: [{ context: root.spanContext() }] }).end();
  return traceId;
}

/** Found by id with its span, and by a search that only its span satisfies. */
async function assertFound(url: string, traceId: string, service: string): Promise<void> {
  const spans = await eventually(() => findTrace(url, traceId), ({ length }) => length === 1);
  assert.equal(spans.length, 1, `spans of the trace sent by ${service}`);
  assert.equal(spans[0]!.name, "GET /cart");
  assert.equal(spans[0]!.service, service);
  const query = `{ resource.service.name = "${service}" && span.test.via = "${service}" && ` +
    `status = error }`;
  const found = await eventually(() => search(url, query), ({ length }) => length === 1);
  assert.deepEqual(found, [{ traceId, matched: 1 }]);
}

Deno.test({
  name: "spans of the OpenTelemetry exporters are found by id and by search, also after a crash",
  // The exporters keep connections and timers beyond their shutdown.
  sanitizeOps: false,
  sanitizeResources: false,
  async fn(t) {
    const dir = Deno.makeTempDirSync({ prefix: "segno-first-light-" });
    try {
      const sent: Record<string, string> = {};
      let ports: ServerPorts;
      {
        await using server = await ServerProcess.start({ dir });
        ports = server.ports;
        for (const [service, exporter] of Object.entries(EXPORTERS)) {
          await t.step(`sent by ${service}`, async () => {
            sent[service] = await sendTrace(exporter(ports), service);
            await assertFound(server.url, sent[service], service);
          });
        }
        await server.kill();
      }
      await t.step("after SIGKILL and a new start they are still there", async () => {
        await using server = await ServerProcess.start({ dir, ports });
        for (const [service, traceId] of Object.entries(sent)) {
          await assertFound(server.url, traceId, service);
        }
        assert.equal(await server.stop(), 0, server.lines.join("\n"));
      });
      await t.step("after SIGTERM, which ends it with 0, they are still there", async () => {
        await using server = await ServerProcess.start({ dir, ports });
        for (const [service, traceId] of Object.entries(sent)) {
          await assertFound(server.url, traceId, service);
        }
      });
    } finally {
      Deno.removeSync(dir, { recursive: true });
    }
  },
});

Deno.test("with a configuration that makes no sense it does not start, and says what is wrong", async () => {
  const dir = Deno.makeTempDirSync({ prefix: "segno-config-" });
  try {
    await assert.rejects(
      () => ServerProcess.start({ dir, config: "live_store: {max_trace_idel: 5s}" }),
      /ended with 1:\n.*segno\.yaml:\d+:\d+: live_store\.max_trace_idel: unknown key/s,
    );
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});

Deno.test("with a store that this version cannot reach it does not start, and names the key", async () => {
  const dir = Deno.makeTempDirSync({ prefix: "segno-config-" });
  const s3 = "{bucket: b, endpoint: 127.0.0.1:1, signature_v2: true}";
  try {
    await assert.rejects(
      () => ServerProcess.start({ dir, config: `storage: {trace: {backend: s3, s3: ${s3}}}` }),
      /ended with 1:\n.*storage\.trace\.s3\.signature_v2: /s,
    );
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});

Deno.test("a second process on the same data does not start while the first one lives", async () => {
  const dir = Deno.makeTempDirSync({ prefix: "segno-second-" });
  try {
    await using first = await ServerProcess.start({ dir });
    await assert.rejects(() => ServerProcess.start({ dir }), /ended with 1/);
    assert.ok(first.isRunning);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});
