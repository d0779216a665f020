// An HTTP/2 server over cleartext TCP with prior knowledge, as gRPC clients without TLS speak it.
import type { Clock } from "./clock.ts";
import { Http2Connection, type OnStream } from "./http2_connection.ts";

export interface Http2ServerOptions {
  readonly hostname: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly onStream: OnStream;
}

/** From the answers that `impatient` gives to the end of connections that still do not end. */
const GRACE_MS = 1000;

export class Http2Server {
  readonly port: number;
  readonly #clock: Clock;
  readonly #listener: Deno.TcpListener;
  readonly #onStream: OnStream;
  readonly #connections = new Map<Http2Connection, Promise<void>>();
  readonly #accepting: Promise<void>;

  constructor(clock: Clock, { hostname, port, onStream }: Http2ServerOptions) {
    this.#clock = clock;
    this.#onStream = onStream;
    this.#listener = Deno.listen({ hostname, port });
    this.port = this.#listener.addr.port;
    this.#accepting = this.#accept();
  }

  async #accept(): Promise<void> {
    try {
      for await (const conn of this.#listener) {
        conn.setNoDelay(true);
        const connection = new Http2Connection(this.#clock, conn, this.#onStream);
        const running = connection.run().then(() => void this.#connections.delete(connection));
        this.#connections.set(connection, running);
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error; // closed while it accepted
    }
  }

  /**
   * Stops accepting and waits for the streams in flight; after `timeoutMs` calls `impatient`, which
   * should answer them, and soon after that closes what is still open.
   */
  async close(timeoutMs: number, impatient: () => void): Promise<void> {
    this.#listener.close();
    await this.#accepting;
    for (const connection of this.#connections.keys()) connection.stop();
    const closed = Promise.all(this.#connections.values());
    const timers = [
      this.#clock.setTimeout(impatient, timeoutMs),
      this.#clock.setTimeout(() => {
        for (const connection of this.#connections.keys()) connection.close();
      }, timeoutMs + GRACE_MS),
    ];
    await closed;
    for (const timer of timers) this.#clock.clearTimeout(timer);
  }
}
