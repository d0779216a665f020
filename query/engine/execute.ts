// Compile once, execute over as many views as there are, merge the answers.

import type { SpanView } from "../../model/span_view.ts";
import { type MetricsPlan, planMetrics } from "./metrics/metrics_plan.ts";
import { planSearch, type SearchPlan } from "./plan.ts";
import type { AnswerOf, QueryAnswer, QueryRequest } from "./query_request.ts";
import { startRun } from "./run.ts";
import { planTagValues, type TagValuesPlan } from "./tag_values.ts";
import { planTags, type TagsPlan } from "./tags.ts";

export type Plan = SearchPlan | TagsPlan | TagValuesPlan | MetricsPlan;

export type PlanOf<R extends QueryRequest> = Extract<Plan, { kind: R["kind"] }>;

/** Throws InputError for a query that makes no sense or cannot be done. */
export function compile<R extends QueryRequest>(request: R): PlanOf<R> {
  return plan(request) as PlanOf<R>;
}

function plan(request: QueryRequest): Plan {
  switch (request.kind) {
    case "search":
      return planSearch(request);
    case "tags":
      return planTags(request);
    case "tag_values":
      return planTagValues(request);
    case "metrics":
      return planMetrics(request);
  }
}

export function execute<P extends Plan>(
  plan: P,
  view: SpanView,
  signal: AbortSignal,
): Promise<Extract<QueryAnswer, { kind: P["kind"] }>> {
  return run(plan, view, signal) as Promise<Extract<QueryAnswer, { kind: P["kind"] }>>;
}

async function run(plan: Plan, view: SpanView, signal: AbortSignal): Promise<QueryAnswer> {
  signal.throwIfAborted();
  const all = startRun(plan);
  await all.add(view, signal);
  return all.answer();
}

/** Compiles and executes over one view. */
export async function query<R extends QueryRequest>(
  request: R,
  view: SpanView,
  signal: AbortSignal,
): Promise<AnswerOf<R>> {
  return await run(plan(request), view, signal) as AnswerOf<R>;
}
