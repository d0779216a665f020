// One TracesData message as JSON: the dialect that query clients know, not OTLP's own.
// 64-bit numbers are decimal strings, bytes (ids too) are base64, enums are names, zero scalars are
// left out; messages appear if they were sent, even empty. See docs/api.md.
import { ProtobufError, ProtobufReader } from "../lib/protobuf_reader.ts";

export type JsonObject = { [key: string]: unknown };

/** `{"resourceSpans":[…]}`, or with another name for its only list. */
export function tracesJson(bytes: Uint8Array, listName = "resourceSpans"): JsonObject {
  const reader = new ProtobufReader();
  reader.reset(bytes);
  const traces = readMessage(reader, bytes.length, TRACES, 0);
  return "resourceSpans" in traces ? { [listName]: traces.resourceSpans } : {};
}

/** How a field is read and shown. "oneof" members show their zero too. */
type Kind =
  | "text"
  | "oneofText"
  | "bytes"
  | "oneofBytes"
  | "oneofBool"
  | "oneofInt64"
  | "oneofDouble"
  | "uint32"
  | "fixed32"
  | "fixed64"
  | { readonly names: readonly string[] }
  | { readonly message: () => MessageShape; readonly isList: boolean };

interface Field {
  readonly name: string;
  readonly kind: Kind;
}

/** By tag: field number and wire type as one number. */
type MessageShape = ReadonlyMap<number, Field>;

const VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5;
const nestingMax = 256;
const SHORT_BYTES_MAX = 24;
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

function shape(fields: readonly [number: number, wire: number, name: string, kind: Kind][]) {
  return new Map<number, Field>(
    fields.map(([number, wire, name, kind]) => [number << 3 | wire, { name, kind }]),
  );
}

const one = (message: () => MessageShape): Kind => ({ message, isList: false });
const list = (message: () => MessageShape): Kind => ({ message, isList: true });

const ANY_VALUE: MessageShape = shape([
  [1, BYTES, "stringValue", "oneofText"],
  [2, VARINT, "boolValue", "oneofBool"],
  [3, VARINT, "intValue", "oneofInt64"],
  [4, FIXED64, "doubleValue", "oneofDouble"],
  [5, BYTES, "arrayValue", one(() => ARRAY_VALUE)],
  [6, BYTES, "kvlistValue", one(() => KEY_VALUE_LIST)],
  [7, BYTES, "bytesValue", "oneofBytes"],
]);
const ARRAY_VALUE: MessageShape = shape([[1, BYTES, "values", list(() => ANY_VALUE)]]);
const KEY_VALUE_LIST: MessageShape = shape([[1, BYTES, "values", list(() => KEY_VALUE)]]);
const KEY_VALUE: MessageShape = shape([
  [1, BYTES, "key", "text"],
  [2, BYTES, "value", one(() => ANY_VALUE)],
]);
const attributes = list(() => KEY_VALUE);

