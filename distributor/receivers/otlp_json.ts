// OTLP's JSON to its protobuf bytes, so that both encodings share one way in.
// OTLP JSON is not quite proto JSON: ids are hex, names are lowerCamelCase only, enums are numbers
// (names are taken too), unknown fields are passed over. What cannot be read is refused with its path.
// https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding

import { ByteWriter } from "../../lib/byte_writer.ts";
import { InputError } from "../../lib/errors.ts";
import { ProtobufWriter } from "../../lib/protobuf_writer.ts";

export function jsonToOtlp(body: Uint8Array): Uint8Array {
  const request = parse(body);
  const bytes = new ByteWriter(body.length);
  try {
    writeMessage(new ProtobufWriter(bytes), TRACES, request, 0);
  } catch (error) {
    if (!(error instanceof Misfit)) throw error;
    throw new InputError(
      "invalid_argument",
      `${error.path.reverse().join("") || "request"}: ${error.message}`,
    );
  }
  return bytes.written();
}

/** A value that does not fit its field; the path is added on the way up. */
class Misfit extends Error {
  readonly path: string[] = [];
}

type Kind =
  | "text"
  | "hex"
  | "base64"
  | "bool"
  | "int64"
  | "uint32"
  | "fixed32"
  | "fixed64"
  | "double"
  | { readonly names: readonly string[] }
  | { readonly message: () => Shape };

interface Field {
  readonly number: number;
  readonly kind: Kind;
  readonly isList?: boolean;
  /** Of a oneof: a zero says which member it is and must be written. */
  readonly isMember?: boolean;
}

/** In the order of field numbers, as encoders write them. */
type Shape = readonly (readonly [name: string, field: Field])[];

const message = (of: () => Shape): Kind => ({ message: of });
const listOf = (number: number, of: () => Shape): Field => ({
  number,
  kind: message(of),
  isList: true,
});
const member = (number: number, kind: Kind): Field => ({ number, kind, isMember: true });

const KINDS = ["UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"]
  .map((name) => `SPAN_KIND_${name}`);
const CODES = ["UNSET", "OK", "ERROR"].map((name) => `STATUS_CODE_${name}`);

