// One gRPC call at the server: its message is put together, its method runs, its status ends it.
// https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
//
//   ▸ HEADERS :path, grpc-timeout, grpc-encoding …     ▸ DATA [compressed u8][length u32][message]
//   ◂ HEADERS :status 200   ◂ DATA [0][length][answer] …   ◂ HEADERS grpc-status 0
// A refusal before the first answer is one HEADERS frame with grpc-status and grpc-message.
//
// Rules: a call ends once, by its method, its deadline, its client or the server's patience, whichever
// is first; a method that goes on after that speaks to nobody. Signal and timer of a call exist only if
// its method asks for them: most calls end before anybody could.

import { decompressBody } from "./decompress_body.ts";
import { framedMessage, type GrpcEncoding } from "./grpc_encoding.ts";
import { GrpcMessage } from "./grpc_message.ts";
import { GrpcCode, GrpcError, grpcStatusOf, statusHeaders } from "./grpc_status.ts";
import { parseGrpcTimeout } from "./grpc_timeout.ts";
import { encodeHeaders } from "./hpack.ts";
import type { BodyReader, Http2Stream } from "./http2_stream.ts";
import type { ReceiveBudget } from "./receive_budget.ts";
import type { Runtime } from "./runtime.ts";

export interface GrpcCall {
  /** `/package.Service/Method`. */
  readonly path: string;
  readonly message: Uint8Array;
  /** Names in lower case; several values of a name are joined by commas. */
  readonly metadata: ReadonlyMap<string, string>;
  /** Aborted when the client cancels or goes away, at the deadline, and when the server must end. */
  readonly signal: AbortSignal;
  /** Aborted only when the server must end: for work that is finished whether its asker stays or not. */
  readonly stopSignal: AbortSignal;
}

/**
 * What a method does. Messages are bytes; what is thrown becomes the status. A stream is drawn on as
 * fast as the client reads, and is returned (`finally` runs) when the client is gone. A method with a
 * stream of requests would get them as a third kind, beside `message`.
 */
export type GrpcMethod =
  | { readonly kind: "unary"; handle(call: GrpcCall): Promise<Uint8Array> }
  | { readonly kind: "server_stream"; handle(call: GrpcCall): AsyncIterable<Uint8Array> };

export type CallResult = "success" | "error" | "cancel";

/** What calls need of their server. */
export interface CallHost {
  readonly runtime: Runtime;
  readonly receivedBytesMax: number;
  readonly sentBytesMax: number;
  readonly budget: ReceiveBudget;
  readonly stopSignal: AbortSignal;
  /** The client was told how it ended, or is gone. */
  ended(call: ServerCall, result: CallResult, startMs: number): void;
  /** Nothing of the call runs any more. */
  left(call: ServerCall): void;
}

const RESPONSE = {
  ":status": "200",
  "content-type": "application/grpc",
  "grpc-accept-encoding": "identity,gzip,deflate,zstd,snappy",
};
const HEADERS = encodeHeaders(RESPONSE);
const ENCODED_HEADERS = {
  identity: HEADERS,
  gzip: encodeHeaders({ ...RESPONSE, "grpc-encoding": "gzip" }),
  snappy: encodeHeaders({ ...RESPONSE, "grpc-encoding": "snappy" }),
} as const;
const OK = encodeHeaders({ "grpc-status": "0" });

export class ServerCall implements GrpcCall, BodyReader {
  readonly path: string;
  readonly #stream: Http2Stream;
  readonly #method: GrpcMethod;
  readonly #host: CallHost;
  readonly #startMs: number;
  readonly #incoming: GrpcMessage;
  #heldBytes = 0;
  #message: Uint8Array | undefined;
  #isRunning = false;
  #isOver = false;
  #hasBegun = false;
  #controller: AbortController | undefined;
  #deadline: number | undefined;

  constructor(path: string, stream: Http2Stream, method: GrpcMethod, host: CallHost) {
    this.path = path;
    this.#stream = stream;
    this.#method = method;
    this.#host = host;
    this.#startMs = host.runtime.clock.monotonic();
    this.#incoming = new GrpcMessage(host.receivedBytesMax);
  }

  get metadata(): ReadonlyMap<string, string> {
    return this.#stream.headers;
  }

  get message(): Uint8Array {
    return this.#message!;
  }

