// The way to one server over HTTP/2, in the clear or by TLS: Deno's own client, made anew when the certificates on
// disk are other ones.
// Rule: what runs when they are renewed runs to its end on the connection that it has.
import type { Certificates } from "./certificates.ts";
import { ConnectTunnel } from "./connect_tunnel.ts";

export interface ClientTls {
  /** `ca` beside the system's authorities; `cert` for servers that want to know who asks. */
  readonly certificates: Certificates;
  /** What the server's certificate is to name; empty: what it is called at. */
  readonly serverName: string;
}

export class ClientChannel implements Disposable {
  /** What paths are put after. */
  readonly base: string;
  readonly #tls: ClientTls | undefined;
  readonly #tunnel: ConnectTunnel | undefined;
  readonly #stopRenewing: (() => void) | undefined;
  #client: Deno.HttpClient;

  /** `host:port`, or `[v6]:port`. */
  constructor(address: string, tls: ClientTls | undefined) {
    this.#tls = tls;
    if (tls === undefined) this.base = `http://${address}`;
    else if (tls.serverName === "") this.base = `https://${address}`;
    else {
      const colon = address.lastIndexOf(":");
      const hostname = address.slice(0, colon).replace(/^\[|\]$/g, "");
      const port = Number(address.slice(colon + 1));
      this.base = `https://${tls.serverName}:${port}`;
      this.#tunnel = new ConnectTunnel({ hostname, port });
    }
    this.#client = this.#open();
    this.#stopRenewing = tls?.certificates.onRenewed(() => {
      this.#client.close();
      this.#client = this.#open();
    });
  }

  get client(): Deno.HttpClient {
    return this.#client;
  }

  [Symbol.dispose](): void {
    this.#stopRenewing?.();
    this.#client.close();
    this.#tunnel?.[Symbol.dispose]();
  }

  #open(): Deno.HttpClient {
    const { ca, cert, key } = this.#tls?.certificates.current ?? {};
    const url = this.#tunnel?.url;
    return Deno.createHttpClient({
      http1: false,
      http2: true,
      ...url === undefined ? {} : { proxy: { transport: "http" as const, url } },
      ...ca === undefined ? {} : { caCerts: [ca] },
      ...cert === undefined || key === undefined ? {} : { cert, key },
    });
  }
}