const ANY_VALUE: Shape = [
  ["stringValue", member(1, "text")],
  ["boolValue", member(2, "bool")],
  ["intValue", member(3, "int64")],
  ["doubleValue", member(4, "double")],
  ["arrayValue", member(5, message(() => [["values", listOf(1, () => ANY_VALUE)]]))],
  ["kvlistValue", member(6, message(() => [["values", listOf(1, () => KEY_VALUE)]]))],
  ["bytesValue", member(7, "base64")],
];
const KEY_VALUE: Shape = [
  ["key", { number: 1, kind: "text" }],
  ["value", { number: 2, kind: message(() => ANY_VALUE) }],
];
const ENTITY_REF: Shape = [
  ["schemaUrl", { number: 1, kind: "text" }],
  ["type", { number: 2, kind: "text" }],
  ["idKeys", { number: 3, kind: "text", isList: true }],
  ["descriptionKeys", { number: 4, kind: "text", isList: true }],
];
const RESOURCE: Shape = [
  ["attributes", listOf(1, () => KEY_VALUE)],
  ["droppedAttributesCount", { number: 2, kind: "uint32" }],
  ["entityRefs", listOf(3, () => ENTITY_REF)],
];
const SCOPE: Shape = [
  ["name", { number: 1, kind: "text" }],
  ["version", { number: 2, kind: "text" }],
  ["attributes", listOf(3, () => KEY_VALUE)],
  ["droppedAttributesCount", { number: 4, kind: "uint32" }],
];
const EVENT: Shape = [
  ["timeUnixNano", { number: 1, kind: "fixed64" }],
  ["name", { number: 2, kind: "text" }],
  ["attributes", listOf(3, () => KEY_VALUE)],
  ["droppedAttributesCount", { number: 4, kind: "uint32" }],
];
const LINK: Shape = [
  ["traceId", { number: 1, kind: "hex" }],
  ["spanId", { number: 2, kind: "hex" }],
  ["traceState", { number: 3, kind: "text" }],
  ["attributes", listOf(4, () => KEY_VALUE)],
  ["droppedAttributesCount", { number: 5, kind: "uint32" }],
  ["flags", { number: 6, kind: "fixed32" }],
];
const STATUS: Shape = [
  ["message", { number: 2, kind: "text" }],
  ["code", { number: 3, kind: { names: CODES } }],
];
const SPAN: Shape = [
  ["traceId", { number: 1, kind: "hex" }],
  ["spanId", { number: 2, kind: "hex" }],
  ["traceState", { number: 3, kind: "text" }],
  ["parentSpanId", { number: 4, kind: "hex" }],
  ["name", { number: 5, kind: "text" }],
  ["kind", { number: 6, kind: { names: KINDS } }],
  ["startTimeUnixNano", { number: 7, kind: "fixed64" }],
  ["endTimeUnixNano", { number: 8, kind: "fixed64" }],
  ["attributes", listOf(9, () => KEY_VALUE)],
  ["droppedAttributesCount", { number: 10, kind: "uint32" }],
  ["events", listOf(11, () => EVENT)],
  ["droppedEventsCount", { number: 12, kind: "uint32" }],
  ["links", listOf(13, () => LINK)],
  ["droppedLinksCount", { number: 14, kind: "uint32" }],
  ["status", { number: 15, kind: message(() => STATUS) }],
  ["flags", { number: 16, kind: "fixed32" }],
];
const SCOPE_SPANS: Shape = [
  ["scope", { number: 1, kind: message(() => SCOPE) }],
  ["spans", listOf(2, () => SPAN)],
  ["schemaUrl", { number: 3, kind: "text" }],
];
const RESOURCE_SPANS: Shape = [
  ["resource", { number: 1, kind: message(() => RESOURCE) }],
  ["scopeSpans", listOf(2, () => SCOPE_SPANS)],
  ["schemaUrl", { number: 3, kind: "text" }],
];
const TRACES: Shape = [["resourceSpans", listOf(1, () => RESOURCE_SPANS)]];

const NESTING_MAX = 100;

function writeMessage(writer: ProtobufWriter, shape: Shape, value: unknown, depth: number): void {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new Misfit(`expected an object, found ${shown(value)}`);
  }
  if (depth > NESTING_MAX) throw new Misfit(`nested more than ${NESTING_MAX} deep`);
  for (const [name, field] of shape) {
    if (!Object.hasOwn(value, name)) continue;
    const content = (value as Record<string, unknown>)[name];
    if (content === null) continue; // as in proto JSON: as if it were not there
    try {
      if (field.isList) writeList(writer, field, content, depth);
      else writeField(writer, field, content, depth);
    } catch (error) {
      if (error instanceof Misfit) error.path.push(depth === 0 ? name : `.${name}`);
      throw error;
    }
  }
}

function writeList(writer: ProtobufWriter, field: Field, values: unknown, depth: number): void {
  if (!Array.isArray(values)) throw new Misfit(`expected a list, found ${shown(values)}`);
  // A zero in a list is an element like others.
  const element: Field = { ...field, isMember: true };
  for (const [i, value] of values.entries()) {
    try {
      writeField(writer, element, value, depth);
    } catch (error) {
      if (error instanceof Misfit) error.path.push(`[${i}]`);
      throw error;
    }
  }
}

