// What vParquet stores about a trace as a whole: times, root, spans and errors per service.
// The root is the LAST span without a parent, as in Tempo; a link of an OpenTracing client that says
// "child of" a span of the same trace is a parent too.

import { compareBytes } from "../lib/compare_bytes.ts";
import { IntList } from "../lib/growable.ts";
import { AttributeType } from "./attribute_columns.ts";
import type { SpanColumns } from "./span_columns.ts";
import { EMPTY_STRING } from "./string_table.ts";
import type { TraceLayout } from "./trace_layout.ts";

const STATUS_ERROR = 2;

export interface TraceSummaries {
  /** First start and last end, two words each, low first; by place in the layout. */
  readonly startUnixNano: Uint32Array;
  readonly endUnixNano: Uint32Array;
  readonly rootService: Int32Array;
  readonly rootName: Int32Array;
  /** Stats of trace t are rows [statsStart[t], statsStart[t + 1]), by name of the service. */
  readonly statsStart: Int32Array;
  readonly statsService: Int32Array;
  readonly statsSpans: Int32Array;
  readonly statsErrors: Int32Array;
}

export function summarizeTraces(columns: SpanColumns, layout: TraceLayout): TraceSummaries {
  const count = layout.traces.length;
  const { order, traceStart, resourceStart, resourceRow, scopeStart } = layout;
  const { resources, oddities } = columns;
  const startUnixNano = new Uint32Array(count * 2);
  const endUnixNano = new Uint32Array(count * 2);
  const rootService = new Int32Array(count).fill(EMPTY_STRING);
  const rootName = new Int32Array(count).fill(EMPTY_STRING);
  const statsStart = new Int32Array(count + 1);
  const services = new IntList();
  const spans = new IntList();
  const errors = new IntList();
  const nameRank = serviceRanks(columns);
  const links = new ParentLinks(columns);

  for (let trace = 0; trace < count; trace++) {
    const firstSpan = scopeStart[resourceStart[traceStart[trace]!]!]!;
    const endSpan = scopeStart[resourceStart[traceStart[trace + 1]!]!]!;
    putTimes(columns, order, firstSpan, endSpan, trace, startUnixNano, endUnixNano);
    for (let group = traceStart[trace]!; group < traceStart[trace + 1]!; group++) {
      const from = scopeStart[resourceStart[group]!]!;
      const to = scopeStart[resourceStart[group + 1]!]!;
      const resource = resourceRow[group]!;
      const service = resources.serviceName[resource]!;
      let errorCount = 0;
      for (let i = from; i < to; i++) {
        const row = order[i]!;
        if (columns.statusCode[row] === STATUS_ERROR) errorCount++;
        if ((columns.parentId[row * 2]! | columns.parentId[row * 2 + 1]!) !== 0) continue;
        if (oddities.parentIds.has(row) || links.hasParent(row)) continue;
        rootService[trace] = resources.firstServiceName[resource]!;
        rootName[trace] = columns.name[row]!;
      }
      // Insertion by rank: a trace has a handful of services.
      let at = services.length;
      while (at > statsStart[trace]! && nameRank[services.values[at - 1]!]! >= nameRank[service]!) {
        at--;
      }
      if (at < services.length && services.values[at] === service) {
        spans.values[at]! += to - from;
        errors.values[at]! += errorCount;
        continue;
      }
      insert(services, at, service);
      insert(spans, at, to - from);
      insert(errors, at, errorCount);
    }
    statsStart[trace + 1] = services.length;
  }
  return {
    startUnixNano,
    endUnixNano,
    rootService,
    rootName,
    statsStart,
    statsService: services.values,
    statsSpans: spans.values,
    statsErrors: errors.values,
  };
}

