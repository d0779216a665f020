// OTLP bytes (ExportTraceServiceRequest = TracesData) to SpanColumns, in one pass.
// Rules: a message is appended whole or not at all; unknown fields are skipped; fields may come in
// any order and scalar fields more than once, the last one wins; resources and scopes are
// recognised by their raw bytes, so a known one costs one hash and is not parsed again.
// Ids shorter than 16 (8) bytes are left-padded with zeros, as Tempo does; longer ones are refused.
// Schema: opentelemetry/proto/trace/v1/trace.proto. Bench: bench/decode.ts.

import { anyValueJson } from "./any_value_json.ts";
import { AttributeColumns, AttributeType } from "./attribute_columns.ts";
import { ProtobufError, ProtobufReader, WireType } from "../lib/protobuf_reader.ts";
import type { SpanColumns } from "./span_columns.ts";
import { ABSENT, EMPTY_STRING, StringTable } from "./string_table.ts";

const enum Field {
  resourceSpans = 1 << 3 | WireType.Bytes,
  resource = 1 << 3 | WireType.Bytes,
  scopeSpans = 2 << 3 | WireType.Bytes,
  scope = 1 << 3 | WireType.Bytes,
  span = 2 << 3 | WireType.Bytes,

  resourceAttribute = 1 << 3 | WireType.Bytes,
  resourceDropped = 2 << 3 | WireType.Varint,
  scopeName = 1 << 3 | WireType.Bytes,
  scopeVersion = 2 << 3 | WireType.Bytes,
  scopeAttribute = 3 << 3 | WireType.Bytes,
  scopeDropped = 4 << 3 | WireType.Varint,

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

  eventTime = 1 << 3 | WireType.Fixed64,
  eventName = 2 << 3 | WireType.Bytes,
  eventAttribute = 3 << 3 | WireType.Bytes,
  eventDropped = 4 << 3 | WireType.Varint,

  linkTraceId = 1 << 3 | WireType.Bytes,
  linkSpanId = 2 << 3 | WireType.Bytes,
  linkTraceState = 3 << 3 | WireType.Bytes,
  linkAttribute = 4 << 3 | WireType.Bytes,
  linkDropped = 5 << 3 | WireType.Varint,

  key = 1 << 3 | WireType.Bytes,
  value = 2 << 3 | WireType.Bytes,
  stringValue = 1 << 3 | WireType.Bytes,
  boolValue = 2 << 3 | WireType.Varint,
  intValue = 3 << 3 | WireType.Varint,
  doubleValue = 4 << 3 | WireType.Fixed64,
  arrayValue = 5 << 3 | WireType.Bytes,
  kvlistValue = 6 << 3 | WireType.Bytes,
  bytesValue = 7 << 3 | WireType.Bytes,
  arrayElement = 1 << 3 | WireType.Bytes,
}

const NO_BYTES = new Uint8Array(0);
const SPAN_KIND_MAX = 5;
const STATUS_CODE_MAX = 2;

/** One per SpanColumns; keeps what it has learnt about resources and scopes between messages. */
export class OtlpDecoder {
  readonly #columns: SpanColumns;
  readonly #strings: StringTable;
  readonly #reader = new ProtobufReader();

  // Slots of dedicated attributes by key code. The keys are interned first, so codes stay small.
  readonly #spanSlotOfKey: Uint8Array; // 0: none; 1..n: strings; 128..: ints
  readonly #resourceSlotOfKey: Uint8Array;
  readonly #serviceNameKey: number;

  readonly #rawResources = new RowByBytes();
  readonly #rawScopes = new RowByBytes();
  readonly #resourceBySignature = new Map<string, number>();
  readonly #scopeBySignature = new Map<string, number>();

  // What the last value read was; fields, because a kernel returns no objects.
  #type: AttributeType = AttributeType.String;
  #low = 0;
  #high = 0;
  readonly #id = new Uint32Array(4);
  readonly #idBytes = new Uint8Array(this.#id.buffer);

