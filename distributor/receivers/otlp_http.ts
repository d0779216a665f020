// OTLP over HTTP: POST /v1/traces, protobuf or JSON.
// Success is answered only after the push resolved; a refusal is a google.rpc.Status in the
// encoding of the request. No framework: one path, one method.
// https://opentelemetry.io/docs/specs/otlp/#otlphttp

import { InputError } from "../../lib/errors.ts";
import { listenHttp } from "../../lib/http_listener.ts";
import { requestDuration } from "../../lib/request_duration.ts";
import type { Runtime } from "../../lib/runtime.ts";
import type { Distributor } from "../distributor.ts";
import { decompressBody, tooLarge } from "../../lib/decompress_body.ts";
import type { Listener, ReceiverOptions } from "./listener.ts";
import { jsonToOtlp } from "./otlp_json.ts";
import { ReceiveBudget } from "../../lib/receive_budget.ts";
import { encodeStatus } from "../../lib/grpc_status.ts";
import { httpStatusOf, statusJson } from "./http_status.ts";
import { TENANT_HEADER, tenantOf } from "./tenant.ts";

/** From the answers that impatience gives to the end of waiting. */
const GRACE_MS = 1000;
const PATH = "/v1/traces";
const ROUTE = "otlp_v1_traces";
const PROTOBUF = "application/x-protobuf";
const JSON_TYPE = "application/json";
/** ExportTraceServiceResponse with an empty partial_success: all was taken. */
const SUCCESS = new Uint8Array([0x0a, 0x00]);
const SUCCESS_JSON = '{"partialSuccess":{}}';

export async function serveOtlpHttp(
  runtime: Runtime,
  distributor: Distributor,
  options: ReceiverOptions,
): Promise<Listener> {
  const receiver = new OtlpHttpReceiver(runtime, distributor, options);
  const listener = await listenHttp(runtime, (request) => receiver.answer(request), options);
  return {
    port: listener.port,
    async [Symbol.asyncDispose]() {
      const { clock } = runtime;
      const impatience = clock.setTimeout(() => receiver.stop(), options.closeTimeoutMs);
      await listener.close(options.closeTimeoutMs + GRACE_MS);
      clock.clearTimeout(impatience);
    },
  };
}

class OtlpHttpReceiver {
  readonly #runtime: Runtime;
  readonly #distributor: Distributor;
  readonly #options: ReceiverOptions;
  readonly #durations;
  readonly #budget = new ReceiveBudget();
  readonly #inFlight = new Set<(response: Response) => void>();
  readonly #stop = new AbortController();

  constructor(runtime: Runtime, distributor: Distributor, options: ReceiverOptions) {
    this.#runtime = runtime;
    this.#distributor = distributor;
    this.#options = options;
    this.#durations = requestDuration(runtime.metrics);
  }

