// One request and its answer on an HTTP/2 connection, the server's side.
// Rule: whatever the peer does, the reader hears either `end` or `abort` of the request, and `abort`
// too when the peer goes away before the answer was given as a whole.

import type { Http2Output, Outgoing } from "./http2_output.ts";

const NOTHING = new Uint8Array(0);

/** What becomes of a request's body. Bytes are valid only during the call. */
export interface BodyReader {
  data(bytes: Uint8Array): void;
  end(): void;
  /** The peer reset the stream or is gone; called once, not after the answer was given. */
  abort(): void;
}

export interface Http2Response {
  /** Header blocks as `encodeHeaders` makes them. */
  readonly headers: Uint8Array;
  readonly body?: Uint8Array;
  readonly trailers?: Uint8Array;
}

export interface Http2Stream {
  readonly headers: ReadonlyMap<string, string>;
  /** The whole answer. Once; afterwards, or if the peer has gone, it does nothing. */
  respond(response: Http2Response): void;
  /** Begins an answer that comes in pieces. */
  begin(headers: Uint8Array): void;
  /**
   * The next piece; its bytes must stay as they are until the promise resolves, which is when the peer
   * has room for them. False if the peer has gone. One at a time.
   */
  write(bytes: Uint8Array): Promise<boolean>;
  /** Ends an answer that came in pieces; nothing may be being written. */
  end(trailers?: Uint8Array): void;
  /** Breaks an answer off, so that nobody takes it for whole. */
  reset(): void;
}

export type OnStream = (stream: Http2Stream) => BodyReader;

/** The connection, as far as its streams see it. */
export interface StreamOwner {
  readonly output: Http2Output;
  /** The answer is on its way as a whole. */
  finish(stream: RequestStream): void;
  /** The peer is to be told that this is no whole answer. */
  breakOff(stream: RequestStream): void;
}

export class RequestStream implements Http2Stream, Outgoing {
  readonly id: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly #owner: StreamOwner;
  reader: BodyReader = IGNORED;
  /** The request, by its sender. */
  hasEnded = false;
  receiveWindow: number;
  sendWindow: number;
  body: Uint8Array = NOTHING;
  hasEnd = false;
  trailers: Uint8Array | undefined;
  #hasBegun = false;
  /** Nothing will be added to the answer. */
  #isWhole = false;
  #isGone = false;
  #written: ((hasRoom: boolean) => void) | undefined;

  constructor(
    owner: StreamOwner,
    id: number,
    headers: ReadonlyMap<string, string>,
    receiveWindow: number,
  ) {
    this.#owner = owner;
    this.id = id;
    this.headers = headers;
    this.receiveWindow = receiveWindow;
    this.sendWindow = owner.output.streamWindow;
  }

  respond({ headers, body = NOTHING, trailers }: Http2Response): void {
    if (this.#hasBegun || this.#isGone) return;
    this.#hasBegun = true;
    this.#isWhole = true;
    const { output } = this.#owner;
    const isAll = body.length === 0 && trailers === undefined;
    output.headers(this.id, headers, isAll);
    if (isAll) return this.sent();
    this.body = body;
    this.trailers = trailers;
    this.hasEnd = true;
    output.body(this);
  }

  begin(headers: Uint8Array): void {
    if (this.#hasBegun || this.#isGone) return;
    this.#hasBegun = true;
    this.#owner.output.headers(this.id, headers, false);
  }

  write(bytes: Uint8Array): Promise<boolean> {
    if (this.#isGone || this.#isWhole) return Promise.resolve(false);
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#written = resolve;
    this.body = bytes;
    this.#owner.output.body(this);
    return promise;
  }

  end(trailers?: Uint8Array): void {
    if (this.#isGone || this.#isWhole) return;
    this.#isWhole = true;
    this.trailers = trailers;
    this.hasEnd = true;
    this.#owner.output.body(this);
  }

  reset(): void {
    if (this.#isGone || this.#isWhole) return;
    this.#isGone = true;
    this.#owner.output.forget(this);
    this.#tell(false);
    this.#owner.breakOff(this);
  }

  /** Called by the output. */
  sent(): void {
    this.body = NOTHING;
    this.#tell(true);
    if (this.#isWhole && !this.#isGone) {
      this.#isGone = true;
      this.#owner.finish(this);
    }
  }

  /** The peer does not want this stream any more, or is gone. */
  abort(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#owner.output.forget(this);
    this.#tell(false);
    if (!this.#isWhole) this.reader.abort();
  }

  #tell(hasRoom: boolean): void {
    const written = this.#written;
    this.#written = undefined;
    written?.(hasRoom);
  }
}

const IGNORED: BodyReader = { data() {}, end() {}, abort() {} };
