// Calls to the real server of lib/grpc_server.ts on loopback.
import assert from "node:assert/strict";
import { systemClock } from "./clock.ts";
import { InputError, UnavailableError } from "./errors.ts";
import { GrpcClient } from "./grpc_client.ts";
import { defaultGrpcServerOptions, type GrpcMethods, GrpcServer } from "./grpc_server.ts";
import { GrpcCode, GrpcError } from "./grpc_status.ts";
import { createRuntime } from "./runtime.ts";

const NEVER = new AbortController().signal;

const methods: GrpcMethods = {
  "/t.T/Echo": { kind: "unary", handle: ({ message }) => Promise.resolve(message) },
  "/t.T/Tenant": {
    kind: "unary",
    handle: ({ metadata }) =>
      Promise.resolve(new TextEncoder().encode(metadata.get("x-scope-orgid") ?? "")),
  },
  "/t.T/Refuse": {
    kind: "unary",
    handle: () => Promise.reject(new InputError("not_found", "no job, 100 % nothing: ü")),
  },
  "/t.T/Away": {
    kind: "unary",
    handle: () => Promise.reject(new UnavailableError("later")),
  },
  "/t.T/Hang": {
    kind: "unary",
    handle: ({ signal }) =>
      new Promise((_, reject) =>
        signal.addEventListener("abort", () => reject(signal.reason), { once: true })
      ),
  },
};

function open(port = 0) {
  const options = { ...defaultGrpcServerOptions, closeTimeoutMs: 20 };
  const server = new GrpcServer(createRuntime(), methods, options);
  return { server, port: server.listen("127.0.0.1", port) };
}

const clientOf = (port: number, timeoutMs = 5_000, receivedBytesMax = 8 << 20) =>
  new GrpcClient(systemClock, { address: `dns:///127.0.0.1:${port}`, timeoutMs, receivedBytesMax });

Deno.test("a message comes back as it was, small and large, with what stood beside it", async () => {
  const { server, port } = open();
  await using _ = server;
  using client = clientOf(port);
  for (const size of [0, 1, 100, 70_000, 3_000_000]) {
    const message = new Uint8Array(size).map((_, i) => i * 7);
    assert.deepEqual(await client.call("/t.T/Echo", message, {}, NEVER), message);
  }
  const tenant = await client.call(
    "/t.T/Tenant",
    new Uint8Array(0),
    { "x-scope-orgid": "a" },
    NEVER,
  );
  assert.equal(new TextDecoder().decode(tenant), "a");
});

Deno.test("what the server refuses is refused with its code and text; weather is weather", async () => {
  const { server, port } = open();
  await using _ = server;
  using client = clientOf(port, 200, 1000);
  const call = (method: string, message = new Uint8Array(0)) =>
    client.call(`/t.T/${method}`, message, {}, NEVER);
  const is = (code: GrpcCode, text: RegExp) => (error: unknown) =>
    error instanceof GrpcError && error.code === code && text.test(error.message);
  await assert.rejects(call("Refuse"), is(GrpcCode.NotFound, /no job, 100 % nothing: ü/));
  await assert.rejects(call("Nowhere"), is(GrpcCode.Unimplemented, /unknown method/));
  await assert.rejects(call("Away"), UnavailableError);
  await assert.rejects(
    call("Echo", new Uint8Array(2000)),
    is(GrpcCode.ResourceExhausted, /more than 1000 bytes/),
  );
  // Whoever notices first: the server ends the call at its deadline too.
  await assert.rejects(
    call("Hang"),
    (error) => error instanceof UnavailableError || is(GrpcCode.DeadlineExceeded, /./)(error),
  );
});

Deno.test("a call that is given up rejects with the reason, and the connection serves on", async () => {
  const { server, port } = open();
  await using _ = server;
  using client = clientOf(port);
  const stop = new AbortController();
  const hanging = client.call("/t.T/Hang", new Uint8Array(0), {}, stop.signal);
  stop.abort(new Error("enough"));
  await assert.rejects(hanging, /enough/);
  assert.equal((await client.call("/t.T/Echo", new Uint8Array(9), {}, NEVER)).length, 9);
});

Deno.test("a server that is away is unavailable; one that was started again is found", async () => {
  let { server, port } = open();
  using client = clientOf(port);
  const echo = () => client.call("/t.T/Echo", new Uint8Array(5), {}, NEVER);
  for (let life = 0; life < 20; life++) {
    assert.equal((await echo()).length, 5);
    await server[Symbol.asyncDispose]();
    if (life % 5 === 0) await assert.rejects(echo(), UnavailableError);
    ({ server } = open(port));
  }
  assert.equal((await echo()).length, 5);
  await server[Symbol.asyncDispose]();
});