  async answer(request: Request): Promise<Response> {
    const startMs = this.#runtime.clock.monotonic();
    const { promise, resolve, reject } = Promise.withResolvers<Response>();
    this.#inFlight.add(resolve);
    try {
      this.#route(request).then(resolve, reject);
      const response = await promise;
      this.#durations.labels(request.method, ROUTE, String(response.status), "false")
        .observe((this.#runtime.clock.monotonic() - startMs) / 1000);
      return response;
    } finally {
      this.#inFlight.delete(resolve);
    }
  }

  /** Answers whatever is still in flight: its clients will try again elsewhere. */
  stop(): void {
    this.#stop.abort();
    for (const resolve of this.#inFlight) resolve(text(503, "503 shutting down"));
  }

  async #route(request: Request): Promise<Response> {
    if (pathOf(request.url) !== PATH) return text(404, "404 page not found");
    if (request.method !== "POST") return text(405, "405 method not allowed, supported: [POST]");
    const type = mediaType(request.headers.get("content-type"));
    if (type === PROTOBUF || type === JSON_TYPE) return await this.#export(request, type);
    return text(415, `415 unsupported media type, supported: [${JSON_TYPE}, ${PROTOBUF}]`);
  }

  async #export(request: Request, type: string): Promise<Response> {
    try {
      const { headers } = request;
      const { bodyBytesMax, multitenancyEnabled } = this.#options;
      const tenant = tenantOf(headers.get(TENANT_HEADER), multitenancyEnabled);
      const encoding = (headers.get("content-encoding") ?? "").trim().toLowerCase();
      const body = decompressBody(
        await readBody(request, bodyBytesMax, this.#budget),
        encoding,
        bodyBytesMax,
      );
      const bytes = type === JSON_TYPE ? jsonToOtlp(body) : body;
      await this.#distributor.push(
        { tenant, bytes, receiver: "otlp/otlp_receiver", transport: "http" },
        // Not the request's: what has arrived whole is kept, even if its sender went away.
        this.#stop.signal,
      );
      return answer(200, type, type === JSON_TYPE ? SUCCESS_JSON : SUCCESS);
    } catch (error) {
      return this.#refuse(error, type);
    }
  }

  #refuse(error: unknown, type: string): Response {
    const status = httpStatusOf(error, this.#stop.signal);
    if (status.isInternal) {
      this.#runtime.log.error("request failed", { route: ROUTE, error });
    }
    const body = type === JSON_TYPE ? statusJson(status) : encodeStatus(status);
    const response = answer(status.httpStatus, type, body);
    if (status.retryAfterMs !== undefined) {
      response.headers.set("retry-after", String(Math.ceil(status.retryAfterMs / 1000)));
    }
    return response;
  }
}

async function readBody(
  request: Request,
  bytesMax: number,
  budget: ReceiveBudget,
): Promise<Uint8Array> {
  const declared = request.headers.get("content-length");
  if (declared === null) return await readChunks(request, bytesMax, budget);
  const sizeBytes = Number(declared);
  if (sizeBytes > bytesMax) throw tooLarge(bytesMax);
  budget.take(sizeBytes);
  try {
    return await whole(request.bytes());
  } finally {
    budget.give(sizeBytes);
  }
}

/** A body of unknown length. */
async function readChunks(
  request: Request,
  bytesMax: number,
  budget: ReceiveBudget,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = request.body?.getReader();
  try {
    while (reader !== undefined) {
      const { value, done } = await whole(reader.read());
      if (done) break;
      if (size + value.length > bytesMax) throw tooLarge(bytesMax);
      budget.take(value.length);
      size += value.length;
      chunks.push(value);
    }
    return joined(chunks, size);
  } catch (error) {
    await reader?.cancel().catch(() => {}); // it may be broken already
    throw error;
  } finally {
    budget.give(size);
  }
}

/** A body that ends before it should is the client's doing. */
async function whole<T>(reading: Promise<T>): Promise<T> {
  try {
    return await reading;
  } catch (error) {
    throw new InputError("invalid_argument", "request body ended early", { cause: error });
  }
}

function joined(chunks: readonly Uint8Array[], size: number): Uint8Array {
  if (chunks.length === 1) return chunks[0]!;
  const body = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    body.set(chunk, at);
    at += chunk.length;
  }
  return body;
}

/** The path of an absolute URL, without its query. */
function pathOf(url: string): string {
  const start = url.indexOf("/", url.indexOf("://") + 3);
  const query = url.indexOf("?", start);
  return query < 0 ? url.slice(start) : url.slice(start, query);
}

function mediaType(header: string | null): string {
  if (header === null) return "";
  const parameters = header.indexOf(";");
  return (parameters < 0 ? header : header.slice(0, parameters)).trim().toLowerCase();
}

function text(status: number, body: string): Response {
  return answer(status, "text/plain", body);
}

function answer(status: number, type: string, body: string | Uint8Array<ArrayBuffer>): Response {
  return new Response(body, { status, headers: { "content-type": type } });
}
