// HTTP/2 connections: over cleartext TCP with prior knowledge, as gRPC clients without TLS speak it, over TLS
// (tls_listener.ts), or handed in by whoever accepted them.
import { type ByteListener, listenTcp } from "./byte_listener.ts";
import type { Clock } from "./clock.ts";
import { Http2Connection } from "./http2_connection.ts";
import { defaultConnectionOptions, type Http2ConnectionOptions } from "./http2_life.ts";
import type { ByteStream } from "./byte_stream.ts";
import type { OnStream } from "./http2_stream.ts";

export interface Http2ServerOptions extends Http2ConnectionOptions {
  /** At a time; 0: no bound. */
  readonly connectionsMax: number;
}

export const defaultHttp2ServerOptions: Http2ServerOptions = {
  ...defaultConnectionOptions,
  connectionsMax: 0,
};

/** From the answers that `impatient` gives to the end of connections that still do not end. */
const GRACE_MS = 1000;

export class Http2Server {
  readonly #clock: Clock;
  readonly #onStream: OnStream;
  readonly #options: Http2ServerOptions;
  readonly #connections = new Map<Http2Connection, Promise<void>>();
  readonly #listeners = new Map<ByteListener, Promise<void>>();
  #isClosing = false;

  constructor(
    clock: Clock,
    onStream: OnStream,
    options: Http2ServerOptions = defaultHttp2ServerOptions,
  ) {
    this.#clock = clock;
    this.#onStream = onStream;
    this.#options = options;
  }

  /** In the clear. Returns the port; 0 takes a free one. */
  listen(hostname: string, port: number): number {
    const listener = listenTcp(hostname, port);
    this.serve(listener);
    return listener.port;
  }

  /** All that it accepts, until the server closes, and the listener with it. */
  serve(listener: ByteListener): void {
    this.#listeners.set(listener, this.#accept(listener));
  }

  /** Serves a connection; resolves at its end. One too many is closed at once. */
  async take(conn: ByteStream): Promise<void> {
    const { connectionsMax } = this.#options;
    const isFull = connectionsMax > 0 && this.#connections.size >= connectionsMax;
    if (this.#isClosing || isFull) return conn.close();
    const connection = new Http2Connection(this.#clock, conn, this.#onStream, this.#options);
    const running = connection.run();
    this.#connections.set(connection, running);
    await running;
    this.#connections.delete(connection);
  }

  async #accept(listener: ByteListener): Promise<void> {
    for await (const conn of listener) void this.take(conn);
  }

  /**
   * Stops accepting and waits for the streams in flight; after `timeoutMs` calls `impatient`, which
   * should answer them, and soon after that closes what is still open.
   */
  async close(timeoutMs: number, impatient: () => void): Promise<void> {
    for (const listener of this.#listeners.keys()) listener.close();
    await Promise.all(this.#listeners.values());
    this.#isClosing = true;
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