  constructor(columns: SpanColumns) {
    this.#columns = columns;
    this.#strings = columns.strings;
    const { spanStrings, spanInts, resourceStrings } = columns.dedicated;
    this.#serviceNameKey = this.#strings.internString("service.name");
    const stringKeys = spanStrings.map((key) => this.#strings.internString(key));
    const intKeys = spanInts.map((key) => this.#strings.internString(key));
    const resourceKeys = resourceStrings.map((key) => this.#strings.internString(key));
    const keysEnd = Math.max(this.#serviceNameKey, ...stringKeys, ...intKeys, ...resourceKeys) + 1;
    this.#spanSlotOfKey = new Uint8Array(keysEnd);
    this.#resourceSlotOfKey = new Uint8Array(keysEnd);
    stringKeys.forEach((key, slot) => this.#spanSlotOfKey[key] = slot + 1);
    intKeys.forEach((key, slot) => this.#spanSlotOfKey[key] = slot + 128);
    resourceKeys.forEach((key, slot) => this.#resourceSlotOfKey[key] = slot + 1);
  }

  /** Appends every span of the message; throws ProtobufError and appends none if it is malformed. */
  decode(message: Uint8Array): void {
    const mark = this.#columns.mark();
    try {
      this.#reader.reset(message);
      this.#traces(message.length);
    } catch (error) {
      this.#columns.rollback(mark);
      throw error;
    }
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
    const resource = this.#resource(this.#embedded(Field.resource, end));
    reader.position = start;
    while (reader.position < end) {
      const tag = reader.tag(end);
      if (tag === Field.scopeSpans) this.#scopeSpans(reader.lengthEnd(end), resource);
      else reader.skip(tag, end);
    }
  }

  #scopeSpans(end: number, resource: number): void {
    const reader = this.#reader;
    const start = reader.position;
    const scope = this.#scope(this.#embedded(Field.scope, end));
    reader.position = start;
    while (reader.position < end) {
      const tag = reader.tag(end);
      if (tag === Field.span) this.#span(reader.lengthEnd(end), resource, scope);
      else reader.skip(tag, end);
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
          this.#readId(16, end);
          id0 = this.#id[0]!;
          id1 = this.#id[1]!;
          id2 = this.#id[2]!;
          id3 = this.#id[3]!;
          break;
        case Field.spanId:
          this.#readId(8, end);
          columns.spanId[row * 2] = this.#id[0]!;
          columns.spanId[row * 2 + 1] = this.#id[1]!;
          break;
        case Field.parentSpanId:
          this.#readId(8, end);
          columns.parentId[row * 2] = this.#id[0]!;
          columns.parentId[row * 2 + 1] = this.#id[1]!;
          break;
        case Field.traceState:
          columns.traceState[row] = this.#string(end);
          break;
        case Field.name:
          columns.name[row] = this.#string(end);
          break;
        case Field.kind: {
          const kind = reader.varint32(end);
          columns.kind[row] = kind <= SPAN_KIND_MAX ? kind : 0;
          break;
        }
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
          this.#event(reader.lengthEnd(end));
          break;
        case Field.droppedEvents:
          columns.droppedEvents[row] = reader.varint32(end);
          break;
        case Field.link:
          this.#link(reader.lengthEnd(end));
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
    const duration = (endHigh - columns.startUnixNano[row * 2 + 1]!) * 4294967296 +
      (endLow - columns.startUnixNano[row * 2]!);
    // Tempo lets an end before the start wrap to 584 years, which then ruins every quantile.
    columns.durationNano[row] = duration > 0 ? duration : 0;
    columns.trace[row] = columns.traces.intern(id0, id1, id2, id3);
    columns.commitSpan();
  }

  #status(end: number, row: number): void {
    const reader = this.#reader;
    while (reader.position < end) {
      const tag = reader.tag(end);
      if (tag === Field.statusCode) {
        const code = reader.varint32(end);
        this.#columns.statusCode[row] = code <= STATUS_CODE_MAX ? code : 0;
      } else if (tag === Field.statusMessage) this.#columns.statusMessage[row] = this.#string(end);
      else reader.skip(tag, end);
    }
  }

  #spanAttribute(end: number, row: number): void {
    const columns = this.#columns;
    const key = this.#keyValue(end, columns.attributes);
    const slot = key < this.#spanSlotOfKey.length ? this.#spanSlotOfKey[key]! : 0;
    if (slot !== 0) {
      if (slot < 128) {
        if (this.#type === AttributeType.String) {
          columns.dedicatedStrings[slot - 1]![row] = this.#low;
          return;
        }
      } else if (this.#type === AttributeType.Int) {
        const column = columns.dedicatedInts[slot - 128]!;
        column.words[row * 2] = this.#low;
        column.words[row * 2 + 1] = this.#high;
        column.isPresent[row] = 1;
        return;
      }
    }
    columns.attributes.append(key, this.#type, this.#low, this.#high);
  }

  #event(end: number): void {
    const reader = this.#reader;
    const events = this.#columns.events;
    const row = events.next();
    let low = 0, high = 0, name = EMPTY_STRING, dropped = 0;
    while (reader.position < end) {
      const tag = reader.tag(end);
      switch (tag) {
        case Field.eventTime: {
          const at = reader.advance(8, end);
          low = reader.view.getUint32(at, true);
          high = reader.view.getUint32(at + 4, true);
          break;
        }
        case Field.eventName:
          name = this.#string(end);
          break;
        case Field.eventAttribute:
          this.#attribute(reader.lengthEnd(end), events.attributes);
          break;
        case Field.eventDropped:
          dropped = reader.varint32(end);
          break;
        default:
          reader.skip(tag, end);
      }
    }
    events.timeUnixNano[row * 2] = low;
    events.timeUnixNano[row * 2 + 1] = high;
    events.name[row] = name;
    events.droppedAttributes[row] = dropped;
    events.commit();
  }

  #link(end: number): void {
    const reader = this.#reader;
    const links = this.#columns.links;
    const row = links.next();
    links.traceId.fill(0, row * 4, row * 4 + 4);
    links.spanId.fill(0, row * 2, row * 2 + 2);
    let traceState = EMPTY_STRING, dropped = 0;
    while (reader.position < end) {
      const tag = reader.tag(end);
      switch (tag) {
        case Field.linkTraceId:
          this.#readId(16, end);
          links.traceId.set(this.#id, row * 4);
          break;
        case Field.linkSpanId:
          this.#readId(8, end);
          links.spanId[row * 2] = this.#id[0]!;
          links.spanId[row * 2 + 1] = this.#id[1]!;
          break;
        case Field.linkTraceState:
          traceState = this.#string(end);
          break;
        case Field.linkAttribute:
          this.#attribute(reader.lengthEnd(end), links.attributes);
          break;
        case Field.linkDropped:
          dropped = reader.varint32(end);
          break;
        default:
          reader.skip(tag, end);
      }
    }
    links.traceState[row] = traceState;
    links.droppedAttributes[row] = dropped;
    links.commit();
  }

  #attribute(end: number, into: AttributeColumns): void {
    const key = this.#keyValue(end, into);
    into.append(key, this.#type, this.#low, this.#high);
  }

  /** Returns the key; the value is left in #type, #low and #high. */
  #keyValue(end: number, pool: AttributeColumns): number {
    const reader = this.#reader;
    let key = EMPTY_STRING;
    let hasValue = false;
    while (reader.position < end) {
      const tag = reader.tag(end);
      if (tag === Field.key) key = this.#string(end);
      else if (tag === Field.value) {
        this.#value(reader.lengthEnd(end), pool);
        hasValue = true;
      } else reader.skip(tag, end);
    }
    if (!hasValue) this.#unsupported(reader.position, reader.position);
    return key;
  }

  #value(end: number, pool: AttributeColumns): void {
    const start = this.#reader.position;
    this.#scalarOrArray(end, pool);
    if (this.#type === AttributeType.Unsupported) this.#unsupported(start, end);
  }

  /** Leaves type Unsupported if it is neither; an array's elements may not be arrays (no pool). */
  #scalarOrArray(end: number, pool: AttributeColumns | undefined): void {
    const reader = this.#reader;
    this.#type = AttributeType.Unsupported;
    while (reader.position < end) {
      const tag = reader.tag(end);
      switch (tag) {
        case Field.stringValue:
          this.#low = this.#string(end);
          this.#high = 0;
          this.#type = AttributeType.String;
          break;
        case Field.boolValue:
          this.#low = reader.varint64(end) !== 0 || reader.high !== 0 ? 1 : 0;
          this.#high = 0;
          this.#type = AttributeType.Bool;
          break;
        case Field.intValue:
          this.#low = reader.varint64(end);
          this.#high = reader.high;
          this.#type = AttributeType.Int;
          break;
        case Field.doubleValue: {
          const at = reader.advance(8, end);
          this.#low = reader.view.getUint32(at, true);
          this.#high = reader.view.getUint32(at + 4, true);
          this.#type = AttributeType.Double;
          break;
        }
        case Field.arrayValue: {
          const arrayEnd = reader.lengthEnd(end);
          this.#type = AttributeType.Unsupported;
          if (pool !== undefined) this.#array(arrayEnd, pool);
          reader.position = arrayEnd;
          break;
        }
        case Field.kvlistValue:
        case Field.bytesValue:
          reader.position = reader.lengthEnd(end);
          this.#type = AttributeType.Unsupported;
          break;
        default:
          reader.skip(tag, end);
      }
    }
  }

  /** Elements of one scalar type become rows of the pool; any other array is Unsupported. */
  #array(end: number, pool: AttributeColumns): void {
    const reader = this.#reader;
    const first = pool.elementCount;
    let elementType = AttributeType.Unsupported;
    while (reader.position < end) {
      const tag = reader.tag(end);
      if (tag !== Field.arrayElement) {
        reader.skip(tag, end);
        continue;
      }
      this.#scalarOrArray(reader.lengthEnd(end), undefined);
      const isFirst = pool.elementCount === first;
      if (this.#type === AttributeType.Unsupported || (!isFirst && this.#type !== elementType)) {
        pool.elementCount = first;
        this.#type = AttributeType.Unsupported;
        return;
      }
      elementType = this.#type;
      pool.appendElement(this.#low, this.#high);
    }
    const count = pool.elementCount - first;
    this.#type = AttributeType.EmptyArray + (count === 0 ? 0 : elementType);
    this.#low = first;
    this.#high = count;
  }

  #unsupported(start: number, end: number): void {
    const reader = this.#reader;
    reader.position = start;
    this.#low = this.#strings.internString(anyValueJson(reader, end));
    this.#high = 0;
    this.#type = AttributeType.Unsupported;
    reader.position = end;
  }

  #string(end: number): number {
    const reader = this.#reader;
    const stringEnd = reader.lengthEnd(end);
    const start = reader.position;
    reader.position = stringEnd;
    return this.#strings.intern(reader.bytes, reader.view, start, stringEnd);
  }

  /** Leaves an id of `size` bytes in #id, left-padded with zeros. */
  #readId(size: number, end: number): void {
    const reader = this.#reader;
    const idEnd = reader.lengthEnd(end);
    const start = reader.position;
    reader.position = idEnd;
    if (idEnd - start === size) {
      const { view } = reader;
      this.#id[0] = view.getUint32(start, true);
      this.#id[1] = view.getUint32(start + 4, true);
      if (size === 16) {
        this.#id[2] = view.getUint32(start + 8, true);
        this.#id[3] = view.getUint32(start + 12, true);
      }
      return;
    }
    if (idEnd - start > size) throw new ProtobufError(`id longer than ${size} bytes`, start);
    this.#id.fill(0);
    this.#idBytes.set(reader.bytes.subarray(start, idEnd), size - (idEnd - start));
  }

