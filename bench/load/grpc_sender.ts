// OTLP over gRPC on a socket of its own: just enough HTTP/2 for one unary call at a time. The usual
// client takes ten times the processor time of this one, and would be what is measured.
// https://www.rfc-editor.org/rfc/rfc9113, https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
//
//   frame: size u24 ▸ type u8 ▸ flags u8 ▸ stream u32 ▸ payload
import type { Sender, SendOutcome } from "./sender.ts";
import type { RequestTemplate } from "./template.ts";

const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const FRAME_HEAD = 9;
/** Of a gRPC message: compressed or not, and its size. */
const MESSAGE_HEAD = 5;
const FrameType = {
  Data: 0,
  Headers: 1,
  Reset: 3,
  Settings: 4,
  Ping: 6,
  GoAway: 7,
  WindowUpdate: 8,
} as const;
const END_STREAM = 1;
const END_HEADERS = 4;
const ACK = 1;
const SETTING_WINDOW = 4;
const SETTING_FRAME_SIZE = 5;

const encoder = new TextEncoder();

export class GrpcSender implements Sender {
  readonly #connection: Deno.TcpConn;
  readonly #headers: Uint8Array;
  readonly #reading: Promise<void>;
  readonly #received: { bytes: Uint8Array; size: number } = {
    bytes: new Uint8Array(1 << 16),
    size: 0,
  };
  #stream = -1;
  #frameSizeMax = 16_384;
  #initialWindow = 65_535;
  #streamWindow = 0;
  #connectionWindow = 65_535;
  #hasMessage = false;
  #answered: PromiseWithResolvers<SendOutcome> | undefined;
  #widened: PromiseWithResolvers<void> | undefined;
  #broken: Error | undefined;

  private constructor(connection: Deno.TcpConn, port: number) {
    this.#connection = connection;
    this.#headers = headerBlock(`127.0.0.1:${port}`);
    this.#reading = this.#readFrames();
  }

  static async open(port: number): Promise<GrpcSender> {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    connection.setNoDelay(true);
    const sender = new GrpcSender(connection, port);
    // Answers are small; with this much room nobody has to count them.
    const room = new Uint8Array(4);
    new DataView(room.buffer).setUint32(0, 2 ** 31 - 1 - 65_535);
    await sender.#write([
      encoder.encode(PREFACE),
      frame(FrameType.Settings, 0, 0, new Uint8Array(0)),
      frame(FrameType.WindowUpdate, 0, 0, room),
    ]);
    return sender;
  }

  async send({ bytes, roomBytes }: RequestTemplate): Promise<SendOutcome> {
    if (this.#broken !== undefined) throw this.#broken;
    this.#stream += 2;
    this.#streamWindow = this.#initialWindow;
    this.#hasMessage = false;
    this.#answered = Promise.withResolvers();
    // It may be rejected while this still waits for room to send.
    this.#answered.promise.catch(() => {});
    const size = bytes.length - roomBytes;
    const start = roomBytes - MESSAGE_HEAD;
    bytes[start] = 0;
    new DataView(bytes.buffer).setUint32(start + 1, size);
    const headers = frame(FrameType.Headers, END_HEADERS, this.#stream, this.#headers);
    await this.#sendData(headers, bytes.subarray(start));
    return await this.#answered.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#broken ??= new Error("closed");
    try {
      this.#connection.close();
    } catch { /* already gone with the server */ }
    await this.#reading;
  }

  /** As much as both windows allow at a time, all of it in one write. */
  async #sendData(headers: Uint8Array, data: Uint8Array): Promise<void> {
    let parts = [headers];
    for (let at = 0; at < data.length;) {
      const room = Math.min(this.#streamWindow, this.#connectionWindow);
      if (room <= 0) {
        if (parts.length > 0) await this.#write(parts);
        parts = [];
        await this.#untilWider();
        continue;
      }
      const size = Math.min(room, this.#frameSizeMax, data.length - at);
      const flags = at + size === data.length ? END_STREAM : 0;
      parts.push(frame(FrameType.Data, flags, this.#stream, data.subarray(at, at + size)));
      this.#streamWindow -= size;
      this.#connectionWindow -= size;
      at += size;
    }
    await this.#write(parts);
  }

  async #untilWider(): Promise<void> {
    if (Math.min(this.#streamWindow, this.#connectionWindow) > 0) return;
    if (this.#broken !== undefined) throw this.#broken;
    this.#widened = Promise.withResolvers();
    await this.#widened.promise;
  }

  async #write(parts: readonly Uint8Array[]): Promise<void> {
    const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let to = 0;
    for (const part of parts) {
      bytes.set(part, to);
      to += part.length;
    }
    for (let at = 0; at < bytes.length;) at += await this.#connection.write(bytes.subarray(at));
  }

  async #readFrames(): Promise<void> {
    const { bytes } = this.#received;
    try {
      for (;;) {
        const count = await this.#connection.read(bytes.subarray(this.#received.size));
        if (count === null) throw new Error("the server closed the connection");
        this.#received.size += count;
        await this.#takeFrames();
      }
    } catch (error) {
      this.#broken ??= error instanceof Error ? error : new Error(String(error));
      this.#answered?.reject(this.#broken);
      this.#widened?.reject(this.#broken);
    }
  }

  async #takeFrames(): Promise<void> {
    const { bytes } = this.#received;
    const view = new DataView(bytes.buffer);
    let at = 0;
    while (this.#received.size - at >= FRAME_HEAD) {
      const size = view.getUint32(at) >>> 8;
      if (FRAME_HEAD + size > bytes.length) throw new Error(`a frame of ${size} bytes`);
      const end = at + FRAME_HEAD + size;
      if (end > this.#received.size) break;
      const payload = bytes.subarray(at + FRAME_HEAD, end);
      await this.#take(bytes[at + 3]!, bytes[at + 4]!, view.getUint32(at + 5), payload);
      at = end;
    }
    bytes.copyWithin(0, at, this.#received.size);
    this.#received.size -= at;
  }

  async #take(type: number, flags: number, stream: number, payload: Uint8Array): Promise<void> {
    const isMine = stream === this.#stream;
    if (type === FrameType.WindowUpdate) this.#widen(stream, word(payload, 0));
    else if (type === FrameType.Settings && (flags & ACK) === 0) {
      this.#applySettings(payload);
      await this.#write([frame(FrameType.Settings, ACK, 0, new Uint8Array(0))]);
    } else if (type === FrameType.Ping && (flags & ACK) === 0) {
      await this.#write([frame(FrameType.Ping, ACK, 0, payload)]);
    } else if (type === FrameType.GoAway) throw new Error("the server is going away");
    else if (type === FrameType.Reset && isMine) this.#finish(false);
    else if (type === FrameType.Data && isMine) this.#hasMessage ||= payload.length > 0;
    if (type <= FrameType.Headers && isMine && (flags & END_STREAM) !== 0) {
      this.#finish(this.#hasMessage);
    }
  }

  /** A unary call that failed is answered by trailers alone, without a message. */
  #finish(isAcked: boolean): void {
    this.#answered?.resolve({
      isAcked,
      reason: isAcked ? "" : "refused: no message in the answer",
    });
  }

  #widen(stream: number, by: number): void {
    if (stream === 0) this.#connectionWindow += by;
    else if (stream === this.#stream) this.#streamWindow += by;
    if (Math.min(this.#streamWindow, this.#connectionWindow) > 0) this.#widened?.resolve();
  }

  #applySettings(payload: Uint8Array): void {
    for (let at = 0; at < payload.length; at += 6) {
      const value = word(payload, at + 2);
      const id = payload[at]! << 8 | payload[at + 1]!;
      if (id === SETTING_WINDOW) {
        this.#streamWindow += value - this.#initialWindow;
        this.#initialWindow = value;
        if (Math.min(this.#streamWindow, this.#connectionWindow) > 0) this.#widened?.resolve();
      } else if (id === SETTING_FRAME_SIZE) this.#frameSizeMax = value;
    }
  }
}

function frame(type: number, flags: number, stream: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(FRAME_HEAD + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, payload.length << 8 | type);
  bytes[4] = flags;
  view.setUint32(5, stream);
  bytes.set(payload, FRAME_HEAD);
  return bytes;
}

/** Every field as a literal that nobody indexes, so that the block is the same each time. */
function headerBlock(authority: string): Uint8Array {
  const fields: [string, string][] = [
    [":method", "POST"],
    [":scheme", "http"],
    [":path", "/opentelemetry.proto.collector.trace.v1.TraceService/Export"],
    [":authority", authority],
    ["content-type", "application/grpc"],
    ["te", "trailers"],
  ];
  const bytes: number[] = [];
  for (const [name, value] of fields) {
    bytes.push(0, name.length, ...encoder.encode(name), value.length, ...encoder.encode(value));
  }
  return Uint8Array.from(bytes);
}

const word = (bytes: Uint8Array, at: number) =>
  new DataView(bytes.buffer, bytes.byteOffset).getUint32(at) & 0x7fffffff;
