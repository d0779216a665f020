// A pair of sockets of node:net on loopback.
import assert from "node:assert/strict";
import { createServer, type Socket } from "node:net";
import { seededRandom } from "./random.ts";
import { SocketStream } from "./socket_stream.ts";

/** Ours, and the peer's side of it. */
async function pair() {
  const accepted = Promise.withResolvers<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => accepted.resolve(socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  const { port } = server.address() as { port: number };
  const peer = await Deno.connect({ hostname: "127.0.0.1", port });
  const socket = await accepted.promise;
  const stream = new SocketStream(socket);
  return {
    peer,
    stream,
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) =>
        socket.closed ? resolve() : socket.once("close", () => resolve())
      );
      stream.close();
      await closed;
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

Deno.test("bytes come and go as they were, and the end of one side is told", async () => {
  await using both = await pair();
  const { peer, stream } = both;
  const content = seededRandom(1).fill(new Uint8Array(500_000));
  const sending = (async () => {
    for (let at = 0; at < content.length;) at += await peer.write(content.subarray(at));
    await peer.closeWrite();
  })();
  const got: number[] = [];
  const into = new Uint8Array(7_001);
  for (let size = await stream.read(into); size !== null; size = await stream.read(into)) {
    got.push(...into.subarray(0, size));
  }
  await sending;
  assert.equal(Buffer.compare(Uint8Array.from(got), content), 0);
  assert.equal(await stream.write(new TextEncoder().encode("late")), 4);
  await stream.closeWrite();
  assert.equal(await new Response(peer.readable).text(), "late");
});

Deno.test("who waits for a peer that breaks hears of it, at reading and at writing", async () => {
  await using both = await pair();
  const reading = both.stream.read(new Uint8Array(10)).catch(() => null);
  both.peer.close();
  assert.equal(await reading, null);
  both.stream.close();
  await assert.rejects(both.stream.write(new Uint8Array(1 << 20)));
});