const EVENT = shape([
  [1, FIXED64, "timeUnixNano", "fixed64"],
  [2, BYTES, "name", "text"],
  [3, BYTES, "attributes", attributes],
  [4, VARINT, "droppedAttributesCount", "uint32"],
]);
const LINK = shape([
  [1, BYTES, "traceId", "bytes"],
  [2, BYTES, "spanId", "bytes"],
  [3, BYTES, "traceState", "text"],
  [4, BYTES, "attributes", attributes],
  [5, VARINT, "droppedAttributesCount", "uint32"],
  [6, FIXED32, "flags", "fixed32"],
]);
const STATUS = shape([
  [2, BYTES, "message", "text"],
  [3, VARINT, "code", { names: ["", "STATUS_CODE_OK", "STATUS_CODE_ERROR"] }],
]);
const SPAN_KINDS = ["", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"]
  .map((kind) => kind === "" ? "" : `SPAN_KIND_${kind}`);
const SPAN = shape([
  [1, BYTES, "traceId", "bytes"],
  [2, BYTES, "spanId", "bytes"],
  [3, BYTES, "traceState", "text"],
  [4, BYTES, "parentSpanId", "bytes"],
  [5, BYTES, "name", "text"],
  [6, VARINT, "kind", { names: SPAN_KINDS }],
  [7, FIXED64, "startTimeUnixNano", "fixed64"],
  [8, FIXED64, "endTimeUnixNano", "fixed64"],
  [9, BYTES, "attributes", attributes],
  [10, VARINT, "droppedAttributesCount", "uint32"],
  [11, BYTES, "events", list(() => EVENT)],
  [12, VARINT, "droppedEventsCount", "uint32"],
  [13, BYTES, "links", list(() => LINK)],
  [14, VARINT, "droppedLinksCount", "uint32"],
  [15, BYTES, "status", one(() => STATUS)],
  [16, FIXED32, "flags", "fixed32"],
]);
const SCOPE = shape([
  [1, BYTES, "name", "text"],
  [2, BYTES, "version", "text"],
  [3, BYTES, "attributes", attributes],
  [4, VARINT, "droppedAttributesCount", "uint32"],
]);
const SCOPE_SPANS = shape([
  [1, BYTES, "scope", one(() => SCOPE)],
  [2, BYTES, "spans", list(() => SPAN)],
  [3, BYTES, "schemaUrl", "text"],
]);
const RESOURCE = shape([
  [1, BYTES, "attributes", attributes],
  [2, VARINT, "droppedAttributesCount", "uint32"],
]);
const RESOURCE_SPANS = shape([
  [1, BYTES, "resource", one(() => RESOURCE)],
  [2, BYTES, "scopeSpans", list(() => SCOPE_SPANS)],
  [3, BYTES, "schemaUrl", "text"],
]);
const TRACES = shape([[1, BYTES, "resourceSpans", list(() => RESOURCE_SPANS)]]);

function readMessage(
  reader: ProtobufReader,
  end: number,
  fields: MessageShape,
  depth: number,
): JsonObject {
  if (depth > nestingMax) throw new ProtobufError("value nested too deeply", reader.position);
  let result: JsonObject = {};
  while (reader.position < end) {
    const tag = reader.tag(end);
    const field = fields.get(tag);
    if (field === undefined) {
      reader.skip(tag, end);
      continue;
    }
    const { name, kind } = field;
    if (typeof kind === "object" && "message" in kind) {
      const bodyEnd = reader.lengthEnd(end);
      const value = readMessage(reader, bodyEnd, kind.message(), depth + 1);
      if (kind.isList) {
        (result[name] as JsonObject[] | undefined ?? (result[name] = [])).push(value);
      } // Of a oneof only the member that came last counts.
      else if (fields === ANY_VALUE) result = { [name]: value };
      else result[name] = value;
      continue;
    }
    const value = readScalar(reader, end, kind);
    if (fields === ANY_VALUE) result = { [name]: value };
    else if (value === undefined) delete result[name];
    else result[name] = value;
  }
  return result;
}

type ScalarKind = Exclude<Kind, { readonly message: () => MessageShape }>;

/** Undefined for a zero that is not shown. */
function readScalar(reader: ProtobufReader, end: number, kind: ScalarKind): unknown {
  if (typeof kind === "object") {
    const value = reader.varint32(end);
    return value === 0 ? undefined : kind.names[value] ?? value | 0;
  }
  switch (kind) {
    case "text":
      return readText(reader, end) || undefined;
    case "oneofText":
      return readText(reader, end);
    case "bytes":
      return readBytes(reader, end).toBase64() || undefined;
    case "oneofBytes":
      return readBytes(reader, end).toBase64();
    case "oneofBool":
      return (reader.varint64(end) | reader.high) !== 0;
    case "oneofInt64": {
      const low = reader.varint64(end) >>> 0;
      return String(BigInt(reader.high) * 4294967296n + BigInt(low));
    }
    case "oneofDouble": {
      const double = reader.view.getFloat64(reader.advance(8, end), true);
      return Number.isFinite(double) ? double : String(double);
    }
    case "uint32":
      return reader.varint32(end) || undefined;
    case "fixed32":
      return reader.view.getUint32(reader.advance(4, end), true) || undefined;
    case "fixed64": {
      const value = reader.view.getBigUint64(reader.advance(8, end), true);
      return value === 0n ? undefined : String(value);
    }
  }
}

/** Short ASCII, as most keys and values are, is put together here: TextDecoder takes four times as long. */
function readText(reader: ProtobufReader, end: number): string {
  const textEnd = reader.lengthEnd(end);
  const start = reader.position;
  reader.position = textEnd;
  if (textEnd - start <= SHORT_BYTES_MAX) {
    let text = "";
    let at = start;
    for (; at < textEnd && reader.bytes[at]! < 128; at++) {
      text += String.fromCharCode(reader.bytes[at]!);
    }
    if (at === textEnd) return text;
  }
  return decoder.decode(reader.bytes.subarray(start, textEnd));
}

function readBytes(reader: ProtobufReader, end: number): Uint8Array {
  const bytesEnd = reader.lengthEnd(end);
  const bytes = reader.bytes.subarray(reader.position, bytesEnd);
  reader.position = bytesEnd;
  return bytes;
}
