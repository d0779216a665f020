// SpanColumns as OTLP: one TracesData, a ResourceSpans per run of equal resources, a ScopeSpans per
// run of equal scopes, spans in their order. Dedicated values come last among attributes: where a key
// is there twice the last value wins, and that one has the column.
// Sizes stand before messages and are known after them: a message is written, then moved by the
// one to five bytes its size takes.

import { type AttributeColumns, AttributeType } from "./attribute_columns.ts";
import { putJsonValue } from "./any_value_encode.ts";
import { ByteWriter } from "../lib/byte_writer.ts";
import type { OwnColumns } from "./own_columns.ts";
import type { SpanColumns } from "./span_columns.ts";
import type { EmptyGroup } from "./span_oddities.ts";
import { ABSENT, EMPTY_STRING } from "./string_table.ts";
import { ProtobufWriter } from "../lib/protobuf_writer.ts";

export function encodeTraces(columns: SpanColumns): Uint8Array {
  const rows = Int32Array.from({ length: columns.length }, (_, row) => row);
  const encoder = new TraceEncoder(columns, rows, new ProtobufWriter(new ByteWriter(1 << 16)));
  encoder.traces();
  for (const group of columns.oddities.emptyGroups) encoder.emptyGroup(group);
  return encoder.out.bytes.copy();
}

/** Only these rows, in this order: what a trace by id is when it lies among others. */
export function encodeSpans(columns: SpanColumns, rows: Int32Array): Uint8Array {
  const encoder = new TraceEncoder(columns, rows, new ProtobufWriter(new ByteWriter(1 << 16)));
  encoder.traces();
  return encoder.out.bytes.copy();
}

class TraceEncoder {
  constructor(
    readonly columns: SpanColumns,
    readonly rows: Int32Array,
    readonly out: ProtobufWriter,
  ) {}

