// OTLP bytes (ExportTraceServiceRequest = TracesData) to SpanColumns, in one pass.
// Rules: a message is appended whole or not at all; unknown fields are skipped; fields may come in
// any order and scalar fields more than once, the last one wins.
// Ids shorter than 16 (8) bytes are left-padded with zeros; longer ones are refused. A parent id of
// zeros is none, as OTLP says.
// Schema: opentelemetry/proto/trace/v1/trace.proto. Bench: otlp_decode_bench.ts.

import { ProtobufReader, WireType } from "../lib/protobuf_reader.ts";
import { OtlpEventReader } from "./otlp_events.ts";
import { OtlpResources } from "./otlp_resources.ts";
import { OtlpValueReader } from "./otlp_value.ts";
import { OwnSlots } from "./own_columns.ts";
import type { SpanColumns } from "./span_columns.ts";
import { EMPTY_STRING } from "./string_table.ts";

const enum Field {
  resourceSpans = 1 << 3 | WireType.Bytes,
  resource = 1 << 3 | WireType.Bytes,
  scopeSpans = 2 << 3 | WireType.Bytes,
  scope = 1 << 3 | WireType.Bytes,
  span = 2 << 3 | WireType.Bytes,

  traceId = 1 << 3 | WireType.Bytes,
  spanId = 2 << 3 | WireType.Bytes,
  traceState = 3 << 3 | WireType.Bytes,
  parentSpanId = 4 << 3 | WireType.Bytes,
  name = 5 << 3 | WireType.Bytes,
  kind = 6 << 3 | WireType.Varint,
  startUnixNano = 7 << 3 | WireType.Fixed64,
  endUnixNano = 8 << 3 | WireType.Fixed64,
  spanAttribute = 9 << 3 | WireType.Bytes,
  droppedAttributes = 10 << 3 | WireType.Varint,
  event = 11 << 3 | WireType.Bytes,
  droppedEvents = 12 << 3 | WireType.Varint,
  link = 13 << 3 | WireType.Bytes,
  droppedLinks = 14 << 3 | WireType.Varint,
  status = 15 << 3 | WireType.Bytes,

  statusMessage = 2 << 3 | WireType.Bytes,
  statusCode = 3 << 3 | WireType.Varint,
}

const NO_BYTES = new Uint8Array(0);
/** Kinds and status codes are open enums; a column holds a byte. */
const ENUM_MAX = 255;

export interface OtlpDecoderOptions {
  /** Parent ids of eight zero bytes stay what they are, for blocks equal to such as the peer wrote. */
  readonly keepsZeroParents: boolean;
}

/**
 * One per SpanColumns; keeps what it has learnt about resources and scopes between messages, and
 * forgets it when the columns are cleared (it compares their generation).
 */
export class OtlpDecoder {
  readonly #columns: SpanColumns;
  readonly #reader = new ProtobufReader();
  readonly #values: OtlpValueReader;
  readonly #events: OtlpEventReader;
  readonly #resources: OtlpResources;
  readonly #keepsZeroParents: boolean;
  #generation: number;

  readonly #slots: OwnSlots;

  /** Pairs of resource and scope (-1: none) that this message lists without spans. */
  readonly #empty: { resource: number; scope: number; beforeRow: number }[] = [];

  constructor(columns: SpanColumns, options?: OtlpDecoderOptions) {
    this.#columns = columns;
    this.#values = new OtlpValueReader(this.#reader, columns.strings);
    this.#events = new OtlpEventReader(columns, this.#reader, this.#values);
    this.#resources = new OtlpResources(columns);
    this.#slots = new OwnSlots(columns.own, columns.dedicated.hasArrays);
    this.#keepsZeroParents = options?.keepsZeroParents ?? false;
    this.#generation = columns.generation;
    this.#learnKeys();
  }

  /** Empties the columns for the next section, and forgets what was learnt from this one. */
  reset(): void {
    this.#columns.clear();
    this.#forget();
  }

  /** Appends every span of the message; throws ProtobufError and appends none if it is malformed. */
  decode(message: Uint8Array): void {
    if (this.#generation !== this.#columns.generation) this.#forget();
    const mark = this.#columns.mark();
    this.#empty.length = 0;
    try {
      this.#reader.reset(message);
      this.#traces(message.length);
    } catch (error) {
      this.#columns.rollback(mark);
      throw error;
    }
    if (this.#empty.length > 0) this.#keepEmptyGroups(mark.spans);
  }

  #forget(): void {
    this.#resources.reset();
    this.#learnKeys();
    this.#generation = this.#columns.generation;
  }

  #learnKeys(): void {
    this.#slots.learn(this.#columns.strings);
    this.#events.learnKeys();
  }

