// Where a server's certificate names another host than the one it is called at: fetch verifies the name in its URL
// and can be told no other, so the URL has that name, and this is the proxy by which it gets to the address.
//
//   fetch https://name:port ─▶ CONNECT, here, on loopback ─▶ TCP ─▶ address
//
// Rules: what passes is encrypted end to end, so that nobody here can read it; it leads to one address and to no other,
// whatever is asked for; where one side ends, both do.
import { listenTcp } from "./byte_listener.ts";
import { type ByteStream, closeQuietly, copyBytes, writeAll } from "./byte_stream.ts";

export interface TunnelEnd {
  readonly hostname: string;
  readonly port: number;
}

const BUFFER_BYTES = 64 << 10;
/** Of what a proxy is asked by. */
const HEAD_BYTES_MAX = 4096;
const OPEN = new TextEncoder().encode("HTTP/1.1 200 OK\r\n\r\n");
const AWAY = new TextEncoder().encode("HTTP/1.1 502 Bad Gateway\r\n\r\n");

export class ConnectTunnel implements Disposable {
  readonly #listener = listenTcp("127.0.0.1", 0);
  readonly #conns = new Set<ByteStream>();
  #isClosed = false;

  constructor(readonly end: TunnelEnd) {
    void this.#accept();
  }

  /** Of a proxy. */
  get url(): string {
    return `http://127.0.0.1:${this.#listener.port}`;
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#listener.close();
    for (const conn of this.#conns) this.#close(conn);
  }

  async #accept(): Promise<void> {
    for await (const conn of this.#listener) void this.#serve(conn);
  }

  /** Never rejects. */
  async #serve(near: ByteStream): Promise<void> {
    this.#conns.add(near);
    try {
      const rest = await restOfHead(near);
      const far = await this.#connect(near);
      if (far === undefined) return;
      await writeAll(near, OPEN);
      await writeAll(far, rest);
      const both = [near, far];
      const end = () => both.forEach((conn) => this.#close(conn));
      const ways = [copyBytes(near, far, BUFFER_BYTES), copyBytes(far, near, BUFFER_BYTES)];
      await Promise.all(ways.map((way) => way.then(end, end)));
    } catch {
      // Who asked is gone.
    } finally {
      this.#close(near);
    }
  }

  async #connect(near: ByteStream): Promise<ByteStream | undefined> {
    try {
      const far = await Deno.connect({ ...this.end });
      far.setNoDelay(true);
      this.#conns.add(far);
      if (this.#isClosed) this.#close(far);
      return far;
    } catch {
      await writeAll(near, AWAY);
      return undefined;
    }
  }

  #close(conn: ByteStream): void {
    this.#conns.delete(conn);
    closeQuietly(conn);
  }
}

/** What follows the head that asks for a way; throws if none comes. */
async function restOfHead(conn: ByteStream): Promise<Uint8Array> {
  const bytes = new Uint8Array(HEAD_BYTES_MAX);
  for (let length = 0; length < HEAD_BYTES_MAX;) {
    const size = await conn.read(bytes.subarray(length));
    if (size === null) break;
    length += size;
    const end = new TextDecoder("latin1").decode(bytes.subarray(0, length)).indexOf("\r\n\r\n");
    if (end >= 0) return bytes.slice(end + 4, length);
  }
  throw new Error("nobody asks for a way");
}
