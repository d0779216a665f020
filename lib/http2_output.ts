// What one side of an HTTP/2 connection has to say: frames on their way to the socket, and bodies that
// wait for the other side's windows.
// Rules: all that is written in one turn goes out in one write; bodies take turns, frame by frame, so
// that a large one does not hold up the others; what waits for a slow socket stays small, because a
// body is only drawn on while there is room.

import type { ByteStream } from "./byte_stream.ts";
import { ByteWriter } from "./byte_writer.ts";
import {
  Flag,
  FrameType,
  Http2Code,
  Http2Error,
  writeFrame,
  writeSettings,
  writeWords,
} from "./http2_frame.ts";
import type { Setting } from "./http2_frame.ts";

export const DEFAULT_WINDOW = 65_535;
export const WINDOW_MAX = 2 ** 31 - 1;
/** Bodies are not drawn on while so much waits for the socket. */
const BODY_BYTES_MAX = 256 << 10;

const NOTHING = new Uint8Array(0);

/** A stream with something to send. */
export interface Outgoing {
  readonly id: number;
  sendWindow: number;
  body: Uint8Array;
  /** Whether the stream's end is to be sent after this body. */
  hasEnd: boolean;
  trailers: Uint8Array | undefined;
  /** All of the body, and the end if there is one, is on its way. */
  sent(): void;
}

export interface OutputOwner {
  /** Everything is written; true if nothing more will come and the other side should see the end. */
  drained(): boolean;
  /** The socket is of no use any more. */
  broken(): void;
}

export class Http2Output {
  readonly #conn: ByteStream;
  readonly #owner: OutputOwner;
  /** Streams whose body waits for a window, or for the socket. */
  readonly #waiting = new Set<Outgoing>();
  #out = new ByteWriter();
  #spare = new ByteWriter();
  #flushing: Promise<void> | undefined;
  #isClosed = false;
  #window = DEFAULT_WINDOW;
  #streamWindow = DEFAULT_WINDOW;
  #frameBytesMax = 16_384;

  constructor(conn: ByteStream, owner: OutputOwner) {
    this.#conn = conn;
    this.#owner = owner;
  }

  /** What a new stream may send before its window is opened further. */
  get streamWindow(): number {
    return this.#streamWindow;
  }

  /** Bytes that wait for the socket. */
  get length(): number {
    return this.#out.length;
  }

  /** Resolves when what was written by now has left. */
  get flushed(): Promise<void> | undefined {
    return this.#flushing;
  }

  headers(stream: number, block: Uint8Array, isLast: boolean): void {
    const flags = Flag.EndHeaders | (isLast ? Flag.EndStream : 0);
    writeFrame(this.#out, FrameType.Headers, flags, stream, block);
    this.flushSoon();
  }

  /** Sends as much of the stream's body as windows and socket allow, the rest when they open. */
  body(stream: Outgoing): void {
    while (this.#sendPart(stream));
    this.flushSoon();
  }

  frame(type: FrameType, flags: number, stream: number, payload: Uint8Array): void {
    writeFrame(this.#out, type, flags, stream, payload);
  }

  words(type: FrameType, stream: number, ...words: number[]): void {
    writeWords(this.#out, type, stream, ...words);
  }

  settings(settings: readonly (readonly [Setting, number])[]): void {
    writeSettings(this.#out, settings);
  }

  goaway(lastStream: number, code: Http2Code, reason: string): void {
    const text = new TextEncoder().encode(reason);
    const payload = new Uint8Array(8 + text.length);
    const view = new DataView(payload.buffer);
    view.setUint32(0, lastStream);
    view.setUint32(4, code);
    payload.set(text, 8);
    this.frame(FrameType.Goaway, 0, 0, payload);
    this.flushSoon();
  }

  forget(stream: Outgoing): void {
    this.#waiting.delete(stream);
  }

  openConnection(by: number): void {
    this.#window = opened(this.#window, by);
    this.resume();
  }

  openStream(stream: Outgoing, by: number): void {
    stream.sendWindow = opened(stream.sendWindow, by);
    this.resume();
  }

  /** The other side changes what all streams may send; to be followed by `resume`. */
  resizeStreams(window: number, streams: Iterable<Outgoing>): void {
    if (window > WINDOW_MAX) throw new Http2Error(Http2Code.FlowControlError, `window ${window}`);
    for (const stream of streams) {
      stream.sendWindow = opened(stream.sendWindow, window - this.#streamWindow);
    }
    this.#streamWindow = window;
  }

  /** Sends what waited and need not wait any more. */
  resume(): void {
    for (const stream of this.#waiting) {
      if (!this.#sendPart(stream)) continue;
      this.#waiting.delete(stream); // to the end of the queue, where this loop meets it again
      this.#waiting.add(stream);
    }
    if (this.#out.length > 0) this.flushSoon();
  }

  resizeFrames(bytesMax: number): void {
    if (bytesMax < 16_384 || bytesMax > 0xffffff) {
      throw new Http2Error(Http2Code.ProtocolError, `frame size ${bytesMax}`);
    }
    this.#frameBytesMax = bytesMax;
  }

  flushSoon(): void {
    this.#flushing ??= this.#flush();
  }

  close(): void {
    this.#isClosed = true;
    this.#waiting.clear();
  }

  /** One frame of the stream's body, or its end; false if there is nothing more to do for now. */
  #sendPart(stream: Outgoing): boolean {
    const { body } = stream;
    if (body.length === 0) {
      this.#waiting.delete(stream);
      if (stream.hasEnd) this.#end(stream);
      stream.sent();
      return false;
    }
    const window = Math.min(this.#window, stream.sendWindow, this.#frameBytesMax);
    if (window <= 0 || this.#out.length >= BODY_BYTES_MAX) {
      this.#waiting.add(stream);
      return false;
    }
    const part = body.subarray(0, window);
    stream.body = body.subarray(part.length);
    stream.sendWindow -= part.length;
    this.#window -= part.length;
    // Without trailers the last piece of the body is the end.
    const isEnd = stream.hasEnd && stream.trailers === undefined && stream.body.length === 0;
    if (isEnd) stream.hasEnd = false;
    writeFrame(this.#out, FrameType.Data, isEnd ? Flag.EndStream : 0, stream.id, part);
    return true;
  }

  #end(stream: Outgoing): void {
    const { id, trailers } = stream;
    stream.hasEnd = false;
    if (trailers !== undefined) {
      writeFrame(this.#out, FrameType.Headers, Flag.EndHeaders | Flag.EndStream, id, trailers);
    } else writeFrame(this.#out, FrameType.Data, Flag.EndStream, id, NOTHING);
  }

  async #flush(): Promise<void> {
    try {
      await undefined; // what is answered in this turn goes out in one write
      while (this.#out.length > 0 && !this.#isClosed) {
        const full = this.#out;
        this.#out = this.#spare;
        this.resume();
        for (let at = 0; at < full.length;) {
          at += await this.#conn.write(full.bytes.subarray(at, full.length));
        }
        full.clear();
        this.#spare = full;
      }
      if (!this.#isClosed && this.#owner.drained()) {
        this.#isClosed = true;
        await this.#conn.closeWrite();
      }
    } catch {
      this.#owner.broken();
    } finally {
      this.#flushing = undefined;
    }
  }
}

function opened(window: number, by: number): number {
  if (window + by > WINDOW_MAX) {
    throw new Http2Error(Http2Code.FlowControlError, "window overflows");
  }
  return window + by;
}
