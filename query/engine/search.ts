// Runs a search over a view: the traces with matching spans, newest first, as results.
// Rule: names, ids and attributes are looked at only for what is returned.
// A client may send a span twice; spans of one trace with equal id and kind count once.

import type { SpanView, TraceColumns } from "../../model/span_view.ts";
import { hexOfWords } from "./id_words.ts";
import { runStages } from "./pipeline.ts";
import type { SearchPlan } from "./plan.ts";
import type { ResultSpan, ResultSpanSet, ResultTrace, SearchAnswer } from "./query_request.ts";
import { resultValue } from "./result_values.ts";
import { distinct, type Rows, union } from "./row_lists.ts";
import type { SpanSet, SpanSets } from "./spansets.ts";
import { newest, tracesAfter, tracesInWindow } from "./trace_choice.ts";
import { type Found, rowsAmong, rowsOfChosen, setsByTrace, type Traces } from "./trace_rows.ts";

export async function runSearch(
  plan: SearchPlan,
  view: SpanView,
  signal: AbortSignal,
): Promise<SearchAnswer> {
  const cost = (inspectedTraces: number) => ({
    inspectedTraces,
    inspectedSpans: view.spanCount,
    inspectedBytes: view.inspectedBytes,
  });
  const found = await amongNewest(plan, view, signal) ?? await amongAll(plan, view, signal);
  if (found === undefined) return { kind: "search", traces: [], ...cost(0) };
  const { traces, chosen } = found;
  const rowsOf = rowsOfChosen(found.rows, found, [...chosen.keys()]);
  const all = [...chosen].map(([trace, sets]) => ({ trace, sets, rows: rowsOf.get(trace)! }));
  const results = await toResults(plan, view, traces, await onceEach(view, all));
  return { kind: "search", traces: results, ...cost(traces.length) };
}

interface Answered extends Traces {
  /** Among which all of the chosen traces lie; undefined is all. */
  readonly rows: Rows | undefined;
  readonly chosen: ReadonlyMap<number, readonly SpanSet[]>;
}

/** Looks at all spans; undefined where none is left. */
async function amongAll(
  plan: SearchPlan,
  view: SpanView,
  signal: AbortSignal,
): Promise<Answered | undefined> {
  const { request, stages } = plan;
  const rest = stages.findIndex(isOfSets);
  const everything: SpanSets = { node: "plain", rows: undefined };
  const scans = rest < 0 ? stages : stages.slice(0, rest);
  const sets = await runStages(view, scans, everything, signal);
  if (isEmpty(sets) || view.spanCount === 0) return undefined;

  const traces = await view.traces();
  const traceOfSpan = await view.traceOfSpan();
  signal.throwIfAborted();
  const found: Found = { traces, traceOfSpan, sets };
  const matching = inPlace(plan, traces, matchingTraces(sets, traceOfSpan, traces));
  const chosen = rest < 0
    ? setsByTrace(found, newest(traces, matching, request.limit))
    : await newestThatPass(view, stages.slice(rest), found, matching, request.limit, signal);
  return { traces, traceOfSpan, chosen, rows: undefined };
}

/** Of the marked traces those that a question asks about. */
function inPlace({ request }: SearchPlan, traces: TraceColumns, marks: Uint8Array): number[] {
  const inWindow = tracesInWindow(traces, marks, request);
  const after = request.page?.after;
  return after === undefined ? inWindow : tracesAfter(traces, inWindow, after);
}

/** So many times the traces that are asked for are looked at first. */
const FIRST_TRIES = 8;
/** As long as so many times fewer than there are have been looked at, trying is worth it. */
const TRIED_PART = 4;

/**
 * Looks at the spans of the newest traces, then of more of them: as a rule a few have as many matches as
 * are asked for, whatever the size of the view. Undefined where matches are too rare for that, and of views
 * whose traces have to be read first.
 */
async function amongNewest(
  plan: SearchPlan,
  view: SpanView,
  signal: AbortSignal,
): Promise<Answered | undefined> {
  const { stages, request: { limit } } = plan;
  if (view.isLasting || limit <= 0) return undefined;
  const traces = await view.traces();
  const triedMax = traces.length / TRIED_PART;
  if (limit * FIRST_TRIES > triedMax) return undefined;
  const traceOfSpan = await view.traceOfSpan();
  const everything: Found = { traces, traceOfSpan, sets: { node: "plain", rows: undefined } };
  const chosen = new Map<number, SpanSet[]>();
  const all = inPlace(plan, traces, new Uint8Array(traces.length).fill(1));
  const isTried = new Uint8Array(traces.length);
  let rows: Rows = new Int32Array(0);
  let needed = 0;
  for (let tries = limit * FIRST_TRIES; needed <= triedMax; tries *= TRIES_GROW) {
    const tried = newest(traces, all, Math.min(tries, triedMax))
      .filter((trace) => isTried[trace] === 0);
    for (const trace of tried) isTried[trace] = 1;
    const own = rowsAmong(everything, tried);
    rows = union(rows, own);
    const sets = await runStages(view, stages, { node: "plain", rows: own }, signal);
    signal.throwIfAborted();
    for (const [trace, own] of setsByTrace({ ...everything, sets }, tried)) {
      if (own.length > 0 && chosen.size < limit) chosen.set(trace, own);
    }
    const isAll = tries >= all.length && all.length <= triedMax;
    if (chosen.size === limit || isAll) return { traces, traceOfSpan, chosen, rows };
    if (tries >= triedMax) return undefined;
    needed = limit * tries / Math.max(chosen.size, 0.5);
  }
  return undefined;
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
