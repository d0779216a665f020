// The protobuf JSON of an OTLP AnyValue: how vParquet stores values that have no column
// (key-value lists, bytes, mixed arrays). Rare, so it is written to be obvious.

import { ProtobufError, ProtobufReader } from "../lib/protobuf_reader.ts";

const nestingMax = 64;
// Without ignoreBOM a string that begins with U+FEFF would lose it.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

export function anyValueJson(reader: ProtobufReader, end: number): string {
  return JSON.stringify(readAnyValue(reader, end, 0));
}

function readAnyValue(reader: ProtobufReader, end: number, depth: number): object {
  if (depth > nestingMax) throw new ProtobufError("value nested too deeply", reader.position);
  let value: object = {};
  while (reader.position < end) {
    const tag = reader.tag(end);
    switch (tag) {
      case 1 << 3 | 2:
        value = { stringValue: readText(reader, end) };
        break;
      case 2 << 3 | 0:
        value = { boolValue: reader.varint64(end) !== 0 || reader.high !== 0 };
        break;
      case 3 << 3 | 0: {
        const low = reader.varint64(end) >>> 0;
        value = { intValue: String(BigInt(reader.high) * 4294967296n + BigInt(low)) };
        break;
      }
      case 4 << 3 | 1: {
        const double = reader.view.getFloat64(reader.advance(8, end), true);
        value = { doubleValue: Number.isFinite(double) ? double : String(double) };
        break;
      }
      case 5 << 3 | 2:
        value = { arrayValue: readList(reader, reader.lengthEnd(end), depth, readAnyValue) };
        break;
      case 6 << 3 | 2:
        value = { kvlistValue: readList(reader, reader.lengthEnd(end), depth, readKeyValue) };
        break;
      case 7 << 3 | 2: {
        const bytesEnd = reader.lengthEnd(end);
        value = { bytesValue: base64(reader.bytes.subarray(reader.position, bytesEnd)) };
        reader.position = bytesEnd;
        break;
      }
      default:
        reader.skip(tag, end);
    }
  }
  return value;
}

function readList(
  reader: ProtobufReader,
  end: number,
  depth: number,
  readElement: (reader: ProtobufReader, end: number, depth: number) => object,
): object {
  const values: object[] = [];
  while (reader.position < end) {
    const tag = reader.tag(end);
    if (tag === (1 << 3 | 2)) values.push(readElement(reader, reader.lengthEnd(end), depth + 1));
    else reader.skip(tag, end);
  }
  return values.length === 0 ? {} : { values };
}

function readKeyValue(reader: ProtobufReader, end: number, depth: number): object {
  const pair: { key?: string; value?: object } = {};
  while (reader.position < end) {
    const tag = reader.tag(end);
    if (tag === (1 << 3 | 2)) pair.key = readText(reader, end);
    else if (tag === (2 << 3 | 2)) pair.value = readAnyValue(reader, reader.lengthEnd(end), depth);
    else reader.skip(tag, end);
  }
  return pair;
}

function readText(reader: ProtobufReader, end: number): string {
  const textEnd = reader.lengthEnd(end);
  const text = decoder.decode(reader.bytes.subarray(reader.position, textEnd));
  reader.position = textEnd;
  return text;
}

function base64(bytes: Uint8Array): string {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}
