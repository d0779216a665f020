// Partial answers of several views become one. Commutative and associative, and idempotent on the
// same data: earliest start, longest extent, a root from whichever has one, the higher statistics, and
// of two spansets for the same group the one that matched more.

import { invariant } from "../../lib/invariant.ts";
import type {
  AnswerOf,
  QueryAnswer,
  QueryCost,
  QueryRequest,
  ResultSpanSet,
  ResultTrace,
  SearchAnswer,
  SearchRequest,
  TagsAnswer,
  TagValuesAnswer,
  TagValuesRequest,
} from "./query_request.ts";
import { mergeMetrics } from "./metrics/merge_metrics.ts";
import { answerBytes, QueryMemory } from "./query_memory.ts";
import { limited } from "./tag_values.ts";

export function mergeAnswers<R extends QueryRequest>(
  request: R,
  answers: readonly AnswerOf<R>[],
): AnswerOf<R> {
  return merge(request, answers as readonly QueryAnswer[]) as AnswerOf<R>;
}

function merge(request: QueryRequest, answers: readonly QueryAnswer[]): QueryAnswer {
  switch (request.kind) {
    case "search":
      return mergeSearches(request, answers.map((answer) => of(answer, "search")));
    case "tags":
      return mergeTags(answers.map((answer) => of(answer, "tags")));
    case "tag_values":
      return mergeTagValues(request, answers.map((answer) => of(answer, "tag_values")));
    case "metrics": {
      const parts = answers.map((answer) => of(answer, "metrics"));
      return { ...mergeMetrics(request, parts), ...sumCosts(parts) };
    }
  }
}

function of<K extends QueryAnswer["kind"]>(
  answer: QueryAnswer,
  kind: K,
): Extract<QueryAnswer, { kind: K }> {
  invariant(answer.kind === kind, "QE-1: answers to one question are of one kind");
  return answer as Extract<QueryAnswer, { kind: K }>;
}

function sumCosts(answers: readonly QueryCost[]): QueryCost {
  let [inspectedTraces, inspectedSpans, inspectedBytes] = [0, 0, 0];
  for (const answer of answers) {
    inspectedTraces += answer.inspectedTraces;
    inspectedSpans += answer.inspectedSpans;
    inspectedBytes += answer.inspectedBytes;
  }
  return { inspectedTraces, inspectedSpans, inspectedBytes };
}

function mergeSearches(
  { limit, memoryBytesMax }: SearchRequest,
  answers: readonly SearchAnswer[],
): SearchAnswer {
  const memory = new QueryMemory(memoryBytesMax);
  for (const answer of answers) memory.take(answerBytes(answer));
  const byId = new Map<string, ResultTrace>();
  for (const answer of answers) {
    for (const trace of answer.traces) {
      const known = byId.get(trace.traceId);
      // Even a trace told once: its sets get their order.
      byId.set(trace.traceId, mergeTraces(known ?? trace, trace));
    }
  }
  const traces = [...byId.values()].sort(byNewest);
  return {
    kind: "search",
    traces: limit > 0 ? traces.slice(0, limit) : traces,
    ...sumCosts(answers),
  };
}

/** Where a trace stands in the order of an answer. */
export const orderOf = ({ orderUnixNano, startUnixNano }: ResultTrace): bigint =>
  orderUnixNano ?? startUnixNano;

function byNewest(a: ResultTrace, b: ResultTrace): number {
  const [x, y] = [orderOf(a), orderOf(b)];
  if (x !== y) return x > y ? -1 : 1;
  return a.traceId < b.traceId ? -1 : a.traceId > b.traceId ? 1 : 0;
}

function mergeTraces(a: ResultTrace, b: ResultTrace): ResultTrace {
  return {
    traceId: a.traceId,
    rootServiceName: either(a.rootServiceName, b.rootServiceName),
    rootTraceName: either(a.rootTraceName, b.rootTraceName),
    startUnixNano: a.startUnixNano < b.startUnixNano ? a.startUnixNano : b.startUnixNano,
    // The latest: each part stands in its own answer where it starts, and must not be looked for further up.
    ...(a.orderUnixNano !== undefined && {
      orderUnixNano: orderOf(a) > orderOf(b) ? orderOf(a) : orderOf(b),
    }),
    durationNano: a.durationNano > b.durationNano ? a.durationNano : b.durationNano,
    spanSets: mergeSpanSets(a.spanSets, b.spanSets),
    serviceStats: mergeStats(a.serviceStats, b.serviceStats),
  };
}

/** The one that is not empty; of two, always the same. */
const either = (a: string, b: string): string => a === "" || (b !== "" && b < a) ? b : a;

function mergeSpanSets(
  a: readonly ResultSpanSet[],
  b: readonly ResultSpanSet[],
): ResultSpanSet[] {
  const merged = new Map<string, ResultSpanSet>();
  for (const set of [...a, ...b]) {
    const key = groupKey(set);
    const known = merged.get(key);
    if (known === undefined || isBetter(set, known)) merged.set(key, set);
  }
  return [...merged.entries()].sort(([x], [y]) => x < y ? -1 : 1).map(([, set]) => set);
}

/** Aggregates differ between parts of a trace; what it was grouped by does not. */
function groupKey({ attributes }: ResultSpanSet): string {
  return JSON.stringify(attributes.filter(({ key }) => key.startsWith("by(")));
}

function isBetter(a: ResultSpanSet, b: ResultSpanSet): boolean {
  if (a.matched !== b.matched) return a.matched > b.matched;
  if (a.spans.length !== b.spans.length) return a.spans.length > b.spans.length;
  return textOf(a) < textOf(b);
}

const textOf = (set: ResultSpanSet): string =>
  JSON.stringify(set, (_, value) => typeof value === "bigint" ? String(value) : value);

function mergeStats(
  a: ResultTrace["serviceStats"],
  b: ResultTrace["serviceStats"],
): ResultTrace["serviceStats"] {
  const merged = new Map(Object.entries(a));
  for (const [service, { spanCount, errorCount }] of Object.entries(b)) {
    const known = merged.get(service);
    merged.set(service, {
      spanCount: Math.max(spanCount, known?.spanCount ?? 0),
      errorCount: Math.max(errorCount, known?.errorCount ?? 0),
    });
  }
  return Object.fromEntries(merged);
}

function mergeTags(answers: readonly TagsAnswer[]): TagsAnswer {
  const scopes = new Map<string, Set<string>>();
  for (const answer of answers) {
    for (const [scope, keys] of Object.entries(answer.scopes)) {
      const known = scopes.get(scope) ?? new Set();
      for (const key of keys) known.add(key);
      scopes.set(scope, known);
    }
  }
  const sorted = [...scopes].map(([scope, keys]) => [scope, [...keys].sort()] as const);
  return { kind: "tags", scopes: Object.fromEntries(sorted), ...sumCosts(answers) };
}

function mergeTagValues(
  request: TagValuesRequest,
  answers: readonly TagValuesAnswer[],
): TagValuesAnswer {
  const full = answers.filter(({ values }) => values.length > 0);
  const values = full.length === 1
    ? full[0]!.values
    : limited(full.flatMap((answer) => answer.values), request);
  return { kind: "tag_values", values, ...sumCosts(answers) };
}
