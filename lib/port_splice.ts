// One port for two servers: connections that begin as HTTP/2 does go to one, all others are passed on,
// byte by byte, to a listener on this machine. For Deno.serve, which cannot be handed a connection, cannot
// end an answer with trailers, as gRPC needs it, and cannot ask a client for its certificate.
// Rules: what one side does not read is not read from the other; the end of one side is told to the other
// while the opposite way goes on; when either side breaks, both are closed, and no connection is left.

import type { ByteListener } from "./byte_listener.ts";
import { type ByteStream, closeQuietly, copyBytes, writeAll } from "./byte_stream.ts";
import type { Clock } from "./clock.ts";
import { PREFACE } from "./http2_frame.ts";

/** Enough for a request or a piece of an answer; each connection has two of them. */
const BUFFER_BYTES = 32 << 10;
/** Who says nothing for so long is not waited for. */
const SILENT_MS = 60_000;

/** A place on this machine. */
export type Behind =
  | { readonly hostname: string; readonly port: number }
  | { readonly transport: "unix"; readonly path: string };

export interface PortSpliceOptions {
  /** Serves a connection to its end, and closes it; without it HTTP/2 is passed on too. */
  readonly http2?: ((conn: ByteStream) => Promise<void>) | undefined;
  /** Where all else is answered. */
  readonly behind: Behind;
}

export class PortSplice {
  readonly port: number;
  readonly #clock: Clock;
  readonly #listener: ByteListener;
  readonly #options: PortSpliceOptions;
  readonly #running = new Map<ByteStream, Promise<void>>();
  readonly #accepting: Promise<void>;

  constructor(clock: Clock, listener: ByteListener, options: PortSpliceOptions) {
    this.#clock = clock;
    this.#listener = listener;
    this.#options = options;
    this.port = listener.port;
    this.#accepting = this.#accept();
  }

  get connectionCount(): number {
    return this.#running.size;
  }

  /** Takes no new connections. Those that are open end with the servers behind. */
  async stop(): Promise<void> {
    this.#listener.close();
    await this.#accepting;
  }

  /** Cuts off the connections that are left. */
  async close(): Promise<void> {
    await this.stop();
    for (const conn of this.#running.keys()) closeQuietly(conn);
    await Promise.all(this.#running.values());
  }

  async #accept(): Promise<void> {
    for await (const conn of this.#listener) {
      const running = this.#serve(conn).finally(() => this.#running.delete(conn));
      this.#running.set(conn, running);
    }
  }

  /** Never rejects. */
  async #serve(conn: ByteStream): Promise<void> {
    const { http2 } = this.#options;
    try {
      const begun = await this.#firstBytes(conn);
      if (begun === undefined) return;
      if (http2 !== undefined && isPreface(begun)) await http2(new BegunConn(conn, begun));
      else await this.#passOn(conn, begun);
    } catch {
      // The peer is gone, or the listener behind is.
    } finally {
      closeQuietly(conn);
    }
  }

  /** As many bytes as tell which protocol it is; undefined if the peer says nothing. */
  async #firstBytes(conn: ByteStream): Promise<Uint8Array | undefined> {
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

  async #passOn(near: ByteStream, begun: Uint8Array): Promise<void> {
    const far = await connect(this.#options.behind);
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

async function connect(behind: Behind): Promise<ByteStream> {
  if ("path" in behind) return await Deno.connect({ ...behind });
  const conn = await Deno.connect({ ...behind });
  conn.setNoDelay(true);
  return conn;
}

/** Copies until the source ends, and tells the sink. */
async function pump(source: ByteStream, sink: ByteStream): Promise<void> {
  await copyBytes(source, sink, BUFFER_BYTES);
  await sink.closeWrite();
}

/** Whether the bytes are HTTP/2's first ones, as far as they go. */
function isPreface(bytes: Uint8Array): boolean {
  const length = Math.min(bytes.length, PREFACE.length);
  for (let i = 0; i < length; i++) if (bytes[i] !== PREFACE[i]) return false;
  return true;
}

/** A connection of which some bytes have been read already. */
class BegunConn implements ByteStream {
  readonly #conn: ByteStream;
  #begun: Uint8Array;

  constructor(conn: ByteStream, begun: Uint8Array) {
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
