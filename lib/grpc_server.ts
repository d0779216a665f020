// A gRPC server on our own HTTP/2 (docs/adr/0002-otlp-grpc-receiver.md says why not grpc-js's): unary
// methods and methods that answer a stream, messages as bytes.
// Rule: what clients can make it hold or do is bounded: messages, bytes that arrive, streams, calls.

import type { ByteListener } from "./byte_listener.ts";
import {
  type CallHost,
  type CallResult,
  type GrpcCall,
  type GrpcMethod,
  ServerCall,
} from "./grpc_call.ts";
import { GrpcCode, GrpcError, type GrpcStatus, statusHeaders } from "./grpc_status.ts";
import { encodeHeaders } from "./hpack.ts";
import type { ByteStream } from "./byte_stream.ts";
import { defaultHttp2ServerOptions, Http2Server, type Http2ServerOptions } from "./http2_server.ts";
import type { BodyReader, Http2Stream, OnStream } from "./http2_stream.ts";
import { ReceiveBudget, RECEIVING_BYTES_MAX } from "./receive_budget.ts";
import { requestDuration } from "./request_duration.ts";
import type { Runtime } from "./runtime.ts";

export type { GrpcCall, GrpcMethod };

/** By path, `/package.Service/Method`. */
export type GrpcMethods = Readonly<Record<string, GrpcMethod>>;

export interface GrpcServerOptions {
  /** Of one message, compressed and decompressed. */
  readonly receivedBytesMax: number;
  readonly sentBytesMax: number;
  /** Of messages that are arriving, over all connections. */
  readonly receivingBytesMax: number;
  /** At a time, those included whose clients have gone while their methods still run. */
  readonly callsMax: number;
  /** How long calls may go on when the server closes. */
  readonly closeTimeoutMs: number;
  readonly connection: Http2ServerOptions;
  /** What becomes of requests that are not gRPC; they are refused if not given. */
  readonly otherwise?: OnStream;
}

export const defaultGrpcServerOptions: GrpcServerOptions = {
  receivedBytesMax: 16 << 20,
  sentBytesMax: 16 << 20,
  receivingBytesMax: RECEIVING_BYTES_MAX,
  callsMax: 10_000,
  closeTimeoutMs: 30_000,
  connection: defaultHttp2ServerOptions,
};

type Observe = (result: CallResult, seconds: number) => void;

interface BoundMethod {
  readonly method: GrpcMethod;
  readonly observe: Observe;
}

export class GrpcServer implements AsyncDisposable {
  readonly #runtime: Runtime;
  readonly #methods: ReadonlyMap<string, BoundMethod>;
  readonly #options: GrpcServerOptions;
  readonly #server: Http2Server;
  readonly #host: CallHost;
  readonly #stop = new AbortController();
  /** All of which anything still runs. */
  readonly #calls = new Set<ServerCall>();

  constructor(
    runtime: Runtime,
    methods: GrpcMethods,
    options: GrpcServerOptions = defaultGrpcServerOptions,
  ) {
    this.#runtime = runtime;
    this.#options = options;
    this.#methods = new Map(
      Object.entries(methods).map(([path, method]) => [path, {
        method,
        observe: observer(runtime, path),
      }]),
    );
    this.#server = new Http2Server(
      runtime.clock,
      (stream) => this.#accept(stream),
      options.connection,
    );
    this.#host = {
      runtime,
      receivedBytesMax: options.receivedBytesMax,
      sentBytesMax: options.sentBytesMax,
      budget: new ReceiveBudget(options.receivingBytesMax),
      stopSignal: this.#stop.signal,
      ended: (call, result, startMs) => {
        const seconds = (runtime.clock.monotonic() - startMs) / 1000;
        this.#methods.get(call.path)!.observe(result, seconds);
      },
      left: (call) => this.#calls.delete(call),
    };
  }

  /** In the clear. Returns the port; 0 takes a free one. More than one may be listened to. */
  listen(hostname: string, port: number): number {
    return this.#server.listen(hostname, port);
  }

  /** All that the listener accepts; it is closed with the server. */
  serve(listener: ByteListener): void {
    this.#server.serve(listener);
  }

  /** Serves a connection that somebody else accepted; resolves at its end. */
  take(conn: ByteStream): Promise<void> {
    return this.#server.take(conn);
  }

  /** Lets the calls in flight end, for as long as it was told; those that are left are refused. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.close(this.#options.closeTimeoutMs, () => this.#cutOff());
    this.#stop.abort();
  }

  #cutOff(): void {
    const reason = new GrpcError(GrpcCode.Unavailable, "shutting down");
    this.#stop.abort(reason);
    for (const call of this.#calls) call.fail(reason);
  }

  #accept(stream: Http2Stream): BodyReader {
    const { headers } = stream;
    if (!(headers.get("content-type") ?? "").startsWith("application/grpc")) {
      if (this.#options.otherwise !== undefined) return this.#options.otherwise(stream);
      stream.respond({ headers: NOT_GRPC });
      return IGNORED;
    }
    const path = headers.get(":path") ?? "";
    const bound = this.#methods.get(path);
    if (bound === undefined) {
      return refuse(stream, { code: GrpcCode.Unimplemented, message: `unknown method ${path}` });
    }
    if (this.#calls.size >= this.#options.callsMax) {
      return refuse(stream, { code: GrpcCode.Unavailable, message: "too many calls in flight" });
    }
    const call = new ServerCall(path, stream, bound.method, this.#host);
    this.#calls.add(call);
    return call;
  }
}

const NOT_GRPC = encodeHeaders({ ":status": "415", "content-type": "text/plain" });
const RESPONSE = { ":status": "200", "content-type": "application/grpc" };
const IGNORED: BodyReader = { data() {}, end() {}, abort() {} };

function refuse(stream: Http2Stream, status: GrpcStatus): BodyReader {
  stream.respond({ headers: statusHeaders(status, RESPONSE) });
  return IGNORED;
}

function observer({ metrics }: Runtime, path: string): Observe {
  const durations = requestDuration(metrics);
  const child = (result: CallResult) => durations.labels("gRPC", path, result, "false");
  const children = { success: child("success"), error: child("error"), cancel: child("cancel") };
  return (result, seconds) => children[result].observe(seconds);
}
