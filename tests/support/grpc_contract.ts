// What a gRPC server of ours keeps towards the real @grpc/grpc-js client, whichever way its connections
// come in.
import assert from "node:assert/strict";
import * as grpc from "@grpc/grpc-js";
import { systemClock } from "../../lib/clock.ts";
import { InputError, UnavailableError } from "../../lib/errors.ts";
import {
  defaultGrpcServerOptions,
  type GrpcCall,
  type GrpcMethods,
  type GrpcServerOptions,
} from "../../lib/grpc_server.ts";
import { GrpcCode, GrpcError } from "../../lib/grpc_status.ts";
import { seededRandom } from "../../lib/random.ts";
import { createRuntime, type Runtime } from "../../lib/runtime.ts";
import { drain, GrpcClient } from "./grpc_client.ts";

export interface ServedGrpc extends AsyncDisposable {
  readonly port: number;
}

/** Serves the methods on a free port of loopback. */
export type ServeGrpc = (
  runtime: Runtime,
  methods: GrpcMethods,
  options: GrpcServerOptions,
) => Promise<ServedGrpc>;

export const ECHO = "/test.Test/Echo";
const FAIL = "/test.Test/Fail";
const WAIT = "/test.Test/Wait";
const COUNT = "/test.Test/Count";

/** A service that does as its messages say, with a journal. */
class TestService {
  readonly journal: string[] = [];
  produced = 0;
  failure: () => Error = () => new Error("not told how");
  answer: ((call: GrpcCall) => Promise<Uint8Array>) | undefined;

  methods(): GrpcMethods {
    return {
      [ECHO]: {
        kind: "unary",
        handle: (call) => this.answer?.(call) ?? Promise.resolve(call.message),
      },
      [FAIL]: { kind: "unary", handle: () => Promise.reject(this.failure()) },
      [WAIT]: { kind: "unary", handle: (call) => this.#wait(call) },
      [COUNT]: { kind: "server_stream", handle: (call) => this.#count(call) },
    };
  }

  #wait({ signal }: GrpcCall): Promise<Uint8Array> {
    this.journal.push("waiting");
    return new Promise((_, reject) => {
      signal.addEventListener("abort", () => {
        this.journal.push(`aborted: ${signal.reason.message}`);
        reject(signal.reason);
      });
    });
  }

  /** The message: how many messages, of how many bytes each, and then: end, fail or hang. */
  async *#count({ message, signal }: GrpcCall): AsyncIterable<Uint8Array> {
    const [count, size, then] = JSON.parse(new TextDecoder().decode(message));
    try {
      for (let i = 0; i < count; i++) {
        this.produced++;
        const bytes = new Uint8Array(size).fill(i);
        yield bytes;
      }
      if (then === "fail") {
        await pause(20); // this client forgets messages it has not told of when a failure comes
        throw this.failure();
      }
      if (then === "hang") {
        this.journal.push("hanging");
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        signal.throwIfAborted();
      }
    } finally {
      this.journal.push("stream left");
    }
  }

  async saw(entry: string): Promise<void> {
    for (let i = 0; i < 500 && !this.journal.includes(entry); i++) await pause(10);
    assert.ok(this.journal.includes(entry), `${entry} is not in ${this.journal.join(", ")}`);
  }
}

const pause = (ms: number) => new Promise<void>((resolve) => systemClock.setTimeout(resolve, ms));
const order = (count: number, size: number, then = "end") =>
  new TextEncoder().encode(JSON.stringify([count, size, then]));
const noise = (size: number) => seededRandom(1).fill(new Uint8Array(size));
const code = ({ code, details }: grpc.StatusObject | grpc.ServiceError) => [code, details];

