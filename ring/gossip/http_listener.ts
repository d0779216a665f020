// The other end of http_transport.ts: takes messages of members and answers them.
// Rules: a message has a size and a time, and so many are taken at once; who is of another cluster or
// cannot prove that it knows the secret is refused before its bytes are looked at, and counted; nothing
// that somebody sends ends the listener.
//
// node:http, because Deno.serve cannot ask a client for its certificate.
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from "node:http";
import { createServer as createTlsServer, type Server as TlsServer } from "node:https";
import type { Certificates } from "../../lib/certificates.ts";
import { CorruptionError, UnavailableError } from "../../lib/errors.ts";
import type { Counter } from "../../lib/metrics.ts";
import type { Runtime } from "../../lib/runtime.ts";
import { serverMaterial } from "../../lib/tls_listener.ts";
import {
  CLUSTER_HEADER,
  GOSSIP_PATH,
  type GossipWireOptions,
  SEAL_HEADER,
} from "./http_transport.ts";
import { sealOfAnswer, Seals } from "./seal.ts";

export interface GossipListenOptions extends GossipWireOptions {
  /** At least one. */
  readonly hostnames: readonly string[];
  /** 0: any free one, the same on all addresses. */
  readonly port: number;
  /** Whether members of other clusters are taken, too. */
  readonly takesAnyCluster: boolean;
  /** Of each address. */
  readonly connectionsMax: number;
  /** Messages that are being received or answered. */
  readonly exchangesMax: number;
}

export interface GossipListener extends AsyncDisposable {
  readonly port: number;
}

type Refusal = "cluster" | "secret" | "size" | "time" | "busy" | "unreadable" | "path";

/** `receive` makes an answer of a message, and throws CorruptionError for what is none. */
export async function listenForGossip(
  runtime: Runtime,
  receive: (message: Uint8Array) => Uint8Array,
  options: GossipListenOptions,
): Promise<GossipListener> {
  const listener = new Listener(runtime, receive, options);
  await listener.listen();
  return listener;
}

class Listener implements GossipListener {
  readonly #servers: Server[] = [];
  readonly #stopRenewing: (() => void)[] = [];
  readonly #seals: Seals;
  readonly #refused: Counter<"reason">;
  readonly #receivedBytes: Counter;
  #exchanges = 0;
  #port = 0;

  constructor(
    readonly runtime: Runtime,
    readonly receive: (message: Uint8Array) => Uint8Array,
    readonly options: GossipListenOptions,
  ) {
    this.#seals = new Seals(runtime.clock, options);
    this.#refused = runtime.metrics.counter(
      "segno_gossip_refused_messages_total",
      "Messages of gossip that were not taken, by reason",
      ["reason"],
    );
    this.#receivedBytes = runtime.metrics.counter(
      "tempo_memberlist_client_received_broadcasts_bytes_total",
      "Bytes of gossip received",
    );
  }

  get port(): number {
    return this.#port;
  }

  async listen(): Promise<void> {
    const { hostnames, port, tls, connectionsMax, timeoutMs } = this.options;
    // Of who says nothing at all.
    const silence = { headersTimeout: timeoutMs, connectionsCheckingInterval: timeoutMs };
    this.#port = port;
    try {
      for (const hostname of hostnames) {
        const handle = (request: IncomingMessage, response: ServerResponse) =>
          void this.#handle(request, response);
        const server = tls === undefined
          ? createServer(silence, handle)
          : this.#withTls(tls.certificates, silence, handle);
        server.maxConnections = connectionsMax;
        this.#servers.push(server as Server);
        this.#port = await listening(server as Server, hostname, this.#port);
      }
    } catch (error) {
      await this[Symbol.asyncDispose]();
      throw error;
    }
  }

  #withTls(
    certificates: Certificates,
    silence: ServerOptions,
    handle: (request: IncomingMessage, response: ServerResponse) => void,
  ): TlsServer {
    const server = createTlsServer({
      ...silence,
      ...serverMaterial(certificates),
      requestCert: true,
      rejectUnauthorized: true,
    }, handle);
    this.#stopRenewing.push(
      certificates.onRenewed(() => server.setSecureContext(serverMaterial(certificates))),
    );
    return server;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopRenewing.forEach((stop) => stop());
    await Promise.all(this.#servers.map((server) => closed(server)));
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { exchangesMax, timeoutMs } = this.options;
    if (this.#exchanges >= exchangesMax) return this.#refuse(response, 503, "busy");
    this.#exchanges++;
    const { clock } = this.runtime;
    const timer = clock.setTimeout(() => {
      this.#refused.labels("time").inc();
      request.destroy();
    }, timeoutMs);
    try {
      await this.#answer(request, response);
    } catch (error) {
      // The sender went away, or was sent away.
      this.runtime.log.debug("a message of gossip was not answered", { error: String(error) });
      request.destroy();
    } finally {
      clock.clearTimeout(timer);
      this.#exchanges--;
    }
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { cluster, messageBytesMax, takesAnyCluster } = this.options;
    if (request.method !== "POST" || request.url !== GOSSIP_PATH) {
      return this.#refuse(response, 404, "path");
    }
    const label = headerOf(request, CLUSTER_HEADER) ?? "";
    if (label !== cluster && !takesAnyCluster) return this.#refuse(response, 403, "cluster");
    const message = await bodyOf(request, messageBytesMax);
    if (message === undefined) return this.#refuse(response, 413, "size");
    const seal = headerOf(request, SEAL_HEADER);
    const secret = this.#seals.secretOfAsk(label, seal, message);
    if (secret === undefined) return this.#refuse(response, 401, "secret");
    this.#receivedBytes.inc(message.length);
    try {
      const answer = this.receive(message);
      const answerSeal = sealOfAnswer(secret, seal, answer);
      if (answerSeal !== undefined) response.setHeader(SEAL_HEADER, answerSeal);
      response.setHeader("Connection", "close");
      response.end(answer);
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
      this.#refuse(response, 400, "unreadable");
    }
  }

  #refuse(response: ServerResponse, status: number, reason: Refusal): void {
    this.#refused.labels(reason).inc();
    response.writeHead(status, { "Content-Type": "text/plain", "Connection": "close" });
    response.end(`refused: ${reason}\n`);
  }
}

function headerOf({ headers }: IncomingMessage, name: string): string | null {
  const value = headers[name.toLowerCase()];
  return typeof value === "string" ? value : null;
}

/** Undefined if there is more than that. */
async function bodyOf(
  request: IncomingMessage,
  bytesMax: number,
): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > bytesMax) return undefined;
    chunks.push(chunk);
  }
  return chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
}

function listening(server: Server, hostname: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", (error) => {
      const reason = `the gossip cannot listen on ${hostname}:${port}: ${error.message}`;
      reject(new UnavailableError(reason, { cause: error }));
    });
    server.listen(port, hostname, () => {
      resolve((server.address() as { port: number }).port);
    });
  });
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections?.();
  });
}
