// Spans as columns: what a partition holds in memory, and what a block's row group is read into.
//
//   spans (arrival order)          distinct things, each met once
//   ─────────────────────          ──────────────────────────────
//   trace ───────────────────────▶ traces     16-byte ids
//   resource ────────────────────▶ resources  service name, dedicated, attributes sorted by key
//   scope ───────────────────────▶ scopes     name, version, attributes sorted by key
//   name, statusMessage, … ──────▶ strings    codes, see string_table.ts
//   attributeStart ──▶ attributes  rows [attributeStart[i], attributeStart[i + 1])
//   eventStart ──────▶ events ──▶ events.attributes
//   linkStart ───────▶ links ───▶ links.attributes
//
// Append only. Spans of one trace may lie anywhere, because its records arrive at any time; the
// nested order of a block (trace → resource → scope → span) is a permutation, see trace_layout.ts.
// Times are the 64 bits of the wire, two words each: exact for every input. `relativeNano` makes
// them numbers; durations are numbers, exact up to 104 days.

import { AttributeColumns } from "./attribute_columns.ts";
import type { DedicatedAttributes } from "./dedicated_attributes.ts";
import { grown } from "../lib/growable.ts";
import { EventColumns, LinkColumns } from "./event_columns.ts";
import { OwnColumns } from "./own_columns.ts";
import { ResourceColumns, ScopeColumns } from "./resource_columns.ts";
import { SpanOddities } from "./span_oddities.ts";
import { StringTable } from "./string_table.ts";
import { TraceTable } from "./trace_table.ts";

/** Of all columns per span but the dedicated ones. */
const SPAN_BYTES = 6 * 4 + 3 * 8 + 8 + 2 * 1 + 3 * 4 + 3 * 4;

export class SpanColumns {
  readonly strings = new StringTable();
  readonly traces = new TraceTable();
  readonly resources: ResourceColumns;
  readonly scopes = new ScopeColumns();
  readonly attributes = new AttributeColumns();
  readonly events: EventColumns;
  readonly links = new LinkColumns();
  readonly oddities = new SpanOddities();
  /** Grows with every `clear`; whoever keeps codes or rows of these columns compares it. */
  generation = 0;

  length = 0;
  trace = new Int32Array(0);
  resource = new Int32Array(0);
  scope = new Int32Array(0);
  /** Two words per id, bytes in their order; all zero means none. */
  spanId = new Uint32Array(0);
  parentId = new Uint32Array(0);
  name = new Int32Array(0);
  kind = new Uint8Array(0);
  statusCode = new Uint8Array(0);
  statusMessage = new Int32Array(0);
  traceState = new Int32Array(0);
  /** Two words per time, low first. */
  startUnixNano = new Uint32Array(0);
  durationNano = new Float64Array(0);
  droppedAttributes = new Int32Array(0);
  droppedEvents = new Int32Array(0);
  droppedLinks = new Int32Array(0);
  /** One more entry than spans: the last is where the next span will start. */
  attributeStart = new Int32Array(1);
  eventStart = new Int32Array(1);
  linkStart = new Int32Array(1);
  /** Values of dedicated attributes, by span. */
  readonly own: OwnColumns;
  #capacity = 0;
  readonly #spanBytes: number;

  constructor(readonly dedicated: DedicatedAttributes) {
    this.resources = new ResourceColumns(dedicated.resource);
    this.events = new EventColumns(dedicated.event);
    this.own = new OwnColumns(dedicated.span, 0);
    this.#spanBytes = SPAN_BYTES + this.own.bytesPerOwner;
    this.#grow(1024);
  }

