// A row group of a block as a SpanView: columns are read, decoded and kept when first asked for, and
// nothing else is read. See view_columns.ts for what is kept, view_attributes.ts for attributes.

import type { DedicatedColumn } from "./dedicated_columns.ts";
import type { ParquetFile } from "../parquet/file.ts";
import type { RowGroup } from "../parquet/metadata.ts";
import type {
  AttributeScope,
  AttributeValues,
  AttributeWant,
  BoundedColumn,
  Bounds,
  Derived,
  EventColumnsView,
  LinkColumnsView,
  Need,
  NestedSetColumns,
  SpanView,
  StringColumn,
  TraceColumns,
  Watch,
} from "../../model/span_view.ts";
import { neededBytes } from "./needed_bytes.ts";
import { valueOwners } from "./nesting.ts";
import { ViewAttributes } from "./view_attributes.ts";
import { ViewColumns } from "./view_columns.ts";

const SPANS = "rs.ss.Spans.";
const WORD = 4294967296;
/** What is made of columns is a tenth as large as they are. */
const MADE_LIVES = 8;

/** Where the columns lie whose bounds somebody asks about. */
const BOUNDED: Readonly<Record<BoundedColumn, string>> = {
  spanStart: SPANS + "StartTimeUnixNano",
  traceStart: "StartTimeUnixNano",
  traceEnd: "EndTimeUnixNano",
  duration: SPANS + "DurationNano",
  status: SPANS + "StatusCode",
  kind: SPANS + "Kind",
};

export class BlockView implements SpanView {
  readonly isLasting = true;
  readonly #columns: ViewColumns;
  readonly #attributes: ViewAttributes;
  readonly #bytesRead: () => number;
  readonly #blamed: <T>(work: Promise<T>) => Promise<T>;

  /** `blamed` says in errors which block it was. */
  constructor(
    file: ParquetFile,
    readonly group: RowGroup,
    readonly spanCount: number,
    readonly dedicated: readonly DedicatedColumn[],
    bytesRead: () => number,
    blamed: <T>(work: Promise<T>) => Promise<T>,
    readonly watch?: Watch,
  ) {
    this.#columns = new ViewColumns(file, group, spanCount);
    this.#attributes = new ViewAttributes(this.#columns, dedicated);
    this.#bytesRead = bytesRead;
    this.#blamed = blamed;
  }

  get inspectedBytes(): number {
    return this.#bytesRead();
  }

  /** Bounds of a column of integers without reading it; undefined where the footer has none. */
  statistics(path: string): Bounds | undefined {
    const { min, max } = this.group.chunks.get(path)?.statistics ?? {};
    if (min === undefined || max === undefined) return undefined;
    if (min.length !== max.length || (min.length !== 4 && min.length !== 8)) return undefined;
    const value = (bytes: Uint8Array) => {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      return bytes.length === 8 ? view.getBigInt64(0, true) : BigInt(view.getInt32(0, true));
    };
    return { min: value(min), max: value(max) };
  }

  /**
   * Not of what wrapped around: one span that ends before it starts makes all durations suspect. Where the
   * footer orders numbers without a sign it is the greatest.
   */
  bounds(column: BoundedColumn): Bounds | undefined {
    const bounds = this.statistics(BOUNDED[column]);
    const isSuspect = bounds === undefined || bounds.min < 0n || bounds.max < 0n;
    return isSuspect ? undefined : bounds;
  }

  bytesOf(needs: readonly Need[]): number {
    return neededBytes(this.group, this.dedicated, needs);
  }

  traces(): Promise<TraceColumns> {
    return this.#blamed(this.#columns.derived("traces", () => this.#traces()));
  }

  traceOfSpan(): Promise<Int32Array> {
    return this.#blamed(this.#columns.nesting().then(({ traceOfSpan }) => traceOfSpan));
  }

  resourceOfSpan(): Promise<Int32Array> {
    return this.#blamed(this.#columns.nesting().then(({ resourceOfSpan }) => resourceOfSpan));
  }

  scopeOfSpan(): Promise<Int32Array> {
    return this.#blamed(this.#columns.nesting().then(({ scopeOfSpan }) => scopeOfSpan));
  }

  services(): Promise<StringColumn> {
    return this.#strings("rs.Resource.ServiceName");
  }

  scopeNames(): Promise<StringColumn> {
    return this.#strings("rs.ss.Scope.Name");
  }

  scopeVersions(): Promise<StringColumn> {
    return this.#strings("rs.ss.Scope.Version");
  }

  names(): Promise<StringColumn> {
    return this.#strings(SPANS + "Name");
  }

  statusMessages(): Promise<StringColumn> {
    return this.#strings(SPANS + "StatusMessage");
  }

  kinds(): Promise<Uint8Array> {
    return this.#lowBytes("Kind");
  }

  statusCodes(): Promise<Uint8Array> {
    return this.#lowBytes("StatusCode");
  }

  startUnixNano(): Promise<Uint32Array> {
    return this.#blamed(this.#columns.words(SPANS + "StartTimeUnixNano"));
  }

  durationNano(): Promise<Float64Array> {
    return this.#signed(SPANS + "DurationNano");
  }

  spanIds(): Promise<Uint32Array> {
    return this.#blamed(this.#columns.ids(SPANS + "SpanID", 2));
  }

  parentIds(): Promise<Uint32Array> {
    return this.#blamed(this.#columns.ids(SPANS + "ParentSpanID", 2));
  }

  nestedSets(): Promise<NestedSetColumns> {
    return this.#blamed(this.#nestedSets());
  }

  events(): Promise<EventColumnsView> {
    return this.#blamed(this.#events());
  }