  #resource(raw: Uint8Array): number {
    const known = this.#rawResources.find(raw);
    if (known >= 0) return known;
    const { resources } = this.#columns;
    const pool = resources.attributes;
    const start = resources.attributeStart[resources.length]!;
    const elements = pool.elementCount;
    pool.truncate(start, elements); // a malformed resource may have left some behind
    const dedicated = resources.dedicatedStrings.map(() => ABSENT);
    let serviceName = EMPTY_STRING;
    let dropped = 0;
    this.#inside(raw, (reader, tag, end) => {
      if (tag === Field.resourceDropped) dropped = reader.varint32(end) | 0;
      else if (tag === Field.resourceAttribute) {
        const key = this.#keyValue(reader.lengthEnd(end), pool);
        const slot = this.#resourceSlotOfKey[key] ?? 0;
        const isString = this.#type === AttributeType.String;
        if (isString && key === this.#serviceNameKey) serviceName = this.#low;
        else if (isString && slot !== 0) dedicated[slot - 1] = this.#low;
        else pool.append(key, this.#type, this.#low, this.#high);
      } else reader.skip(tag, end);
    });
    const attributes = this.#sortTail(pool, start);
    const signature = `${serviceName} ${dropped} ${dedicated} ${attributes}`;
    let row = this.#resourceBySignature.get(signature);
    if (row === undefined) {
      row = resources.append(serviceName, dedicated, dropped);
      this.#resourceBySignature.set(signature, row);
    } else pool.truncate(start, elements);
    this.#rawResources.add(row);
    return row;
  }

  #scope(raw: Uint8Array): number {
    const known = this.#rawScopes.find(raw);
    if (known >= 0) return known;
    const { scopes } = this.#columns;
    const pool = scopes.attributes;
    const start = scopes.attributeStart[scopes.length]!;
    const elements = pool.elementCount;
    pool.truncate(start, elements);
    let name = EMPTY_STRING;
    let version = EMPTY_STRING;
    let dropped = 0;
    this.#inside(raw, (reader, tag, end) => {
      if (tag === Field.scopeName) name = this.#string(end);
      else if (tag === Field.scopeVersion) version = this.#string(end);
      else if (tag === Field.scopeDropped) dropped = reader.varint32(end) | 0;
      else if (tag === Field.scopeAttribute) this.#attribute(reader.lengthEnd(end), pool);
      else reader.skip(tag, end);
    });
    const signature = `${name} ${version} ${dropped} ${this.#sortTail(pool, start)}`;
    let row = this.#scopeBySignature.get(signature);
    if (row === undefined) {
      row = scopes.append(name, version, dropped);
      this.#scopeBySignature.set(signature, row);
    } else pool.truncate(start, elements);
    this.#rawScopes.add(row);
    return row;
  }

  /** Reads another message's fields, then returns to where the reader was. */
  #inside(
    raw: Uint8Array,
    readField: (reader: ProtobufReader, tag: number, end: number) => void,
  ): void {
    const reader = this.#reader;
    const { bytes, position } = reader;
    reader.reset(raw);
    while (reader.position < raw.length) readField(reader, reader.tag(raw.length), raw.length);
    reader.reset(bytes, position);
  }

  /** Sorts rows [start, length) by key and returns what identifies them. */
  #sortTail(pool: AttributeColumns, start: number): string {
    const rows = [];
    for (let row = start; row < pool.length; row++) {
      const low = pool.words[row * 2]!;
      const high = pool.words[row * 2 + 1]!;
      const isArray = pool.type[row]! > AttributeType.EmptyArray;
      rows.push({
        key: pool.key[row]!,
        type: pool.type[row]!,
        low,
        high,
        identity: isArray ? pool.elementWords.slice(low * 2, (low + high) * 2).join() : "",
      });
    }
    rows.sort((a, b) => compareBytes(this.#strings.bytes(a.key), this.#strings.bytes(b.key)));
    rows.forEach(({ key, type, low, high }, i) => {
      pool.key[start + i] = key;
      pool.type[start + i] = type;
      pool.words[(start + i) * 2] = low;
      pool.words[(start + i) * 2 + 1] = high;
    });
    return rows.map((r) => `${r.key}:${r.type}:${r.identity || `${r.low}:${r.high}`}`).join(" ");
  }
}

/** Remembers which row a sequence of bytes led to. */
class RowByBytes {
  readonly #raw = new StringTable();
  readonly #rows: number[] = [];
  #last = 0;

  /** The row, or -1; after -1 the caller says which row it is with `add`. */
  find(raw: Uint8Array): number {
    const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
    this.#last = this.#raw.intern(raw, view, 0, raw.length);
    return this.#rows[this.#last] ?? -1;
  }

  add(row: number): void {
    this.#rows[this.#last] = row;
  }
}

function concatenated(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return a.length - b.length;
}
