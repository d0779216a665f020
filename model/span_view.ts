// What queries see of spans, whether they lie in memory (SpanColumns) or in a row group of a block:
// columns, each loaded when first asked for. Strings are codes; 0 means absent.
// Not SpanColumns itself: filling them means reading every column and remapping every string, and a
// query needs three columns of ninety.
//
//   trace ◀── span ──▶ resource        rows of five tables: traces, resources, scopes, spans, events
//               │ └───▶ scope          (links); a view gives the row of the owner for each span, event
//   event, link ┘                      and link, and columns by row of each table
//
// Rule: a returned array is never written to by its receiver and never changes under it.

/** Strings by code: a StringTable, or the dictionary of one column. */
export interface Strings {
  /** Codes are [1, size). */
  readonly size: number;
  /** 0 if no such string. */
  find(text: string): number;
  text(code: number): string;
}

export interface StringColumn {
  /** By row; 0 is absent, and an empty string has a code as any other. May be longer than the table. */
  readonly codes: Int32Array;
  readonly strings: Strings;
}

/** Which of the five tables an attribute belongs to. */
export type AttributeScope = "resource" | "instrumentation" | "span" | "event" | "link";

/** Values of one type that a key has: (owner, value) pairs, owners ascending; arrays give several. */
export interface AttributeStrings extends StringColumn {
  readonly length: number;
  readonly owners: Int32Array;
}

export interface AttributeInts {
  readonly length: number;
  readonly owners: Int32Array;
  /** Two per value, low first: two's complement 64 bits. */
  readonly words: Uint32Array;
}

export interface AttributeDoubles {
  readonly length: number;
  readonly owners: Int32Array;
  readonly values: Float64Array;
}

export interface AttributeBools {
  readonly length: number;
  readonly owners: Int32Array;
  readonly values: Uint8Array;
}

/** All that a key has in one scope. Types without values are undefined. */
export interface AttributeValues {
  /** Rows that have the key at all, of whatever type, empty arrays included; ascending, each once. */
  readonly ownerCount: number;
  readonly owners: Int32Array;
  /** Of `owners`, by position: 1 where the value is an array. Undefined if none is. */
  readonly isArray: Uint8Array | undefined;
  readonly strings: AttributeStrings | undefined;
  readonly ints: AttributeInts | undefined;
  readonly doubles: AttributeDoubles | undefined;
  readonly bools: AttributeBools | undefined;
  /** Bytes, key-value lists and mixed arrays, as protobuf JSON. */
  readonly others: AttributeStrings | undefined;
}

/**
 * What the asker needs, so that a view may do less: everything left out must not change an answer
 * that only looks at what is wanted.
 */
export interface AttributeWant {
  /** Only owners with one of these string values; other owners and values may be left out. */
  readonly anyOf?: readonly string[];
  /** Only these owners, ascending; others may be left out. */
  readonly owners?: Int32Array;
}

/** By span: 0 where not computed, which is so for spans not connected to a root. */
export interface NestedSetColumns {
  readonly left: Int32Array;
  readonly right: Int32Array;
  /** Left of the parent; -1 for roots. */
  readonly parent: Int32Array;
  readonly childCount: Int32Array;
}

export interface TraceColumns {
  readonly length: number;
  /** Four words per trace: its 16 bytes in their order, read little-endian. */
  readonly idWords: Uint32Array;
  /** Two words per trace, low first. */
  readonly startUnixNano: Uint32Array;
  readonly endUnixNano: Uint32Array;
  readonly rootService: StringColumn;
  readonly rootName: StringColumn;
  /** The first row of each trace's spans; undefined where that is not known. */
  readonly firstSpan?: Int32Array;
  /** Stats of trace t are rows [statsStart[t], statsStart[t + 1]). */
  readonly statsStart: Int32Array;
  readonly statsService: StringColumn;
  readonly statsSpans: Int32Array;
  readonly statsErrors: Int32Array;
}

