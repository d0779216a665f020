import assert from "node:assert/strict";
import { deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import protobuf from "protobufjs";
import { systemClock } from "../../lib/clock.ts";
import { InputError, UnavailableError } from "../../lib/errors.ts";
import { seededRandom } from "../../lib/random.ts";
import { createRuntime } from "../../lib/runtime.ts";
import { defaultLimits } from "../../model/limits.ts";
import { embeddedRing, RingRouter, SpreadTokens } from "../../ring/mod.ts";
import { allGoldenTraces } from "../../tests/support/golden_traces.ts";
import { decodeOtlp, encodeOtlp } from "../../tests/support/otlp.ts";
import { MemoryLog } from "../../wal/mod.ts";
import { createDistributor } from "../distributor.ts";
import { defaultReceiverOptions } from "./listener.ts";
import { serveOtlpHttp } from "./otlp_http.ts";
import { receiverFor } from "./receiver_testing.ts";

const Status = protobuf.parse(`syntax = "proto3";
  message Any { string type_url = 1; bytes value = 2; }
  message Duration { int64 seconds = 1; int32 nanos = 2; }
  message RetryInfo { Duration retry_delay = 1; }
  message Status { int32 code = 1; string message = 2; repeated Any details = 3; }`).root;
const decode = (type: string, bytes: Uint8Array) => {
  const message = Status.lookupType(type);
  return message.toObject(message.decode(bytes), { longs: Number });
};

const PROTOBUF = { "content-type": "application/x-protobuf" };
const JSON_TYPE = { "content-type": "application/json" };
const traceId = new Uint8Array(16).fill(1);
const spanId = new Uint8Array(8).fill(2);
const request = encodeOtlp({
  resourceSpans: [{ scopeSpans: [{ spans: [{ traceId, spanId, name: "a".repeat(300) }] }] }],
});

function post(port: number, body: Uint8Array | string, headers: Record<string, string>) {
  return fetch(`http://127.0.0.1:${port}/v1/traces`, {
    method: "POST",
    body: body as BodyInit,
    headers,
  });
}

async function statusIn(response: Response) {
  return decode("Status", await response.bytes());
}

interface Recorded {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string> | null;
  readonly request_body_base64?: string;
  readonly status: number;
  readonly response_headers: Record<string, string>;
  readonly body?: string;
  readonly body_base64?: string;
}

// Where our message says more than Tempo's: which id, how long, at which byte, in which encoding.
const OWN_MESSAGE = new Set([
  "short-parent",
  "trace-id-8-bytes",
  "span-id-4-bytes",
  "not-protobuf",
  "json-syntax-error",
  "bad-gzip",
]);

Deno.test("recorded requests are answered as Tempo answered them", async () => {
  const runtime = createRuntime();
  const log = new MemoryLog(runtime, { partitions: 1 });
  const ring = embeddedRing(1, new SpreadTokens());
  const partitions = new RingRouter(() => ring);
  const distributor = createDistributor(runtime, { log, partitions, limits: () => defaultLimits });
  await using listener = await serveOtlpHttp(runtime, distributor, {
    ...defaultReceiverOptions,
    hostname: "127.0.0.1",
    port: 0,
  });
  const traces = new Map(allGoldenTraces().map(({ name, message }) => [name, message]));
  const folder = new URL("../../tests/golden/http/", import.meta.url);
  const recorded: Recorded[] = ["ingest.jsonl", "negative-duration.jsonl"]
    .flatMap((name) => Deno.readTextFileSync(new URL(name, folder)).trim().split("\n"))
    .map((line) => JSON.parse(line))
    .filter(({ path }) => path === "/v1/traces");
  assert.equal(recorded.length, 126 + 15);
  for (const golden of recorded) {
    const { request_body_base64: sent } = golden;
    const message = sent === undefined ? traces.get(golden.name)! : Uint8Array.fromBase64(sent);
    const response = await fetch(`http://127.0.0.1:${listener.port}${golden.path}`, {
      method: golden.method,
      headers: golden.headers ?? {},
      body: golden.method === "GET" ? null : message.slice(),
    });
    const body = await response.bytes();
    const expected = golden.body_base64 === undefined
      ? new TextEncoder().encode(golden.body)
      : Uint8Array.fromBase64(golden.body_base64);
    assert.equal(response.status, golden.status, golden.name);
    const type = golden.response_headers["content-type"]!;
    assert.equal(response.headers.get("content-type"), type, golden.name);
    if (!OWN_MESSAGE.has(golden.name)) assert.deepEqual(body, expected, golden.name);
    else if (type === JSON_TYPE["content-type"]) {
      assert.equal(JSON.parse(new TextDecoder().decode(body)).code, 3, golden.name);
    } else assert.equal(decode("Status", body).code, 3, golden.name);
  }
  // Of those with a body of their own only the one called json has spans and is good.
  assert.equal(await log.endOffset(0), 125 + 1);
});

Deno.test("protobuf arrives byte for byte, whatever the content encoding", async () => {
  await using receiver = await receiverFor(serveOtlpHttp);
  const bodies: [string, Uint8Array][] = [
    ["identity", request],
    ["gzip", gzipSync(request)],
    ["deflate", deflateSync(request)],
    ["zstd", zstdCompressSync(request)],
  ];
  for (const [encoding, body] of bodies) {
    const response = await post(receiver.port, body, { ...PROTOBUF, "content-encoding": encoding });
    assert.equal(response.status, 200, encoding);
    assert.deepEqual(await response.bytes(), new Uint8Array([10, 0]));
    assert.deepEqual(receiver.pushes.pop(), {
      tenant: "single-tenant",
      bytes: Uint8Array.from(request),
      receiver: "otlp/otlp_receiver",
      transport: "http",
    });
  }
  const body = new ReadableStream({
    start(controller) {
      for (let i = 0; i < request.length; i += 50) controller.enqueue(request.slice(i, i + 50));
      controller.close();
    },
  });
  const chunked = { method: "POST", body, headers: PROTOBUF };
  const response = await fetch(`http://127.0.0.1:${receiver.port}/v1/traces`, chunked);
  assert.equal(response.status, 200);
  await response.bytes();
  assert.deepEqual(receiver.pushes.pop()!.bytes, Uint8Array.from(request));
});

Deno.test("JSON is taken and answered in JSON", async () => {
  await using receiver = await receiverFor(serveOtlpHttp);
  const body = JSON.stringify({
    resourceSpans: [{ scopeSpans: [{ spans: [{ traceId: traceId.toHex(), name: "n" }] }] }],
  });
  const type = "application/json; charset=utf-8";
  const response = await post(receiver.port, body, { "content-type": type });
  assert.equal(await response.text(), '{"partialSuccess":{}}');
  const [rs] = decodeOtlp(receiver.pushes[0]!.bytes).resourceSpans;
  assert.equal(rs.scopeSpans[0].spans[0].name, "n");
});

Deno.test("a cut compressed body is refused, never taken in part", async () => {
  await using receiver = await receiverFor(serveOtlpHttp);
  const noise = seededRandom(1).fill(new Uint8Array(300_000));
  const bodies: [string, Uint8Array][] = [
    ["gzip", gzipSync(noise)],
    ["deflate", deflateSync(noise)],
    ["zstd", zstdCompressSync(noise)],
  ];
  for (const [encoding, body] of bodies) {
    for (const cut of [1, 2, 5, body.length >> 1, body.length - 3]) {
      const part = body.slice(0, body.length - cut);
      const response = await post(receiver.port, part, {
        ...PROTOBUF,
        "content-encoding": encoding,
      });
      assert.equal(response.status, 400, `${encoding} less ${cut}`);
      assert.match((await statusIn(response)).message, new RegExp(`^broken ${encoding} body: `));
    }
  }
  assert.equal(receiver.pushes.length, 0);
});

Deno.test("a body over the limit is refused: declared, chunked or only after decompression", async () => {
  await using receiver = await receiverFor(serveOtlpHttp, { bodyBytesMax: 1000 });
  const big = new Uint8Array(1001);
  const stream = () => {
    let left = 1000;
    return new ReadableStream({
      pull(controller) {
        if (left-- === 0) controller.close();
        else controller.enqueue(new Uint8Array(100));
      },
    });
  };
  const gzip = { ...PROTOBUF, "content-encoding": "gzip" };
  const zstd = { ...PROTOBUF, "content-encoding": "zstd" };
  const bodies: [BodyInit, Record<string, string>][] = [
    [big, PROTOBUF],
    [stream(), PROTOBUF],
    [Uint8Array.from(gzipSync(new Uint8Array(1 << 20))), gzip],
    [Uint8Array.from(zstdCompressSync(new Uint8Array(1 << 20))), zstd],
  ];
  for (const [body, headers] of bodies) {
    const url = `http://127.0.0.1:${receiver.port}/v1/traces`;
    const response = await fetch(url, { method: "POST", body, headers });
    assert.equal(response.status, 413);
    assert.equal(
      (await statusIn(response)).message,
      "request body too large, the limit is 1000 bytes",
    );
  }
  assert.equal(receiver.pushes.length, 0);
  const fitting = await post(receiver.port, new Uint8Array(1000), PROTOBUF);
  assert.equal(fitting.status, 200);
  await fitting.bytes();
});

Deno.test("other paths, methods, types and encodings are told so", async () => {
  await using receiver = await receiverFor(serveOtlpHttp);
  const { port } = receiver;
  const statusOf = async (response: Response) => {
    await response.bytes();
    return response.status;
  };
  assert.equal(await statusOf(await fetch(`http://127.0.0.1:${port}/v1/logs`)), 404);
  assert.equal(await statusOf(await fetch(`http://127.0.0.1:${port}/v1/traces`)), 405);
  assert.equal(await statusOf(await post(port, "", { "content-type": "text/xml" })), 415);
  assert.equal(await statusOf(await post(port, request, {})), 415);
  const brotli = await post(port, request, { ...PROTOBUF, "content-encoding": "br" });
  assert.equal(brotli.status, 400);
  assert.equal((await statusIn(brotli)).message, "unsupported content encoding br");
});

Deno.test("with multi-tenancy a request names its tenant or is unauthenticated", async () => {
  await using receiver = await receiverFor(serveOtlpHttp, { multitenancyEnabled: true });
  const { port, pushes } = receiver;
  const nameless = await post(port, request, PROTOBUF);
  assert.equal(nameless.status, 401);
  assert.deepEqual(await statusIn(nameless), { code: 16, message: "no org id" });
  const evil = await post(port, request, { ...PROTOBUF, "x-scope-orgid": "../../etc" });
  assert.equal(evil.status, 400);
  await evil.bytes();
  const named = await post(port, request, { ...PROTOBUF, "X-Scope-OrgID": "team-a" });
  assert.equal(named.status, 200);
  await named.bytes();
  assert.deepEqual(pushes.map(({ tenant }) => tenant), ["team-a"]);
});

Deno.test("a rate-limited client is told when to come again, in header and body", async () => {
  await using receiver = await receiverFor(serveOtlpHttp);
  receiver.behave(() =>
    Promise.reject(new InputError("resource_exhausted", "too fast", { retryAfterMs: 5500 }))
  );
  const response = await post(receiver.port, request, PROTOBUF);
  assert.equal(response.status, 429);
  assert.equal(response.headers.get("retry-after"), "6");
  const { code, message, details } = await statusIn(response);
  assert.deepEqual([code, message], [8, "too fast"]);
  assert.equal(details[0].typeUrl, "type.googleapis.com/google.rpc.RetryInfo");
  assert.deepEqual(decode("RetryInfo", details[0].value), {
    retryDelay: { seconds: 5, nanos: 500_000_000 },
  });
  const json = await post(receiver.port, "{}", JSON_TYPE);
  assert.deepEqual(await json.json(), {
    code: 8,
    message: "too fast",
    details: [{ "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "5.5s" }],
  });
});

Deno.test("weather is 503, a bug is 500 and keeps its text to itself", async () => {
  await using receiver = await receiverFor(serveOtlpHttp);
  receiver.behave(() => Promise.reject(new UnavailableError("disk full")));
  const weather = await post(receiver.port, request, PROTOBUF);
  assert.equal(weather.status, 503);
  assert.deepEqual(await statusIn(weather), { code: 14, message: "disk full" });
  receiver.behave(() => Promise.reject(new TypeError("secret is undefined")));
  const bug = await post(receiver.port, request, PROTOBUF);
  assert.equal(bug.status, 500);
  assert.deepEqual(await statusIn(bug), { code: 13, message: "internal error" });
});

Deno.test("requests are counted by status", async () => {
  await using receiver = await receiverFor(serveOtlpHttp);
  await (await post(receiver.port, request, PROTOBUF)).bytes();
  await (await post(receiver.port, request, {})).bytes();
  const text = await receiver.runtime.metrics.text();
  for (const status of [200, 415]) {
    const labels = `method="POST",route="otlp_v1_traces",status_code="${status}",ws="false"`;
    assert.ok(text.includes(`tempo_request_duration_seconds_count{${labels}} 1`), text);
  }
});

Deno.test("closing waits for requests in flight and takes no new ones", async () => {
  const receiver = await receiverFor(serveOtlpHttp);
  const written = Promise.withResolvers<void>();
  const arrived = Promise.withResolvers<void>();
  receiver.behave(() => {
    arrived.resolve();
    return written.promise;
  });
  const posting = post(receiver.port, request, PROTOBUF);
  await arrived.promise;
  let isClosed = false;
  const closing = receiver[Symbol.asyncDispose]().then(() => isClosed = true);
  await new Promise<void>((resolve) => systemClock.setTimeout(resolve, 50));
  assert.equal(isClosed, false);
  await assert.rejects(post(receiver.port, request, PROTOBUF));
  written.resolve();
  const response = await posting;
  assert.equal(response.status, 200);
  await response.bytes();
  await closing;
});

Deno.test("closing does not wait for ever: what is still in flight may try elsewhere", async () => {
  const receiver = await receiverFor(serveOtlpHttp, { closeTimeoutMs: 50 });
  const arrived = Promise.withResolvers<void>();
  receiver.behave(() => {
    arrived.resolve();
    return Promise.withResolvers<void>().promise;
  });
  const posting = post(receiver.port, request, PROTOBUF);
  const slow = await Deno.connect({ hostname: "127.0.0.1", port: receiver.port });
  const head = "POST /v1/traces HTTP/1.1\r\nhost: a\r\ncontent-type: application/x-protobuf\r\n" +
    "content-length: 1000\r\n\r\npart";
  await slow.write(new TextEncoder().encode(head));
  await arrived.promise;
  await receiver[Symbol.asyncDispose]();
  const response = await posting;
  assert.equal(response.status, 503);
  await response.bytes();
  slow.close();
});

Deno.test("a client that goes away in the middle of its body leaves nothing behind", async () => {
  await using receiver = await receiverFor(serveOtlpHttp);
  for (let i = 0; i < 20; i++) {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port: receiver.port });
    const head = "POST /v1/traces HTTP/1.1\r\nhost: a\r\ncontent-type: application/x-protobuf\r\n" +
      "content-length: 1000\r\n\r\npart";
    await connection.write(new TextEncoder().encode(head));
    connection.close();
  }
  const response = await post(receiver.port, request, PROTOBUF);
  assert.equal(response.status, 200);
  await response.bytes();
  assert.equal(receiver.pushes.length, 1);
});
