// One HTTP/2 connection, the server's side (RFC 9113), without priorities and push.
// It exists because node:http2 of Deno 2.9.6 aborts the process when a client says GOAWAY
// (docs/adr/0002-otlp-grpc-receiver.md), and because this costs less. What it receives is here; what it
// sends is http2_output.ts, one request http2_stream.ts.
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
} from "./http2_frame.ts";
import type { ByteStream } from "./byte_stream.ts";
import { DEFAULT_WINDOW, Http2Output } from "./http2_output.ts";
import {
  ConnectionLife,
  defaultConnectionOptions,
  type Http2ConnectionOptions,
  type LifeOwner,
} from "./http2_life.ts";
import { type OnStream, RequestStream, type StreamOwner } from "./http2_stream.ts";

/** The smallest a peer must be able to take; larger frames save little. */
const FRAME_BYTES_MAX = 1 << 16;
const HEADER_LIST_BYTES_MAX = 16 << 10;
/** How far a peer may send ahead: with 64 KiB, a large request waits for a round trip. */
const STREAM_WINDOW = 4 << 20;
const CONNECTION_WINDOW = 16 << 20;
const IN_BYTES_MIN = 16 << 10;
const IN_BYTES_MAX = 256 << 10;
/** Answers that wait for a peer that does not read: beyond this we do not read it either. */
const OUT_BYTES_MAX = 1 << 20;
/** How long a peer that was told of the end may take to close its side. */
const LINGER_MS = 1000;

const NOTHING = new Uint8Array(0);

export class Http2Connection implements StreamOwner {
  readonly output: Http2Output;
  readonly #clock: Clock;
  readonly #conn: ByteStream;
  readonly #onStream: OnStream;
  readonly #streamsMax: number;
  readonly #life: ConnectionLife;
  readonly #hpack = new HpackDecoder(HEADER_LIST_BYTES_MAX);
  readonly #streams = new Map<number, RequestStream>();
  #in = new Uint8Array(IN_BYTES_MIN);
  #inStart = 0;
  #inEnd = 0;
  #isStopping = false;
  #lingering: number | undefined;
  #isClosed = false;
  #lastStream = 0;
  #receiveWindow = CONNECTION_WINDOW;
  // A header block that goes on in CONTINUATION frames.
  #blockStream = 0;
  #blockEnds = false;
  #block = new ByteWriter(0);

  constructor(
    clock: Clock,
    conn: ByteStream,
    onStream: OnStream,
    options: Http2ConnectionOptions = defaultConnectionOptions,
  ) {
    this.#clock = clock;
    this.#conn = conn;
    this.#onStream = onStream;
    this.#streamsMax = options.streamsMax;
    this.output = new Http2Output(conn, {
      drained: () => this.#drained(),
      broken: () => this.close(),
    });
    this.#life = new ConnectionLife(clock, this.#asLifeOwner(), options);
  }

