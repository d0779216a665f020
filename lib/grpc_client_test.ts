// Calls to the real server of lib/grpc_server.ts on loopback.
import assert from "node:assert/strict";
import { certificatesOf, type CertificateTexts } from "../tests/support/certificate_sources.ts";
import { Authority } from "../tests/support/certificates.ts";
import { systemClock } from "./clock.ts";
import {
  CorruptionError,
  DeadlineError,
  InputError,
  NotFoundError,
  UnavailableError,
} from "./errors.ts";
import { GrpcClient } from "./grpc_client.ts";
import { defaultGrpcServerOptions, type GrpcMethods, GrpcServer } from "./grpc_server.ts";
import { keepingKinds, kindOf } from "./grpc_kinds.ts";
import { GrpcCode, GrpcError } from "./grpc_status.ts";
import { seededRandom } from "./random.ts";
import { createRuntime } from "./runtime.ts";
import { listenTls } from "./tls_listener.ts";

const NEVER = new AbortController().signal;

let left = Promise.withResolvers<void>();

const KINDS: Readonly<Record<string, Error>> = {
  input: new InputError("unprocessable", "too much, ü", { retryAfterMs: 9 }),
  weather: new UnavailableError("rain"),
  late: new DeadlineError("too late"),
  gone: new NotFoundError("no such block"),
  bad: new CorruptionError("bad bytes", 7),
};