export function keepsGrpcContract(name: string, serve: ServeGrpc): void {
  const serving = async (options: Partial<GrpcServerOptions> = {}) => {
    const runtime = createRuntime();
    const service = new TestService();
    const all = { ...defaultGrpcServerOptions, closeTimeoutMs: 5000, ...options };
    const served = await serve(runtime, service.methods(), all);
    return {
      runtime,
      service,
      port: served.port,
      [Symbol.asyncDispose]: () => served[Symbol.asyncDispose](),
    };
  };
  const test = (sentence: string, run: () => Promise<void>) =>
    Deno.test(`${name}: ${sentence}`, run);

  test("messages of all sizes go and come byte for byte", async () => {
    await using server = await serving();
    using client = new GrpcClient(server.port);
    for (const size of [0, 1, 5, 16_379, 16_384, 65_535, 1_000_000, 6 << 20]) {
      const bytes = noise(size);
      const answer = await client.unary(ECHO, bytes);
      assert.equal(Buffer.compare(answer, bytes), 0, `${size} bytes`);
    }
  });

  test("a stream arrives whole and in order, of no message, of many and of big ones", async () => {
    await using server = await serving();
    using client = new GrpcClient(server.port);
    for (const [count, size] of [[0, 0], [1, 0], [3, 5_000_000], [2000, 10]] as const) {
      const { messages, status } = await drain(client.stream(COUNT, order(count, size)));
      assert.deepEqual(code(status), [grpc.status.OK, ""]);
      assert.equal(messages.length, count);
      messages.forEach((message, i) => {
        assert.equal(message.length, size);
        if (size > 0) assert.deepEqual([message[0], message.at(-1)], [i % 256, i % 256]);
      });
    }
  });

  test("messages come when they are there, not at the end", async () => {
    await using server = await serving();
    using client = new GrpcClient(server.port);
    const stream = client.stream(COUNT, order(1, 3, "hang"));
    const first = await new Promise<Uint8Array>((resolve) => stream.once("data", resolve));
    assert.deepEqual(first, Uint8Array.of(0, 0, 0));
    stream.on("error", () => {});
    stream.cancel();
    await server.service.saw("stream left");
  });

  test("a slow reader holds the stream back, and loses nothing", async () => {
    await using server = await serving();
    using client = new GrpcClient(server.port);
    const [count, size] = [400, 100_000];
    const stream = client.stream(COUNT, order(count, size));
    await new Promise<void>((resolve) => stream.once("data", () => resolve()));
    stream.pause();
    await pause(300);
    const held = server.service.produced;
    await pause(200);
    assert.equal(server.service.produced, held, "goes on though nobody reads");
    assert.ok(held < 200, `${held} messages were made ahead`);
    const { messages, status } = await drain(stream.resume() as typeof stream);
    assert.deepEqual([messages.length, status.code], [count - 1, 0]);
  });

  test("many streams and calls share a connection", async () => {
    await using server = await serving();
    using client = new GrpcClient(server.port);
    const calls = Array.from({ length: 60 }, async (_, i) => {
      if (i % 2 === 0) assert.equal((await client.unary(ECHO, noise(i * 2000))).length, i * 2000);
      else {
        const { messages } = await drain(client.stream(COUNT, order(i, 30_000)));
        assert.equal(messages.length, i);
      }
    });
    await Promise.all(calls);
  });

  test("who cancels stops the work, unary or stream", async () => {
    await using server = await serving();
    using client = new GrpcClient(server.port);
    let call: grpc.ClientUnaryCall | undefined;
    const refusal = client.refusal(WAIT, noise(1), {}, {}, (started) => call = started);
    await server.service.saw("waiting");
    call!.cancel();
    assert.equal((await refusal).code, grpc.status.CANCELLED);
    await server.service.saw("aborted: cancelled by the client");
    const stream = client.stream(COUNT, order(1, 10, "hang"));
    const end = drain(stream);
    await server.service.saw("hanging");
    stream.cancel();
    assert.equal((await end).status.code, grpc.status.CANCELLED);
    await server.service.saw("stream left");
  });

  test("who cancels while its window is full stops the work", async () => {
    await using server = await serving();
    using client = new GrpcClient(server.port);
    const stream = client.stream(COUNT, order(10_000, 100_000));
    stream.on("error", () => {});
    await new Promise<void>((resolve) => stream.once("data", () => resolve()));
    stream.pause();
    await pause(100);
    stream.cancel();
    await server.service.saw("stream left");
    assert.ok(server.service.produced < 1000);
  });

  test("a client that vanishes stops its work", async () => {
    await using server = await serving();
    await using wire = cutWire(server.port);
    using client = new GrpcClient(wire.port);
    const refusal = client.refusal(WAIT, noise(1));
    await server.service.saw("waiting");
    await wire[Symbol.asyncDispose]();
    assert.equal((await refusal).code, grpc.status.UNAVAILABLE);
    await server.service.saw("aborted: cancelled by the client");
  });

  test("a deadline ends the call at both sides", async () => {
    await using server = await serving();
    using client = new GrpcClient(server.port);
    const options = { deadline: systemClock.now() + 150 };
    const error = await client.refusal(WAIT, noise(1), {}, options);
    assert.equal(error.code, grpc.status.DEADLINE_EXCEEDED);
    await pause(100);
    const [, end] = server.service.journal;
    assert.match(end!, /^aborted: (deadline exceeded|cancelled by the client)$/);
  });

  test("failures carry code, message and details", async () => {
    await using server = await serving();
    using client = new GrpcClient(server.port);
    const cases: [Error, GrpcCode, string][] = [
      [new InputError("invalid_argument", "100% bäd\nid"), 3, "100% bäd\nid"],
      [new InputError("not_found", ""), 5, ""],
      [new InputError("resource_exhausted", "queue full"), 8, "queue full"],
      [new InputError("unauthenticated", "no org id"), 16, "no org id"],
      [new UnavailableError("disk full"), 14, "disk full"],
      [new GrpcError(GrpcCode.AlreadyExists, "a batch is running"), 6, "a batch is running"],
      [new TypeError("secret is undefined"), 13, "internal error"],
    ];
    for (const [thrown, expected, details] of cases) {
      server.service.failure = () => thrown;
      assert.deepEqual(code(await client.refusal(FAIL, noise(1))), [expected, details]);
      const { messages, status } = await drain(client.stream(COUNT, order(2, 5, "fail")));
      assert.deepEqual([messages.length, ...code(status)], [2, expected, details]);
      const none = await drain(client.stream(COUNT, order(0, 0, "fail")));
      assert.deepEqual(code(none.status), [expected, details]);
    }
    const detail = { typeUrl: "type.googleapis.com/x.Y", value: Uint8Array.of(8, 1) };
    server.service.failure = () => new GrpcError(GrpcCode.Aborted, "no", [detail]);
    const { metadata } = await client.refusal(FAIL, noise(1));
    const [status] = metadata.get("grpc-status-details-bin") as Buffer[];
    const any = Buffer.concat([
      Buffer.from([0x0a, 23]),
      Buffer.from(detail.typeUrl),
      Buffer.from([0x12, 2, 8, 1]),
    ]);
    assert.equal(
      status!.toString("hex"),
      Buffer.concat([
        Buffer.from([0x08, 10, 0x12, 2]),
        Buffer.from("no"),
        Buffer.from([0x1a, any.length]),
        any,
      ]).toString("hex"),
    );
  });

  test("metadata arrives, and other methods are unimplemented", async () => {
    await using server = await serving();
    server.service.answer = ({ metadata }) =>
      Promise.resolve(new TextEncoder().encode(metadata.get("x-scope-orgid")));
    using client = new GrpcClient(server.port);
    const answer = await client.unary(ECHO, noise(1), { "X-Scope-OrgID": "a|b" });
    assert.equal(new TextDecoder().decode(answer), "a|b");
    const error = await client.refusal("/test.Test/Other", noise(1));
    assert.equal(error.code, grpc.status.UNIMPLEMENTED);
  });

  test("gzip goes both ways, and is bounded", async () => {
    await using server = await serving({ receivedBytesMax: 3_000_000 });
    const gzip = grpc.compressionAlgorithms.gzip;
    using client = new GrpcClient(server.port, { "grpc.default_compression_algorithm": gzip });
    const bytes = new Uint8Array(3_000_000).fill(7);
    assert.equal(Buffer.compare(await client.unary(ECHO, bytes), bytes), 0);
    const { messages } = await drain(client.stream(COUNT, order(3, 100_000)));
    assert.deepEqual(messages.map((message) => message.length), [100_000, 100_000, 100_000]);
    const error = await client.refusal(ECHO, new Uint8Array(3_000_001));
    assert.equal(error.code, grpc.status.RESOURCE_EXHAUSTED);
  });

  test("messages over the limits are refused, and the connection lives on", async () => {
    await using server = await serving({ receivedBytesMax: 2000, sentBytesMax: 1000 });
    using client = new GrpcClient(server.port);
    for (const size of [2001, 5_000_000]) {
      const error = await client.refusal(ECHO, noise(size));
      assert.equal(error.code, grpc.status.RESOURCE_EXHAUSTED);
    }
    assert.match((await client.refusal(ECHO, noise(1001))).details, /larger than may be sent/);
    const { messages, status } = await drain(client.stream(COUNT, order(1, 1001)));
    assert.deepEqual([messages.length, status.code], [0, grpc.status.RESOURCE_EXHAUSTED]);
    assert.equal((await client.unary(ECHO, noise(1000))).length, 1000);
  });

  test("streams over the limit of a connection wait for their turn", async () => {
    const { connection } = defaultGrpcServerOptions;
    await using server = await serving({ connection: { ...connection, streamsMax: 2 } });
    using client = new GrpcClient(server.port);
    await client.unary(ECHO, noise(1)); // the settings have arrived
    let running = 0;
    let most = 0;
    server.service.answer = async ({ message }) => {
      most = Math.max(most, ++running);
      await pause(20);
      running--;
      return message;
    };
    await Promise.all(Array.from({ length: 7 }, () => client.unary(ECHO, noise(1))));
    assert.equal(most, 2);
  });

  test("calls over the limit of the server are refused for now", async () => {
    await using server = await serving({ callsMax: 1 });
    using client = new GrpcClient(server.port);
    const abort = new AbortController();
    const waiting = client.refusal(WAIT, noise(1), {}, {}, (call) => {
      abort.signal.addEventListener("abort", () => call.cancel());
    });
    await server.service.saw("waiting");
    const error = await client.refusal(ECHO, noise(1));
    assert.deepEqual(code(error), [grpc.status.UNAVAILABLE, "too many calls in flight"]);
    abort.abort();
    await waiting;
    await server.service.saw("aborted: cancelled by the client");
    await client.unary(ECHO, noise(1));
  });

  test("closing waits for calls and streams in flight", async () => {
    const server = await serving();
    using client = new GrpcClient(server.port);
    const written = Promise.withResolvers<void>();
    const arrived = Promise.withResolvers<void>();
    server.service.answer = async ({ message }) => {
      arrived.resolve();
      await written.promise;
      return message;
    };
    const call = client.unary(ECHO, noise(10));
    const stream = drain(client.stream(COUNT, order(300, 100_000)));
    await arrived.promise;
    let isClosed = false;
    const closing = server[Symbol.asyncDispose]().then(() => isClosed = true);
    const { messages, status } = await stream;
    assert.deepEqual([messages.length, status.code], [300, 0]);
    assert.equal(isClosed, false);
    written.resolve();
    assert.equal((await call).length, 10);
    await closing;
    await assert.rejects(Deno.connect({ hostname: "127.0.0.1", port: server.port }));
  });

  test("closing does not wait for ever, and says so", async () => {
    const server = await serving({ closeTimeoutMs: 50 });
    using client = new GrpcClient(server.port);
    const waiting = client.refusal(WAIT, noise(10));
    const stream = drain(client.stream(COUNT, order(2, 10, "hang")));
    await server.service.saw("waiting");
    await server.service.saw("hanging");
    await server[Symbol.asyncDispose]();
    assert.deepEqual(code(await waiting), [grpc.status.UNAVAILABLE, "shutting down"]);
    const { messages, status } = await stream;
    assert.deepEqual([messages.length, ...code(status)], [2, 14, "shutting down"]);
    await server.service.saw("aborted: shutting down");
    await server.service.saw("stream left");
  });

  test("calls are counted by how they ended", async () => {
    await using server = await serving();
    using client = new GrpcClient(server.port);
    await client.unary(ECHO, noise(1));
    await client.refusal(FAIL, noise(1));
    await drain(client.stream(COUNT, order(3, 1)));
    const stream = client.stream(COUNT, order(1, 1, "hang"));
    const end = drain(stream);
    await server.service.saw("hanging");
    server.service.journal.length = 0;
    stream.cancel();
    await end;
    await server.service.saw("stream left");
    const text = await server.runtime.metrics.text();
    for (
      const [route, status] of [
        [ECHO, "success"],
        [FAIL, "error"],
        [COUNT, "success"],
        [COUNT, "cancel"],
      ]
    ) {
      const labels = `method="gRPC",route="${route}",status_code="${status}",ws="false"`;
      assert.ok(text.includes(`tempo_request_duration_seconds_count{${labels}} 1`), text);
    }
  });

  test("garbage ends its own connection and nothing else", async () => {
    await using server = await serving();
    using client = new GrpcClient(server.port);
    await client.unary(ECHO, noise(1));
    const random = seededRandom(7);
    for (let i = 0; i < 30; i++) {
      using conn = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
      const preface = new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
      const garbage = random.fill(new Uint8Array(1 + Math.floor(random.next() * 3000)));
      // Frame lengths that are believed, and then anything.
      for (let at = 0; at + 9 < garbage.length; at += 64) garbage.set([0, 0, 55], at);
      await conn.write(new Uint8Array([...preface, ...garbage]));
      await conn.closeWrite();
      const rest = new Uint8Array(4096);
      try {
        while (await conn.read(rest) !== null);
      } catch (error) {
        assert.ok(error instanceof Deno.errors.ConnectionReset, String(error));
      }
    }
    assert.equal((await client.unary(ECHO, noise(100))).length, 100);
  });
}

/** A connection to the port that ends, without a word, when disposed. */
function cutWire(port: number) {
  const hostname = "127.0.0.1";
  const listener = Deno.listen({ hostname, port: 0 });
  const ends: Deno.TcpConn[] = [];
  const running = (async () => {
    try {
      const near = await listener.accept();
      const far = await Deno.connect({ hostname, port });
      ends.push(near, far);
      await Promise.allSettled([
        near.readable.pipeTo(far.writable),
        far.readable.pipeTo(near.writable),
      ]);
    } catch {
      // cut before anybody came
    }
  })();
  const close = (resource: { close(): void }) => {
    try {
      resource.close();
    } catch {
      // it was closed by the other end
    }
  };
  return {
    port: listener.addr.port,
    async [Symbol.asyncDispose]() {
      [listener, ...ends].forEach(close);
      await running;
    },
  };
}
