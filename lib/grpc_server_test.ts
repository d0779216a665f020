import assert from "node:assert/strict";
import { keepsGrpcContract } from "../tests/support/grpc_contract.ts";
import { ByteWriter } from "./byte_writer.ts";
import { defaultGrpcServerOptions, GrpcServer } from "./grpc_server.ts";
import { GrpcCode, GrpcError } from "./grpc_status.ts";
import { encodeHeaders, HpackDecoder } from "./hpack.ts";
import { Flag, FrameType, PREFACE, writeFrame } from "./http2_frame.ts";
import type { OnStream } from "./http2_stream.ts";
import { createRuntime } from "./runtime.ts";

keepsGrpcContract("own listener", (runtime, methods, options) => {
  const server = new GrpcServer(runtime, methods, options);
  return Promise.resolve({
    port: server.listen("127.0.0.1", 0),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  });
});

/** A client that writes frames by hand. */
class RawClient implements Disposable {
  readonly #conn: Deno.TcpConn;
  #rest = new Uint8Array(0);

  private constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
  }

  static async connect(port: number): Promise<RawClient> {
    const client = new RawClient(await Deno.connect({ hostname: "127.0.0.1", port }));
    await client.send((out) => {
      out.append(PREFACE);
      writeFrame(out, FrameType.Settings, 0, 0, new Uint8Array(0));
    });
    return client;
  }

  async send(write: (out: ByteWriter) => void): Promise<void> {
    const out = new ByteWriter();
    write(out);
    for (let at = 0; at < out.length;) {
      at += await this.#conn.write(out.bytes.subarray(at, out.length));
    }
  }

  call(path: string, message: Uint8Array, headers = {}, flags = Flag.EndStream): Promise<void> {
    return this.send((out) => {
      const block = encodeHeaders({
        ":method": "POST",
        ":path": path,
        "content-type": "application/grpc",
        ...headers,
      });
      writeFrame(out, FrameType.Headers, Flag.EndHeaders, 1, block);
      writeFrame(out, FrameType.Data, flags, 1, framed(message));
    });
  }

  /** Type, flags and payload of the stream's frames until its end. */
  async answer(): Promise<[FrameType, number, Uint8Array][]> {
    const frames: [FrameType, number, Uint8Array][] = [];
    while (true) {
      const { type, flags, stream, payload } = await this.#frame();
      if (stream === 0) continue;
      frames.push([type, flags, payload]);
      if (type === FrameType.RstStream || (flags & Flag.EndStream) !== 0) return frames;
    }
  }

  async #frame() {
    const head = await this.#take(9);
    const view = new DataView(head.buffer);
    const payload = await this.#take(view.getUint32(0) >>> 8);
    return { type: head[3]! as FrameType, flags: head[4]!, stream: view.getUint32(5), payload };
  }

  async #take(size: number): Promise<Uint8Array<ArrayBuffer>> {
    while (this.#rest.length < size) {
      const more = new Uint8Array(65_536);
      const got = await this.#conn.read(more);
      assert.ok(got !== null, "the connection has ended");
      this.#rest = new Uint8Array([...this.#rest, ...more.subarray(0, got)]);
    }
    const taken = this.#rest.slice(0, size);
    this.#rest = this.#rest.slice(size);
    return taken;
  }

  [Symbol.dispose](): void {
    this.#conn.close();
  }
}

function framed(message: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(5 + message.length);
  new DataView(bytes.buffer).setUint32(1, message.length);
  bytes.set(message, 5);
  return bytes;
}

const decoded = (block: Uint8Array) => new HpackDecoder(1 << 16).decode(block);
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
  using client = await RawClient.connect(server.listen("127.0.0.1", 0));
  await client.call("/t.T/Slow", new Uint8Array(0), { "grpc-timeout": "50m" });
  const frames = await client.answer();
  assert.equal(frames.length, 1);
  const headers = decoded(frames[0]![2]);
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
  using client = await RawClient.connect(server.listen("127.0.0.1", 0));
  await client.call("/t.T/Some", new Uint8Array(0));
  const frames = await client.answer();
  assert.deepEqual(frames.map(([type]) => type), [1, 0, 0, 1]);
  assert.deepEqual(frames.slice(1, 3).map(([, , payload]) => [...payload]), [
    [0, 0, 0, 0, 1, 7],
    [0, 0, 0, 0, 0],
  ]);
  assert.equal(decoded(frames[3]![2]).get("grpc-status"), "15");
});

Deno.test("what is not gRPC is refused, or goes where it was told to", async () => {
  for (const otherwise of [undefined, answers204]) {
    const all = otherwise === undefined ? options : { ...options, otherwise };
    const server = new GrpcServer(createRuntime(), {}, all);
    await using _server = server;
    using client = await RawClient.connect(server.listen("127.0.0.1", 0));
    await client.call("/x", new Uint8Array(0), { "content-type": "text/plain" });
    const [[, , block]] = await client.answer() as [[FrameType, number, Uint8Array]];
    assert.equal(decoded(block).get(":status"), otherwise === undefined ? "415" : "204");
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
    using client = await RawClient.connect(port);
    await client.send((out) => {
      const head = { ":method": "POST", ":path": "/t.T/Echo", "content-type": "application/grpc" };
      writeFrame(out, FrameType.Headers, Flag.EndHeaders, 1, encodeHeaders(head));
      writeFrame(out, FrameType.Data, Flag.EndStream, 1, body);
    });
    const headers = decoded((await client.answer())[0]![2]);
    assert.equal(headers.get("grpc-status"), "3");
    assert.match(headers.get("grpc-message")!, new RegExp(words));
  }
});
