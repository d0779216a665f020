import assert from "node:assert/strict";
import { keepsGrpcContract } from "../tests/support/grpc_contract.ts";
import { RawHttp2 } from "../tests/support/raw_http2.ts";
import { defaultGrpcServerOptions, GrpcServer } from "./grpc_server.ts";
import { GrpcCode, GrpcError } from "./grpc_status.ts";
import { encodeHeaders } from "./hpack.ts";
import type { OnStream } from "./http2_stream.ts";
import { createRuntime } from "./runtime.ts";

keepsGrpcContract("own listener", (runtime, methods, options) => {
  const server = new GrpcServer(runtime, methods, options);
  return Promise.resolve({
    port: server.listen("127.0.0.1", 0),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  });
});

const call = (path: string, more = {}) => ({
  ":method": "POST",
  ":path": path,
  "content-type": "application/grpc",
  ...more,
});

/** A message of no bytes. */
const framed = () => new Uint8Array(5);

const options = { ...defaultGrpcServerOptions, closeTimeoutMs: 1000 };

Deno.test("a deadline is kept by the server, though its method does not care", async () => {
  const reasons: unknown[] = [];
  const server = new GrpcServer(createRuntime(), {
    "/t.T/Slow": {
      kind: "unary",
      handle: ({ signal }) =>
        new Promise((resolve) => {
          signal.addEventListener("abort", () => {
            reasons.push(signal.reason.code);
            resolve(Uint8Array.of(1)); // too late
          });
        }),
    },
  }, options);
  await using _server = server;
  using client = await RawHttp2.connect(server.listen("127.0.0.1", 0));
  await client.request(1, call("/t.T/Slow", { "grpc-timeout": "50m" }), framed());
  const { frames, headers } = await client.answer();
  assert.equal(frames.length, 1);
  assert.deepEqual([headers.get("grpc-status"), headers.get("grpc-message")], [
    "4",
    "deadline exceeded",
  ]);
  assert.deepEqual(reasons, [4]);
});

Deno.test("a stream that fails has sent its messages, and says so in its trailers", async () => {
  const server = new GrpcServer(createRuntime(), {
    "/t.T/Some": {
      kind: "server_stream",
      async *handle() {
        yield Uint8Array.of(7);
        yield new Uint8Array(0);
        throw new GrpcError(GrpcCode.DataLoss, "lost");
      },
    },
  }, options);
  await using _server = server;
  using client = await RawHttp2.connect(server.listen("127.0.0.1", 0));
  await client.request(1, call("/t.T/Some"), framed());
  const { frames, trailers } = await client.answer();
  assert.deepEqual(frames.map(({ type }) => type), [1, 0, 0, 1]);
  assert.deepEqual(frames.slice(1, 3).map(({ payload }) => [...payload]), [
    [0, 0, 0, 0, 1, 7],
    [0, 0, 0, 0, 0],
  ]);
  assert.equal(trailers.get("grpc-status"), "15");
});

Deno.test("what is not gRPC is refused, or goes where it was told to", async () => {
  for (const otherwise of [undefined, answers204]) {
    const all = otherwise === undefined ? options : { ...options, otherwise };
    const server = new GrpcServer(createRuntime(), {}, all);
    await using _server = server;
    using client = await RawHttp2.connect(server.listen("127.0.0.1", 0));
    await client.request(1, call("/x", { "content-type": "text/plain" }), framed());
    const { headers } = await client.answer();
    assert.equal(headers.get(":status"), otherwise === undefined ? "415" : "204");
  }
});

const answers204: OnStream = (stream) => ({
  data() {},
  end: () => stream.respond({ headers: encodeHeaders({ ":status": "204" }) }),
  abort() {},
});

Deno.test("a message that ends early, or goes on, is refused", async () => {
  const server = new GrpcServer(createRuntime(), {
    "/t.T/Echo": { kind: "unary", handle: ({ message }) => Promise.resolve(message) },
  }, options);
  await using _server = server;
  const port = server.listen("127.0.0.1", 0);
  for (
    const [body, words] of [
      [Uint8Array.of(0, 0, 0, 0, 9, 1), "ends after"],
      [Uint8Array.of(0, 0, 0, 0, 1, 1, 1), "goes on after"],
    ] as const
  ) {
    using client = await RawHttp2.connect(port);
    await client.request(1, call("/t.T/Echo"), body);
    const { headers } = await client.answer();
    assert.equal(headers.get("grpc-status"), "3");
    assert.match(headers.get("grpc-message")!, new RegExp(words));
  }
});
