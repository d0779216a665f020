// Spans of OTLP bytes, as far as metrics are made of them: ids, name, kind, times, status, and the
// attributes that somebody wants. Events, links, scopes and all other attributes are passed over unread.
// Rules: as OtlpDecoder's for what is read (ids are padded, the last of several fields wins); a message
// is bad as a whole, and its reader throws.
// A third of what decoding everything costs, see docs/perf.md. Bench: bench/generator.ts.

import type { IntList } from "../lib/growable.ts";
import { ProtobufReader, WireType } from "../lib/protobuf_reader.ts";
import { OtlpResources } from "../model/otlp_resources.ts";
import { OtlpValueReader } from "../model/otlp_value.ts";
import type { SpanColumns } from "../model/span_columns.ts";
import { EMPTY_STRING } from "../model/string_table.ts";
import type { WantedFields } from "./wanted_fields.ts";

const enum Field {
  resourceSpans = 1 << 3 | WireType.Bytes,
  resource = 1 << 3 | WireType.Bytes,
  scopeSpans = 2 << 3 | WireType.Bytes,
  span = 2 << 3 | WireType.Bytes,

  traceId = 1 << 3 | WireType.Bytes,
  spanId = 2 << 3 | WireType.Bytes,
  traceState = 3 << 3 | WireType.Bytes,
  parentSpanId = 4 << 3 | WireType.Bytes,
  name = 5 << 3 | WireType.Bytes,
  kind = 6 << 3 | WireType.Varint,
  startUnixNano = 7 << 3 | WireType.Fixed64,
  endUnixNano = 8 << 3 | WireType.Fixed64,
  attribute = 9 << 3 | WireType.Bytes,
  status = 15 << 3 | WireType.Bytes,

  attributeKey = 1 << 3 | WireType.Bytes,
  statusMessage = 2 << 3 | WireType.Bytes,
  statusCode = 3 << 3 | WireType.Varint,
}

const NO_BYTES = new Uint8Array(0);
/** Kinds and status codes are open enums; a column holds a byte. */
const ENUM_MAX = 255;
/** The peer counts a status that is not there as an empty one. */
const EMPTY_STATUS_BYTES = 2;

export class SpanReader {
  readonly #columns: SpanColumns;
  readonly #wanted: WantedFields;
  readonly #spanBytes: IntList;
  readonly #reader = new ProtobufReader();
  readonly #values: OtlpValueReader;
  readonly #resources: OtlpResources;

  /** `spanBytes` is told the size of each span's message. */
  constructor(columns: SpanColumns, wanted: WantedFields, spanBytes: IntList) {
    this.#columns = columns;
    this.#wanted = wanted;
    this.#spanBytes = spanBytes;
    this.#values = new OtlpValueReader(this.#reader, columns.strings);
    this.#resources = new OtlpResources(columns);
  }

  /** Forgets what was learnt of resources; the columns were emptied. */
  reset(): void {
    this.#resources.reset();
  }

  /** Appends the spans of a TracesData message. */
  read(message: Uint8Array): void {
    const reader = this.#reader;
    const end = message.length;
    reader.reset(message);
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
    const resource = this.#resources.resource(this.#resource(end));
    reader.position = start;
    while (reader.position < end) {
      const tag = reader.tag(end);
      if (tag === Field.scopeSpans) this.#scopeSpans(reader.lengthEnd(end), resource);
      else reader.skip(tag, end);
    }
  }

  /** The bytes of the resource; if it occurs twice, both, which is how protobuf merges them. */
  #resource(end: number): Uint8Array {
    const reader = this.#reader;
    let found: Uint8Array = NO_BYTES;
    while (reader.position < end) {
      const tag = reader.tag(end);
      if (tag !== Field.resource) {
        reader.skip(tag, end);
        continue;
      }
      const bodyEnd = reader.lengthEnd(end);
      const body = reader.bytes.subarray(reader.position, bodyEnd);
      found = found.length === 0 ? body : Uint8Array.of(...found, ...body);
      reader.position = bodyEnd;
    }
    return found;
  }

  #scopeSpans(end: number, resource: number): void {
    const reader = this.#reader;
    while (reader.position < end) {
      const tag = reader.tag(end);
      if (tag === Field.span) this.#span(reader.lengthEnd(end), resource);
      else reader.skip(tag, end);
    }
  }

  #span(end: number, resource: number): void {
    const reader = this.#reader;
    const columns = this.#columns;
    const values = this.#values;
    const { id } = values;
    const row = columns.nextSpan();
    columns.resource[row] = resource;
    columns.name[row] = EMPTY_STRING;
    const start = reader.position;
    let hasStatus = false;
    let endLow = 0;
    let endHigh = 0;
    let id0 = 0, id1 = 0, id2 = 0, id3 = 0;
    while (reader.position < end) {
      const tag = reader.tag(end);
      switch (tag) {
        case Field.attribute:
          this.#attribute(reader.lengthEnd(end));
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
        case Field.parentSpanId:
          values.readId(8, end);
          columns.parentId[row * 2] = id[0]!;
          columns.parentId[row * 2 + 1] = id[1]!;
          break;
        case Field.traceState:
          if (this.#wanted.hasTraceState) columns.traceState[row] = values.string(end);
          else reader.skip(tag, end);
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
        case Field.status:
          hasStatus = true;
          this.#status(reader.lengthEnd(end), row);
          break;
        default:
          reader.skip(tag, end);
      }
    }
    // A number is exact enough: no latency is a hundred days.
    columns.durationNano[row] = (endHigh - columns.startUnixNano[row * 2 + 1]!) * 4294967296 +
      (endLow - columns.startUnixNano[row * 2]!);
    columns.trace[row] = columns.traces.intern(id0, id1, id2, id3);
    columns.commitSpan();
    this.#spanBytes.push(end - start + (hasStatus ? 0 : EMPTY_STATUS_BYTES));
  }

  #attribute(end: number): void {
    const reader = this.#reader;
    const { bytes, position, view } = reader;
    // Nearly all begin with their key, and few are wanted.
    if (position + 2 < end && bytes[position] === Field.attributeKey) {
      const length = bytes[position + 1]!;
      if (length < 128) {
        const keyEnd = position + 2 + length;
        if (!this.#wanted.mayBeKey(length, bytes[position + 2]!)) {
          reader.position = end;
          return;
        }
        const isInside = keyEnd <= end;
        const key = isInside ? this.#values.strings.intern(bytes, view, position + 2, keyEnd) : -1;
        if (isInside && !this.#wanted.isKey(key)) {
          reader.position = end;
          return;
        }
      }
    }
    const { attributes } = this.#columns;
    const values = this.#values;
    const elements = attributes.elementCount;
    const key = values.keyValue(end, attributes);
    if (this.#wanted.isKey(key)) attributes.append(key, values.type, values.low, values.high);
    else attributes.elementCount = elements;
  }

  #status(end: number, row: number): void {
    const reader = this.#reader;
    const columns = this.#columns;
    while (reader.position < end) {
      const tag = reader.tag(end);
      if (tag === Field.statusCode) {
        columns.statusCode[row] = Math.min(reader.varint32(end), ENUM_MAX);
      } else if (tag === Field.statusMessage && this.#wanted.hasStatusMessage) {
        columns.statusMessage[row] = this.#values.string(end);
      } else reader.skip(tag, end);
    }
  }
}
