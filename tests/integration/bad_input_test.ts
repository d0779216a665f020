// Bad input against a live process: each is refused with its status, nothing of it is stored, and the
// process goes on. Every bad request also holds a good span, which must not be found.
import { Client, credentials, type ServiceError, status } from "@grpc/grpc-js";
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { gzipSync } from "node:zlib";

import { eventually, findTrace, metric, search } from "../support/query_client.ts";
import { encodeOtlp, type Plain } from "../support/otlp.ts";
import { ServerProcess } from "../support/server_process.ts";
import { randomTraceId, sendOtlp, someTrace } from "../support/some_trace.ts";

interface BadRequest {
  readonly name: string;
  readonly body: (good: Plain) => Uint8Array;
  readonly headers?: Record<string, string>;
  readonly status: number;
  readonly message: RegExp;
}

const JSON_TYPE = { "Content-Type": "application/json" };
const text = (value: string) => new TextEncoder().encode(value);
const spansOf = (request: Plain): Plain[] => request.resourceSpans[0].scopeSpans[0].spans;

const BAD: readonly BadRequest[] = [
  {
    name: "protobuf that is cut short",
    body: (good) => encodeOtlp(good).subarray(0, -3),
    status: 400,
    message: /./,
  },
  {
    name: "bytes that are no protobuf",
    body: () => new Uint8Array(200).fill(0xff),
    status: 400,
    message: /./,
  },
  {
    name: "JSON that is cut short",
    body: () => text('{"resourceSpans": ['),
    headers: JSON_TYPE,
    status: 400,
    message: /./,
  },
  {
    name: "JSON of another shape",
    body: () => text('{"resourceSpans": 5}'),
    headers: JSON_TYPE,
    status: 400,
    message: /./,
  },
  {
    name: "an id in JSON that is not hex",
    body: () =>
      text(JSON.stringify({
        resourceSpans: [{
          scopeSpans: [{ spans: [{ traceId: "xyz", spanId: "0102030405060708" }] }],
        }],
      })),
    headers: JSON_TYPE,
    status: 400,
    message: /./,
  },
  {
    name: "another content type",
    body: (good) => encodeOtlp(good),
    headers: { "Content-Type": "text/plain" },
    status: 415,
    message: /unsupported media type/,
  },
  {
    name: "an unknown content encoding",
    body: (good) => encodeOtlp(good),
    headers: { "Content-Encoding": "br" },
    status: 400,
    message: /br/,
  },
  {
    name: "gzip that is cut short",
    body: (good) => gzipSync(encodeOtlp(good)).subarray(0, -20),
    headers: { "Content-Encoding": "gzip" },
    status: 400,
    message: /gzip/,
  },
  {
    name: "gzip that is none",
    body: (good) => encodeOtlp(good),
    headers: { "Content-Encoding": "gzip" },
    status: 400,
    message: /gzip/,
  },
  {
    name: "a body over the limit",
    body: (good) => new Uint8Array([...encodeOtlp(good), ...new Uint8Array(21 << 20)]),
    status: 413,
    message: /too large/,
  },
  {
    name: "a small body that grows over the limit",
    body: () => gzipSync(new Uint8Array(100 << 20)),
    headers: { "Content-Encoding": "gzip" },
    status: 413,
    message: /too large/,
  },
  {
    name: "a trace id of 15 bytes",
    body: (good) => {
      const bad = { ...spansOf(good)[0], traceId: new Uint8Array(15).fill(1) };
      return encodeOtlp(withSpan(good, bad));
    },
    status: 400,
    message: /trace ids must be 128 bit, received 120 bits/,
  },
  {
    name: "no trace id",
    body: (good) => encodeOtlp(withSpan(good, { ...spansOf(good)[0], traceId: new Uint8Array(0) })),
    status: 400,
    message: /trace ids must be 128 bit, received 0 bits/,
  },
  {
    name: "a span id of 7 bytes",
    body: (good) => {
      const bad = { ...spansOf(good)[0], spanId: new Uint8Array(7).fill(1) };
      return encodeOtlp(withSpan(good, bad));
    },
    status: 400,
    message: /span ids must be 64 bit and not all zero, received 56 bits/,
  },
  {
    name: "a span id of zeros",
    body: (good) => encodeOtlp(withSpan(good, { ...spansOf(good)[0], spanId: new Uint8Array(8) })),
    status: 400,
    message: /span ids must be 64 bit and not all zero, received 0 bits/,
  },
];