  /** Makes room for one more span and returns its row, all zero; `commitSpan` makes it real. */
  nextSpan(): number {
    if (this.length === this.#capacity) this.#grow(this.#capacity * 2);
    return this.length;
  }

  /** The end of a span whose start is set; as a duration, exact up to 104 days. */
  setEnd(row: number, low: number, high: number): void {
    const duration = (high - this.startUnixNano[row * 2 + 1]!) * 4294967296 +
      (low - this.startUnixNano[row * 2]!);
    this.durationNano[row] = duration;
    if (!Number.isSafeInteger(duration)) {
      this.oddities.farEnds.set(row, BigInt(high) << 32n | BigInt(low));
    }
  }

  /** The end as it was sent, for when a number is not exact enough. */
  endNano(row: number): bigint {
    return this.oddities.farEnds.get(row) ??
      (BigInt(this.startUnixNano[row * 2 + 1]!) << 32n | BigInt(this.startUnixNano[row * 2]!)) +
        BigInt(this.durationNano[row]!);
  }

  commitSpan(): void {
    const next = ++this.length;
    this.attributeStart[next] = this.attributes.length;
    this.eventStart[next] = this.events.length;
    this.linkStart[next] = this.links.length;
  }

  /**
   * Empties the columns and keeps their memory: no page faults and no garbage for the next section.
   * Codes and rows handed out before mean nothing afterwards; OtlpDecoder notices by itself.
   */
  clear(): void {
    this.#zero(0, this.length + 1);
    this.length = 0;
    this.generation++;
    this.strings.clear();
    this.traces.clear();
    this.attributes.clear();
    this.oddities.clear();
    for (const table of [this.resources, this.scopes, this.events, this.links]) {
      table.length = 0;
      table.attributes.clear();
    }
  }

  mark(): SpanColumnsMark {
    return { spans: this.length, attributeElements: this.attributes.elementCount };
  }

  /** Forgets the spans appended since the mark; strings, traces, resources, scopes stay known. */
  rollback(mark: SpanColumnsMark): void {
    this.#zero(mark.spans, this.length + 1); // the unfinished span is dirty too
    this.oddities.truncate(mark.spans);
    this.length = mark.spans;
    this.attributes.truncate(this.attributeStart[mark.spans]!, mark.attributeElements);
    this.events.truncate(this.eventStart[mark.spans]!);
    this.links.truncate(this.linkStart[mark.spans]!);
  }

  /** What the spans here take, whatever is allocated: by this a section is cut. */
  get sizeBytes(): number {
    return this.strings.sizeBytes + this.traces.sizeBytes + this.length * this.#spanBytes +
      this.attributes.sizeBytes + this.resources.sizeBytes + this.scopes.sizeBytes +
      this.events.sizeBytes + this.links.sizeBytes + this.oddities.sizeBytes;
  }

  /** What is allocated, used or not: by this memory is accounted for. */
  get capacityBytes(): number {
    return this.strings.capacityBytes + this.traces.capacityBytes +
      this.#capacity * this.#spanBytes + this.attributes.capacityBytes +
      this.resources.attributes.capacityBytes + this.scopes.attributes.capacityBytes +
      this.events.capacityBytes + this.links.capacityBytes;
  }

  #zero(from: number, to: number): void {
    const end = Math.min(to, this.#capacity);
    for (const column of this.#perSpan()) {
      const width = column.length / this.#capacity;
      column.fill(0, from * width, end * width);
    }
    this.own.clear(from, end);
  }

  /** Columns with a fixed number of elements per span, in no order. */
  #perSpan(): (Int32Array | Uint32Array | Uint8Array | Float64Array)[] {
    return [
      this.trace,
      this.resource,
      this.scope,
      this.spanId,
      this.parentId,
      this.name,
      this.kind,
      this.statusCode,
      this.statusMessage,
      this.traceState,
      this.startUnixNano,
      this.durationNano,
      this.droppedAttributes,
      this.droppedEvents,
      this.droppedLinks,
    ];
  }

  #grow(capacity: number): void {
    this.trace = grown(this.trace, capacity);
    this.resource = grown(this.resource, capacity);
    this.scope = grown(this.scope, capacity);
    this.spanId = grown(this.spanId, capacity * 2);
    this.parentId = grown(this.parentId, capacity * 2);
    this.name = grown(this.name, capacity);
    this.kind = grown(this.kind, capacity);
    this.statusCode = grown(this.statusCode, capacity);
    this.statusMessage = grown(this.statusMessage, capacity);
    this.traceState = grown(this.traceState, capacity);
    this.startUnixNano = grown(this.startUnixNano, capacity * 2);
    this.durationNano = grown(this.durationNano, capacity);
    this.droppedAttributes = grown(this.droppedAttributes, capacity);
    this.droppedEvents = grown(this.droppedEvents, capacity);
    this.droppedLinks = grown(this.droppedLinks, capacity);
    this.attributeStart = grown(this.attributeStart, capacity + 1);
    this.eventStart = grown(this.eventStart, capacity + 1);
    this.linkStart = grown(this.linkStart, capacity + 1);
    this.own.grow(capacity);
    this.#capacity = capacity;
  }
}

export interface SpanColumnsMark {
  readonly spans: number;
  readonly attributeElements: number;
}

/** A time as a number of nanoseconds after `base`; exact within 104 days of it. */
export function relativeNano(words: Uint32Array, row: number, base: NanoBase): number {
  return (words[row * 2 + 1]! - base.high) * 4294967296 + (words[row * 2]! - base.low);
}

export interface NanoBase {
  readonly low: number;
  readonly high: number;
}

export function nanoBase(unixNano: bigint): NanoBase {
  return { low: Number(unixNano & 0xffffffffn), high: Number(unixNano >> 32n) };
}
