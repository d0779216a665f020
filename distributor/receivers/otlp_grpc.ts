// OTLP over gRPC: the one unary method Export, its messages passed through as bytes.
// A general gRPC server costs more for each request than everything we do with it, and the HTTP/2
// it stands on can be crashed by clients: docs/adr/0002-otlp-grpc-receiver.md.
// https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
//
//   ▸ HEADERS :path, x-scope-orgid, grpc-encoding …   ▸ DATA [compressed u8][length u32][message]
//   ◂ HEADERS :status 200   ◂ DATA [0][2][0a 00]   ◂ HEADERS grpc-status 0
// A refusal is one HEADERS frame with grpc-status and, percent-encoded, grpc-message.

import { encodeHeaders } from "../../lib/hpack.ts";
import type { BodyReader, Http2Stream } from "../../lib/http2_connection.ts";
import { Http2Server } from "../../lib/http2_server.ts";
import { requestDuration } from "../../lib/request_duration.ts";
import type { Runtime } from "../../lib/runtime.ts";
import type { Distributor } from "../distributor.ts";
import { decompressBody } from "./decompress_body.ts";
import { GrpcMessage } from "./grpc_message.ts";
import type { Listener, ReceiverOptions } from "./listener.ts";
import {
  encodeStatus,
  GRPC_UNAVAILABLE,
  GRPC_UNIMPLEMENTED,
  type RpcStatus,
  statusOf,
} from "./rpc_status.ts";
import { ReceiveBudget } from "./receive_budget.ts";
import { TENANT_HEADER, tenantOf } from "./tenant.ts";

export const EXPORT_PATH = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

const RESPONSE_HEADERS = {
  ":status": "200",
  "content-type": "application/grpc",
  "grpc-accept-encoding": "identity,gzip,deflate,zstd",
};
const SUCCESS = {
  headers: encodeHeaders(RESPONSE_HEADERS),
  /** ExportTraceServiceResponse with an empty partial_success, framed: all was taken. */
  body: new Uint8Array([0, 0, 0, 0, 2, 0x0a, 0x00]),
  trailers: encodeHeaders({ "grpc-status": "0" }),
};

export function serveOtlpGrpc(
  runtime: Runtime,
  distributor: Distributor,
  options: ReceiverOptions,
): Promise<Listener> {
  const receiver = new OtlpGrpcReceiver(runtime, distributor, options);
  const server = new Http2Server(runtime.clock, {
    hostname: options.hostname,
    port: options.port,
    onStream: (stream) => receiver.accept(stream),
  });
  return Promise.resolve({
    port: server.port,
    [Symbol.asyncDispose]: () => server.close(options.closeTimeoutMs, () => receiver.stop()),
  });
}

class OtlpGrpcReceiver {
  readonly #runtime: Runtime;
  readonly #distributor: Distributor;
  readonly #options: ReceiverOptions;
  readonly #succeeded;
  readonly #failed;
  readonly #budget = new ReceiveBudget();
  readonly #inFlight = new Set<Http2Stream>();
  readonly #stop = new AbortController();

  constructor(runtime: Runtime, distributor: Distributor, options: ReceiverOptions) {
    this.#runtime = runtime;
    this.#distributor = distributor;
    this.#options = options;
    const durations = requestDuration(runtime.metrics);
    this.#succeeded = durations.labels("gRPC", EXPORT_PATH, "success", "false");
    this.#failed = durations.labels("gRPC", EXPORT_PATH, "error", "false");
  }

  accept(stream: Http2Stream): BodyReader {
    const path = stream.headers.get(":path");
    if (path !== EXPORT_PATH) {
      refuse(stream, { code: GRPC_UNIMPLEMENTED, message: `unknown method ${path}` });
      return IGNORED;
    }
    const startMs = this.#runtime.clock.monotonic();
    const message = new GrpcMessage(this.#options.bodyBytesMax);
    let heldBytes = 0;
    const hasArrived = () => {
      this.#budget.give(heldBytes);
      heldBytes = 0;
    };
    this.#inFlight.add(stream);
    return {
      data: (bytes) => {
        try {
          this.#budget.take(bytes.length);
          heldBytes += bytes.length;
          message.add(bytes);
        } catch (error) {
          hasArrived();
          this.#fail(stream, error, startMs);
        }
      },
      end: () => {
        hasArrived();
        void this.#export(stream, message, startMs);
      },
      // What has arrived whole is kept, even if its sender went away.
      abort: () => {
        hasArrived();
        this.#inFlight.delete(stream);
      },
    };
  }

  /** Answers whatever is still in flight: its clients will try again elsewhere. */
  stop(): void {
    this.#stop.abort();
    for (const stream of this.#inFlight) {
      refuse(stream, { code: GRPC_UNAVAILABLE, message: "shutting down" });
    }
    this.#inFlight.clear();
  }

  async #export(stream: Http2Stream, message: GrpcMessage, startMs: number): Promise<void> {
    try {
      const { headers } = stream;
      const { bodyBytesMax, multitenancyEnabled } = this.#options;
      const tenant = tenantOf(headers.get(TENANT_HEADER), multitenancyEnabled);
      const content = message.whole();
      const bytes = message.isCompressed
        ? decompressBody(content, headers.get("grpc-encoding") ?? "", bodyBytesMax)
        : content;
      await this.#distributor.push(
        { tenant, bytes, receiver: "otlp/otlp_receiver", transport: "grpc" },
        this.#stop.signal,
      );
      this.#inFlight.delete(stream);
      this.#succeeded.observe((this.#runtime.clock.monotonic() - startMs) / 1000);
      stream.respond(SUCCESS);
    } catch (error) {
      this.#fail(stream, error, startMs);
    }
  }

  #fail(stream: Http2Stream, error: unknown, startMs: number): void {
    const status = statusOf(error, this.#stop.signal);
    if (status.isInternal) {
      this.#runtime.log.error("request failed", { route: EXPORT_PATH, error });
    }
    this.#inFlight.delete(stream);
    this.#failed.observe((this.#runtime.clock.monotonic() - startMs) / 1000);
    refuse(stream, status);
  }
}

const IGNORED: BodyReader = { data() {}, end() {}, abort() {} };

function refuse(stream: Http2Stream, status: Omit<RpcStatus, "httpStatus">): void {
  const details = status.retryAfterMs === undefined ? {} : {
    "grpc-status-details-bin": encodeStatus(status).toBase64({ omitPadding: true }),
  };
  const headers = encodeHeaders({
    ...RESPONSE_HEADERS,
    "grpc-status": String(status.code),
    "grpc-message": percentEncoded(status.message),
    ...details,
  });
  stream.respond({ headers });
}

/** Printable ASCII stays; `%` and all else is encoded byte by byte. */
function percentEncoded(message: string): string {
  return encodeURIComponent(message.toWellFormed()).replaceAll(
    /%(2[0-46-9A-F]|[3-6][0-9A-F]|7[0-9A-E])/g,
    (_, hex: string) => String.fromCharCode(parseInt(hex, 16)),
  );
}
