// Events and links of an OTLP span, appended to the columns; they belong to the span that is committed next.
// Schema: opentelemetry/proto/trace/v1/trace.proto.

import { type ProtobufReader, WireType } from "../lib/protobuf_reader.ts";
import type { OtlpValueReader } from "./otlp_value.ts";
import { OwnSlots } from "./own_columns.ts";
import type { SpanColumns } from "./span_columns.ts";
import { EMPTY_STRING } from "./string_table.ts";

const enum Field {
  eventTime = 1 << 3 | WireType.Fixed64,
  eventName = 2 << 3 | WireType.Bytes,
  eventAttribute = 3 << 3 | WireType.Bytes,
  eventDropped = 4 << 3 | WireType.Varint,

  linkTraceId = 1 << 3 | WireType.Bytes,
  linkSpanId = 2 << 3 | WireType.Bytes,
  linkTraceState = 3 << 3 | WireType.Bytes,
  linkAttribute = 4 << 3 | WireType.Bytes,
  linkDropped = 5 << 3 | WireType.Varint,
}

export class OtlpEventReader {
  readonly #slots: OwnSlots;

  constructor(
    readonly columns: SpanColumns,
    readonly reader: ProtobufReader,
    readonly values: OtlpValueReader,
  ) {
    const { events, dedicated } = columns;
    this.#slots = new OwnSlots(events.own, dedicated.hasArrays);
  }

  learnKeys(): void {
    this.#slots.learn(this.columns.strings);
  }

  event(end: number): void {
    const reader = this.reader;
    const values = this.values;
    const events = this.columns.events;
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
          name = values.string(end);
          break;
        case Field.eventAttribute:
          if (events.own.isEmpty) values.attribute(reader.lengthEnd(end), events.attributes);
          else this.#eventAttribute(reader.lengthEnd(end), row);
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

  #eventAttribute(end: number, row: number): void {
    const { values } = this;
    const { attributes, attributeStart } = this.columns.events;
    const key = values.keyValue(end, attributes);
    const slot = this.#slots.slotOf(key);
    const start = attributeStart[row]!;
    if (slot !== 0 && this.#slots.put(slot, row, key, values, attributes, start)) return;
    attributes.append(key, values.type, values.low, values.high);
  }

  link(end: number): void {
    const reader = this.reader;
    const values = this.values;
    const links = this.columns.links;
    const row = links.next();
    links.traceId.fill(0, row * 4, row * 4 + 4);
    links.spanId.fill(0, row * 2, row * 2 + 2);
    let traceState = EMPTY_STRING, dropped = 0;
    while (reader.position < end) {
      const tag = reader.tag(end);
      switch (tag) {
        case Field.linkTraceId:
          values.readId(16, end);
          links.traceId.set(values.id, row * 4);
          break;
        case Field.linkSpanId:
          values.readId(8, end);
          links.spanId[row * 2] = values.id[0]!;
          links.spanId[row * 2 + 1] = values.id[1]!;
          break;
        case Field.linkTraceState:
          traceState = values.string(end);
          break;
        case Field.linkAttribute:
          values.attribute(reader.lengthEnd(end), links.attributes);
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
}
