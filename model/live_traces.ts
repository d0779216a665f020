// What is known of each trace among the first spans of growing columns: extent, root, spans and errors
// per service. A fold: further spans are added to a copy, so that a view that was handed out stays as
// it was, and renewing a view costs its new spans and one copy of what is per trace.
// The root is the last span without a parent, by id or by link, as in trace_summary.ts.

import { IntList } from "../lib/growable.ts";
import type { SpanColumns } from "./span_columns.ts";
import type { StringColumn, TraceColumns } from "./span_view.ts";
import { EMPTY_STRING } from "./string_table.ts";
import { ParentLinks } from "./trace_summary.ts";

const STATUS_ERROR = 2;
const WORD = 4294967296;

export class LiveTraces {
  #length = 0;
  /** Spans folded so far. */
  #spans = 0;
  /** Two words per trace; a start of all ones is later than any. */
  #start = new Uint32Array(0);
  #end = new Uint32Array(0);
  #rootService = new Int32Array(0);
  #rootName = new Int32Array(0);
  #firstSpan = new Int32Array(0);

  get spanCount(): number {
    return this.#spans;
  }

  /** The first `length` traces with the spans up to `spans` added; this one stays as it is. */
  extended(columns: SpanColumns, length: number, spans: number): LiveTraces {
    const next = new LiveTraces();
    next.#length = length;
    next.#start = resized(this.#start, length * 2);
    next.#start.fill(0xffffffff, this.#length * 2);
    next.#end = resized(this.#end, length * 2);
    next.#rootService = resized(this.#rootService, length);
    next.#rootService.fill(EMPTY_STRING, this.#length);
    next.#rootName = resized(this.#rootName, length);
    next.#rootName.fill(EMPTY_STRING, this.#length);
    next.#firstSpan = resized(this.#firstSpan, length);
    next.#firstSpan.fill(-1, this.#length);
    next.#fold(columns, this.#spans, spans);
    return next;
  }

  #fold(columns: SpanColumns, from: number, to: number): void {
    const { trace, resource, parentId, name, startUnixNano, durationNano } = columns;
    const { firstServiceName } = columns.resources;
    const { parentIds } = columns.oddities;
    const links = new ParentLinks(columns);
    const start = this.#start;
    const end = this.#end;
    for (let row = from; row < to; row++) {
      const at = trace[row]!;
      if (this.#firstSpan[at]! < 0) this.#firstSpan[at] = row;
      const low = startUnixNano[row * 2]!;
      const high = startUnixNano[row * 2 + 1]!;
      const startHigh = start[at * 2 + 1]!;
      if (high < startHigh || (high === startHigh && low < start[at * 2]!)) {
        start[at * 2] = low;
        start[at * 2 + 1] = high;
      }
      const duration = durationNano[row]!;
      const longer = Math.floor(duration / WORD);
      const sum = low + (duration - longer * WORD);
      const carry = sum >= WORD ? 1 : 0;
      let endLow = sum - carry * WORD;
      let endHigh = high + longer + carry;
      if (!Number.isSafeInteger(duration)) {
        const exact = columns.endNano(row);
        endLow = Number(exact & 0xffffffffn);
        endHigh = Number(exact >> 32n);
      }
      if (endHigh > end[at * 2 + 1]! || (endHigh === end[at * 2 + 1]! && endLow > end[at * 2]!)) {
        end[at * 2] = endLow;
        end[at * 2 + 1] = endHigh;
      }
      const isRoot = (parentId[row * 2]! | parentId[row * 2 + 1]!) === 0 &&
        !parentIds.has(row) && !links.hasParent(row);
      if (isRoot) {
        this.#rootService[at] = firstServiceName[resource[row]!]!;
        this.#rootName[at] = name[row]!;
      }
    }
    this.#spans = to;
  }

  columns(columns: SpanColumns): TraceColumns {
    return new LiveTraceColumns(
      columns,
      this.#spans,
      this.#length,
      this.#start,
      this.#end,
      { codes: this.#rootService, strings: columns.strings },
      { codes: this.#rootName, strings: columns.strings },
      this.#firstSpan,
    );
  }
}

class LiveTraceColumns implements TraceColumns {
  #stats: TraceStats | undefined;

  constructor(
    readonly columns: SpanColumns,
    readonly spanCount: number,
    readonly length: number,
    readonly startUnixNano: Uint32Array,
    readonly endUnixNano: Uint32Array,
    readonly rootService: StringColumn,
    readonly rootName: StringColumn,
    readonly firstSpan: Int32Array,
  ) {}

  get idWords(): Uint32Array {
    return this.columns.traces.words.subarray(0, this.length * 4);
  }

  get statsStart(): Int32Array {
    return this.#allStats().start;
  }

  get statsService(): StringColumn {
    return { codes: this.#allStats().services, strings: this.columns.strings };
  }

  get statsSpans(): Int32Array {
    return this.#allStats().spans;
  }

  get statsErrors(): Int32Array {
    return this.#allStats().errors;
  }

  /** Searches count what they return themselves, so mostly nobody asks. */
  #allStats(): TraceStats {
    return this.#stats ??= countStats(this.columns, this.length, this.spanCount);
  }
}

interface TraceStats {
  readonly start: Int32Array;
  readonly services: Int32Array;
  readonly spans: Int32Array;
  readonly errors: Int32Array;
}

/** Services in order of first sight. While counting, those of a trace are a chain, newest first. */
function countStats(columns: SpanColumns, traces: number, spanCount: number): TraceStats {
  const { trace, resource, statusCode, resources } = columns;
  const newest = new Int32Array(traces); // stat + 1, or 0
  const older = new IntList();
  const services = new IntList();
  const spans = new IntList();
  const errors = new IntList();
  for (let row = 0; row < spanCount; row++) {
    const at = trace[row]!;
    const service = resources.serviceName[resource[row]!]!;
    let stat = newest[at]! - 1;
    while (stat >= 0 && services.values[stat] !== service) stat = older.values[stat]! - 1;
    if (stat < 0) {
      stat = services.length;
      services.push(service);
      spans.push(0);
      errors.push(0);
      older.push(newest[at]!);
      newest[at] = stat + 1;
    }
    spans.values[stat]!++;
    if (statusCode[row] === STATUS_ERROR) errors.values[stat]!++;
  }
  const start = new Int32Array(traces + 1);
  const order = new Int32Array(services.length);
  for (let at = 0, end = 0; at < traces; at++) {
    const from = end;
    for (let stat = newest[at]!; stat > 0; stat = older.values[stat - 1]!) order[end++] = stat - 1;
    order.subarray(from, end).reverse();
    start[at + 1] = end;
  }
  const picked = (list: IntList) => order.map((stat) => list.values[stat]!);
  return { start, services: picked(services), spans: picked(spans), errors: picked(errors) };
}

/** Not `grown`: that doubles, and this is done at every renewal. */
function resized<T extends Int32Array | Uint32Array>(array: T, length: number): T {
  const copy = new (array.constructor as new (length: number) => T)(length);
  copy.set(array.subarray(0, length));
  return copy;
}
