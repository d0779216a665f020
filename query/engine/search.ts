// Runs a search over a view: the traces with matching spans, newest first, as results.
// Rule: names, ids and attributes are looked at only for what is returned.
// A client may send a span twice; spans of one trace with equal id and kind count once.

import type { SpanView, TraceColumns } from "../../model/span_view.ts";
import { hexOfWords } from "./id_words.ts";
import { runStages } from "./pipeline.ts";
import type { SearchPlan } from "./plan.ts";
import type { ResultSpan, ResultSpanSet, ResultTrace, SearchAnswer } from "./query_request.ts";
import { resultValue } from "./result_values.ts";
import { distinct, type Rows } from "./row_lists.ts";
import { rowsByTrace, type SpanSet, type SpanSets } from "./spansets.ts";
import { newest, tracesAfter, tracesInWindow } from "./trace_choice.ts";

export async function runSearch(
  plan: SearchPlan,
  view: SpanView,
  signal: AbortSignal,
): Promise<SearchAnswer> {
  const { request, stages } = plan;
  const rest = stages.findIndex(isOfSets);
  const everything: SpanSets = { node: "plain", rows: undefined };
  const scans = rest < 0 ? stages : stages.slice(0, rest);
  const sets = await runStages(view, scans, everything, signal);
  const cost = (inspectedTraces: number) => ({
    inspectedTraces,
    inspectedSpans: view.spanCount,
    inspectedBytes: view.inspectedBytes,
  });
  if (isEmpty(sets) || view.spanCount === 0) return { kind: "search", traces: [], ...cost(0) };

  const traces = await view.traces();
  const traceOfSpan = await view.traceOfSpan();
  signal.throwIfAborted();
  const found: Found = { traces, traceOfSpan, sets };
  const inWindow = tracesInWindow(traces, matchingTraces(sets, traceOfSpan, traces), request);
  const after = request.page?.after;
  const matching = after === undefined ? inWindow : tracesAfter(traces, inWindow, after);
  const chosen = rest < 0
    ? setsByTrace(found, newest(traces, matching, request.limit))
    : await newestThatPass(view, stages.slice(rest), found, matching, request.limit, signal);
  const rowsOf = rowsOfChosen(undefined, found, [...chosen.keys()]);
  const all = [...chosen].map(([trace, sets]) => ({ trace, sets, rows: rowsOf.get(trace)! }));
  const results = await toResults(plan, view, traces, await onceEach(view, all));
  return { kind: "search", traces: results, ...cost(traces.length) };
}

/** What is left of a view after its scans. */
interface Found {
  readonly traces: TraceColumns;
  readonly traceOfSpan: Int32Array;
  readonly sets: SpanSets;
}

/** Stages that make an object of each spanset; those before are scans of columns. */
const isOfSets = ({ node }: SearchPlan["stages"][number]) =>
  node === "by" || node === "scalar_filter";

const isEmpty = (sets: SpanSets): boolean =>
  sets.node === "plain" ? sets.rows?.length === 0 : sets.sets.length === 0;

/** So many times more traces are tried when those before were not enough. */
const TRIES_GROW = 4;

/**
 * The newest traces that pass stages which look at one trace at a time: a few of the newest are tried,
 * then more of them, so that a question which most traces pass looks at few.
 */
async function newestThatPass(
  view: SpanView,
  stages: SearchPlan["stages"],
  found: Found,
  matching: readonly number[],
  limit: number,
  signal: AbortSignal,
): Promise<Map<number, SpanSet[]>> {
  const { traces } = found;
  const passed = new Map<number, SpanSet[]>();
  const isTried = new Uint8Array(traces.length);
  let left = matching;
  let tries = limit > 0 ? limit * 2 : left.length;
  while (left.length > 0 && (limit === 0 || passed.size < limit)) {
    const tried = newest(traces, left, tries);
    for (const trace of tried) isTried[trace] = 1;
    left = left.filter((trace) => isTried[trace] === 0);
    tries *= TRIES_GROW;
    const sets = [...setsByTrace(found, tried).values()].flat();
    const kept = await runStages(view, stages, { node: "grouped", sets }, signal);
    signal.throwIfAborted();
    const all = setsByTrace({ ...found, sets: kept }, tried);
    for (const [trace, own] of all) {
      if (own.length > 0 && (limit === 0 || passed.size < limit)) passed.set(trace, own);
    }
  }
  return passed;
}

/** 1 by trace. */
function matchingTraces(
  sets: SpanSets,
  traceOfSpan: Int32Array,
  { length }: TraceColumns,
): Uint8Array {
  const matches = new Uint8Array(length);
  if (sets.node === "grouped") { for (const { trace } of sets.sets) matches[trace] = 1; }
  else if (sets.rows === undefined) {
    for (let row = 0; row < traceOfSpan.length; row++) matches[traceOfSpan[row]!] = 1;
  } else {
    for (let i = 0; i < sets.rows.length; i++) matches[traceOfSpan[sets.rows[i]!]!] = 1;
  }
  return matches;
}

/** In the order of `chosen`. */
function setsByTrace(found: Found, chosen: readonly number[]): Map<number, SpanSet[]> {
  const { sets } = found;
  const byTrace = new Map<number, SpanSet[]>(chosen.map((trace) => [trace, []]));
  if (sets.node === "grouped") {
    for (const set of sets.sets) byTrace.get(set.trace)?.push(set);
    return byTrace;
  }
  for (const [trace, rows] of rowsOfChosen(sets.rows, found, chosen)) {
    byTrace.get(trace)!.push({ trace, rows, attributes: [] });
  }
  return byTrace;
}

