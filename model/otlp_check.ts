// Whether every byte of an OTLP request can be decoded, before any of it is acknowledged: a request
// that is accepted and cannot be decoded later would be spans lost after their acknowledgement.
// Walks messages by a table and builds nothing; refuses whatever `OtlpDecoder` would refuse.
// Law: accepted ⇒ decodable, tests/properties/accepted_is_decodable_test.ts.
// Bench: otlp_check_bench.ts, 2M spans of twenty attributes (800 bytes) per CPU-s.
//
//   CHILD[message << 7 | tag]  the message inside that field, or 0
//   ID_MAX[message << 7 | tag] the longest id that field may hold, or 0

import { ProtobufError, ProtobufReader } from "../lib/protobuf_reader.ts";

const enum Message {
  None,
  Traces,
  ResourceSpans,
  Resource,
  ScopeSpans,
  Scope,
  Span,
  Event,
  Link,
  Status,
  KeyValue,
  AnyValue,
  ArrayValue,
  KvList,
}

const bytesField = (field: number) => field << 3 | 2;

const CHILD = new Uint8Array(14 << 7);
for (
  const [message, field, child] of [
    [Message.Traces, 1, Message.ResourceSpans],
    [Message.ResourceSpans, 1, Message.Resource],
    [Message.ResourceSpans, 2, Message.ScopeSpans],
    [Message.Resource, 1, Message.KeyValue],
    [Message.ScopeSpans, 1, Message.Scope],
    [Message.ScopeSpans, 2, Message.Span],
    [Message.Scope, 3, Message.KeyValue],
    [Message.Span, 9, Message.KeyValue],
    [Message.Span, 11, Message.Event],
    [Message.Span, 13, Message.Link],
    [Message.Span, 15, Message.Status],
    [Message.Event, 3, Message.KeyValue],
    [Message.Link, 4, Message.KeyValue],
    [Message.KeyValue, 2, Message.AnyValue],
    [Message.AnyValue, 5, Message.ArrayValue],
    [Message.AnyValue, 6, Message.KvList],
    [Message.ArrayValue, 1, Message.AnyValue],
    [Message.KvList, 1, Message.KeyValue],
  ] as const
) CHILD[message << 7 | bytesField(field)] = child;

const ID_MAX = new Uint8Array(14 << 7);
for (
  const [message, field, bytes] of [
    [Message.Span, 4, 8], // trace and span ids of spans are checked, and worded, elsewhere
    [Message.Link, 1, 16],
    [Message.Link, 2, 8],
  ] as const
) ID_MAX[message << 7 | bytesField(field)] = bytes;

/** Messages in messages; the decoder's own limit, of values alone, is the same number. */
const NESTING_MAX = 64;

/** Throws ProtobufError unless every message in there can be decoded. */
export function checkOtlp(request: Uint8Array): void {
  walk(request, 0, request.length, Message.Traces, 0);
}

function walk(bytes: Uint8Array, from: number, end: number, message: Message, depth: number): void {
  if (depth > NESTING_MAX) throw new ProtobufError("value nested too deeply", from);
  let at = from;
  while (at < end) {
    const tag = bytes[at]!;
    // Fields 1 to 15 have tags of one byte; whatever else there is no message we know.
    if (tag < 8 || tag > 127 || (tag & 7) === 3) {
      at = skipRare(bytes, at, end);
      continue;
    }
    at++;
    switch (tag & 7) {
      case 0: {
        let size = 1;
        while (at < end && bytes[at]! > 127) {
          at++;
          if (++size > 10) throw new ProtobufError("varint longer than 10 bytes", at);
        }
        if (at++ >= end) throw new ProtobufError("truncated varint", at);
        break;
      }
      case 1:
        at += 8;
        break;
      case 5:
        at += 4;
        break;
      case 2: {
        let size = bytes[at]!;
        if (at < end && size < 128) at++;
        else {
          const bodyEnd = longLengthEnd(bytes, at, end);
          at = reader.position;
          size = bodyEnd - at;
        }
        if (size > end - at) {
          throw new ProtobufError(`length ${size} exceeds its message`, at);
        }
        const key = message << 7 | tag;
        const child = CHILD[key]!;
        if (child !== 0) {
          const isPlain = child === Message.KeyValue && isPlainKeyValue(bytes, at, at + size);
          if (!isPlain) walk(bytes, at, at + size, child, depth + 1);
        }
        if (ID_MAX[key] !== 0 && size > ID_MAX[key]!) {
          throw new ProtobufError(`id longer than ${ID_MAX[key]} bytes`, at);
        }
        at += size;
        break;
      }
      default:
        throw new ProtobufError(`unexpected wire type ${tag & 7}`, at);
    }
  }
  if (at > end) throw new ProtobufError("truncated fixed-size value", end);
}

/** Nearly every attribute: a short key, then one short string or number, and nothing else. */
function isPlainKeyValue(bytes: Uint8Array, at: number, end: number): boolean {
  const keySize = bytes[at + 1]!;
  const valueAt = at + keySize + 4;
  if (valueAt + 1 >= end || bytes[at] !== bytesField(1) || keySize > 127) return false;
  if (bytes[valueAt - 2] !== bytesField(2) || bytes[valueAt - 1] !== end - valueAt) return false;
  if (end - valueAt > 127) return false;
  switch (bytes[valueAt]) {
    case 1 << 3 | 2: // string
      return bytes[valueAt + 1] === end - valueAt - 2;
    case 2 << 3 | 0: // bool
    case 3 << 3 | 0: // int
      return end - valueAt <= 10 && bytes[end - 1]! < 128 && isOneVarint(bytes, valueAt + 1, end);
    case 4 << 3 | 1: // double
      return end - valueAt === 9;
    default:
      return false;
  }
}

function isOneVarint(bytes: Uint8Array, at: number, end: number): boolean {
  while (at < end - 1) if (bytes[at++]! < 128) return false;
  return true;
}

// One for all: a length of two bytes or a group is rare, and needs no speed.
const reader = new ProtobufReader();

function longLengthEnd(bytes: Uint8Array, at: number, end: number): number {
  reader.reset(bytes, at);
  return reader.lengthEnd(end);
}

function skipRare(bytes: Uint8Array, at: number, end: number): number {
  reader.reset(bytes, at);
  reader.skip(reader.tag(end), end);
  return reader.position;
}
