// The gateway of deploy/ in a real Caddy: spans go through it over gRPC and HTTP, questions and streams come back over
// one port, pages may be looked at, and what changes a fleet is not let through.
import assert from "node:assert/strict";

import { systemClock } from "../../lib/clock.ts";
import { startCaddy } from "../support/bucket_servers.ts";
import { readText } from "../support/deploy_files.ts";
import { drain, GrpcClient } from "../support/grpc_client.ts";
import { encodeOtlp } from "../support/otlp.ts";
import { eventually, findTrace } from "../support/query_client.ts";
import { freePorts, type ServerPorts, ServerProcess } from "../support/server_process.ts";
import { skipped } from "../support/skipped.ts";
import { someTrace } from "../support/some_trace.ts";
import { decodeAnswer, encodeRequest } from "../support/tempopb.ts";

const EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/** One process stands for all that the gateway knows by name. */
function gatewayFile(to: ServerPorts, ports: { grpc: number; http: number; queries: number }) {
  const at = (port: number) => `127.0.0.1:${port}`;
  let text = readText("deploy/kubernetes/Caddyfile");
  const replacements: Readonly<Record<string, string>> = {
    "dynamic a distributor-discovery 4317": `dynamic a 127.0.0.1 ${to.otlpGrpc}`,
    "dynamic a distributor-discovery 4318": `dynamic a 127.0.0.1 ${to.otlpHttp}`,
    "query-frontend:9095": at(to.grpc),
    "query-frontend:3200": at(to.http),
    "distributor:3200": at(to.http),
    "backend-scheduler:3200": at(to.http),
    "\n:4317 {": `\n:${ports.grpc} {`,
    "\n:4318 {": `\n:${ports.http} {`,
    "\n:3200 {": `\n:${ports.queries} {`,
  };
  for (const [from, by] of Object.entries(replacements)) {
    assert.ok(text.includes(from), `the Caddyfile has no ${from}`);
    text = text.replaceAll(from, by);
  }
  return text;
}

const probe = await startCaddy((port) => `{\n\tadmin off\n}\n:${port} {\n\trespond 204\n}\n`)
  .catch(skipped("the gateway"));

if (probe !== undefined) {
  await probe[Symbol.asyncDispose]();
  Deno.test({
    name: "spans, questions, streams and pages pass the gateway, and nothing else does",
    // grpc-js keeps timers of its own beyond the close of a channel.
    sanitizeOps: false,
    sanitizeResources: false,
    fn: passThrough,
  });
}

async function passThrough(): Promise<void> {
  const dir = Deno.makeTempDirSync({ prefix: "segno-gateway-" });
  try {
    await using server = await ServerProcess.start({ dir });
    const { otlpGrpc: grpc, otlpHttp: http } = freePorts();
    const gateway = await startCaddy((queries) =>
      gatewayFile(server.ports, { grpc, http, queries })
    );
    await using _ = gateway;

    const [overGrpc, overHttp] = ["9a".repeat(16), "9b".repeat(16)];
    const body = (traceId: string) =>
      encodeOtlp(someTrace({ traceId, spans: 2 })) as Uint8Array<ArrayBuffer>;
    {
      using client = new GrpcClient(grpc);
      const { status } = await drain(client.stream(EXPORT, body(overGrpc)));
      assert.equal(status.code, 0, status.details);
    }
    const sent = await fetch(`http://127.0.0.1:${http}/v1/traces`, {
      method: "POST",
      headers: { "Content-Type": "application/x-protobuf" },
      body: body(overHttp),
    });
    assert.equal(sent.status, 200, await sent.text());

    for (const traceId of [overGrpc, overHttp]) {
      const found = () => findTrace(gateway.url, traceId);
      assert.equal((await eventually(found, ({ length }) => length === 2)).length, 2, traceId);
    }
    const [answer] = await streamed(Number(new URL(gateway.url).port));
    assert.ok(answer !== undefined, "a stream over the port of queries");

    assert.equal(await statusOf(`${gateway.url}/ready`), 200);
    assert.equal(await statusOf(`${gateway.url}/status/backendscheduler`), 200);
    for (
      const [method, path] of [
        ["POST", "/flush"],
        ["POST", "/shutdown"],
        ["GET", "/shutdown"],
        ["POST", "/partition-ring"],
        ["POST", "/live-store/ring"],
        ["POST", "/live-store/prepare-downscale"],
        ["GET", "/metrics"],
      ] as const
    ) {
      assert.equal(await statusOf(`${gateway.url}${path}`, method), 404, `${method} ${path}`);
    }
    assert.equal(await statusOf(`http://127.0.0.1:${http}/flush`, "POST"), 404);
    assert.ok(server.isRunning);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
}

/** As Grafana asks: HTTP/2 without TLS, on the port that also speaks HTTP/1.1. */
async function streamed(port: number): Promise<unknown[]> {
  using client = new GrpcClient(port);
  const nowSeconds = Math.floor(systemClock.now() / 1_000);
  const request = encodeRequest("SearchRequest", {
    Query: "{}",
    Limit: 10,
    SpansPerSpanSet: 3,
    start: nowSeconds - 900,
    end: nowSeconds + 1,
  });
  const path = "/tempopb.StreamingQuerier/Search";
  const { messages, status } = await drain(client.stream(path, request));
  assert.equal(status.code, 0, status.details);
  return messages.map((message) => decodeAnswer("SearchResponse", message));
}

async function statusOf(url: string, method = "GET"): Promise<number> {
  const response = await fetch(url, { method });
  await response.body?.cancel();
  return response.status;
}
