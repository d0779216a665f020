// What is known of each trace among the first spans of growing columns: extent, root, spans and errors
// per service. A fold: further spans are added to a copy, so that a view that was handed out stays as
// it was, and renewing a view costs its new spans and one copy of what is per trace.
// The root is the last span without a parent, by id or by link, as in trace_summary.ts.

import { IntList } from "../lib/growable.ts";
import type { SpanColumns } from "./span_columns.ts";
import type { TraceColumns } from "./span_view.ts";
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
  // Stats of a trace are a chain, newest first: row + 1, or 0 at its end.
  #firstStat = new Int32Array(0);
  #nextStat = new IntList();
  #statService = new IntList();
  #statSpans = new IntList();
  #statErrors = new IntList();

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
    next.#firstStat = resized(this.#firstStat, length);
    next.#nextStat = copied(this.#nextStat);
    next.#statService = copied(this.#statService);
    next.#statSpans = copied(this.#statSpans);
    next.#statErrors = copied(this.#statErrors);
    next.#fold(columns, this.#spans, spans);
    return next;
  }

  #fold(columns: SpanColumns, from: number, to: number): void {
    const { trace, resource, parentId, name, statusCode, startUnixNano, durationNano } = columns;
    const { serviceName, firstServiceName } = columns.resources;
    const { parentIds } = columns.oddities;
    const links = new ParentLinks(columns);
    const start = this.#start;
    const end = this.#end;
    for (let row = from; row < to; row++) {
      const at = trace[row]!;
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
      const service = serviceName[resource[row]!]!;
      const isRoot = (parentId[row * 2]! | parentId[row * 2 + 1]!) === 0 &&
        !parentIds.has(row) && !links.hasParent(row);
      if (isRoot) {
        this.#rootService[at] = firstServiceName[resource[row]!]!;
        this.#rootName[at] = name[row]!;
      }
      this.#count(at, service, statusCode[row] === STATUS_ERROR ? 1 : 0);
    }
    this.#spans = to;
  }

  #count(trace: number, service: number, errors: number): void {
    const services = this.#statService.values;
    let stat = this.#firstStat[trace]! - 1;
    while (stat >= 0 && services[stat] !== service) stat = this.#nextStat.values[stat]! - 1;
    if (stat < 0) {
      stat = this.#statService.length;
      this.#statService.push(service);
      this.#statSpans.push(0);
      this.#statErrors.push(0);
      this.#nextStat.push(this.#firstStat[trace]!);
      this.#firstStat[trace] = stat + 1;
    }
    this.#statSpans.values[stat]!++;
    this.#statErrors.values[stat]! += errors;
  }

  /** Stats in order of first sight. */
  columns({ traces, strings }: SpanColumns): TraceColumns {
    const length = this.#length;
    const count = this.#statService.length;
    const statsStart = new Int32Array(length + 1);
    const services = new Int32Array(count);
    const spans = new Int32Array(count);
    const errors = new Int32Array(count);
    let at = 0;
    for (let trace = 0; trace < length; trace++) {
      const from = at;
      for (let stat = this.#firstStat[trace]!; stat > 0; stat = this.#nextStat.values[stat - 1]!) {
        at++;
      }
      statsStart[trace + 1] = at;
      let to = at;
      for (
        let stat = this.#firstStat[trace]! - 1;
        to > from;
        stat = this.#nextStat.values[stat]! - 1
      ) {
        services[--to] = this.#statService.values[stat]!;
        spans[to] = this.#statSpans.values[stat]!;
        errors[to] = this.#statErrors.values[stat]!;
      }
    }
    return {
      length,
      idWords: traces.words.subarray(0, length * 4),
      startUnixNano: this.#start,
      endUnixNano: this.#end,
      rootService: { codes: this.#rootService, strings },
      rootName: { codes: this.#rootName, strings },
      statsStart,
      statsService: { codes: services, strings },
      statsSpans: spans,
      statsErrors: errors,
    };
  }
}

/** Not `grown`: that doubles, and this is done at every renewal. */
function resized<T extends Int32Array | Uint32Array>(array: T, length: number): T {
  const copy = new (array.constructor as new (length: number) => T)(length);
  copy.set(array.subarray(0, length));
  return copy;
}

function copied(list: IntList): IntList {
  const copy = new IntList();
  copy.values = list.values.slice(0, Math.max(list.length, 64));
  copy.length = list.length;
  return copy;
}
