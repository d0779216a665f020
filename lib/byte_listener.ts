// Connections as they come, whatever they come by: what servers of ours accept.
import type { ByteStream } from "./byte_stream.ts";

/** Iterating ends once it is closed. Whoever takes a connection closes it. */
export interface ByteListener extends AsyncIterable<ByteStream> {
  readonly port: number;
  /** Takes no new connections; those that were taken go on. May be said more than once. */
  close(): void;
}

/** In the clear. */
export function listenTcp(hostname: string, port: number): ByteListener {
  return new TcpListener(Deno.listen({ hostname, port }));
}

class TcpListener implements ByteListener {
  readonly port: number;
  #isClosed = false;

  constructor(readonly listener: Deno.TcpListener) {
    this.port = listener.addr.port;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ByteStream, void, void> {
    try {
      for await (const conn of this.listener) {
        conn.setNoDelay(true);
        yield conn;
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error; // closed while it accepted
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.listener.close();
  }
}