  #traces(end: number): void {
    const reader = this.#reader;
    while (reader.position < end) {
      const tag = reader.tag(end);
      if (tag === Field.resourceSpans) this.#resourceSpans(reader.lengthEnd(end));
      else reader.skip(tag, end);
    }
  }

  #resourceSpans(end: number): void {
    const reader = this.#reader;
    const start = reader.position;
    // The resource may follow the spans on the wire, so it is looked for first.
    const resource = this.#resources.resource(this.#embedded(Field.resource, end));
    reader.position = start;
    let hasScopes = false;
    while (reader.position < end) {
      const tag = reader.tag(end);
      if (tag === Field.scopeSpans) {
        this.#scopeSpans(reader.lengthEnd(end), resource);
        hasScopes = true;
      } else reader.skip(tag, end);
    }
    if (!hasScopes) this.#meetEmpty(resource, -1);
  }

  #scopeSpans(end: number, resource: number): void {
    const reader = this.#reader;
    const start = reader.position;
    const scope = this.#resources.scope(this.#embedded(Field.scope, end));
    reader.position = start;
    const { length } = this.#columns;
    while (reader.position < end) {
      const tag = reader.tag(end);
      if (tag === Field.span) this.#span(reader.lengthEnd(end), resource, scope);
      else reader.skip(tag, end);
    }
    if (this.#columns.length === length) this.#meetEmpty(resource, scope);
  }

  #meetEmpty(resource: number, scope: number): void {
    this.#empty.push({ resource, scope, beforeRow: this.#columns.length });
  }

  /** Groups without spans belong to a trace only if all spans of the message do. */
  #keepEmptyGroups(firstRow: number): void {
    const { trace, length, oddities } = this.#columns;
    if (length === firstRow) return;
    for (let row = firstRow; row < length; row++) if (trace[row] !== trace[firstRow]) return;
    for (const group of this.#empty) {
      oddities.emptyGroups.push({ ...group, trace: trace[firstRow]! });
    }
  }

  /** The bytes of a message field; if it occurs twice, both, which is how protobuf merges them. */
  #embedded(field: number, end: number): Uint8Array {
    const reader = this.#reader;
    let found: Uint8Array = NO_BYTES;
    while (reader.position < end) {
      const tag = reader.tag(end);
      if (tag !== field) {
        reader.skip(tag, end);
        continue;
      }
      const bodyEnd = reader.lengthEnd(end);
      const body = reader.bytes.subarray(reader.position, bodyEnd);
      found = found.length === 0 ? body : concatenated(found, body);
      reader.position = bodyEnd;
    }
    return found;
  }

  #span(end: number, resource: number, scope: number): void {
    const reader = this.#reader;
    const columns = this.#columns;
    const values = this.#values;
    const { id } = values;
    const row = columns.nextSpan();
    columns.resource[row] = resource;
    columns.scope[row] = scope;
    columns.name[row] = EMPTY_STRING;
    let endLow = 0;
    let endHigh = 0;
    let id0 = 0, id1 = 0, id2 = 0, id3 = 0;
    while (reader.position < end) {
      const tag = reader.tag(end);
      switch (tag) {
        case Field.spanAttribute:
          this.#spanAttribute(reader.lengthEnd(end), row);
          break;
        case Field.traceId:
          values.readId(16, end);
          id0 = id[0]!;
          id1 = id[1]!;
          id2 = id[2]!;
          id3 = id[3]!;
          break;
        case Field.spanId:
          values.readId(8, end);
          columns.spanId[row * 2] = id[0]!;
          columns.spanId[row * 2 + 1] = id[1]!;
          break;
        case Field.parentSpanId: {
          const size = values.readId(8, end);
          columns.parentId[row * 2] = id[0]!;
          columns.parentId[row * 2 + 1] = id[1]!;
          const isZero = (id[0]! | id[1]!) === 0;
          if (isZero ? size > 0 && this.#keepsZeroParents : size < 8) this.#oddParent(row, size);
          break;
        }
        case Field.traceState:
          columns.traceState[row] = values.string(end);
          break;
        case Field.name:
          columns.name[row] = values.string(end);
          break;
        case Field.kind:
          columns.kind[row] = Math.min(reader.varint32(end), ENUM_MAX);
          break;
        case Field.startUnixNano: {
          const at = reader.advance(8, end);
          columns.startUnixNano[row * 2] = reader.view.getUint32(at, true);
          columns.startUnixNano[row * 2 + 1] = reader.view.getUint32(at + 4, true);
          break;
        }
        case Field.endUnixNano: {
          const at = reader.advance(8, end);
          endLow = reader.view.getUint32(at, true);
          endHigh = reader.view.getUint32(at + 4, true);
          break;
        }
        case Field.droppedAttributes:
          columns.droppedAttributes[row] = reader.varint32(end);
          break;
        case Field.event:
          this.#events.event(reader.lengthEnd(end));
          break;
        case Field.droppedEvents:
          columns.droppedEvents[row] = reader.varint32(end);
          break;
        case Field.link:
          this.#events.link(reader.lengthEnd(end));
          break;
        case Field.droppedLinks:
          columns.droppedLinks[row] = reader.varint32(end);
          break;
        case Field.status:
          this.#status(reader.lengthEnd(end), row);
          break;
        default:
          reader.skip(tag, end);
      }
    }
    columns.setEnd(row, endLow, endHigh);
    columns.trace[row] = columns.traces.intern(id0, id1, id2, id3);
    columns.commitSpan();
  }

  /** The id just read, as it was sent. */
  #oddParent(row: number, size: number): void {
    const { bytes, position } = this.#reader;
    this.#columns.oddities.parentIds.set(row, bytes.slice(position - size, position));
  }

  #status(end: number, row: number): void {
    const reader = this.#reader;
    const columns = this.#columns;
    while (reader.position < end) {
      const tag = reader.tag(end);
      if (tag === Field.statusCode) {
        columns.statusCode[row] = Math.min(reader.varint32(end), ENUM_MAX);
      } else if (tag === Field.statusMessage) columns.statusMessage[row] = this.#values.string(end);
      else reader.skip(tag, end);
    }
  }

  #spanAttribute(end: number, row: number): void {
    const columns = this.#columns;
    const values = this.#values;
    const key = values.keyValue(end, columns.attributes);
    const slots = this.#slots;
    const slot = slots.slotOf(key);
    if (slot !== 0) {
      if (slots.putSingle(slot, row, values.type, values.low, values.high)) return;
      const start = columns.attributeStart[row]!;
      if (slots.put(slot, row, key, values, columns.attributes, start)) return;
    }
    columns.attributes.append(key, values.type, values.low, values.high);
  }
}

function concatenated(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