/** Rows of a list, or of all spans, that belong to chosen traces. */
function rowsOfChosen(
  rows: Rows | undefined,
  { traceOfSpan, traces }: Found,
  chosen: readonly number[],
): Map<number, Rows> {
  const isChosen = new Uint8Array(traces.length);
  for (const trace of chosen) isChosen[trace] = 1;
  const length = rows === undefined ? traceOfSpan.length : rows.length;
  const kept = new Int32Array(length);
  let at = 0;
  for (let i = 0; i < length; i++) {
    const row = rows === undefined ? i : rows[i]!;
    if (isChosen[traceOfSpan[row]!] === 1) kept[at++] = row;
  }
  const byTrace = rowsByTrace(traceOfSpan, traces.length, kept.subarray(0, at));
  return new Map(byTrace.map(({ trace, rows }) => [trace, rows]));
}

interface ChosenTrace {
  readonly trace: number;
  /** All its spans, each once. */
  readonly rows: Rows;
  readonly sets: readonly SpanSet[];
}

/** Leaves each span out but once. */
async function onceEach(
  view: SpanView,
  chosen: readonly ChosenTrace[],
): Promise<ChosenTrace[]> {
  const ids = await view.spanIds();
  const kinds = await view.kinds();
  const keyOf = (row: number) => `${ids[row * 2]} ${ids[row * 2 + 1]} ${kinds[row]}`;
  return chosen.map(({ trace, rows, sets }) => {
    const each = once(rows, keyOf);
    if (each.length === rows.length) return { trace, rows, sets };
    return {
      trace,
      rows: each,
      sets: sets.map((set) => ({ ...set, rows: once(set.rows, keyOf) })),
    };
  });
}

/** The first row of each span. */
function once(rows: Rows, keyOf: (row: number) => string): Rows {
  const seen = new Set<string>();
  return rows.filter((row) => {
    const { size } = seen;
    seen.add(keyOf(row));
    return seen.size > size;
  });
}

function shownOf(rows: Rows, { request }: SearchPlan): Rows {
  return request.spansPerSpanSet === 0 ? rows : rows.subarray(0, request.spansPerSpanSet);
}

async function toResults(
  plan: SearchPlan,
  view: SpanView,
  traces: TraceColumns,
  chosen: readonly ChosenTrace[],
): Promise<ResultTrace[]> {
  const shown = chosen.flatMap(({ sets }) =>
    sets.flatMap(({ rows }) => Array.from(shownOf(rows, plan)))
  );
  const attributesOf = await plan.shown.reader(view, distinct(Int32Array.from(shown).sort()));
  const names = plan.shown.isNameShown ? await view.names() : undefined;
  const ids = await view.spanIds();
  const starts = await view.startUnixNano();
  const durations = await view.durationNano();
  const statuses = await view.statusCodes();
  const resources = await view.resourceOfSpan();
  const services = await view.services();

  const span = (row: number): ResultSpan => ({
    spanId: hexOfWords(ids, row * 2, 2),
    name: names && textAt(names, row),
    startUnixNano: nanoOf(starts, row),
    durationNano: BigInt(Math.max(durations[row]!, 0)), // Clocks may run backwards.
    attributes: attributesOf(row),
  });
  const spanSet = ({ rows, attributes }: SpanSet): ResultSpanSet => ({
    spans: Array.from(shownOf(rows, plan), span),
    matched: rows.length,
    attributes: attributes.map(({ key, values }) => ({ key, value: resultValue(values) })),
  });
  return chosen.map(({ trace, rows, sets }) => {
    const start = nanoOf(traces.startUnixNano, trace);
    const end = nanoOf(traces.endUnixNano, trace);
    return {
      traceId: hexOfWords(traces.idWords, trace * 4, 4),
      rootServiceName: textAt(traces.rootService, trace),
      rootTraceName: textAt(traces.rootName, trace),
      startUnixNano: start,
      ...(plan.request.page && { orderUnixNano: start }),
      durationNano: end > start ? end - start : 0n,
      spanSets: sets.map(spanSet),
      serviceStats: countStats(rows, (row) => textAt(services, resources[row]!), statuses),
    };
  });
}

type Stats = ResultTrace["serviceStats"];

const STATUS_ERROR = 2;

function countStats(rows: Rows, service: (row: number) => string, statuses: Uint8Array): Stats {
  const stats = new Map<string, { spanCount: number; errorCount: number }>();
  for (const row of rows) {
    const name = service(row);
    const stat = stats.get(name) ?? { spanCount: 0, errorCount: 0 };
    stat.spanCount++;
    if (statuses[row] === STATUS_ERROR) stat.errorCount++;
    stats.set(name, stat);
  }
  return Object.fromEntries(stats); // Not `stats[name] =`: a client may call a service __proto__.
}

function textAt({ codes, strings }: TraceColumns["rootName"], row: number): string {
  return codes[row] === 0 ? "" : strings.text(codes[row]!);
}

function nanoOf(words: Uint32Array, row: number): bigint {
  return BigInt(words[row * 2 + 1]!) << 32n | BigInt(words[row * 2]!);
}