/** Times of one trace, exact: as numbers if they lie near each other, else as big integers. */
function putTimes(
  columns: SpanColumns,
  order: Int32Array,
  from: number,
  to: number,
  trace: number,
  startWords: Uint32Array,
  endWords: Uint32Array,
): void {
  const { startUnixNano, durationNano } = columns;
  const first = order[from]!;
  const low = startUnixNano[first * 2]!;
  const high = startUnixNano[first * 2 + 1]!;
  let start = 0;
  let end = -Infinity;
  let isNear = true;
  for (let i = from; i < to; i++) {
    const row = order[i]!;
    const spanStart = (startUnixNano[row * 2 + 1]! - high) * 4294967296 +
      (startUnixNano[row * 2]! - low);
    const spanEnd = spanStart + durationNano[row]!;
    if (spanStart < start) start = spanStart;
    if (spanEnd > end) end = spanEnd;
    if (!Number.isSafeInteger(spanStart) || !Number.isSafeInteger(spanEnd)) isNear = false;
  }
  if (isNear) {
    putWords(startWords, trace, low, high, start);
    putWords(endWords, trace, low, high, end);
    return;
  }
  let wideStart = 2n ** 64n;
  let wideEnd = 0n;
  for (let i = from; i < to; i++) {
    const row = order[i]!;
    const spanStart = BigInt(startUnixNano[row * 2 + 1]!) << 32n | BigInt(startUnixNano[row * 2]!);
    const spanEnd = columns.endNano(row);
    if (spanStart < wideStart) wideStart = spanStart;
    if (spanEnd > wideEnd) wideEnd = spanEnd;
  }
  startWords[trace * 2] = Number(wideStart & 0xffffffffn);
  startWords[trace * 2 + 1] = Number(wideStart >> 32n);
  endWords[trace * 2] = Number(wideEnd & 0xffffffffn);
  endWords[trace * 2 + 1] = Number(wideEnd >> 32n);
}

/** A time and a number of nanoseconds after it. */
function putWords(
  words: Uint32Array,
  row: number,
  low: number,
  high: number,
  offset: number,
): void {
  const sum = low + offset;
  const carry = Math.floor(sum / 4294967296);
  words[row * 2] = sum - carry * 4294967296;
  words[row * 2 + 1] = high + carry;
}

/** Looks for links that say what a parent id should have said. */
export class ParentLinks {
  readonly #key: number;
  readonly #value: number;

  constructor(readonly columns: SpanColumns) {
    this.#key = columns.strings.find("opentracing.ref_type");
    this.#value = columns.strings.find("child_of");
  }

  hasParent(row: number): boolean {
    const { linkStart, links, traces, trace } = this.columns;
    if (this.#key === 0 || this.#value === 0) return false;
    const own = trace[row]! * 4;
    for (let link = linkStart[row]!; link < linkStart[row + 1]!; link++) {
      let isSameTrace = true;
      for (let k = 0; k < 4; k++) {
        if (links.traceId[link * 4 + k] !== traces.words[own + k]) isSameTrace = false;
      }
      if (isSameTrace && this.#isChildOf(link)) return true;
    }
    return false;
  }

  #isChildOf(link: number): boolean {
    const { attributeStart, attributes } = this.columns.links;
    for (let i = attributeStart[link]!; i < attributeStart[link + 1]!; i++) {
      const isString = attributes.type[i] === AttributeType.String;
      if (isString && attributes.key[i] === this.#key && attributes.words[i * 2] === this.#value) {
        return true;
      }
    }
    return false;
  }
}

/** Position of every service name among all, by code. */
function serviceRanks({ resources, strings }: SpanColumns): number[] {
  const codes = [...new Set(resources.serviceName.subarray(0, resources.length))];
  codes.sort((a, b) => compareBytes(strings.bytes(a), strings.bytes(b)));
  const ranks: number[] = [];
  codes.forEach((code, rank) => ranks[code] = rank);
  return ranks;
}

function insert(list: IntList, at: number, value: number): void {
  list.push(0);
  list.values.copyWithin(at + 1, at, list.length - 1);
  list.values[at] = value;
}