  /** Serves until the peer closes, breaks the protocol, or `stop` or `close` say so. Never rejects. */
  async run(): Promise<void> {
    this.output.settings([
      [Setting.MaxConcurrentStreams, this.#streamsMax],
      [Setting.InitialWindowSize, STREAM_WINDOW],
      [Setting.MaxFrameSize, FRAME_BYTES_MAX],
      [Setting.MaxHeaderListSize, HEADER_LIST_BYTES_MAX],
    ]);
    this.output.words(FrameType.WindowUpdate, 0, CONNECTION_WINDOW - DEFAULT_WINDOW);
    this.output.flushSoon();
    try {
      await this.#receive();
    } catch (error) {
      if (error instanceof Http2Error) {
        this.output.goaway(this.#lastStream, error.code, error.message);
        await this.output.flushed;
      } // Anything else came from the socket: the peer is gone.
    }
    this.close();
  }

  /** Takes no new streams and ends when those in flight are answered. */
  stop(): void {
    if (this.#isStopping || this.#isClosed) return;
    this.#isStopping = true;
    this.output.goaway(this.#lastStream, Http2Code.NoError, "");
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#life.end();
    this.output.close();
    if (this.#lingering !== undefined) this.#clock.clearTimeout(this.#lingering);
    const streams = [...this.#streams.values()];
    this.#streams.clear();
    for (const stream of streams) stream.abort();
    this.#conn.close();
  }

  /** The peer closes when it has read everything; closing first could lose it the last answer. */
  #drained(): boolean {
    if (!this.#isStopping || this.#streams.size > 0) return false;
    this.#lingering = this.#clock.setTimeout(() => this.close(), LINGER_MS);
    return true;
  }

  #asLifeOwner(): LifeOwner {
    const { output } = this;
    const countStreams = () => this.#streams.size;
    return {
      get streamCount() {
        return countStreams();
      },
      ping: () => {
        output.frame(FrameType.Ping, 0, 0, new Uint8Array(8));
        output.flushSoon();
      },
      stop: () => this.stop(),
      close: () => this.close(),
    };
  }

  async #receive(): Promise<void> {
    while (this.#inEnd < PREFACE.length) if (!await this.#read()) return;
    for (let i = 0; i < PREFACE.length; i++) {
      if (this.#in[i] !== PREFACE[i]) throw new Http2Error(Http2Code.ProtocolError, "not HTTP/2");
    }
    this.#inStart = PREFACE.length;
    do {
      while (this.#takeFrame());
      if (this.output.length > 0) this.output.flushSoon();
      if (this.output.length > OUT_BYTES_MAX) await this.output.flushed;
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
    this.#life.heard();
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
      this.output.words(FrameType.WindowUpdate, 0, CONNECTION_WINDOW - this.#receiveWindow);
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
      this.output.words(FrameType.WindowUpdate, id, STREAM_WINDOW - stream.receiveWindow);
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
    if (this.#streams.size >= this.#streamsMax || this.#isStopping) {
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
    const stream = new RequestStream(this, id, headers, STREAM_WINDOW);
    this.#streams.set(id, stream);
    stream.reader = this.#onStream(stream);
    if (this.#blockEnds && this.#streams.has(id)) this.#endRequest(stream);
  }

  #endRequest(stream: RequestStream): void {
    stream.hasEnded = true;
    stream.reader.end();
  }

  finish(stream: RequestStream): void {
    // Answered before all was sent: the rest is not wanted.
    if (!stream.hasEnded) this.#reset(stream.id, Http2Code.NoError);
    this.#forget(stream);
    this.#life.answered();
  }

  breakOff(stream: RequestStream): void {
    this.#reset(stream.id, Http2Code.InternalError);
    this.output.flushSoon();
    this.#forget(stream);
  }

  #forget(stream: RequestStream): void {
    this.#streams.delete(stream.id);
    if (this.#streams.size === 0) this.#life.fellIdle();
  }

  #takeReset(id: number, payload: Uint8Array): void {
    if (payload.length !== 4) throw new Http2Error(Http2Code.FrameSizeError, "reset frame");
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    this.#forget(stream);
    stream.abort();
    if (this.#isStopping) this.output.flushSoon();
  }

  #reset(id: number, code: Http2Code): void {
    this.output.words(FrameType.RstStream, id, code);
  }

  #takeSettings(flags: number, stream: number, payload: Uint8Array): void {
    if (stream !== 0) throw new Http2Error(Http2Code.ProtocolError, "settings of a stream");
    if ((flags & Flag.Ack) !== 0) return;
    if (payload.length % 6 !== 0) throw new Http2Error(Http2Code.FrameSizeError, "settings");
    for (let at = 0; at < payload.length; at += 6) {
      this.#applySetting(payload[at]! << 8 | payload[at + 1]!, word(payload, at + 2));
    }
    this.output.frame(FrameType.Settings, Flag.Ack, 0, NOTHING);
    this.output.resume();
  }

  #applySetting(setting: Setting, value: number): void {
    if (setting === Setting.MaxFrameSize) this.output.resizeFrames(value);
    else if (setting === Setting.InitialWindowSize) {
      this.output.resizeStreams(value, this.#streams.values());
    }
  }

  #takePing(flags: number, stream: number, payload: Uint8Array): void {
    if (payload.length !== 8) throw new Http2Error(Http2Code.FrameSizeError, "ping");
    if (stream !== 0) throw new Http2Error(Http2Code.ProtocolError, "ping of a stream");
    if ((flags & Flag.Ack) !== 0) return;
    this.output.frame(FrameType.Ping, Flag.Ack, 0, payload);
    this.#life.pinged();
  }

  #takeWindowUpdate(id: number, payload: Uint8Array): void {
    if (payload.length !== 4) throw new Http2Error(Http2Code.FrameSizeError, "window update");
    const increment = word(payload, 0) & 0x7fffffff;
    if (increment === 0) throw new Http2Error(Http2Code.ProtocolError, "window update by nothing");
    if (id === 0) return this.output.openConnection(increment);
    const stream = this.#streams.get(id);
    if (stream !== undefined) this.output.openStream(stream, increment);
  }
}

function withoutPadding(flags: number, payload: Uint8Array): Uint8Array {
  if ((flags & Flag.Padded) === 0) return payload;
  const padding = payload[0] ?? 0;
  if (padding >= payload.length) throw new Http2Error(Http2Code.ProtocolError, "too much padding");
  return payload.subarray(1, payload.length - padding);
}

function word(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24 | bytes[at + 1]! << 16 | bytes[at + 2]! << 8 | bytes[at + 3]!) >>> 0;
}
