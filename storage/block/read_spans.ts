// Reads rows of a block (a row is a trace) back into SpanColumns, several blocks into one if wanted:
// how a trace is found by id, and how blocks are merged. Every string is looked at once per range
// and column, see code_map.ts; equal resources and scopes become one row, as in the OTLP decoder.
//
// The levels of a span column tell everything about nesting: an entry with repetition 0 starts a
// trace, 1 a resource, 2 a scope, 3 is one more span of the same scope.

import type { AttributeColumns } from "../../model/attribute_columns.ts";
import type { AttributeReader } from "./attribute_reader.ts";
import type { ByteArrays } from "../parquet/byte_arrays.ts";
import { CodeMap } from "./code_map.ts";
import type { Column } from "../parquet/column.ts";
import { endsEarly } from "../../lib/errors.ts";
import type { DedicatedColumn } from "./dedicated_columns.ts";
import { DedicatedReader } from "./dedicated_reader.ts";
import type { RowColumns } from "./row_columns.ts";
import { RowSignatures } from "./row_signatures.ts";
import type { OwnColumns } from "../../model/own_columns.ts";
import type { SpanColumns } from "../../model/span_columns.ts";

/** Columns that are derived from the others, and so not read. */
const derived = new Set([
  "TraceIDText",
  "StartTimeUnixNano",
  "EndTimeUnixNano",
  "DurationNano",
  "RootServiceName",
  "RootSpanName",
  "ServiceStats.ServiceName",
  "ServiceStats.SpanCount",
  "ServiceStats.ErrorCount",
  "rs.ss.Spans.ParentID",
  "rs.ss.Spans.NestedSetLeft",
  "rs.ss.Spans.NestedSetRight",
  "rs.ss.Spans.ChildCount",
  "rs.ss.Spans.StartTimeRounded15",
  "rs.ss.Spans.StartTimeRounded60",
  "rs.ss.Spans.StartTimeRounded300",
  "rs.ss.Spans.StartTimeRounded3600",
  "rs.ss.SpanCount",
]);

export function isSpanData(path: string): boolean {
  return !derived.has(path) && !path.startsWith("ServiceStats.");
}

/** Says whether a span is wanted; `row` is its trace's row in the range. */
export type KeepSpan = (row: number, id0: number, id1: number, kind: number) => boolean;

export class SpanReader {
  readonly #resources = new RowSignatures();
  readonly #scopes = new RowSignatures();

  constructor(readonly into: SpanColumns) {}

  read(rows: RowColumns, dedicated: readonly DedicatedColumn[], keep: KeepSpan = () => true): void {
    const { into } = this;
    const kinds = rows.of("rs.ss.Spans.Kind");
    const traceIds = rows.of("TraceID");
    const nextResource = this.#resourceReader(rows, dedicated);
    const nextScope = this.#scopeReader(rows);
    const spans = new SpanFields(rows, dedicated, into);
    const { repetition, definition, entryCount } = kinds;
    const id = new Uint32Array(4);
    let row = -1;
    let trace = 0;
    let resource = 0;
    let scope = 0;
    for (let entry = 0; entry < entryCount; entry++) {
      const level = repetition[entry]!;
      if (level === 0) {
        putId(id, 0, 4, traceIds.dictionary, traceIds.codes[++row]!);
        trace = into.traces.intern(id[0]!, id[1]!, id[2]!, id[3]!);
      }
      if (level <= 1) resource = nextResource();
      if (level <= 2) scope = nextScope();
      if (definition[entry] === 3) {
        spans.next(trace, resource, scope, row, keep);
        continue;
      }
      spans.skipEntry();
      if (definition[entry] === 0) continue; // a trace of nothing
      const emptyScope = definition[entry] === 2 ? scope : -1;
      const beforeRow = into.length;
      into.oddities.emptyGroups.push({ trace, resource, scope: emptyScope, beforeRow });
    }
  }

