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
import { StringTable } from "./string_table.ts";
import { TraceTable } from "./trace_table.ts";

export class SpanColumns {
  readonly strings = new StringTable();
  readonly traces = new TraceTable();
  readonly resources: ResourceColumns;
  readonly scopes = new ScopeColumns();
  readonly attributes = new AttributeColumns();
  readonly events = new EventColumns();
  readonly links = new LinkColumns();

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
  /** By slot; a string code per span, ABSENT if the span lacks the attribute. */
  readonly dedicatedStrings: Int32Array[];
  readonly dedicatedInts: IntColumn[];
  #capacity = 0;

  constructor(readonly dedicated: DedicatedAttributes) {
    this.resources = new ResourceColumns(dedicated.resourceStrings.length);
    this.dedicatedStrings = dedicated.spanStrings.map(() => new Int32Array(0));
    this.dedicatedInts = dedicated.spanInts.map(() => new IntColumn());
    this.#grow(1024);
  }

  /** Makes room for one more span and returns its row, all zero; `commitSpan` makes it real. */
  nextSpan(): number {
    if (this.length === this.#capacity) this.#grow(this.#capacity * 2);
    return this.length;
  }

  commitSpan(): void {
    const next = ++this.length;
    this.attributeStart[next] = this.attributes.length;
    this.eventStart[next] = this.events.length;
    this.linkStart[next] = this.links.length;
  }

  /** Empties the columns and keeps their memory. */
  clear(): void {
    for (const column of this.#perSpan()) column.fill(0);
    this.length = 0;
    this.strings.clear();
    this.traces.clear();
    this.attributes.clear();
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
    const end = Math.min(this.length + 1, this.#capacity); // the unfinished span is dirty too
    for (const column of this.#perSpan()) {
      const width = column.length / this.#capacity;
      column.fill(0, mark.spans * width, end * width);
    }
    this.length = mark.spans;
    this.attributes.truncate(this.attributeStart[mark.spans]!, mark.attributeElements);
    this.events.truncate(this.eventStart[mark.spans]!);
    this.links.truncate(this.linkStart[mark.spans]!);
  }

  get sizeBytes(): number {
    let size = this.strings.sizeBytes + this.attributes.sizeBytes + this.traces.words.byteLength +
      this.attributeStart.byteLength * 3;
    for (const column of this.#perSpan()) size += column.byteLength;
    return size;
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
      ...this.dedicatedStrings,
      ...this.dedicatedInts.flatMap((column) => [column.words, column.isPresent]),
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
    this.dedicatedStrings.forEach((column, slot) => {
      this.dedicatedStrings[slot] = grown(column, capacity);
    });
    for (const column of this.dedicatedInts) column.grow(capacity);
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

/** 64-bit integers with absence. */
export class IntColumn {
  words = new Uint32Array(0);
  isPresent = new Uint8Array(0);

  grow(capacity: number): void {
    this.words = grown(this.words, capacity * 2);
    this.isPresent = grown(this.isPresent, capacity);
  }
}

/** Distinct resources; hundreds where there are millions of spans, so growth is plain. */
export class ResourceColumns {
  length = 0;
  serviceName = new Int32Array(64);
  droppedAttributes = new Int32Array(64);
  attributeStart = new Int32Array(65);
  readonly attributes = new AttributeColumns();
  readonly dedicatedStrings: Int32Array[];

  constructor(dedicatedCount: number) {
    this.dedicatedStrings = Array.from({ length: dedicatedCount }, () => new Int32Array(64));
  }

  append(serviceName: number, dedicated: readonly number[], droppedAttributes: number): number {
    const row = this.length++;
    if (row === this.serviceName.length) {
      this.serviceName = grown(this.serviceName, 0);
      this.droppedAttributes = grown(this.droppedAttributes, 0);
      this.attributeStart = grown(this.attributeStart, 0);
      this.dedicatedStrings.forEach((column, slot) => {
        this.dedicatedStrings[slot] = grown(column, 0);
      });
    }
    this.serviceName[row] = serviceName;
    this.droppedAttributes[row] = droppedAttributes;
    dedicated.forEach((code, slot) => this.dedicatedStrings[slot]![row] = code);
    this.attributeStart[row + 1] = this.attributes.length;
    return row;
  }
}

/** Distinct scopes. */
export class ScopeColumns {
  length = 0;
  name = new Int32Array(64);
  version = new Int32Array(64);
  droppedAttributes = new Int32Array(64);
  attributeStart = new Int32Array(65);
  readonly attributes = new AttributeColumns();

  append(name: number, version: number, droppedAttributes: number): number {
    const row = this.length++;
    if (row === this.name.length) {
      this.name = grown(this.name, 0);
      this.version = grown(this.version, 0);
      this.droppedAttributes = grown(this.droppedAttributes, 0);
      this.attributeStart = grown(this.attributeStart, 0);
    }
    this.name[row] = name;
    this.version[row] = version;
    this.droppedAttributes[row] = droppedAttributes;
    this.attributeStart[row + 1] = this.attributes.length;
    return row;
  }
}

export class EventColumns {
  length = 0;
  timeUnixNano = new Uint32Array(128);
  name = new Int32Array(64);
  droppedAttributes = new Int32Array(64);
  attributeStart = new Int32Array(65);
  readonly attributes = new AttributeColumns();

  /** The row of a new event; its attributes are those appended before `commit`. */
  next(): number {
    if (this.length === this.name.length) {
      this.timeUnixNano = grown(this.timeUnixNano, 0);
      this.name = grown(this.name, 0);
      this.droppedAttributes = grown(this.droppedAttributes, 0);
      this.attributeStart = grown(this.attributeStart, 0);
    }
    return this.length;
  }

  commit(): void {
    this.attributeStart[++this.length] = this.attributes.length;
  }

  truncate(length: number): void {
    this.length = length;
    this.attributes.truncate(this.attributeStart[length]!, this.attributes.elementCount);
  }
}

export class LinkColumns {
  length = 0;
  traceId = new Uint32Array(64);
  spanId = new Uint32Array(32);
  traceState = new Int32Array(16);
  droppedAttributes = new Int32Array(16);
  attributeStart = new Int32Array(17);
  readonly attributes = new AttributeColumns();

  next(): number {
    if (this.length === this.traceState.length) {
      this.traceId = grown(this.traceId, 0);
      this.spanId = grown(this.spanId, 0);
      this.traceState = grown(this.traceState, 0);
      this.droppedAttributes = grown(this.droppedAttributes, 0);
      this.attributeStart = grown(this.attributeStart, 0);
    }
    return this.length;
  }

  commit(): void {
    this.attributeStart[++this.length] = this.attributes.length;
  }

  truncate(length: number): void {
    this.length = length;
    this.attributes.truncate(this.attributeStart[length]!, this.attributes.elementCount);
  }
}