  links(): Promise<LinkColumnsView> {
    return this.#blamed(this.#links());
  }

  attribute(scope: AttributeScope, key: string, want?: AttributeWant): Promise<AttributeValues> {
    const work = want?.anyOf === undefined
      ? this.#attributes.all(scope, key)
      : this.#attributes.anyOf(scope, key, want.anyOf);
    return this.#blamed(work);
  }

  attributeKeys(scope: AttributeScope): Promise<string[]> {
    return this.#blamed(this.#attributes.keys(scope));
  }

  derived<T>(name: string, make: () => Promise<Derived<T>>): Promise<T> {
    return this.#columns.derived(`made ${name}`, make, MADE_LIVES);
  }

  async #traces() {
    const columns = this.#columns;
    const service = columns.has("ServiceStats.key")
      ? "ServiceStats.key"
      : "ServiceStats.ServiceName";
    const [idWords, start, end, rootService, rootName, services, owners, counts, errorCounts] =
      await Promise.all([
        columns.ids("TraceID", 4),
        columns.words("StartTimeUnixNano"),
        columns.words("EndTimeUnixNano"),
        columns.strings("RootServiceName"),
        columns.strings("RootSpanName"),
        columns.strings(service),
        columns.column(service).then((column) => valueOwners(column, 0)),
        columns.ints("ServiceStats.SpanCount"),
        columns.ints("ServiceStats.ErrorCount"),
      ]);
    const length = idWords.length / 4;
    const value: TraceColumns = {
      length,
      idWords,
      startUnixNano: start,
      endUnixNano: end,
      rootService,
      rootName,
      statsStart: startsOf(owners, length),
      statsService: services,
      statsSpans: counts,
      statsErrors: errorCounts,
    };
    return { value, sizeBytes: length * 4 + 512 };
  }

  async #nestedSets(): Promise<NestedSetColumns> {
    const columns = this.#columns;
    const [left, right, parent] = await Promise.all([
      columns.ints(SPANS + "NestedSetLeft"),
      columns.ints(SPANS + "NestedSetRight"),
      columns.ints(SPANS + "ParentID"),
    ]);
    const childCount = columns.has(SPANS + "ChildCount")
      ? await columns.ints(SPANS + "ChildCount")
      : await columns.derived("children", async () => {
        const value = childCounts(left, parent, (await columns.nesting()).traceOfSpan);
        return { value, sizeBytes: value.byteLength };
      });
    return { left, right, parent, childCount };
  }

  async #events(): Promise<EventColumnsView> {
    const [spans, names, sinceStartNano] = await Promise.all([
      this.#elementOwners("Events.Name"),
      this.#columns.strings(SPANS + "Events.Name"),
      this.#signed(SPANS + "Events.TimeSinceStartNano"),
    ]);
    return { length: spans.length, spans, names, sinceStartNano };
  }

  async #links(): Promise<LinkColumnsView> {
    const [spans, traceIdWords, spanIdWords] = await Promise.all([
      this.#elementOwners("Links.SpanID"),
      this.#columns.ids(SPANS + "Links.TraceID", 4),
      this.#columns.ids(SPANS + "Links.SpanID", 2),
    ]);
    return { length: spans.length, spans, traceIdWords, spanIdWords };
  }

  /** By event or link: row of the span. */
  #elementOwners(leaf: string): Promise<Int32Array> {
    return this.#columns.derived(`owners ${leaf}`, async () => {
      const value = valueOwners(await this.#columns.column(SPANS + leaf), 3);
      return { value, sizeBytes: value.byteLength };
    });
  }

  #strings(path: string): Promise<StringColumn> {
    return this.#blamed(this.#columns.strings(path));
  }

  #lowBytes(name: string): Promise<Uint8Array> {
    return this.#blamed(this.#columns.derived(`bytes ${name}`, async () => {
      const { words, valueCount } = await this.#columns.column(SPANS + name);
      const value = new Uint8Array(valueCount);
      for (let i = 0; i < valueCount; i++) value[i] = words[i * 2]!;
      return { value, sizeBytes: valueCount };
    }));
  }

  /** 64-bit integers as numbers: an end before the start wrapped around in the file. */
  #signed(path: string): Promise<Float64Array> {
    return this.#blamed(this.#columns.derived(`signed ${path}`, async () => {
      const { words, valueCount } = await this.#columns.column(path);
      const value = new Float64Array(valueCount);
      for (let i = 0; i < valueCount; i++) {
        value[i] = (words[i * 2 + 1]! | 0) * WORD + words[i * 2]!;
      }
      return { value, sizeBytes: value.byteLength };
    }));
  }
}

/** Where the rows of each owner start, from the owner of each row. */
function startsOf(owners: Int32Array, length: number): Int32Array {
  const starts = new Int32Array(length + 1);
  for (const owner of owners) starts[owner + 1]!++;
  for (let i = 0; i < length; i++) starts[i + 1]! += starts[i]!;
  return starts;
}

/** Direct children by span, for older blocks, which do not store it. */
function childCounts(left: Int32Array, parent: Int32Array, traceOfSpan: Int32Array): Int32Array {
  const counts = new Int32Array(left.length);
  const rowOfLeft = new Map<number, number>();
  for (let from = 0, to = 0; from < left.length; from = to) {
    rowOfLeft.clear();
    while (to < left.length && traceOfSpan[to] === traceOfSpan[from]) {
      if (left[to]! > 0) rowOfLeft.set(left[to]!, to);
      to++;
    }
    for (let row = from; row < to; row++) {
      const owner = rowOfLeft.get(parent[row]!);
      if (owner !== undefined) counts[owner]!++;
    }
  }
  return counts;
}
