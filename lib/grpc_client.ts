// gRPC calls to another process, on Deno's own HTTP/2 client: unary ones, and those answered by a stream.
// `@grpc/grpc-js` stands on node:http2, which in Deno 2.9.6 ends the whole process when its server says GOAWAY
// (docs/adr/0002-otlp-grpc-receiver.md); this one outlives fifty restarts of a server.
// Rule: fetch shows no trailers, and needs none: an answer is one whole message, and a call that failed has
// its status in the headers. An answer without either is the weather. What a stream's end means is for those
// to say who speak through it: one that broke off can look like one that ended.
import type { Clock } from "./clock.ts";
import { UnavailableError } from "./errors.ts";
import { decodeDetails, GrpcCode, GrpcError } from "./grpc_status.ts";

export interface GrpcClientOptions {
  /** `host:port`; `dns:///` before it is passed over. */
  readonly address: string;
  /** Of a call, if nothing is heard. */
  readonly timeoutMs: number;
  /** Of a message. */
  readonly receivedBytesMax: number;
}

const PREFIX_BYTES = 5;

type Metadata = Readonly<Record<string, string>>;

export class GrpcClient implements Disposable {
  readonly #client: Deno.HttpClient;
  readonly #base: string;

  constructor(readonly clock: Clock, readonly options: GrpcClientOptions) {
    this.#base = `http://${options.address.replace(/^(dns|passthrough):\/\/\//, "")}`;
    this.#client = Deno.createHttpClient({ http1: false, http2: true });
  }

  /** UnavailableError while there is no server; GrpcError for what it refuses. */
  async call(
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
      throw this.#away(path, isLate ? `no answer in ${timeoutMs} ms` : String(error), error);
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
    const body = new Uint8Array(PREFIX_BYTES + message.length);
    new DataView(body.buffer).setUint32(1, message.length);
    body.set(message, PREFIX_BYTES);
    const response = await fetch(`${this.#base}${path}`, {
      method: "POST",
      client: this.#client,
      body,
      headers: {
        ...metadata,
        "content-type": "application/grpc",
        "te": "trailers",
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
    this.#client.close();
  }
}

/** Bytes of a body as messages; UnavailableError if it ends within one. */
async function* messagesOf(response: Response, bytesMax: number): AsyncGenerator<Uint8Array> {
  let held = new Uint8Array(0);
  let length = 0;
  for await (const part of response.body ?? []) {
    if (length + part.length > held.length) {
      const wanted = length < PREFIX_BYTES ? 0 : PREFIX_BYTES + sizeIn(held);
      const grown = new Uint8Array(Math.max(length + part.length, Math.min(wanted, 4 * length)));
      grown.set(held.subarray(0, length));
      held = grown;
    }
    held.set(part, length);
    length += part.length;
    let at = 0;
    while (length - at >= PREFIX_BYTES) {
      const size = sizeIn(held.subarray(at));
      if (held[at] !== 0) throw new UnavailableError("a message that is compressed");
      if (size > bytesMax) {
        throw new GrpcError(GrpcCode.ResourceExhausted, `an answer of more than ${bytesMax} bytes`);
      }
      if (length - at < PREFIX_BYTES + size) break;
      yield held.slice(at + PREFIX_BYTES, at + PREFIX_BYTES + size);
      at += PREFIX_BYTES + size;
    }
    if (at === 0) continue;
    held = held.slice(at, length);
    length = held.length;
  }
  if (length > 0) throw new UnavailableError("an answer that is not whole");
}

const sizeIn = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset).getUint32(1);

function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
