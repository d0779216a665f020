// Connections that speak TLS, and clients who show who they are where that is asked for.
// Rules: nobody is handed on who did not show what was asked; who says nothing is not waited for; new connections
// are greeted by the certificate that is there when they come. Handshakes that fail are counted, and told at most
// once in ten seconds, for anybody may begin one.
//
// node:tls, because Deno.listenTls cannot ask a client for its certificate, nor change its own.
import type { Socket } from "node:net";
import { createServer, type Server, type TLSSocket } from "node:tls";
import { type ByteListener, listenTcp } from "./byte_listener.ts";
import type { Certificates, CertificateWorld } from "./certificates.ts";
import { UnavailableError } from "./errors.ts";
import type { ByteStream } from "./byte_stream.ts";
import type { Counter } from "./metrics.ts";
import { SocketStream } from "./socket_stream.ts";

/** What clients are asked for; the words are those of Go's library. */
export const CLIENT_AUTH = [
  "NoClientCert",
  "RequestClientCert",
  "RequireAnyClientCert",
  "VerifyClientCertIfGiven",
  "RequireAndVerifyClientCert",
] as const;

export type ClientAuth = typeof CLIENT_AUTH[number];

export interface ServerTls {
  /** With `ca`, if clients' certificates are verified. */
  readonly certificates: Certificates;
  readonly clientAuth: ClientAuth;
  /** Whether clients of TLS 1.2 are refused. */
  readonly isOnly13: boolean;
}

const HANDSHAKE_MS = 10_000;
const TOLD_EVERY_MS = 10_000;
const ALPN = ["h2", "http/1.1"];

/** In the clear where no TLS is wanted. 0 takes a free port. */
export async function listenBytes(
  world: CertificateWorld,
  { hostname, port, tls }: {
    readonly hostname: string;
    readonly port: number;
    readonly tls?: ServerTls | undefined;
  },
): Promise<ByteListener> {
  return tls === undefined
    ? listenTcp(hostname, port)
    : await listenTls(world, hostname, port, tls);
}

export async function listenTls(
  world: CertificateWorld,
  hostname: string,
  port: number,
  tls: ServerTls,
  /** Who has not said who it is after this is sent away. */
  handshakeMs = HANDSHAKE_MS,
): Promise<ByteListener> {
  const listener = new TlsListener(world, tls, handshakeMs);
  await listener.open(hostname, port);
  return listener;
}

class TlsListener implements ByteListener {
  readonly #world: CertificateWorld;
  readonly #tls: ServerTls;
  readonly #server: Server;
  /** Who has connected and not said yet who it is, by where it is. */
  readonly #shaking = new Map<string, Socket>();
  readonly #accepted: ByteStream[] = [];
  readonly #refused: Counter;
  readonly #stopRenewing: () => void;
  #wake: (() => void) | undefined;
  #toldMs = -Infinity;
  #isClosed = false;
  port = 0;

  constructor(world: CertificateWorld, tls: ServerTls, handshakeMs: number) {
    this.#world = world;
    this.#tls = tls;
    const { certificates, clientAuth, isOnly13 } = tls;
    this.#refused = world.metrics.counter(
      "segno_tls_failed_handshakes_total",
      "Connections that ended before their TLS handshake did",
    );
    this.#server = createServer({
      ...serverMaterial(certificates),
      requestCert: clientAuth !== "NoClientCert",
      // Who shows nothing is told so by TLS itself; all other answers are `mayPass`'s.
      rejectUnauthorized: clientAuth === "RequireAndVerifyClientCert",
      ALPNProtocols: ALPN,
      handshakeTimeout: handshakeMs,
      ...isOnly13 ? { minVersion: "TLSv1.3" as const } : {},
    });
    this.#stopRenewing = certificates.onRenewed(() =>
      this.#server.setSecureContext(serverMaterial(certificates))
    );
    this.#server.on("connection", (socket: Socket) => this.#greet(socket));
    this.#server.on("secureConnection", (socket: TLSSocket) => this.#accept(socket));
    this.#server.on("tlsClientError", (error: Error, socket: TLSSocket) => {
      socket.destroy(); // the one that is late is only told of
      this.#tell(error.message);
    });
  }

  open(hostname: string, port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.on("error", (error) => {
        const reason = `cannot listen on ${hostname}:${port}: ${error.message}`;
        reject(new UnavailableError(reason, { cause: error }));
        // Of a connection that could not be accepted, once it listens: the next one may be.
        if (this.port !== 0) this.#tell(error.message);
      });
      this.#server.listen(port, hostname, () => {
        this.port = (this.#server.address() as { port: number }).port;
        resolve();
      });
    });
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ByteStream, void, void> {
    while (true) {
      const conn = this.#accepted.shift();
      if (conn !== undefined) yield conn;
      else if (this.#isClosed) return;
      else await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#stopRenewing();
    this.#server.close();
    for (const socket of this.#shaking.values()) socket.destroy();
    this.#shaking.clear();
    this.#wake?.();
  }

  #greet(socket: Socket): void {
    const place = placeOf(socket);
    socket.setNoDelay(true);
    this.#shaking.set(place, socket);
    socket.on("close", () => this.#shaking.delete(place));
  }

  #accept(socket: TLSSocket): void {
    this.#shaking.delete(placeOf(socket));
    const why = this.#isClosed ? "the server is stopping" : refusalOf(this.#tls.clientAuth, socket);
    if (why !== undefined) {
      socket.on("error", () => {});
      socket.destroy();
      return this.#tell(why);
    }
    this.#accepted.push(new SocketStream(socket));
    this.#wake?.();
  }

  #tell(reason: string): void {
    this.#refused.inc();
    const nowMs = this.#world.clock.monotonic();
    if (nowMs - this.#toldMs < TOLD_EVERY_MS) return;
    this.#toldMs = nowMs;
    this.#world.log.warn("a TLS handshake failed", { port: this.port, error: reason });
  }
}

const placeOf = ({ remoteAddress, remotePort }: Socket) => `${remoteAddress} ${remotePort}`;

/** Why this client is not let in; undefined if it is. */
function refusalOf(clientAuth: ClientAuth, socket: TLSSocket): string | undefined {
  if (clientAuth === "NoClientCert" || clientAuth === "RequestClientCert") return undefined;
  const hasShown = Object.keys(socket.getPeerCertificate() ?? {}).length > 0;
  if (!hasShown) {
    return clientAuth === "VerifyClientCertIfGiven" ? undefined : "the client shows no certificate";
  }
  if (clientAuth === "RequireAnyClientCert" || socket.authorized) return undefined;
  return `the client's certificate is not believed: ${socket.authorizationError}`;
}

/** As node's servers take it. */
export function serverMaterial({ current: { cert, key, ca } }: Certificates) {
  return { cert: cert!, key: key!, ...ca === undefined ? {} : { ca } };
}
