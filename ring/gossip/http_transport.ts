// Gossip goes out as HTTP: a message is POSTed to a member's address, and the answer is the answer.
//
//   POST /gossip
//   Segno-Cluster   label of the cluster
//   Segno-Seal      seal.ts
//
// Rules: an exchange has a time and an answer a size; a connection is not kept, for the next round asks
// somebody else; an answer without proof is none.
import { request } from "node:https";
import type { ClientTls } from "../../lib/client_channel.ts";
import { UnavailableError } from "../../lib/errors.ts";
import { withinTime } from "../../lib/deadline.ts";
import type { Runtime } from "../../lib/runtime.ts";
import type { GossipTransport } from "./gossip.ts";
import { Seals, type Secrets } from "./seal.ts";

export const GOSSIP_PATH = "/gossip";
export const CLUSTER_HEADER = "Segno-Cluster";
export const SEAL_HEADER = "Segno-Seal";

export interface GossipWireOptions extends Secrets {
  /** Members with another do not speak to each other. */
  readonly cluster: string;
  readonly timeoutMs: number;
  readonly messageBytesMax: number;
  /**
   * Undefined: in the clear. Otherwise both sides show each other a certificate of one authority, and neither speaks
   * to who has none. It names the address that it is asked at, unless there is one name for all.
   */
  readonly tls: ClientTls | undefined;
}

export class HttpGossipTransport implements GossipTransport, Disposable {
  #client: Deno.HttpClient;
  readonly #stopRenewing: (() => void) | undefined;
  readonly #seals: Seals;

  constructor(readonly runtime: Pick<Runtime, "clock">, readonly options: GossipWireOptions) {
    const { tls } = options;
    this.#client = this.#open();
    this.#stopRenewing = tls?.certificates.onRenewed(() => {
      this.#client.close(); // exchanges that it has begun end
      this.#client = this.#open();
    });
    this.#seals = new Seals(runtime.clock, options);
  }

  [Symbol.dispose](): void {
    this.#stopRenewing?.();
    this.#client.close();
  }

  #open(): Deno.HttpClient {
    const { ca, cert, key } = this.options.tls?.certificates.current ?? {};
    return Deno.createHttpClient({
      poolMaxIdlePerHost: 0,
      http2: false,
      ...ca === undefined ? {} : { caCerts: [ca] },
      ...cert === undefined || key === undefined ? {} : { cert, key },
    });
  }

  exchange(address: string, message: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    const { timeoutMs } = this.options;
    const late = () => new UnavailableError(`${address} did not answer within ${timeoutMs} ms`);
    return withinTime(this.runtime.clock, timeoutMs, late, signal, async (signal) => {
      try {
        return await this.#post(address, message, signal);
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof UnavailableError) throw error;
        throw new UnavailableError(`${address} cannot be reached: ${error}`, { cause: error });
      }
    });
  }

  async #post(address: string, message: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    const { cluster, messageBytesMax, tls } = this.options;
    const seal = this.#seals.ofAsk(cluster, message);
    const headers = { [CLUSTER_HEADER]: cluster, ...seal !== undefined && { [SEAL_HEADER]: seal } };
    const response = tls !== undefined && tls.serverName !== ""
      ? await postByName(tls, address, headers, message, signal)
      : await fetch(`${tls === undefined ? "http" : "https"}://${address}${GOSSIP_PATH}`, {
        method: "POST",
        headers,
        body: message as Uint8Array<ArrayBuffer>,
        redirect: "error",
        client: this.#client,
        signal,
      });
    const answer = await bodyOf(response, messageBytesMax);
    if (response.status !== 200) {
      const reason = new TextDecoder().decode(answer.subarray(0, 200)).trim();
      throw new UnavailableError(`${address} answers ${response.status}: ${reason}`);
    }
    if (!this.#seals.isAnswer(seal, response.headers.get(SEAL_HEADER), answer)) {
      throw new UnavailableError(`${address} does not know the secret of this cluster`);
    }
    return answer;
  }
}

/** As fetch does it, which cannot be told that the certificate names another host than the URL. */
function postByName(
  { certificates, serverName }: ClientTls,
  address: string,
  headers: Record<string, string>,
  message: Uint8Array,
  signal: AbortSignal,
): Promise<Response> {
  const { hostname, port } = new URL(`https://${address}`);
  const { cert, key, ca } = certificates.current;
  return new Promise((resolve, reject) => {
    const asked = request({
      host: hostname.replace(/^\[|\]$/g, ""),
      port: port === "" ? 443 : Number(port),
      path: GOSSIP_PATH,
      method: "POST",
      headers: { ...headers, "Content-Length": message.length },
      servername: serverName,
      agent: false,
      signal,
      cert: cert!,
      key: key!,
      ca: ca!,
    }, (response) => {
      const seal = response.headers[SEAL_HEADER.toLowerCase()];
      resolve(
        new Response(ReadableStream.from(response as AsyncIterable<Uint8Array<ArrayBuffer>>), {
          status: response.statusCode!,
          headers: typeof seal === "string" ? { [SEAL_HEADER]: seal } : {},
        }),
      );
    });
    asked.on("error", reject);
    asked.end(message);
  });
}

async function bodyOf({ body }: Response, bytesMax: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  // Leaving the loop cancels the rest.
  for await (const chunk of body ?? []) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw new UnavailableError(`an answer of more than ${bytesMax} bytes`);
    chunks.push(chunk);
  }
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
}
