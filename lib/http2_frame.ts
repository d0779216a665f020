// HTTP/2 frames (RFC 9113, section 4): their numbers and how they are written.
//   length u24 │ type u8 │ flags u8 │ stream u31 │ payload
import type { ByteWriter } from "./byte_writer.ts";

export const FRAME_HEAD_BYTES = 9;
export const PREFACE = new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

export const enum FrameType {
  Data = 0,
  Headers = 1,
  Priority = 2,
  RstStream = 3,
  Settings = 4,
  PushPromise = 5,
  Ping = 6,
  Goaway = 7,
  WindowUpdate = 8,
  Continuation = 9,
}

export const enum Flag {
  EndStream = 0x1,
  Ack = 0x1,
  EndHeaders = 0x4,
  Padded = 0x8,
  Priority = 0x20,
}

export const enum Setting {
  MaxConcurrentStreams = 3,
  InitialWindowSize = 4,
  MaxFrameSize = 5,
  MaxHeaderListSize = 6,
}

export const enum Http2Code {
  NoError = 0,
  ProtocolError = 1,
  InternalError = 2,
  FlowControlError = 3,
  StreamClosed = 5,
  FrameSizeError = 6,
  RefusedStream = 7,
  CompressionError = 9,
  EnhanceYourCalm = 11,
}

/** Ends the connection; the code and reason are told to the other side. */
export class Http2Error extends Error {
  override readonly name = "Http2Error";
  constructor(readonly code: Http2Code, reason: string) {
    super(reason);
  }
}

export function writeFrame(
  out: ByteWriter,
  type: FrameType,
  flags: number,
  stream: number,
  payload: Uint8Array,
): void {
  writeHead(out, type, flags, stream, payload.length);
  out.append(payload);
}

/** A frame whose payload is 32-bit numbers, big-endian. */
export function writeWords(
  out: ByteWriter,
  type: FrameType,
  stream: number,
  ...words: number[]
): void {
  writeHead(out, type, 0, stream, words.length * 4);
  for (const word of words) writeWord(out, word);
}

export function writeSettings(out: ByteWriter, settings: readonly (readonly [Setting, number])[]) {
  writeHead(out, FrameType.Settings, 0, 0, settings.length * 6);
  for (const [setting, value] of settings) {
    out.u8(0);
    out.u8(setting);
    writeWord(out, value);
  }
}

function writeHead(out: ByteWriter, type: FrameType, flags: number, stream: number, size: number) {
  out.reserve(FRAME_HEAD_BYTES + size);
  out.u8(size >>> 16);
  out.u8(size >>> 8 & 0xff);
  out.u8(size & 0xff);
  out.u8(type);
  out.u8(flags);
  writeWord(out, stream);
}

function writeWord(out: ByteWriter, word: number): void {
  out.reserve(4);
  out.view.setUint32(out.length, word);
  out.length += 4;
}