  get stopSignal(): AbortSignal {
    return this.#host.stopSignal;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#isOver) this.#controller.abort(cancelled());
      else this.#watchDeadline();
    }
    return this.#controller.signal;
  }

  data(bytes: Uint8Array): void {
    try {
      this.#host.budget.take(bytes.length);
      this.#heldBytes += bytes.length;
      this.#incoming.add(bytes);
    } catch (error) {
      this.fail(error);
    }
  }

  end(): void {
    this.#giveBack();
    void this.#run();
  }

  abort(): void {
    this.#finish("cancel", cancelled());
  }

  /** Tells the client and the method that it is over. */
  fail(error: unknown): void {
    if (this.#isOver) return;
    const status = grpcStatusOf(error);
    if (status.isInternal) {
      this.#host.runtime.log.error("request failed", { route: this.path, error });
    }
    if (this.#hasBegun) this.#stream.end(statusHeaders(status));
    else this.#stream.respond({ headers: statusHeaders(status, RESPONSE) });
    this.#finish(status.code === GrpcCode.Cancelled ? "cancel" : "error", error);
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    try {
      this.#message = this.#whole();
      const method = this.#method;
      if (method.kind === "unary") await this.#answer(await method.handle(this));
      else await this.#answerAll(method.handle(this));
    } catch (error) {
      this.fail(error);
    } finally {
      this.#host.left(this);
    }
  }

  #whole(): Uint8Array {
    const content = this.#incoming.whole();
    if (!this.#incoming.isCompressed) return content;
    const encoding = this.metadata.get("grpc-encoding") ?? "";
    return decompressBody(content, encoding, this.#host.receivedBytesMax);
  }

  async #answer(message: Uint8Array): Promise<void> {
    this.#checkSize(message);
    const encoding = this.#encoding();
    const framed = framedMessage(message, encoding);
    const body = framed instanceof Promise ? await framed : framed;
    if (this.#isOver) return;
    const headers = body[0] === 0 ? HEADERS : ENCODED_HEADERS[encoding];
    this.#stream.respond({ headers, body, trailers: OK });
    this.#finish("success");
  }

  async #answerAll(messages: AsyncIterable<Uint8Array>): Promise<void> {
    const encoding = this.#encoding();
    const begin = () => {
      if (this.#hasBegun) return;
      this.#hasBegun = true;
      this.#stream.begin(ENCODED_HEADERS[encoding]);
    };
    for await (const message of messages) {
      this.#checkSize(message);
      const framed = await framedMessage(message, encoding);
      if (this.#isOver) return;
      begin();
      if (!await this.#stream.write(framed) || this.#isOver) return;
    }
    if (this.#isOver) return;
    begin();
    this.#stream.end(OK);
    this.#finish("success");
  }

  /** Answers are compressed for those who compress, as they do. */
  #encoding(): GrpcEncoding {
    const { metadata } = this;
    const asked = metadata.get("grpc-encoding");
    if (asked !== "gzip" && asked !== "snappy") return "identity";
    return (metadata.get("grpc-accept-encoding") ?? "").includes(asked) ? asked : "identity";
  }

  #checkSize({ length }: Uint8Array): void {
    const { sentBytesMax } = this.#host;
    if (length <= sentBytesMax) return;
    throw new GrpcError(
      GrpcCode.ResourceExhausted,
      `message of ${length} bytes is larger than may be sent, the limit is ${sentBytesMax}`,
    );
  }

  #watchDeadline(): void {
    const timeoutMs = parseGrpcTimeout(this.metadata.get("grpc-timeout"));
    if (timeoutMs === undefined) return;
    const { clock } = this.#host.runtime;
    const passedMs = clock.monotonic() - this.#startMs;
    const exceeded = new GrpcError(GrpcCode.DeadlineExceeded, "deadline exceeded");
    // Browsers' timers end at 2^31 ms; a call with so much time needs none.
    if (timeoutMs - passedMs >= 2 ** 31) return;
    this.#deadline = clock.setTimeout(() => this.fail(exceeded), Math.max(0, timeoutMs - passedMs));
  }

  #finish(result: CallResult, reason?: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#giveBack();
    if (this.#deadline !== undefined) this.#host.runtime.clock.clearTimeout(this.#deadline);
    if (reason !== undefined) this.#controller?.abort(reason);
    this.#host.ended(this, result, this.#startMs);
    if (!this.#isRunning) this.#host.left(this);
  }

  #giveBack(): void {
    this.#host.budget.give(this.#heldBytes);
    this.#heldBytes = 0;
  }
}

function cancelled(): GrpcError {
  return new GrpcError(GrpcCode.Cancelled, "cancelled by the client");
}
