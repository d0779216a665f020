// One HTTP/2 connection, the server's side (RFC 9113), without priorities and push.
// It exists because node:http2 of Deno 2.9.6 aborts the process when a client says GOAWAY
// (docs/adr/0002-otlp-grpc-receiver.md), and because this costs less.
// Rule: nothing a peer sends may hold more than the limits below, or do more than end its connection.

import { ByteWriter } from "./byte_writer.ts";
import type { Clock } from "./clock.ts";
import { HpackDecoder, HpackError } from "./hpack.ts";
import {
  Flag,
  FRAME_HEAD_BYTES,
  FrameType,
  Http2Code,
  Http2Error,
  PREFACE,
  Setting,
  writeFrame,
  writeSettings,
  writeWords,
} from "./http2_frame.ts";

/** The smallest a peer must be able to take; larger frames save little. */
const FRAME_BYTES_MAX = 1 << 16;
const STREAMS_MAX = 250;
const HEADER_LIST_BYTES_MAX = 16 << 10;
/** How far a peer may send ahead: with 64 KiB, a large request waits for a round trip. */
const STREAM_WINDOW = 4 << 20;
const CONNECTION_WINDOW = 16 << 20;
const DEFAULT_WINDOW = 65_535;
const WINDOW_MAX = 2 ** 31 - 1;
const IN_BYTES_MIN = 16 << 10;
const IN_BYTES_MAX = 256 << 10;
/** Answers that wait for a peer that does not read: beyond this we do not read it either. */
const OUT_BYTES_MAX = 1 << 20;
/** How long a peer that was told of the end may take to close its side. */
const LINGER_MS = 1000;

const NOTHING = new Uint8Array(0);

/** What Deno.Conn offers, as far as it is needed. */
export interface ByteStream {
  read(into: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  closeWrite(): Promise<void>;
  close(): void;
}

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
  /** Once; afterwards, or if the peer has gone, it does nothing. */
  respond(response: Http2Response): void;
}

export type OnStream = (stream: Http2Stream) => BodyReader;

interface StreamState extends Http2Stream {
  readonly id: number;
  reader: BodyReader;
  hasEnded: boolean;
  hasAnswered: boolean;
  receiveWindow: number;
  sendWindow: number;
  body: Uint8Array;
  trailers: Uint8Array | undefined;
}

export class Http2Connection {
  readonly #clock: Clock;
  readonly #conn: ByteStream;
  readonly #onStream: OnStream;
  readonly #hpack = new HpackDecoder(HEADER_LIST_BYTES_MAX);
  readonly #streams = new Map<number, StreamState>();
  /** Streams whose answer waits for the peer's window. */
  readonly #waiting = new Set<StreamState>();
  #in = new Uint8Array(IN_BYTES_MIN);
  #inStart = 0;
  #inEnd = 0;
  #out = new ByteWriter();
  #spare = new ByteWriter();
  #flushing: Promise<void> | undefined;
  #isStopping = false;
  #hasClosedWrite = false;
  #lingering: number | undefined;
  #isClosed = false;
  #lastStream = 0;
  #receiveWindow = CONNECTION_WINDOW;
  #sendWindow = DEFAULT_WINDOW;
  #peerStreamWindow = DEFAULT_WINDOW;
  #peerFrameBytesMax = 16_384;
  // A header block that goes on in CONTINUATION frames.
  #blockStream = 0;
  #blockEnds = false;
  #block = new ByteWriter(0);

  constructor(clock: Clock, conn: ByteStream, onStream: OnStream) {
    this.#clock = clock;
    this.#conn = conn;
    this.#onStream = onStream;
  }

