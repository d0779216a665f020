// A proxy in front of a real HTTP server, with weather on order: a rule sees each request and says what
// becomes of it. What it lets through is passed on unchanged, the host's name included, so signatures hold.
import { Buffer } from "node:buffer";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

import type { Fault } from "./faulty_http.ts";

export interface ProxiedRequest {
  readonly method: string;
  readonly path: string;
}

export type Rule = (request: ProxiedRequest) => Fault | undefined;

export class FaultyProxy implements AsyncDisposable {
  rule: Rule = () => undefined;
  readonly requests: ProxiedRequest[] = [];
  readonly #server;

  private constructor(readonly target: { readonly hostname: string; readonly port: number }) {
    this.#server = createServer((from, to) => void this.#pass(from, to).catch(() => to.destroy()));
  }

  static async before(address: string): Promise<FaultyProxy> {
    const [hostname, port] = address.split(":");
    const proxy = new FaultyProxy({ hostname: hostname!, port: Number(port) });
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  /** `host:port` */
  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async #pass(from: IncomingMessage, to: ServerResponse): Promise<void> {
    const { method = "GET", url: path = "/" } = from;
    this.requests.push({ method, path });
    const fault = this.rule({ method, path });
    const sent = await collected(from);
    if (fault?.kind === "stall") return; // until the client gives up
    if (fault?.kind === "reset") return void to.destroy();
    if (fault?.kind === "answer") {
      const { status, body = "" } = fault;
      return void to.writeHead(status, { "content-length": Buffer.byteLength(body) }).end(body);
    }
    const answer = await this.#asked(from, sent);
    const body = await collected(answer);
    to.writeHead(answer.statusCode!, answer.headers);
    if (fault?.kind !== "truncate") return void to.end(body);
    // The head is out with its promise before the connection breaks.
    to.write(body.subarray(0, fault.afterBytes), () => to.destroy());
  }

  #asked({ method, url, headers }: IncomingMessage, sent: Buffer): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const options = { ...this.target, method: method!, path: url!, headers, agent: false };
      request(options, resolve).on("error", reject).end(sent);
    });
  }
}

async function collected(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}