export interface EventColumnsView {
  readonly length: number;
  /** Row of the span, ascending. */
  readonly spans: Int32Array;
  readonly names: StringColumn;
  /** Nanoseconds after the start of the span; may be negative. */
  readonly sinceStartNano: Float64Array;
}

export interface LinkColumnsView {
  readonly length: number;
  readonly spans: Int32Array;
  /** Four words per link and two per link. */
  readonly traceIdWords: Uint32Array;
  readonly spanIdWords: Uint32Array;
}

/** The smallest and largest value of a column, known without reading it. */
export interface Bounds {
  readonly min: bigint;
  readonly max: bigint;
}

export type BoundedColumn =
  | "spanStart"
  | "traceStart"
  | "traceEnd"
  | "duration"
  | "status"
  | "kind";

/** What a question reads of a view: one of its columns, or an attribute. */
export type Need =
  | { readonly column: NeededColumn }
  | { readonly scope: AttributeScope; readonly key: string }
  /** All attributes of a scope, or only what they are called. */
  | { readonly scope: AttributeScope; readonly all: "values" | "keys" };

export type NeededColumn =
  | "traces"
  | "nesting"
  | "services"
  | "scopeNames"
  | "scopeVersions"
  | "names"
  | "statusMessages"
  | "kinds"
  | "statusCodes"
  | "startUnixNano"
  | "durationNano"
  | "spanIds"
  | "parentIds"
  | "nestedSets"
  | "events"
  | "links";

/** Somebody who wants to know what is done with a view, and how long it takes. */
export interface Watch {
  now(): number;
  stage(name: string, ms: number): void;
  pruned(why: string): void;
}

export interface SpanView {
  /** Known without reading. */
  readonly spanCount: number;
  readonly watch?: Watch | undefined;
  /** Undefined where nothing is known. */
  bounds?(column: BoundedColumn): Bounds | undefined;
  /** What reading all that from storage takes. */
  bytesOf?(needs: readonly Need[]): number;
  /** What has been read from storage so far on behalf of this view. */
  readonly inspectedBytes: number;
  /** Whether what is `derived` is remembered. */
  readonly isLasting: boolean;

  traces(): Promise<TraceColumns>;
  /** By span: row of the trace. */
  traceOfSpan(): Promise<Int32Array>;
  resourceOfSpan(): Promise<Int32Array>;
  scopeOfSpan(): Promise<Int32Array>;

  /** By resource, "" where it has none. */
  services(): Promise<StringColumn>;
  scopeNames(): Promise<StringColumn>;
  scopeVersions(): Promise<StringColumn>;

  /** By span. */
  names(): Promise<StringColumn>;
  statusMessages(): Promise<StringColumn>;
  /** OTLP numbers. */
  kinds(): Promise<Uint8Array>;
  statusCodes(): Promise<Uint8Array>;
  /** Two words per span, low first. */
  startUnixNano(): Promise<Uint32Array>;
  durationNano(): Promise<Float64Array>;
  /** Two words per span, bytes in their order read little-endian; all zero is none. */
  spanIds(): Promise<Uint32Array>;
  parentIds(): Promise<Uint32Array>;
  nestedSets(): Promise<NestedSetColumns>;

  events(): Promise<EventColumnsView>;
  links(): Promise<LinkColumnsView>;

  /** `service.name` of resources is found here too when it is a string. */
  attribute(scope: AttributeScope, key: string, want?: AttributeWant): Promise<AttributeValues>;
  /** Distinct keys, dedicated ones and `service.name` too, in no order. */
  attributeKeys(scope: AttributeScope): Promise<string[]>;

  /**
   * What an asker makes of columns again and again, under a name of its own. A lasting view remembers
   * it, within bounds; another makes it anew.
   */
  derived<T>(name: string, make: () => Promise<Derived<T>>): Promise<T>;
}

export interface Derived<T> {
  readonly value: T;
  /** What it takes in memory, roughly. */
  readonly sizeBytes: number;
}