  /** Serves until the peer closes, breaks the protocol, or `stop` or `close` say so. Never rejects. */
  async run(): Promise<void> {
    writeSettings(this.#out, [
      [Setting.MaxConcurrentStreams, STREAMS_MAX],
      [Setting.InitialWindowSize, STREAM_WINDOW],
      [Setting.MaxFrameSize, FRAME_BYTES_MAX],
      [Setting.MaxHeaderListSize, HEADER_LIST_BYTES_MAX],
    ]);
    writeWords(this.#out, FrameType.WindowUpdate, 0, CONNECTION_WINDOW - DEFAULT_WINDOW);
    this.#flushSoon();
    try {
      await this.#receive();
    } catch (error) {
      if (error instanceof Http2Error) await this.#sayGoodbye(error.code, error.message);
      // Anything else came from the socket: the peer is gone.
    }
    this.close();
  }

  /** Takes no new streams and ends when those in flight are answered. */
  stop(): void {
    if (this.#isStopping || this.#isClosed) return;
    this.#isStopping = true;
    writeWords(this.#out, FrameType.Goaway, 0, this.#lastStream, Http2Code.NoError);
    this.#flushSoon();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#lingering !== undefined) this.#clock.clearTimeout(this.#lingering);
    const streams = [...this.#streams.values()];
    this.#streams.clear();
    this.#waiting.clear();
    for (const stream of streams) this.#abort(stream);
    this.#conn.close();
  }

  async #receive(): Promise<void> {
    while (this.#inEnd < PREFACE.length) if (!await this.#read()) return;
    for (let i = 0; i < PREFACE.length; i++) {
      if (this.#in[i] !== PREFACE[i]) throw new Http2Error(Http2Code.ProtocolError, "not HTTP/2");
    }
    this.#inStart = PREFACE.length;
    do {
      while (this.#takeFrame());
      if (this.#out.length > 0) this.#flushSoon();
      if (this.#out.length > OUT_BYTES_MAX) await this.#flushing;
    } while (await this.#read());
  }

  async #read(): Promise<boolean> {
    const rest = this.#inEnd - this.#inStart;
    if (this.#inStart > 0) this.#in.copyWithin(0, this.#inStart, this.#inEnd);
    this.#inStart = 0;
    this.#inEnd = rest;
    const size = await this.#conn.read(this.#in.subarray(rest));
    if (size === null) return false;
    this.#inEnd += size;
    if (this.#inEnd === this.#in.length && this.#in.length < IN_BYTES_MAX) this.#growIn();
    return true;
  }

  #growIn(): void {
    const larger = new Uint8Array(this.#in.length * 2);
    larger.set(this.#in);
    this.#in = larger;
  }

  /** Handles the next frame, if it is here as a whole. */
  #takeFrame(): boolean {
    const bytes = this.#in;
    const head = this.#inStart;
    if (this.#isClosed || this.#inEnd - head < FRAME_HEAD_BYTES) return false;
    const size = bytes[head]! << 16 | bytes[head + 1]! << 8 | bytes[head + 2]!;
    if (size > FRAME_BYTES_MAX) {
      throw new Http2Error(Http2Code.FrameSizeError, `frame of ${size} bytes`);
    }
    const start = head + FRAME_HEAD_BYTES;
    if (this.#inEnd - start < size) {
      if (FRAME_HEAD_BYTES + size > bytes.length) this.#growIn();
      return false;
    }
    this.#inStart = start + size;
    const stream = word(bytes, head + 5) & 0x7fffffff;
    this.#handle(bytes[head + 3]!, bytes[head + 4]!, stream, bytes.subarray(start, start + size));
    return true;
  }

  #handle(type: FrameType, flags: number, stream: number, payload: Uint8Array): void {
    if (
      this.#blockStream !== 0 && (type !== FrameType.Continuation || stream !== this.#blockStream)
    ) {
      throw new Http2Error(Http2Code.ProtocolError, "header block interrupted");
    }
    switch (type) {
      case FrameType.Data:
        return this.#takeData(flags, stream, payload);
      case FrameType.Headers:
        return this.#takeHeaders(flags, stream, payload);
      case FrameType.Continuation:
        return this.#takeBlock(flags, stream, payload);
      case FrameType.RstStream:
        return this.#takeReset(stream, payload);
      case FrameType.Settings:
        return this.#takeSettings(flags, stream, payload);
      case FrameType.Ping:
        return this.#takePing(flags, stream, payload);
      case FrameType.WindowUpdate:
        return this.#takeWindowUpdate(stream, payload);
      case FrameType.PushPromise:
        throw new Http2Error(Http2Code.ProtocolError, "push from a client");
      default: // Priorities are advice, a client's GOAWAY announces its closing, the rest is unknown.
        return;
    }
  }

  #takeData(flags: number, id: number, payload: Uint8Array): void {
    this.#receiveWindow -= payload.length;
    if (this.#receiveWindow < 0) {
      throw new Http2Error(Http2Code.FlowControlError, "connection window exceeded");
    }
    if (this.#receiveWindow < CONNECTION_WINDOW / 2) {
      writeWords(this.#out, FrameType.WindowUpdate, 0, CONNECTION_WINDOW - this.#receiveWindow);
      this.#receiveWindow = CONNECTION_WINDOW;
    }
    if (id === 0 || id > this.#lastStream) {
      throw new Http2Error(Http2Code.ProtocolError, `data on idle stream ${id}`);
    }
    const stream = this.#streams.get(id);
    if (stream === undefined) return; // was reset, and the peer did not know yet
    if (stream.hasEnded) throw new Http2Error(Http2Code.StreamClosed, "data after the end");
    stream.receiveWindow -= payload.length;
    if (stream.receiveWindow < 0) {
      throw new Http2Error(Http2Code.FlowControlError, "stream window exceeded");
    }
    const content = withoutPadding(flags, payload);
    if (content.length > 0) stream.reader.data(content);
    if (!this.#streams.has(id)) return; // refused by its reader
    if ((flags & Flag.EndStream) !== 0) return this.#endRequest(stream);
    if (stream.receiveWindow < STREAM_WINDOW / 2) {
      writeWords(this.#out, FrameType.WindowUpdate, id, STREAM_WINDOW - stream.receiveWindow);
      stream.receiveWindow = STREAM_WINDOW;
    }
  }

  #takeHeaders(flags: number, stream: number, payload: Uint8Array): void {
    let block = withoutPadding(flags, payload);
    if ((flags & Flag.Priority) !== 0) {
      if (block.length < 5) throw new Http2Error(Http2Code.FrameSizeError, "headers end early");
      block = block.subarray(5);
    }
    if (stream % 2 === 0) throw new Http2Error(Http2Code.ProtocolError, `stream id ${stream}`);
    this.#blockEnds = (flags & Flag.EndStream) !== 0;
    if ((flags & Flag.EndHeaders) !== 0) return this.#finishBlock(stream, block);
    this.#blockStream = stream;
    this.#block.clear();
    this.#block.append(block);
  }

  #takeBlock(flags: number, stream: number, payload: Uint8Array): void {
    if (this.#blockStream === 0) {
      throw new Http2Error(Http2Code.ProtocolError, "continuation of nothing");
    }
    this.#block.append(payload);
    if (this.#block.length > 2 * HEADER_LIST_BYTES_MAX || payload.length === 0) {
      throw new Http2Error(Http2Code.EnhanceYourCalm, "header block too large");
    }
    if ((flags & Flag.EndHeaders) === 0) return;
    this.#blockStream = 0;
    this.#finishBlock(stream, this.#block.written());
  }

  #finishBlock(id: number, block: Uint8Array): void {
    const headers = this.#decode(block);
    const known = this.#streams.get(id);
    if (known !== undefined) { // trailers
      if (!this.#blockEnds || known.hasEnded) {
        throw new Http2Error(Http2Code.ProtocolError, "headers in the middle of a stream");
      }
      return this.#endRequest(known);
    }
    if (id <= this.#lastStream) return; // trailers of a stream that was reset
    if (this.#streams.size >= STREAMS_MAX || this.#isStopping) {
      if (!this.#isStopping) this.#lastStream = id;
      return this.#reset(id, Http2Code.RefusedStream);
    }
    this.#lastStream = id;
    this.#open(id, headers);
  }

  #decode(block: Uint8Array): Map<string, string> {
    try {
      return this.#hpack.decode(block);
    } catch (error) {
      if (!(error instanceof HpackError)) throw error;
      throw new Http2Error(Http2Code.CompressionError, error.message);
    }
  }

  #open(id: number, headers: Map<string, string>): void {
    const stream: StreamState = {
      id,
      headers,
      reader: IGNORED,
      hasEnded: false,
      hasAnswered: false,
      receiveWindow: STREAM_WINDOW,
      sendWindow: this.#peerStreamWindow,
      body: NOTHING,
      trailers: undefined,
      respond: (response) => this.#respond(stream, response),
    };
    this.#streams.set(id, stream);
    stream.reader = this.#onStream(stream);
    if (this.#blockEnds && this.#streams.has(id)) this.#endRequest(stream);
  }

  #endRequest(stream: StreamState): void {
    stream.hasEnded = true;
    stream.reader.end();
  }

  #respond(stream: StreamState, { headers, body = NOTHING, trailers }: Http2Response): void {
    if (stream.hasAnswered || !this.#streams.has(stream.id)) return;
    stream.hasAnswered = true;
    const isLast = body.length === 0 && trailers === undefined;
    const flags = Flag.EndHeaders | (isLast ? Flag.EndStream : 0);
    writeFrame(this.#out, FrameType.Headers, flags, stream.id, headers);
    stream.body = body;
    stream.trailers = trailers;
    if (isLast) this.#finish(stream);
    else this.#sendBody(stream);
    this.#flushSoon();
  }

  /** Sends as much as the peer's windows allow, the rest when they open. */
  #sendBody(stream: StreamState): void {
    while (stream.body.length > 0) {
      const window = Math.min(this.#sendWindow, stream.sendWindow, this.#peerFrameBytesMax);
      if (window <= 0) {
        this.#waiting.add(stream);
        return;
      }
      const part = stream.body.subarray(0, window);
      stream.body = stream.body.subarray(part.length);
      stream.sendWindow -= part.length;
      this.#sendWindow -= part.length;
      const isLast = stream.body.length === 0 && stream.trailers === undefined;
      writeFrame(this.#out, FrameType.Data, isLast ? Flag.EndStream : 0, stream.id, part);
    }
    if (stream.trailers !== undefined) {
      const flags = Flag.EndHeaders | Flag.EndStream;
      writeFrame(this.#out, FrameType.Headers, flags, stream.id, stream.trailers);
    }
    this.#waiting.delete(stream);
    this.#finish(stream);
  }

  #finish(stream: StreamState): void {
    // Answered before all was sent: the rest is not wanted.
    if (!stream.hasEnded) this.#reset(stream.id, Http2Code.NoError);
    this.#streams.delete(stream.id);
  }

  #takeReset(id: number, payload: Uint8Array): void {
    if (payload.length !== 4) throw new Http2Error(Http2Code.FrameSizeError, "reset frame");
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    this.#streams.delete(id);
    this.#waiting.delete(stream);
    this.#abort(stream);
  }

  #abort(stream: StreamState): void {
    if (stream.hasAnswered) return;
    stream.hasAnswered = true;
    stream.reader.abort();
  }

  #reset(id: number, code: Http2Code): void {
    writeWords(this.#out, FrameType.RstStream, id, code);
  }

  #takeSettings(flags: number, stream: number, payload: Uint8Array): void {
    if (stream !== 0) throw new Http2Error(Http2Code.ProtocolError, "settings of a stream");
    if ((flags & Flag.Ack) !== 0) return;
    if (payload.length % 6 !== 0) throw new Http2Error(Http2Code.FrameSizeError, "settings");
    for (let at = 0; at < payload.length; at += 6) {
      this.#applySetting(payload[at]! << 8 | payload[at + 1]!, word(payload, at + 2));
    }
    writeFrame(this.#out, FrameType.Settings, Flag.Ack, 0, NOTHING);
    this.#sendWaiting();
  }

  #applySetting(setting: Setting, value: number): void {
    if (setting === Setting.MaxFrameSize) {
      if (value < 16_384 || value > 0xffffff) {
        throw new Http2Error(Http2Code.ProtocolError, `frame size ${value}`);
      }
      this.#peerFrameBytesMax = value;
    } else if (setting === Setting.InitialWindowSize) {
      if (value > WINDOW_MAX) throw new Http2Error(Http2Code.FlowControlError, `window ${value}`);
      for (const stream of this.#streams.values()) {
        stream.sendWindow = opened(stream.sendWindow, value - this.#peerStreamWindow);
      }
      this.#peerStreamWindow = value;
    }
  }

  #takePing(flags: number, stream: number, payload: Uint8Array): void {
    if (payload.length !== 8) throw new Http2Error(Http2Code.FrameSizeError, "ping");
    if (stream !== 0) throw new Http2Error(Http2Code.ProtocolError, "ping of a stream");
    if ((flags & Flag.Ack) === 0) writeFrame(this.#out, FrameType.Ping, Flag.Ack, 0, payload);
  }

  #takeWindowUpdate(id: number, payload: Uint8Array): void {
    if (payload.length !== 4) throw new Http2Error(Http2Code.FrameSizeError, "window update");
    const increment = word(payload, 0) & 0x7fffffff;
    if (increment === 0) throw new Http2Error(Http2Code.ProtocolError, "window update by nothing");
    if (id === 0) this.#sendWindow = opened(this.#sendWindow, increment);
    else {
      const stream = this.#streams.get(id);
      if (stream === undefined) return;
      stream.sendWindow = opened(stream.sendWindow, increment);
    }
    this.#sendWaiting();
  }

  #sendWaiting(): void {
    for (const stream of [...this.#waiting]) this.#sendBody(stream);
  }

  async #sayGoodbye(code: Http2Code, reason: string): Promise<void> {
    const head = new Uint8Array(8);
    const view = new DataView(head.buffer);
    view.setUint32(0, this.#lastStream);
    view.setUint32(4, code);
    const text = new TextEncoder().encode(reason);
    const payload = new Uint8Array([...head, ...text]);
    writeFrame(this.#out, FrameType.Goaway, 0, 0, payload);
    this.#flushSoon();
    await this.#flushing;
  }

  #flushSoon(): void {
    this.#flushing ??= this.#flush();
  }

  async #flush(): Promise<void> {
    try {
      await undefined; // what is answered in this turn goes out in one write
      while (this.#out.length > 0 && !this.#isClosed && !this.#hasClosedWrite) {
        const full = this.#out;
        this.#out = this.#spare;
        for (let at = 0; at < full.length;) {
          at += await this.#conn.write(full.bytes.subarray(at, full.length));
        }
        full.clear();
        this.#spare = full;
      }
      // The peer closes when it has read everything; closing first could lose it the last answer.
      if (
        this.#isStopping && this.#streams.size === 0 && !this.#isClosed && !this.#hasClosedWrite
      ) {
        this.#hasClosedWrite = true;
        this.#lingering = this.#clock.setTimeout(() => this.close(), LINGER_MS);
        await this.#conn.closeWrite();
      }
    } catch {
      this.close(); // the peer is gone
    } finally {
      this.#flushing = undefined;
    }
  }
}

const IGNORED: BodyReader = { data() {}, end() {}, abort() {} };

function withoutPadding(flags: number, payload: Uint8Array): Uint8Array {
  if ((flags & Flag.Padded) === 0) return payload;
  const padding = payload[0] ?? 0;
  if (padding >= payload.length) throw new Http2Error(Http2Code.ProtocolError, "too much padding");
  return payload.subarray(1, payload.length - padding);
}

function opened(window: number, by: number): number {
  if (window + by > WINDOW_MAX) {
    throw new Http2Error(Http2Code.FlowControlError, "window overflows");
  }
  return window + by;
}

function word(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24 | bytes[at + 1]! << 16 | bytes[at + 2]! << 8 | bytes[at + 3]!) >>> 0;
}
