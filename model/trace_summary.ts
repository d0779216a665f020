// What vParquet stores about a trace as a whole: times, root, spans and errors per service.
// The root is the LAST span without a parent, as in Tempo.

import { IntList } from "../lib/growable.ts";
import { type NanoBase, relativeNano, type SpanColumns } from "./span_columns.ts";
import { EMPTY_STRING } from "./string_table.ts";
import type { TraceLayout } from "./trace_layout.ts";

const STATUS_ERROR = 2;

export interface TraceSummaries {
  /** Nanoseconds after the base. */
  readonly start: Float64Array;
  readonly end: Float64Array;
  readonly rootService: Int32Array;
  readonly rootName: Int32Array;
  /** Stats of trace t are rows [statsStart[t], statsStart[t + 1]), by name of the service. */
  readonly statsStart: Int32Array;
  readonly statsService: Int32Array;
  readonly statsSpans: Int32Array;
  readonly statsErrors: Int32Array;
}

export function summarizeTraces(
  columns: SpanColumns,
  layout: TraceLayout,
  base: NanoBase,
): TraceSummaries {
  const count = layout.traces.length;
  const { order, traceStart, resourceStart, scopeStart } = layout;
  const start = new Float64Array(count);
  const end = new Float64Array(count);
  const rootService = new Int32Array(count).fill(EMPTY_STRING);
  const rootName = new Int32Array(count).fill(EMPTY_STRING);
  const statsStart = new Int32Array(count + 1);
  const services = new IntList();
  const spans = new IntList();
  const errors = new IntList();
  const nameRank = serviceRanks(columns);

  for (let trace = 0; trace < count; trace++) {
    let first = Infinity;
    let last = -Infinity;
    for (let group = traceStart[trace]!; group < traceStart[trace + 1]!; group++) {
      const from = scopeStart[resourceStart[group]!]!;
      const to = scopeStart[resourceStart[group + 1]!]!;
      const service = columns.resources.serviceName[columns.resource[order[from]!]!]!;
      let errorCount = 0;
      for (let i = from; i < to; i++) {
        const row = order[i]!;
        const spanStart = relativeNano(columns.startUnixNano, row, base);
        first = Math.min(first, spanStart);
        last = Math.max(last, spanStart + columns.durationNano[row]!);
        if (columns.statusCode[row] === STATUS_ERROR) errorCount++;
        if ((columns.parentId[row * 2]! | columns.parentId[row * 2 + 1]!) === 0) {
          rootService[trace] = service;
          rootName[trace] = columns.name[row]!;
        }
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
    start[trace] = first;
    end[trace] = last;
    statsStart[trace + 1] = services.length;
  }
  return {
    start,
    end,
    rootService,
    rootName,
    statsStart,
    statsService: services.values,
    statsSpans: spans.values,
    statsErrors: errors.values,
  };
}

/** Position of every service name among all, by code. */
function serviceRanks({ resources, strings }: SpanColumns): number[] {
  const codes = [...new Set(resources.serviceName.subarray(0, resources.length))];
  codes.sort((a, b) => strings.text(a) < strings.text(b) ? -1 : 1);
  const ranks: number[] = [];
  codes.forEach((code, rank) => ranks[code] = rank);
  return ranks;
}

function insert(list: IntList, at: number, value: number): void {
  list.push(0);
  list.values.copyWithin(at + 1, at, list.length - 1);
  list.values[at] = value;
}
