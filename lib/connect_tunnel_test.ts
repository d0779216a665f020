import assert from "node:assert/strict";
import { ConnectTunnel } from "./connect_tunnel.ts";

const text = (conn: Deno.TcpConn, size = 1000) => {
  const bytes = new Uint8Array(size);
  return conn.read(bytes).then((got) => new TextDecoder().decode(bytes.subarray(0, got ?? 0)))
    .catch(() => "");
};
const say = (conn: Deno.TcpConn, words: string) => conn.write(new TextEncoder().encode(words));

async function asking(tunnel: ConnectTunnel): Promise<Deno.TcpConn> {
  const conn = await Deno.connect({
    hostname: "127.0.0.1",
    port: Number(new URL(tunnel.url).port),
  });
  await say(conn, "CONNECT anybody.example:1 HTTP/1.1\r\nHost: ");
  await say(conn, "anybody.example:1\r\n\r\nearly");
  return conn;
}

Deno.test("it leads to its end whatever is asked for, and where one side ends both do", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using tunnel = new ConnectTunnel({ hostname: "127.0.0.1", port: listener.addr.port });
  using near = await asking(tunnel);
  using far = await listener.accept();
  assert.match(await text(near), /^HTTP\/1.1 200 OK\r\n\r\n$/);
  assert.equal(await text(far), "early");
  await say(far, "answer");
  assert.equal(await text(near), "answer");
  await say(near, "more");
  assert.equal(await text(far), "more");
  far.closeWrite();
  assert.equal(await text(near), "");
});

Deno.test("where nobody is the way is refused; what is open ends with it", async () => {
  using gone = new ConnectTunnel({ hostname: "127.0.0.1", port: 1 });
  using refused = await asking(gone);
  assert.match(await text(refused), /^HTTP\/1.1 502 /);
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const tunnel = new ConnectTunnel({ hostname: "127.0.0.1", port: listener.addr.port });
  using near = await asking(tunnel);
  using far = await listener.accept();
  assert.match(await text(near), /200 OK/);
  await text(far);
  tunnel[Symbol.dispose]();
  assert.equal(await text(near), "");
  assert.equal(await text(far), "");
});
