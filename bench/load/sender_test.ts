// Both senders against real servers: what counts as acknowledged, and what does not.
import { type sendUnaryData, Server, ServerCredentials, status } from "@grpc/grpc-js";
import { Buffer } from "node:buffer";
import assert from "node:assert/strict";

import { SimulatedClock, systemClock } from "../../lib/clock.ts";
import { seededRandom } from "../../lib/random.ts";
import { decodeOtlp, type Plain } from "../../tests/support/otlp.ts";
import { GrpcJsSender } from "./grpc_js_sender.ts";
import { GrpcSender } from "./grpc_sender.ts";
import { HttpSender } from "./http_sender.ts";
import { createWaves, RequestSource, traceIdOf } from "./request_source.ts";
import { runLoad } from "./run_load.ts";
import { type Sender, SENDER_ROOM_BYTES } from "./sender.ts";

function source(requestsPerWave = 1, spansPerRequest = 40): RequestSource {
  const random = seededRandom(3);
  const roomBytes = SENDER_ROOM_BYTES;
  const waves = createWaves(random, { spansPerRequest, requestsPerWave, waves: 2, roomBytes });
  return new RequestSource(new SimulatedClock(1_780_000_000_000), random, waves);
}

const spansIn = (bytes: Uint8Array) =>
  decodeOtlp(Uint8Array.from(bytes)).resourceSpans.flatMap((rs: Plain) => rs.scopeSpans[0].spans);

/** Sends three requests; the server takes the first and third. */
async function sendThree(sender: Sender, received: Uint8Array[]): Promise<void> {
  // Over 100 KB each, more than HTTP/2 lets through without being asked.
  const requests = source(1, 150);
  const outcomes = [];
  for (let i = 0; i < 3; i++) outcomes.push(await sender.send(requests.next().template));
  assert.deepEqual(outcomes.map(({ isAcked }) => isAcked), [true, false, true]);
  assert.match(outcomes[1]!.reason, /no room|refused/);
  assert.deepEqual(received.map((bytes) => spansIn(bytes).length), [150, 150, 150]);
}

Deno.test("the HTTP sender sends whole requests on one connection and reads each answer", async () => {
  const received: Uint8Array[] = [];
  const peers = new Set<string>();
  await using server = Deno.serve({ port: 0, onListen: () => {} }, async (request, info) => {
    peers.add(JSON.stringify(info.remoteAddr));
    assert.equal(request.headers.get("content-type"), "application/x-protobuf");
    received.push(await request.bytes());
    return received.length === 2
      ? new Response("no room", { status: 503 })
      : new Response(new Uint8Array(0), { status: 200 });
  });
  await using sender = await HttpSender.open(server.addr.port);
  await sendThree(sender, received);
  assert.equal(peers.size, 1);
});

Deno.test("the HTTP sender rejects when the server goes away", async () => {
  const server = Deno.serve({ port: 0, onListen: () => {} }, () => new Response());
  await using sender = await HttpSender.open(server.addr.port);
  await server.shutdown();
  await assert.rejects(() => sender.send(source().next().template));
});

const GRPC: Record<string, (port: number) => Promise<Sender>> = {
  "the gRPC sender": (port) => GrpcSender.open(port),
  "the gRPC sender through grpc-js": (port) => Promise.resolve(new GrpcJsSender(port)),
};

for (const [name, open] of Object.entries(GRPC)) {
  Deno.test({
    name: `${name} sends whole requests and reads each answer`,
    // grpc-js keeps timers of its own beyond the close of a channel.
    sanitizeOps: false,
    sanitizeResources: false,
    async fn() {
      const received: Uint8Array[] = [];
      const { server, port } = await grpcServer(received);
      {
        await using sender = await open(port);
        await sendThree(sender, received);
        server.forceShutdown();
        await assert.rejects(() => sender.send(source().next().template));
      }
    },
  });
}

/** Takes every request but the second. */
async function grpcServer(received: Uint8Array[]): Promise<{ server: Server; port: number }> {
  const server = new Server();
  const identity = (bytes: Buffer) => bytes;
  server.register(
    "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    (call: { request: Buffer }, callback: sendUnaryData<Buffer>) => {
      received.push(call.request);
      if (received.length !== 2) callback(null, Buffer.alloc(0));
      else callback({ code: status.RESOURCE_EXHAUSTED, details: "no room" });
    },
    identity,
    identity,
    "unary",
  );
  const credentials = ServerCredentials.createInsecure();
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", credentials, (error, port) => {
      if (error) reject(error);
      else resolve(port);
    });
  });
  return { server, port };
}

Deno.test("a trace counts as acknowledged only when all of its requests were", async () => {
  let count = 0;
  const taken: Uint8Array[] = [];
  const sender: Sender = {
    send: (template) => {
      // Of the second wave of three, one request is refused.
      const isAcked = ++count !== 5;
      if (isAcked) taken.push(template.bytes.slice(template.roomBytes));
      return Promise.resolve({ isAcked, reason: isAcked ? "" : "429 slow down" });
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  const connections = [{ sender, source: source(3) }];
  const result = await runLoad({
    clock: systemClock,
    connections,
    secondsMax: 60,
    spansMax: 300,
  });
  assert.equal(result.ackedSpans, 320);
  assert.deepEqual(result.refusals, { "429 slow down": 1 });
  const inAcked = Map.groupBy(taken.flatMap(spansIn), (span: Plain) => {
    return Uint8Array.from(span.traceId).toHex();
  });
  assert.ok(result.traces.length > 0);
  for (const trace of result.traces) {
    assert.equal(inAcked.get(traceIdOf(trace))?.length, trace.spanCount);
  }
});

Deno.test("a connection that breaks ends the load and says why", async () => {
  const sender: Sender = {
    send: () => Promise.reject(new Error("gone")),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  const connections = [{ sender, source: source() }];
  const result = await runLoad({ clock: systemClock, connections, secondsMax: 60, spansMax: 1 });
  assert.match(String(result.brokenBy), /gone/);
  assert.equal(result.ackedSpans, 0);
});