function writeField(writer: ProtobufWriter, field: Field, value: unknown, depth: number): void {
  const { number, kind, isMember = false } = field;
  if (typeof kind === "object") {
    if ("message" in kind) {
      return writer.message(number, () => writeMessage(writer, kind.message(), value, depth + 1));
    }
    return writer.varint(number, enumNumber(value, kind.names));
  }
  switch (kind) {
    case "text":
      if (typeof value !== "string") throw new Misfit(`expected a string, found ${shown(value)}`);
      if (value !== "" || isMember) writer.text(number, value);
      return;
    case "hex":
    case "base64": {
      const bytes = binary(value, kind);
      if (bytes.length > 0 || isMember) writer.binary(number, bytes);
      return;
    }
    case "bool":
      if (typeof value !== "boolean") throw new Misfit(`expected a boolean, found ${shown(value)}`);
      return writer.varint64(number, value ? 1 : 0, 0); // only a oneof has booleans
    case "uint32":
      return writer.varint(number, Number(integer(value, 0n, 2n ** 32n - 1n)));
    case "fixed32": {
      const flags = Number(integer(value, 0n, 2n ** 32n - 1n));
      if (flags === 0) return;
      writer.bytes.varint(number << 3 | 5);
      return writer.bytes.u32(flags);
    }
    case "int64": {
      const { low, high } = words(integer(value, -(2n ** 63n), 2n ** 63n - 1n));
      return writer.varint64(number, low, high);
    }
    case "fixed64": {
      const { low, high } = words(integer(value, 0n, 2n ** 64n - 1n));
      if (low !== 0 || high !== 0) writer.fixed64(number, low, high);
      return;
    }
    case "double": {
      const view = new DataView(new ArrayBuffer(8));
      view.setFloat64(0, double(value), true);
      return writer.fixed64(number, view.getUint32(0, true), view.getUint32(4, true));
    }
  }
}

function binary(value: unknown, kind: "hex" | "base64"): Uint8Array {
  if (typeof value !== "string") throw new Misfit(`expected ${kind}, found ${shown(value)}`);
  try {
    if (kind === "hex") return Uint8Array.fromHex(value);
    return Uint8Array.fromBase64(value.replaceAll("-", "+").replaceAll("_", "/"));
  } catch {
    throw new Misfit(`expected ${kind}, found ${shown(value)}`);
  }
}

function enumNumber(value: unknown, names: readonly string[]): number {
  if (typeof value === "string" && names.includes(value)) return names.indexOf(value);
  if (Number.isInteger(value) && value === (value as number | 0)) return value as number;
  throw new Misfit(`expected a number or a name like ${names[1]}, found ${shown(value)}`);
}

function integer(value: unknown, min: bigint, max: bigint): bigint {
  let parsed: bigint | undefined;
  if (typeof value === "bigint") parsed = value;
  else if (typeof value === "number" && Number.isInteger(value)) parsed = BigInt(value);
  else if (typeof value === "string" && /^-?\d{1,20}$/.test(value)) parsed = BigInt(value);
  if (parsed === undefined || parsed < min || parsed > max) {
    throw new Misfit(`expected an integer from ${min} to ${max}, found ${shown(value)}`);
  }
  return parsed;
}

function double(value: unknown): number {
  if (typeof value === "number" || typeof value === "bigint") return Number(value);
  if (value === "NaN" || value === "Infinity" || value === "-Infinity") return Number(value);
  if (typeof value === "string" && /^-?\d/.test(value)) {
    const parsed = Number(value);
    if (!Number.isNaN(parsed)) return parsed;
  }
  throw new Misfit(`expected a number, found ${shown(value)}`);
}

function words(value: bigint): { low: number; high: number } {
  return { low: Number(value & 0xffffffffn), high: Number(value >> 32n & 0xffffffffn) };
}

function shown(value: unknown): string {
  if (typeof value === "bigint") return String(value);
  const text = JSON.stringify(value) ?? typeof value;
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}

const decoder = new TextDecoder("utf-8", { fatal: true });
const LONG_NUMBER = /[:[,]\s*-?\d{16}/;

function parse(body: Uint8Array): unknown {
  try {
    const text = decoder.decode(body);
    // A double cannot hold such integers, and times in nanoseconds are of this size.
    return LONG_NUMBER.test(text) ? JSON.parse(text, exactly) : JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new InputError("invalid_argument", `malformed JSON: ${reason}`, { cause: error });
  }
}

function exactly(_key: string, value: unknown, context?: { source?: string }): unknown {
  const source = context?.source;
  if (typeof value !== "number" || Number.isSafeInteger(value) || source === undefined) {
    return value;
  }
  return /^-?\d+$/.test(source) ? BigInt(source) : value;
}
