// One endpoint of remote writes: a request, and what its answer means.
// Rules: what may pass later is told from what never will; nothing of a request is kept when it fails.
import { Buffer } from "node:buffer";
import { readFile } from "node:fs/promises";
import * as http from "node:http";
import * as https from "node:https";

import type { Clock } from "../../lib/clock.ts";
import { InputError } from "../../lib/errors.ts";
import type { EndpointAuth, EndpointSettings, Secret } from "./endpoint_settings.ts";

export type Outcome =
  | { readonly kind: "taken" }
  /** Not for what it is. `afterMs`: not before, if the endpoint says so. */
  | { readonly kind: "away"; readonly reason: string; readonly afterMs: number | undefined }
  /** `isForContents`: some of what it holds may be taken without the rest. */
  | { readonly kind: "refused"; readonly reason: string; readonly isForContents: boolean };

/** Sends one compressed message. */
export interface Endpoint extends Disposable {
  send(body: Uint8Array, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<
    Outcome
  >;
}

const PROTOCOL_HEADERS = {
  "content-encoding": "snappy",
  "content-type": "application/x-protobuf",
  "x-prometheus-remote-write-version": "0.1.0",
  "user-agent": "segno",
};
const REASON_BYTES_MAX = 1024;
const IDLE_SOCKETS_MAX = 4;

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly retryAfter: string | undefined;
}

export class HttpEndpoint implements Endpoint {
  readonly #url: URL;
  readonly #agent: http.Agent | https.Agent;

  constructor(readonly clock: Clock, readonly settings: EndpointSettings) {
    const { url, tls } = settings;
    this.#url = new URL(url);
    if (this.#url.protocol !== "http:" && this.#url.protocol !== "https:") {
      throw new InputError("invalid_argument", `remote_write.url: ${url} is not of http`);
    }
    const kept = { keepAlive: true, maxFreeSockets: IDLE_SOCKETS_MAX };
    this.#agent = this.#url.protocol === "http:" ? new http.Agent(kept) : new https.Agent({
      ...kept,
      ...tls === undefined ? {} : {
        rejectUnauthorized: !tls.isUnverified,
        ...tls.ca === undefined ? {} : { ca: tls.ca },
        ...tls.cert === undefined ? {} : { cert: tls.cert },
        ...tls.key === undefined ? {} : { key: tls.key },
        ...tls.serverName === undefined ? {} : { servername: tls.serverName },
        ...tls.minVersion === undefined ? {} : { minVersion: tls.minVersion },
      },
    });
  }

  async send(
    body: Uint8Array,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<Outcome> {
    try {
      const { auth, timeoutMs } = this.settings;
      const all = { ...PROTOCOL_HEADERS, ...await authHeaders(auth), ...lowerCased(headers) };
      const answer = await this.#post(body, all, timeoutMs, signal);
      return this.#outcomeOf(answer);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return { kind: "away", reason, afterMs: undefined };
    }
  }

  #outcomeOf({ status, text, retryAfter }: Answer): Outcome {
    if (status >= 200 && status < 300) return { kind: "taken" };
    const reason = `HTTP ${status}${text === "" ? "" : `: ${text}`}`;
    const mayPass = status >= 500 || status === 429 && this.settings.queue.retriesOn429;
    if (mayPass) return { kind: "away", reason, afterMs: milliseconds(retryAfter) };
    return { kind: "refused", reason, isForContents: status === 400 };
  }

  #post(
    body: Uint8Array,
    headers: Record<string, string>,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const request = (this.#url.protocol === "http:" ? http : https).request(this.#url, {
      method: "POST",
      agent: this.#agent,
      headers: { ...headers, "content-length": body.length },
    }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (part: string) => {
        if (text.length < REASON_BYTES_MAX) text += part;
      });
      response.on("error", reject);
      response.on("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          text: text.slice(0, REASON_BYTES_MAX).trim(),
          retryAfter: response.headers["retry-after"],
        }));
    });
    const stop = () => request.destroy(new Error("the request was given up"));
    const late = () => request.destroy(new Error(`no answer in ${timeoutMs} ms`));
    // Also over an endpoint that answers a byte now and then.
    const timer = this.clock.setTimeout(late, timeoutMs);
    signal.addEventListener("abort", stop, { once: true });
    request.on("error", reject);
    if (signal.aborted) stop();
    else request.end(body);
    return promise.finally(() => {
      this.clock.clearTimeout(timer);
      signal.removeEventListener("abort", stop);
    });
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}

async function authHeaders(auth: EndpointAuth | undefined): Promise<Record<string, string>> {
  if (auth === undefined) return {};
  if (auth.kind === "header") {
    return { authorization: `${auth.type} ${await textOf(auth.credentials)}` };
  }
  const pair = `${await textOf(auth.username)}:${await textOf(auth.password)}`;
  return { authorization: `Basic ${Buffer.from(pair, "utf8").toString("base64")}` };
}

async function textOf(secret: Secret): Promise<string> {
  return secret.from === "value" ? secret.text : (await readFile(secret.path, "utf8")).trim();
}

function lowerCased(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
}

/** `Retry-After` in seconds; a date is not waited for. */
function milliseconds(retryAfter: string | undefined): number | undefined {
  const seconds = Number(retryAfter);
  return retryAfter === undefined || !(seconds >= 0) ? undefined : seconds * 1000;
}