/** The good spans first, then a bad one. */
function withSpan(good: Plain, bad: Plain): Plain {
  const copy = structuredClone(good);
  spansOf(copy).push(bad);
  return copy;
}

Deno.test({
  name: "bad input is refused and nothing of it is stored",
  // grpc-js keeps timers of its own beyond the close of a channel.
  sanitizeOps: false,
  sanitizeResources: false,
  async fn(t) {
    const dir = Deno.makeTempDirSync({ prefix: "segno-bad-input-" });
    try {
      await using server = await ServerProcess.start({ dir });
      const badIds: string[] = [];
      for (const { name, body, headers, status, message } of BAD) {
        await t.step(name, async () => {
          const traceId = randomTraceId();
          badIds.push(traceId);
          const answer = await sendOtlp(
            server.otlpUrl,
            body(someTrace({ traceId, service: "bad" })),
            headers,
          );
          assert.equal(answer.status, status, answer.text);
          assert.match(answer.text, message);
        });
      }
      await t.step("gRPC refuses bad ids as invalid arguments", async () => {
        const traceId = randomTraceId();
        badIds.push(traceId);
        const good = someTrace({ traceId, service: "bad" });
        const bad = withSpan(good, { ...spansOf(good)[0], spanId: new Uint8Array(8) });
        const error = await exportGrpc(server.ports.otlpGrpc, encodeOtlp(bad));
        assert.equal(error?.code, status.INVALID_ARGUMENT);
        assert.match(error.details, /span ids must be 64 bit and not all zero, received 0 bits/);
        const broken = await exportGrpc(server.ports.otlpGrpc, new Uint8Array(50).fill(0xff));
        assert.equal(broken?.code, status.INVALID_ARGUMENT);
      });
      await t.step("an unknown path and a wrong method are told", async () => {
        const wrongMethod = await fetch(server.otlpUrl);
        await wrongMethod.body?.cancel();
        assert.equal(wrongMethod.status, 405);
        const wrongPath = await sendOtlp(
          server.otlpUrl.replace("traces", "metrics"),
          new Uint8Array(0),
        );
        assert.equal(wrongPath.status, 404);
      });
      await t.step("the process goes on and has stored none of it", async () => {
        assert.ok(server.isRunning);
        const traceId = randomTraceId();
        const answer = await sendOtlp(server.otlpUrl, someTrace({ traceId, service: "good" }));
        assert.equal(answer.status, 200, answer.text);
        const found = await eventually(() => findTrace(server.url, traceId), (s) => s.length === 2);
        assert.equal(found.length, 2);
        for (const bad of badIds) assert.deepEqual(await findTrace(server.url, bad), []);
        assert.deepEqual(await search(server.url, '{ resource.service.name = "bad" }'), []);
        assert.ok(await metric(server.url, "tempo_discarded_spans_total") > 0);
      });
    } finally {
      Deno.removeSync(dir, { recursive: true });
    }
  },
});

function exportGrpc(port: number, body: Uint8Array): Promise<ServiceError | null> {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  const identity = (bytes: Buffer) => bytes;
  return new Promise((resolve) => {
    client.makeUnaryRequest(
      "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
      identity,
      identity,
      Buffer.from(body),
      (error) => {
        client.close();
        resolve(error);
      },
    );
  });
}
