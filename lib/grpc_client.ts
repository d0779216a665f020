// Unary gRPC calls to another process, on Deno's own HTTP/2 client. `@grpc/grpc-js` stands on node:http2,
// which in Deno 2.9.6 ends the whole process when its server says GOAWAY
// (docs/adr/0002-otlp-grpc-receiver.md); this one outlives fifty restarts of a server.
// Rule: fetch shows no trailers, and needs none: an answer is one whole message, and a call that failed has
// its status in the headers. An answer without either is the weather.
import type { Clock } from "./clock.ts";
import { UnavailableError } from "./errors.ts";
import { GrpcCode, GrpcError } from "./grpc_status.ts";

export interface GrpcClientOptions {
  /** `host:port`; `dns:///` before it is passed over. */
  readonly address: string;
  /** Of a call, if nothing is heard. */
  readonly timeoutMs: number;
  /** Of an answer. */
  readonly receivedBytesMax: number;
}

const PREFIX_BYTES = 5;

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
    metadata: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    const { timeoutMs, receivedBytesMax } = this.options;
    const late = new AbortController();
    const timer = this.clock.setTimeout(() => late.abort(), timeoutMs);
    const body = new Uint8Array(PREFIX_BYTES + message.length);
    new DataView(body.buffer).setUint32(1, message.length);
    body.set(message, PREFIX_BYTES);
    let bytes: Uint8Array;
    let headers: Headers;
    try {
      const response = await fetch(`${this.#base}${path}`, {
        method: "POST",
        client: this.#client,
        body,
        headers: {
          ...metadata,
          "content-type": "application/grpc",
          "te": "trailers",
          "grpc-timeout": `${Math.min(99_999_999, timeoutMs)}m`,
        },
        signal: AbortSignal.any([signal, late.signal]),
      });
      headers = response.headers;
      bytes = await received(response, receivedBytesMax);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof GrpcError) throw error;
      const why = late.signal.aborted ? `no answer in ${timeoutMs} ms` : String(error);
      throw new UnavailableError(`${this.options.address}${path}: ${why}`, { cause: error });
    } finally {
      this.clock.clearTimeout(timer);
    }
    const code = Number(headers.get("grpc-status") ?? 0);
    if (code !== GrpcCode.Ok) throw this.#refused(path, code, headers.get("grpc-message") ?? "");
    const size = bytes.length < PREFIX_BYTES
      ? -1
      : new DataView(bytes.buffer, bytes.byteOffset).getUint32(1);
    if (bytes[0] !== 0 || bytes.length !== PREFIX_BYTES + size) {
      throw new UnavailableError(`${this.options.address}${path}: the answer is not whole`);
    }
    return bytes.subarray(PREFIX_BYTES);
  }

  #refused(path: string, code: number, text: string): Error {
    const message = `${this.options.address}${path}: ${percentDecoded(text)}`;
    if (code === GrpcCode.Unavailable) return new UnavailableError(message);
    return new GrpcError(code as GrpcCode, message);
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }
}

async function received(response: Response, bytesMax: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of response.body ?? []) {
    length += part.length;
    // Leaving the loop cancels the rest.
    if (length > bytesMax) {
      throw new GrpcError(GrpcCode.ResourceExhausted, `an answer of more than ${bytesMax} bytes`);
    }
    parts.push(part);
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