const thrown = (message: Uint8Array) =>
  KINDS[new TextDecoder().decode(message)] ?? new Error("a secret");

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
  ...keepingKinds({
    "/t.K/One": { kind: "unary", handle: ({ message }) => Promise.reject(thrown(message)) },
    "/t.K/Many": {
      kind: "server_stream",
      // deno-lint-ignore require-yield -- it is refused before its first message
      handle: async function* ({ message }) {
        await Promise.resolve();
        throw thrown(message);
      },
    },
  }),
  "/t.T/Sizes": {
    kind: "server_stream",
    handle: async function* ({ message, signal }) {
      try {
        for (const size of new TextDecoder().decode(message).split(",").map(Number)) {
          if (size < 0) {
            await new Promise((resolve) => signal.addEventListener("abort", resolve));
          } else yield new Uint8Array(size).fill(size % 251);
        }
      } finally {
        left.resolve();
      }
    },
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

Deno.test("a stream's messages come one by one, however the bytes were cut", async () => {
  const { server, port } = open();
  await using _ = server;
  using client = clientOf(port);
  const sizes = [0, 3, 70_000, 1, 300_000, 0, 9];
  const asked = new TextEncoder().encode(sizes.join(","));
  const got: number[] = [];
  for await (const message of client.stream("/t.T/Sizes", asked, {}, NEVER, 0)) {
    assert.ok(message.every((byte) => byte === message.length % 251));
    got.push(message.length);
  }
  assert.deepEqual(got, sizes);
});

Deno.test("who leaves a stream ends the call at the server; who gives up hears why", async () => {
  const { server, port } = open();
  await using _ = server;
  using client = clientOf(port);
  const asked = new TextEncoder().encode("1,2,-1");
  left = Promise.withResolvers();
  for await (const message of client.stream("/t.T/Sizes", asked, {}, NEVER, 0)) {
    if (message.length === 2) break;
  }
  await left.promise;
  const stop = new AbortController();
  const reading = (async () => {
    for await (const message of client.stream("/t.T/Sizes", asked, {}, stop.signal, 0)) {
      if (message.length === 2) stop.abort(new Error("enough"));
    }
  })();
  await assert.rejects(reading, /enough/);
  const late = (async () => {
    for await (const _ of client.stream("/t.T/Sizes", asked, {}, NEVER, 100));
  })();
  await assert.rejects(late, UnavailableError);
});

Deno.test("a server that goes away in the middle of a stream is the weather", async () => {
  const { server, port } = open();
  using client = clientOf(port);
  const asked = new TextEncoder().encode("1,2,-1");
  const reading = (async () => {
    for await (const message of client.stream("/t.T/Sizes", asked, {}, NEVER, 0)) {
      if (message.length === 2) void server[Symbol.asyncDispose]();
    }
  })();
  // Its trailers are not visible, so that this may look like an end.
  await reading.catch((error) => assert.ok(error instanceof UnavailableError, error));
});

Deno.test("between our own processes an error keeps its kind, before a stream and instead of an answer", async () => {
  const { server, port } = open();
  await using _ = server;
  using client = clientOf(port);
  const none = new Uint8Array(0);
  const unary = (kind: string) =>
    client.call("/t.K/One", new TextEncoder().encode(kind), {}, NEVER)
      .catch((error) => kindOf(error));
  const stream = async (kind: string) => {
    const asked = new TextEncoder().encode(kind);
    for await (const _ of client.stream("/t.K/Many", asked, {}, NEVER, 0));
  };
  for (const [kind, error] of Object.entries(KINDS)) {
    for (const got of [await unary(kind), await stream(kind).catch((error) => kindOf(error))]) {
      assert.ok(got instanceof error.constructor, `${kind}: ${got}`);
      assert.ok((got as Error).message.includes(error.message));
    }
  }
  const input = await unary("input") as InputError;
  assert.deepEqual([input.code, input.retryAfterMs], ["unprocessable", 9]);
  await assert.rejects(client.call("/t.K/One", none, {}, NEVER), /internal error/);
});

Deno.test("a message in snappy's frames is read, as clients of the peer's world send it", async () => {
  const { server, port } = open();
  await using _ = server;
  using client = Deno.createHttpClient({ http1: false, http2: true });
  const digits = new TextEncoder().encode("123456789");
  const framed = new Uint8Array(10 + 8 + digits.length);
  framed.set([0xff, 6, 0, 0, 0x73, 0x4e, 0x61, 0x50, 0x70, 0x59, 1, 4 + digits.length]);
  const checksum = ((0xe3069283 >>> 15 | 0xe3069283 << 17) + 0xa282ead8) >>> 0;
  new DataView(framed.buffer).setUint32(14, checksum, true);
  framed.set(digits, 18);
  const body = new Uint8Array(5 + framed.length);
  body.set([1, 0, 0, 0, framed.length]);
  body.set(framed, 5);
  const response = await fetch(`http://127.0.0.1:${port}/t.T/Echo`, {
    method: "POST",
    client,
    body,
    headers: { "content-type": "application/grpc", "te": "trailers", "grpc-encoding": "snappy" },
  });
  assert.match(response.headers.get("grpc-accept-encoding")!, /snappy/);
  assert.deepEqual((await response.bytes()).subarray(5), digits);
});

Deno.test("messages are compressed both ways as the client was told, small ones not", async () => {
  const seen: string[] = [];
  const server = new GrpcServer(createRuntime(), {
    "/t.T/Echo": {
      kind: "unary",
      handle: ({ message, metadata }) => {
        seen.push(metadata.get("grpc-encoding") ?? "");
        return Promise.resolve(message);
      },
    },
    "/t.T/Twice": {
      kind: "server_stream",
      handle: async function* ({ message }) {
        await Promise.resolve();
        yield message;
        yield message.subarray(0, 10);
      },
    },
  }, { ...defaultGrpcServerOptions, receivedBytesMax: 1_000_000 });
  const address = `127.0.0.1:${server.listen("127.0.0.1", 0)}`;
  const large = new TextEncoder().encode("a span of a trace, ".repeat(40_000));
  for (const encoding of ["identity", "gzip", "snappy"] as const) {
    const options = { address, timeoutMs: 5_000, encoding };
    using client = new GrpcClient(systemClock, { ...options, receivedBytesMax: 1_000_000 });
    for (const message of [new Uint8Array(3), large]) {
      assert.deepEqual(await client.call("/t.T/Echo", message, {}, NEVER), message);
    }
    const got: Uint8Array[] = [];
    for await (const one of client.stream("/t.T/Twice", large, {}, NEVER, 0)) got.push(one);
    assert.deepEqual(got, [large, large.subarray(0, 10)]);
    using small = new GrpcClient(systemClock, { ...options, receivedBytesMax: 100_000 });
    await assert.rejects(small.call("/t.T/Echo", large, {}, NEVER), /more than 100000 bytes/);
  }
  assert.deepEqual([...new Set(seen)], ["", "gzip", "snappy"]);
  await server[Symbol.asyncDispose]();
});

Deno.test("a request over the limit does not leave, and what a server refuses for its rate is tried again", async () => {
  let refusals = 2;
  const server = new GrpcServer(createRuntime(), {
    "/t.T/Echo": {
      kind: "unary",
      handle: ({ message }) =>
        refusals-- > 0
          ? Promise.reject(new InputError("resource_exhausted", "too fast"))
          : Promise.resolve(message),
    },
  });
  const address = `127.0.0.1:${server.listen("127.0.0.1", 0)}`;
  const options = { address, timeoutMs: 5_000, receivedBytesMax: 100, sentBytesMax: 10 };
  const random = seededRandom(1);
  const rateLimited = { minMs: 1, maxMs: 2, retriesMax: 2, random };
  using client = new GrpcClient(systemClock, { ...options, rateLimited });
  assert.equal((await client.call("/t.T/Echo", new Uint8Array(10), {}, NEVER)).length, 10);
  await assert.rejects(client.call("/t.T/Echo", new Uint8Array(11), {}, NEVER), /of 11 bytes/);
  refusals = 3;
  await assert.rejects(client.call("/t.T/Echo", new Uint8Array(1), {}, NEVER), /too fast/);
  using hasty = new GrpcClient(systemClock, options);
  refusals = 1;
  await assert.rejects(hasty.call("/t.T/Echo", new Uint8Array(1), {}, NEVER), /too fast/);
  await server[Symbol.asyncDispose]();
});

Deno.test("by TLS both sides know each other; who does not is told in a line", async () => {
  const authority = new Authority();
  const texts = { ...authority.sign({ name: "server" }), ca: authority.cert };
  using certificates = certificatesOf(texts);
  const listener = await listenTls(createRuntime(), "127.0.0.1", 0, {
    certificates,
    clientAuth: "RequireAndVerifyClientCert",
    isOnly13: false,
  });
  const server = new GrpcServer(createRuntime(), methods);
  server.serve(listener);
  const echo = async (told: CertificateTexts) => {
    using certificates = certificatesOf(told);
    using client = new GrpcClient(systemClock, {
      address: `127.0.0.1:${listener.port}`,
      timeoutMs: 5_000,
      receivedBytesMax: 1 << 20,
      tls: { certificates, serverName: "" },
    });
    return (await client.call("/t.T/Echo", new Uint8Array(70_000), {}, NEVER)).length;
  };
  const own = authority.sign({ name: "client" });
  assert.equal(await echo({ ...own, ca: authority.cert }), 70_000);
  const cases: [CertificateTexts, RegExp][] = [
    [
      { ...own, ca: new Authority().cert },
      /Echo: client error \(Connect\): invalid peer cert[^\n]*$/,
    ],
    [{ ca: authority.cert }, /Echo: [^\n]*$/],
    [{ ...new Authority().sign({ name: "c" }), ca: authority.cert }, /Echo: [^\n]*$/],
  ];
  for (const [told, expected] of cases) {
    await assert.rejects(echo(told), (error) => {
      return error instanceof UnavailableError && expected.test(error.message);
    });
  }
  await server[Symbol.asyncDispose]();
});
