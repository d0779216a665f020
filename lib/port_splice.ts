// One port for two servers: connections that begin as HTTP/2 does go to one, all others are passed on,
// byte by byte, to a listener on loopback. For Deno.serve, which cannot be handed a connection and cannot
// end an answer with trailers, as gRPC needs it.
// Rules: what one side does not read is not read from the other; the end of one side is told to the other
// while the opposite way goes on; when either side breaks, both are closed, and no connection is left.

import type { Clock } from "./clock.ts";
import { PREFACE } from "./http2_frame.ts";
import type { ByteStream } from "./http2_output.ts";

/** Enough for a request or a piece of an answer; each connection has two of them. */
const BUFFER_BYTES = 32 << 10;
/** Who says nothing for so long is not waited for. */
const SILENT_MS = 60_000;

export interface PortSpliceOptions {
  readonly hostname: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Serves a connection to its end, and closes it. */
  readonly http2: (conn: ByteStream) => Promise<void>;
  /** Where all else is answered, on loopback. */
  readonly http1Port: number;
}

export class PortSplice {
  readonly port: number;
  readonly #clock: Clock;
  readonly #listener: Deno.TcpListener;
  readonly #options: PortSpliceOptions;
  readonly #running = new Map<Deno.TcpConn, Promise<void>>();
  readonly #accepting: Promise<void>;

  constructor(clock: Clock, options: PortSpliceOptions) {
    this.#clock = clock;
    this.#options = options;
    const { hostname, port } = options;
    this.#listener = Deno.listen({ hostname, port });
    this.port = this.#listener.addr.port;
    this.#accepting = this.#accept();
  }

  get connectionCount(): number {
    return this.#running.size;
  }

  /** Takes no new connections. Those that are open end with the servers behind. */
  async stop(): Promise<void> {
    try {
      this.#listener.close();
    } catch {
      // it was stopped before
    }
    await this.#accepting;
  }

  /** Cuts off the connections that are left. */
  async close(): Promise<void> {
    await this.stop();
    for (const conn of this.#running.keys()) closeQuietly(conn);
    await Promise.all(this.#running.values());
  }

  async #accept(): Promise<void> {
    try {
      for await (const conn of this.#listener) {
        conn.setNoDelay(true);
        const running = this.#serve(conn).finally(() => this.#running.delete(conn));
        this.#running.set(conn, running);
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error; // closed while it accepted
    }
  }

  /** Never rejects. */
  async #serve(conn: Deno.TcpConn): Promise<void> {
    try {
      const begun = await this.#firstBytes(conn);
      if (begun === undefined) return;
      if (isPreface(begun)) await this.#options.http2(new BegunConn(conn, begun));
      else await this.#passOn(conn, begun);
    } catch {
      // The peer is gone, or the listener behind is.
    } finally {
      closeQuietly(conn);
    }
  }

  /** As many bytes as tell which protocol it is; undefined if the peer says nothing. */
  async #firstBytes(conn: Deno.TcpConn): Promise<Uint8Array | undefined> {
    const bytes = new Uint8Array(BUFFER_BYTES);
    let length = 0;
    const silence = this.#clock.setTimeout(() => closeQuietly(conn), SILENT_MS);
    try {
      do {
        const size = await conn.read(bytes.subarray(length));
        if (size === null) return undefined;
        length += size;
      } while (length < PREFACE.length && isPreface(bytes.subarray(0, length)));
    } finally {
      this.#clock.clearTimeout(silence);
    }
    return bytes.subarray(0, length);
  }

  async #passOn(near: Deno.TcpConn, begun: Uint8Array): Promise<void> {
    const far = await Deno.connect({ hostname: "127.0.0.1", port: this.#options.http1Port });
    far.setNoDelay(true);
    const breakBoth = () => {
      closeQuietly(near);
      closeQuietly(far);
    };
    const onward = async () => {
      await writeAll(far, begun);
      await pump(near, far);
    };
    await Promise.all([onward(), pump(far, near)].map((way) => way.catch(breakBoth)));
    breakBoth();
  }
}

/** Copies until the source ends, and tells the sink. */
async function pump(source: Deno.TcpConn, sink: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(BUFFER_BYTES);
  for (let size = await source.read(buffer); size !== null; size = await source.read(buffer)) {
    await writeAll(sink, buffer.subarray(0, size));
  }
  await sink.closeWrite();
}

async function writeAll(sink: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await sink.write(bytes.subarray(at));
}

/** Whether the bytes are HTTP/2's first ones, as far as they go. */
function isPreface(bytes: Uint8Array): boolean {
  const length = Math.min(bytes.length, PREFACE.length);
  for (let i = 0; i < length; i++) if (bytes[i] !== PREFACE[i]) return false;
  return true;
}

/** A connection of which some bytes have been read already. */
class BegunConn implements ByteStream {
  readonly #conn: Deno.TcpConn;
  #begun: Uint8Array;

  constructor(conn: Deno.TcpConn, begun: Uint8Array) {
    this.#conn = conn;
    this.#begun = begun;
  }

  read(into: Uint8Array): Promise<number | null> {
    if (this.#begun.length === 0) return this.#conn.read(into);
    const part = this.#begun.subarray(0, into.length);
    into.set(part);
    this.#begun = this.#begun.subarray(part.length);
    return Promise.resolve(part.length);
  }

  write(bytes: Uint8Array): Promise<number> {
    return this.#conn.write(bytes);
  }

  closeWrite(): Promise<void> {
    return this.#conn.closeWrite();
  }

  close(): void {
    closeQuietly(this.#conn);
  }
}

function closeQuietly(conn: Deno.TcpConn): void {
  try {
    conn.close();
  } catch {
    // it is closed already
  }
}
