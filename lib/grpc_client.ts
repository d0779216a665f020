// gRPC calls to another process, on Deno's own HTTP/2 client: unary ones, and those answered by a stream.
// `@grpc/grpc-js` stands on node:http2, which in Deno 2.9.6 ends the whole process when its server says GOAWAY
// (docs/adr/0002-otlp-grpc-receiver.md); this one outlives fifty restarts of a server.
// Rule: fetch shows no trailers, and needs none: an answer is one whole message, and a call that failed has
// its status in the headers. An answer without either is the weather. What a stream's end means is for those
// to say who speak through it: one that broke off can look like one that ended.
import { ClientChannel, type ClientTls } from "./client_channel.ts";
import type { Clock } from "./clock.ts";
import { UnavailableError } from "./errors.ts";
import { messagesOf, MessageTooLargeError } from "./grpc_answer.ts";
import { framedMessage, type GrpcEncoding } from "./grpc_encoding.ts";
import { decodeDetails, GrpcCode, GrpcError } from "./grpc_status.ts";
import type { Random } from "./random.ts";
import { RequestRate, type RequestRateOptions } from "./request_rate.ts";
import { backoffMs, type BackoffOptions, sleep } from "./waiting.ts";

export interface GrpcClientOptions extends GrpcCallOptions {
  /** `host:port`; `dns:///` before it is passed over. */
  readonly address: string;
  /** Of a call, if nothing is heard. */
  readonly timeoutMs: number;
}

/** What is the same for all servers of a kind. */
export interface GrpcCallOptions {
  /** Of a message, compressed and not. */
  readonly receivedBytesMax: number;
  /** Of a message; without a bound if left out. */
  readonly sentBytesMax?: number;
  /** In which requests go out, and answers are asked for. */
  readonly encoding?: GrpcEncoding;
  /** In the clear if left out. */
  readonly tls?: ClientTls | undefined;
  /** Of calls; streams are not counted. */
  readonly rate?: RequestRateOptions | undefined;
  /** Of calls that a server refuses for there being too many; they are not tried again if left out. */
  readonly rateLimited?: (BackoffOptions & RateLimitedOptions) | undefined;
}

export interface RateLimitedOptions {
  /** 0: as often as it takes. */
  readonly retriesMax: number;
  readonly random: Random;
}

type Metadata = Readonly<Record<string, string>>;

export class GrpcClient implements Disposable {
  readonly #channel: ClientChannel;
  readonly #rate: RequestRate | undefined;

  constructor(readonly clock: Clock, readonly options: GrpcClientOptions) {
    const { address, tls, rate } = options;
    this.#channel = new ClientChannel(address.replace(/^(dns|passthrough):\/\/\//, ""), tls);
    this.#rate = rate && new RequestRate(clock, rate);
  }

  /** UnavailableError while there is no server; GrpcError for what it refuses. */
  async call(
    path: string,
    message: Uint8Array,
    metadata: Metadata,
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    const { rateLimited } = this.options;
    for (let tries = 1;; tries++) {
      try {
        await this.#rate?.turn(signal);
        return await this.#callOnce(path, message, metadata, signal);
      } catch (error) {
        const isLimit = error instanceof GrpcError && error.code === GrpcCode.ResourceExhausted;
        if (!isLimit || error instanceof MessageTooLargeError) throw error;
        if (rateLimited === undefined) throw error;
        const { retriesMax, random } = rateLimited;
        if (retriesMax > 0 && tries > retriesMax) throw error;
        await sleep(this.clock, backoffMs(rateLimited, tries, random), signal);
      }
    }
  }

  async #callOnce(
    path: string,
    message: Uint8Array,
    metadata: Metadata,
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    const { timeoutMs } = this.options;
    let answer: Uint8Array | undefined;
    for await (const one of this.stream(path, message, metadata, signal, timeoutMs)) {
      if (answer !== undefined) throw this.#away(path, "more than one answer");
      answer = one;
    }
    if (answer === undefined) throw this.#away(path, "the answer is not whole");
    return answer;
  }

  /** Messages as they come; whoever leaves ends the call. `timeoutMs`: for all of it; 0: none. */
  async *stream(
    path: string,
    message: Uint8Array,
    metadata: Metadata,
    signal: AbortSignal,
    timeoutMs: number,
  ): AsyncGenerator<Uint8Array, void, void> {
    signal.throwIfAborted();
    const over = new AbortController();
    let isLate = false;
    const timer = timeoutMs === 0 ? undefined : this.clock.setTimeout(() => {
      isLate = true;
      over.abort();
    }, timeoutMs);
    try {
      const either = AbortSignal.any([signal, over.signal]);
      const response = await this.#begin(path, message, metadata, either, timeoutMs);
      yield* messagesOf(response, this.options.receivedBytesMax);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof GrpcError || error instanceof UnavailableError) throw error;
      throw this.#away(path, isLate ? `no answer in ${timeoutMs} ms` : reasonOf(error), error);
    } finally {
      if (timer !== undefined) this.clock.clearTimeout(timer);
      over.abort();
    }
  }

  async #begin(
    path: string,
    message: Uint8Array,
    metadata: Metadata,
    signal: AbortSignal,
    timeoutMs: number,
  ): Promise<Response> {
    const { encoding = "identity", sentBytesMax = Infinity } = this.options;
    if (message.length > sentBytesMax) throw largerThan(sentBytesMax, message);
    const body = await framedMessage(message, encoding);
    const response = await fetch(`${this.#channel.base}${path}`, {
      method: "POST",
      client: this.#channel.client,
      body,
      headers: {
        ...metadata,
        "content-type": "application/grpc",
        "te": "trailers",
        ...encoding === "identity"
          ? {}
          : { "grpc-encoding": encoding, "grpc-accept-encoding": `identity,${encoding}` },
        ...timeoutMs === 0 ? {} : { "grpc-timeout": `${Math.min(99_999_999, timeoutMs)}m` },
      },
      signal,
    });
    const { headers } = response;
    const code = Number(headers.get("grpc-status") ?? 0);
    if (code === GrpcCode.Ok) return response;
    await response.body?.cancel();
    throw this.#refused(path, code, headers);
  }

  #away(path: string, why: string, cause?: unknown): UnavailableError {
    return new UnavailableError(`${this.options.address}${path}: ${why}`, { cause });
  }

  #refused(path: string, code: number, headers: Headers): Error {
    const text = percentDecoded(headers.get("grpc-message") ?? "");
    if (code === GrpcCode.Unavailable) return this.#away(path, text);
    const details = decodeDetails(headers.get("grpc-status-details-bin") ?? "");
    return new GrpcError(code as GrpcCode, `${this.options.address}${path}: ${text}`, details);
  }

  [Symbol.dispose](): void {
    this.#channel[Symbol.dispose]();
  }
}

/** What fetch says lies beneath it: that a certificate is not believed, that nobody listens. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : "";
  return cause.replace(/^error sending request for url \([^)]*\): /, "") || String(error);
}

function largerThan(sentBytesMax: number, { length }: Uint8Array): GrpcError {
  return new MessageTooLargeError(
    `a request of ${length} bytes is larger than may be sent, the limit is ${sentBytesMax}`,
  );
}

function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
