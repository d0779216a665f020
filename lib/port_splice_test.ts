import assert from "node:assert/strict";
import { keepsGrpcContract } from "../tests/support/grpc_contract.ts";
import { listenTcp } from "./byte_listener.ts";
import { SimulatedClock, systemClock } from "./clock.ts";
import { GrpcServer } from "./grpc_server.ts";
import { PREFACE } from "./http2_frame.ts";
import type { ByteStream } from "./byte_stream.ts";
import { PortSplice } from "./port_splice.ts";
import { seededRandom } from "./random.ts";

const hostname = "127.0.0.1";

keepsGrpcContract("shared port", (runtime, methods, options) => {
  const server = new GrpcServer(runtime, methods, options);
  const splice = new PortSplice(runtime.clock, listenTcp(hostname, 0), {
    http2: (conn) => server.take(conn),
    behind: { hostname, port: 1 }, // nobody is there
  });
  return Promise.resolve({
    port: splice.port,
    async [Symbol.asyncDispose]() {
      await splice.stop();
      await server[Symbol.asyncDispose]();
      await splice.close();
    },
  });
});

interface Behind {
  readonly splice: PortSplice;
  /** The next connection that is passed on. */
  accept(): Promise<Deno.TcpConn>;
  connect(): Promise<Deno.TcpConn>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A splice with a bare listener behind. */
function splicing(http2: (conn: ByteStream) => Promise<void>, clock = systemClock): Behind {
  const listener = Deno.listen({ hostname, port: 0 });
  const splice = new PortSplice(clock, listenTcp(hostname, 0), {
    http2,
    behind: { hostname, port: listener.addr.port },
  });
  return {
    splice,
    accept: () => listener.accept(),
    connect: () => Deno.connect({ hostname, port: splice.port }),
    async [Symbol.asyncDispose]() {
      await splice.close();
      listener.close();
    },
  };
}

const noHttp2 = () => Promise.reject(new Error("not HTTP/2"));
const bytes = (text: string) => new TextEncoder().encode(text);

async function readAll(conn: Deno.TcpConn): Promise<Uint8Array> {
  return await new Response(conn.readable).bytes();
}

async function read(conn: Deno.TcpConn, size: number): Promise<Uint8Array> {
  const into = new Uint8Array(size);
  for (let at = 0; at < size;) {
    const got = await conn.read(into.subarray(at));
    assert.ok(got !== null, "ended early");
    at += got;
  }
  return into;
}

async function writeAll(conn: Deno.TcpConn, content: Uint8Array): Promise<void> {
  for (let at = 0; at < content.length;) at += await conn.write(content.subarray(at));
}

Deno.test("HTTP/1 is answered by the server behind, on connections that stay", async () => {
  const server = Deno.serve(
    { hostname, port: 0, onListen: () => {} },
    async (request) => new Response(`${request.method} ${(await request.bytes()).length}`),
  );
  const splice = new PortSplice(systemClock, listenTcp(hostname, 0), {
    http2: noHttp2,
    behind: { hostname, port: server.addr.port },
  });
  const url = `http://${hostname}:${splice.port}/`;
  assert.equal(await (await fetch(url)).text(), "GET 0");
  const body = seededRandom(3).fill(new Uint8Array(3_000_000)) as Uint8Array<ArrayBuffer>;
  const posts = Array.from({ length: 8 }, () => fetch(url, { method: "POST", body }));
  for (const post of posts) assert.equal(await (await post).text(), "POST 3000000");
  await splice.stop();
  await server.shutdown();
  await splice.close();
  assert.equal(splice.connectionCount, 0);
});

Deno.test("the preface may come in any pieces, and what only looks like it is passed on", async () => {
  const begun: number[][] = [];
  await using behind = splicing(async (conn) => {
    const into = new Uint8Array(100);
    const all: number[] = [];
    while (all.length < PREFACE.length + 1) {
      const got = await conn.read(into.subarray(0, 10));
      all.push(...into.subarray(0, got!));
    }
    begun.push(all);
  });
  for (const piece of [1, 3, 23, 25]) {
    using conn = await behind.connect();
    const all = new Uint8Array([...PREFACE, 42]);
    for (let at = 0; at < all.length; at += piece) {
      await writeAll(conn, all.subarray(at, at + piece));
      await new Promise<void>((resolve) => systemClock.setTimeout(resolve, 1));
    }
    assert.equal((await readAll(conn)).length, 0);
    assert.deepEqual(begun.pop(), [...all]);
  }
  using odd = await behind.connect();
  await writeAll(odd, bytes("PRI * HTTP/2.1"));
  using far = await behind.accept();
  assert.deepEqual(await read(far, 14), bytes("PRI * HTTP/2.1"));
});

Deno.test("the end of one side is told while the other goes on", async () => {
  await using behind = splicing(noHttp2);
  using near = await behind.connect();
  await writeAll(near, bytes("question"));
  await near.closeWrite();
  const far = await behind.accept();
  assert.deepEqual(await readAllKeepingOpen(far), bytes("question"));
  await writeAll(far, bytes("a late answer"));
  await far.closeWrite();
  far.close();
  assert.deepEqual(await readAll(near), bytes("a late answer"));
});

async function readAllKeepingOpen(conn: Deno.TcpConn): Promise<Uint8Array> {
  const all: number[] = [];
  const into = new Uint8Array(1000);
  for (let got = await conn.read(into); got !== null; got = await conn.read(into)) {
    all.push(...into.subarray(0, got));
  }
  return Uint8Array.from(all);
}

Deno.test("what is not read is not taken from the other side", async () => {
  await using behind = splicing(noHttp2);
  using near = await behind.connect();
  await writeAll(near, bytes("GET /"));
  using far = await behind.accept();
  let sent = 0;
  const chunk = new Uint8Array(1 << 20);
  const sending = (async () => {
    try {
      while (true) {
        await writeAll(far, chunk);
        sent += chunk.length;
      }
    } catch {
      // the test is over
    }
  })();
  const pause = () => new Promise<void>((resolve) => systemClock.setTimeout(resolve, 150));
  await pause();
  await pause();
  const held = sent;
  await pause();
  assert.equal(sent, held, "goes on though nobody reads");
  assert.ok(held < 60 << 20, `${held} bytes were taken ahead`);
  near.close();
  await sending;
});

Deno.test("when one side breaks both are closed, and none is left", async () => {
  await using behind = splicing(noHttp2);
  for (const side of ["near", "far"] as const) {
    using near = await behind.connect();
    await writeAll(near, bytes("GET /"));
    using far = await behind.accept();
    await read(far, 5);
    const [breaking, other] = side === "near" ? [near, far] : [far, near];
    breaking.close();
    try {
      assert.equal(await other.read(new Uint8Array(1)), null);
    } catch (error) {
      assert.ok(error instanceof Deno.errors.ConnectionReset);
    }
    other.close();
    for (let i = 0; i < 200 && behind.splice.connectionCount > 0; i++) {
      await new Promise<void>((resolve) => systemClock.setTimeout(resolve, 5));
    }
    assert.equal(behind.splice.connectionCount, 0);
  }
});

Deno.test("who says nothing is not waited for, nor who comes when nobody is behind", async () => {
  const clock = new SimulatedClock();
  const behind = { hostname, port: 1 };
  const splice = new PortSplice(clock, listenTcp(hostname, 0), { http2: noHttp2, behind });
  using silent = await Deno.connect({ hostname, port: splice.port });
  using early = await Deno.connect({ hostname, port: splice.port });
  await writeAll(early, bytes("GET /"));
  try {
    assert.equal(await early.read(new Uint8Array(1)), null);
  } catch (error) {
    assert.ok(error instanceof Deno.errors.ConnectionReset);
  }
  await clock.advance(60_000);
  assert.equal(await silent.read(new Uint8Array(1)), null);
  await splice.close();
});