  #resourceReader(rows: RowColumns, dedicated: readonly DedicatedColumn[]): () => number {
    const { resources, strings } = this.into;
    const signatures = this.#resources;
    const pool = resources.attributes;
    const services = new PerEntry(rows.of("rs.Resource.ServiceName"));
    const service = new CodeMap(services.column, strings);
    const dropped = rows.of("rs.Resource.DroppedAttributesCount").ints;
    const attributes = rows.attributes("rs.Resource.Attrs", strings);
    const mine = dedicated.filter(({ scope }) => scope === "resource");
    const own = new DedicatedReader(rows, mine, strings, 1, resources);
    return () => {
      const index = services.next();
      const { start, elements } = startList(pool, resources);
      const row = resources.next();
      attributes.next(pool);
      own.next(row, start);
      if (index < 0) return 0; // a trace without resources has no spans either
      signatures.clear();
      signatures.put(service.code(index));
      signatures.put(dropped[index]!);
      putOwn(signatures, resources.own, row);
      putList(signatures, pool, start);
      const known = signatures.intern();
      if (known < resources.length) pool.truncate(start, elements);
      else resources.append(service.code(index), dropped[index]!);
      return known;
    };
  }

  #scopeReader(rows: RowColumns): () => number {
    const { scopes, strings } = this.into;
    const signatures = this.#scopes;
    const pool = scopes.attributes;
    const names = new PerEntry(rows.of("rs.ss.Scope.Name"));
    const name = new CodeMap(names.column, strings);
    const version = new CodeMap(rows.of("rs.ss.Scope.Version"), strings);
    const dropped = rows.of("rs.ss.Scope.DroppedAttributesCount").ints;
    const attributes = rows.attributes("rs.ss.Scope.Attrs", strings);
    return () => {
      const index = names.next();
      const { start, elements } = startList(pool, scopes);
      attributes.next(pool);
      if (index < 0) return 0;
      signatures.clear();
      signatures.put(name.code(index));
      signatures.put(version.code(index));
      signatures.put(dropped[index]!);
      putList(signatures, pool, start);
      const known = signatures.intern();
      if (known < scopes.length) pool.truncate(start, elements);
      else scopes.append(name.code(index), version.code(index), dropped[index]!);
      return known;
    };
  }
}

/** The fields of spans, one span after the other. */
class SpanFields {
  #index = 0;
  readonly #ids: Column;
  readonly #parents: Column;
  readonly #kinds: Column;
  readonly #starts: Uint32Array;
  readonly #durations: Uint32Array;
  readonly #status: Uint32Array;
  readonly #name: CodeMap;
  readonly #message: CodeMap;
  readonly #traceState: CodeMap;
  readonly #dropped: Int32Array;
  readonly #droppedEvents: Int32Array;
  readonly #droppedLinks: Int32Array;
  readonly #attributes: AttributeReader;
  readonly #dedicated: DedicatedReader;
  readonly #events: EventFields;
  readonly #links: LinkFields;
  readonly #id = new Uint32Array(2);

  constructor(rows: RowColumns, dedicated: readonly DedicatedColumn[], readonly into: SpanColumns) {
    const { strings } = into;
    const of = (name: string) => rows.of("rs.ss.Spans." + name);
    this.#ids = of("SpanID");
    this.#parents = of("ParentSpanID");
    this.#kinds = of("Kind");
    this.#starts = of("StartTimeUnixNano").words;
    this.#durations = of("DurationNano").words;
    this.#status = of("StatusCode").words;
    this.#name = new CodeMap(of("Name"), strings);
    this.#message = new CodeMap(of("StatusMessage"), strings);
    this.#traceState = new CodeMap(of("TraceState"), strings);
    this.#dropped = of("DroppedAttributesCount").ints;
    this.#droppedEvents = of("DroppedEventsCount").ints;
    this.#droppedLinks = of("DroppedLinksCount").ints;
    this.#attributes = rows.attributes("rs.ss.Spans.Attrs", strings);
    const mine = dedicated.filter(({ scope }) => scope === "span");
    this.#dedicated = new DedicatedReader(rows, mine, strings, 3, into);
    this.#events = new EventFields(rows, dedicated, into);
    this.#links = new LinkFields(rows, into);
  }