  traces(): void {
    const { rows } = this;
    const { resource, trace } = this.columns;
    const isSame = (a: number, b: number) => resource[a] === resource[b] && trace[a] === trace[b];
    for (let from = 0, to = 0; from < rows.length; from = to) {
      while (to < rows.length && isSame(rows[to]!, rows[from]!)) to++;
      this.out.message(1, () => this.#resourceSpans(from, to));
    }
  }

  /** A resource, or a scope of it, without spans; after the others, wherever it was met. */
  emptyGroup({ resource, scope }: EmptyGroup): void {
    this.out.message(1, () => {
      this.out.message(1, () => this.#resource(resource));
      if (scope < 0) return;
      this.out.message(2, () => this.out.message(1, () => this.#scope(scope)));
    });
  }

  #resourceSpans(start: number, end: number): void {
    const { rows } = this;
    const { scope, resource } = this.columns;
    this.out.message(1, () => this.#resource(resource[rows[start]!]!));
    for (let from = start, to = start; from < end; from = to) {
      while (to < end && scope[rows[to]!] === scope[rows[from]!]) to++;
      this.out.message(2, () => {
        this.out.message(1, () => this.#scope(scope[rows[from]!]!));
        for (let i = from; i < to; i++) this.out.message(2, () => this.#span(rows[i]!));
      });
    }
  }

  #resource(row: number): void {
    const { resources } = this.columns;
    const service = resources.serviceName[row]!;
    if (service > EMPTY_STRING) this.#namedString(1, "service.name", service);
    this.#attributes(1, resources.attributes, resources.attributeStart, row);
    this.#own(1, resources.own, row);
    this.out.varint(2, resources.droppedAttributes[row]!);
  }

  #scope(row: number): void {
    const { scopes } = this.columns;
    this.#string(1, scopes.name[row]!);
    this.#string(2, scopes.version[row]!);
    this.#attributes(3, scopes.attributes, scopes.attributeStart, row);
    this.out.varint(4, scopes.droppedAttributes[row]!);
  }

  #span(row: number): void {
    const { columns, out } = this;
    out.words(1, columns.traces.words, columns.trace[row]! * 4, 4);
    out.words(2, columns.spanId, row * 2, 2);
    this.#string(3, columns.traceState[row]!);
    const oddParent = columns.oddities.parentIds.get(row);
    if (oddParent !== undefined) out.binary(4, oddParent);
    else if ((columns.parentId[row * 2]! | columns.parentId[row * 2 + 1]!) !== 0) {
      out.words(4, columns.parentId, row * 2, 2);
    }
    this.#string(5, columns.name[row]!);
    out.varint(6, columns.kind[row]!);
    out.fixed64(7, columns.startUnixNano[row * 2]!, columns.startUnixNano[row * 2 + 1]!);
    this.#end(row);
    this.#attributes(9, columns.attributes, columns.attributeStart, row);
    this.#own(9, columns.own, row);
    out.varint(10, columns.droppedAttributes[row]!);
    const events = columns.eventStart;
    for (let i = events[row]!; i < events[row + 1]!; i++) out.message(11, () => this.#event(i));
    out.varint(12, columns.droppedEvents[row]!);
    const links = columns.linkStart;
    for (let i = links[row]!; i < links[row + 1]!; i++) out.message(13, () => this.#link(i));
    out.varint(14, columns.droppedLinks[row]!);
    out.message(15, () => {
      this.#string(2, columns.statusMessage[row]!);
      out.varint(3, columns.statusCode[row]!);
    });
  }

  #end(row: number): void {
    const { startUnixNano, durationNano, oddities } = this.columns;
    const far = oddities.farEnds.size > 0 ? oddities.farEnds.get(row) : undefined;
    if (far !== undefined) {
      this.out.fixed64(8, Number(far & 0xffffffffn), Number(far >> 32n));
      return;
    }
    const sum = startUnixNano[row * 2]! + durationNano[row]!;
    const carry = Math.floor(sum / 4294967296);
    this.out.fixed64(8, sum - carry * 4294967296, startUnixNano[row * 2 + 1]! + carry);
  }

  #event(row: number): void {
    const { events } = this.columns;
    this.out.fixed64(1, events.timeUnixNano[row * 2]!, events.timeUnixNano[row * 2 + 1]!);
    this.#string(2, events.name[row]!);
    this.#attributes(3, events.attributes, events.attributeStart, row);
    this.#own(3, events.own, row);
    this.out.varint(4, events.droppedAttributes[row]!);
  }

  #link(row: number): void {
    const { links } = this.columns;
    if (!isZero(links.traceId, row * 4, 4)) this.out.words(1, links.traceId, row * 4, 4);
    if (!isZero(links.spanId, row * 2, 2)) this.out.words(2, links.spanId, row * 2, 2);
    this.#string(3, links.traceState[row]!);
    this.#attributes(4, links.attributes, links.attributeStart, row);
    this.out.varint(5, links.droppedAttributes[row]!);
  }

  #attributes(field: number, pool: AttributeColumns, start: Int32Array, owner: number): void {
    for (let i = start[owner]!; i < start[owner + 1]!; i++) {
      this.out.message(field, () => {
        this.#string(1, pool.key[i]!);
        this.out.message(2, () => this.#value(pool, i));
      });
    }
  }

  /** Values of dedicated attributes. */
  #own(field: number, { keys, strings, ints }: OwnColumns, owner: number): void {
    const { out } = this;
    for (const [slot, codes] of strings.entries()) {
      if (codes[owner] !== ABSENT) this.#namedString(field, keys.strings[slot]!, codes[owner]!);
    }
    for (const [slot, { words, isPresent }] of ints.entries()) {
      if (isPresent[owner] === 0) continue;
      out.message(field, () => {
        out.text(1, keys.ints[slot]!);
        out.message(2, () => out.varint64(3, words[owner * 2]!, words[owner * 2 + 1]!));
      });
    }
  }

  #value(pool: AttributeColumns, row: number): void {
    const type = pool.type[row]!;
    const low = pool.words[row * 2]!;
    const high = pool.words[row * 2 + 1]!;
    if (type === AttributeType.Unsupported) {
      putJsonValue(this.out, JSON.parse(this.columns.strings.text(low)));
    } else if (type < AttributeType.EmptyArray) this.#scalar(type, low, high);
    else {
      const words = pool.elementWords;
      this.out.message(5, () => {
        for (let i = low; i < low + high; i++) {
          this.out.message(1, () => {
            this.#scalar(type - AttributeType.EmptyArray, words[i * 2]!, words[i * 2 + 1]!);
          });
        }
      });
    }
  }

  #scalar(type: AttributeType, low: number, high: number): void {
    if (type === AttributeType.String) this.out.binary(1, this.columns.strings.bytes(low));
    else if (type === AttributeType.Bool) this.out.varint64(2, low, 0);
    else if (type === AttributeType.Int) this.out.varint64(3, low, high);
    else this.out.fixed64(4, low, high);
  }

  #namedString(field: number, key: string, code: number): void {
    this.out.message(field, () => {
      this.out.text(1, key);
      this.out.message(2, () => this.out.binary(1, this.columns.strings.bytes(code)));
    });
  }

  /** Left out when empty, as protobuf does. */
  #string(field: number, code: number): void {
    if (code > EMPTY_STRING) this.out.binary(field, this.columns.strings.bytes(code));
  }
}

/** An id of zeros is none. */
function isZero(words: Uint32Array, at: number, count: number): boolean {
  for (let i = at; i < at + count; i++) if (words[i] !== 0) return false;
  return true;
}