  next(trace: number, resource: number, scope: number, traceRow: number, keep: KeepSpan): void {
    const { into } = this;
    const i = this.#index++;
    const kind = this.#kinds.words[i * 2]!;
    putId(this.#id, 0, 2, this.#ids.dictionary, this.#ids.codes[i]!);
    if (!keep(traceRow, this.#id[0]!, this.#id[1]!, kind)) return this.skipEntry();
    const row = into.nextSpan();
    into.trace[row] = trace;
    into.resource[row] = resource;
    into.scope[row] = scope;
    into.spanId[row * 2] = this.#id[0]!;
    into.spanId[row * 2 + 1] = this.#id[1]!;
    this.#putParent(row, this.#parents.codes[i]!);
    into.kind[row] = kind;
    into.name[row] = this.#name.code(i);
    into.statusCode[row] = this.#status[i * 2]!;
    into.statusMessage[row] = this.#message.code(i);
    into.traceState[row] = this.#traceState.code(i);
    const startLow = into.startUnixNano[row * 2] = this.#starts[i * 2]!;
    const startHigh = into.startUnixNano[row * 2 + 1] = this.#starts[i * 2 + 1]!;
    // Modulo 2^64: of an end before the start the duration has wrapped around.
    const endLow = startLow + this.#durations[i * 2]!;
    const endHigh = startHigh + this.#durations[i * 2 + 1]! + (endLow > 0xffffffff ? 1 : 0);
    into.setEnd(row, endLow >>> 0, endHigh >>> 0);
    into.droppedAttributes[row] = this.#dropped[i]!;
    into.droppedEvents[row] = this.#droppedEvents[i]!;
    into.droppedLinks[row] = this.#droppedLinks[i]!;
    this.#attributes.next(into.attributes);
    this.#dedicated.next(row, into.attributeStart[row]!);
    this.#events.next(true, startLow, startHigh);
    this.#links.next(true);
    into.commitSpan();
  }

  #putParent(row: number, code: number): void {
    const { parentId, oddities } = this.into;
    const { dictionary } = this.#parents;
    putId(parentId, row * 2, 2, dictionary, code);
    const size = dictionary.offsets[code + 1]! - dictionary.offsets[code]!;
    const isZero = (parentId[row * 2]! | parentId[row * 2 + 1]!) === 0;
    // What a padded id would not tell from others: see span_oddities.ts.
    if (size > 0 && (size !== 8 || isZero)) {
      oddities.parentIds.set(row, dictionary.at(code).slice());
    }
  }

  /** Moves every list past an entry: of a span that is not wanted, or of a scope without spans. */
  skipEntry(): void {
    this.#attributes.next(undefined);
    this.#dedicated.skip();
    this.#events.next(false, 0, 0);
    this.#links.next(false);
  }
}

class EventFields {
  readonly #since: PerEntry;
  readonly #name: CodeMap;
  readonly #dropped: Int32Array;
  readonly #attributes: AttributeReader;
  readonly #dedicated: DedicatedReader;

  constructor(rows: RowColumns, dedicated: readonly DedicatedColumn[], readonly into: SpanColumns) {
    const path = "rs.ss.Spans.Events.";
    this.#since = new PerEntry(rows.of(path + "TimeSinceStartNano"));
    this.#name = new CodeMap(rows.of(path + "Name"), into.strings);
    this.#dropped = rows.of(path + "DroppedAttributesCount").ints;
    this.#attributes = rows.attributes(path + "Attrs", into.strings);
    const mine = dedicated.filter(({ scope }) => scope === "event");
    this.#dedicated = new DedicatedReader(rows, mine, into.strings, 4, into.events);
  }

  next(isWanted: boolean, startLow: number, startHigh: number): void {
    const { events } = this.into;
    do {
      const i = this.#since.next();
      const pool = isWanted && i >= 0 ? events.attributes : undefined;
      this.#attributes.next(pool);
      if (pool === undefined) {
        this.#dedicated.skip();
        continue;
      }
      const row = events.next();
      this.#dedicated.next(row, events.attributeStart[row]!);
      const { words } = this.#since.column;
      const low = startLow + words[i * 2]!;
      events.timeUnixNano[row * 2] = low;
      events.timeUnixNano[row * 2 + 1] = startHigh + words[i * 2 + 1]! + (low > 0xffffffff ? 1 : 0);
      events.name[row] = this.#name.code(i);
      events.droppedAttributes[row] = this.#dropped[i]!;
      events.commit();
    } while (this.#since.hasMore());
  }
}

class LinkFields {
  readonly #traceIds: PerEntry;
  readonly #spanIds: Column;
  readonly #traceState: CodeMap;
  readonly #dropped: Int32Array;
  readonly #attributes: AttributeReader;

  constructor(rows: RowColumns, readonly into: SpanColumns) {
    const path = "rs.ss.Spans.Links.";
    this.#traceIds = new PerEntry(rows.of(path + "TraceID"));
    this.#spanIds = rows.of(path + "SpanID");
    this.#traceState = new CodeMap(rows.of(path + "TraceState"), into.strings);
    this.#dropped = rows.of(path + "DroppedAttributesCount").ints;
    this.#attributes = rows.attributes(path + "Attrs", into.strings);
  }

  next(isWanted: boolean): void {
    const { links } = this.into;
    do {
      const i = this.#traceIds.next();
      const pool = isWanted && i >= 0 ? links.attributes : undefined;
      this.#attributes.next(pool);
      if (pool === undefined) continue;
      const row = links.next();
      const { dictionary, codes } = this.#traceIds.column;
      putId(links.traceId, row * 4, 4, dictionary, codes[i]!);
      putId(links.spanId, row * 2, 2, this.#spanIds.dictionary, this.#spanIds.codes[i]!);
      links.traceState[row] = this.#traceState.code(i);
      links.droppedAttributes[row] = this.#dropped[i]!;
      links.commit();
    } while (this.#traceIds.hasMore());
  }
}

/** Walks the entries of a list's required leaf: the value of each, -1 for an empty list. */
class PerEntry {
  #entry = 0;
  #value = 0;

  constructor(readonly column: Column) {}

  next(): number {
    const { definition, entryCount, leaf } = this.column;
    if (this.#entry >= entryCount) throw endsEarly(leaf.path, this.#entry);
    return definition[this.#entry++] === leaf.definitionMax ? this.#value++ : -1;
  }

  /** Whether the next entry belongs to the same list. */
  hasMore(): boolean {
    const { repetition, entryCount, leaf } = this.column;
    return this.#entry < entryCount && repetition[this.#entry] === leaf.repetitionMax;
  }
}

/** Bytes of an id as words, short ones padded on the left, long ones cut. */
function putId(words: Uint32Array, at: number, count: 2 | 4, ids: ByteArrays, index: number): void {
  const start = ids.offsets[index]!;
  const size = ids.offsets[index + 1]! - start;
  if (size === count * 4) {
    for (let k = 0; k < count; k++) words[at + k] = ids.view.getUint32(start + k * 4, true);
    return;
  }
  words.fill(0, at, at + count);
  const padding = Math.max(0, count * 4 - size);
  for (let byte = padding; byte < count * 4; byte++) {
    words[at + (byte >> 2)]! |= ids.bytes[start + byte - padding]! << ((byte & 3) * 8);
  }
}

function startList(
  pool: AttributeColumns,
  owners: { attributeStart: Int32Array; length: number },
): { start: number; elements: number } {
  const start = owners.attributeStart[owners.length]!;
  pool.truncate(start, pool.elementCount);
  return { start, elements: pool.elementCount };
}

function putOwn(signatures: RowSignatures, { strings, ints }: OwnColumns, row: number): void {
  for (const codes of strings) signatures.put(codes[row]!);
  for (const { words, isPresent } of ints) {
    signatures.put(isPresent[row]!);
    signatures.put(words[row * 2]!);
    signatures.put(words[row * 2 + 1]!);
  }
}

/** Attributes as part of a signature; arrays by their elements. */
function putList(signatures: RowSignatures, pool: AttributeColumns, start: number): void {
  for (let i = start; i < pool.length; i++) {
    const [low, high] = [pool.words[i * 2]!, pool.words[i * 2 + 1]!];
    signatures.put(pool.key[i]!);
    signatures.put(pool.type[i]!);
    signatures.put(pool.type[i]! > 8 ? high : low);
    if (pool.type[i]! <= 8) signatures.put(high);
    else for (let k = low * 2; k < (low + high) * 2; k++) signatures.put(pool.elementWords[k]!);
  }
}
