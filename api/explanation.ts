// `explain=true`: how an answer came about, beside the answer. Only for those who ask: Grafana's plugin
// refuses a whole answer for a key that it does not know.
import type { AnswerForms } from "./answer_format.ts";
import { compile, nameOfNeed, needsOf, type QueryRequest } from "../query/engine/mod.ts";
import type { Answered } from "../query/frontend/mod.ts";

export function isExplained(query: URLSearchParams): boolean {
  return query.get("explain") === "true";
}

/** The same answer, with `explain` beside it where that was asked for. */
export function explained(
  forms: AnswerForms,
  request: QueryRequest,
  answered: Answered<unknown>,
): AnswerForms {
  if (!request.isExplained) return forms;
  return {
    json: () => ({ ...forms.json() as object, explain: explanation(request, answered) }),
    protobuf: forms.protobuf,
  };
}

function explanation(request: QueryRequest, answered: Answered<unknown>): object {
  const plan = compile(request);
  const stages = plan.kind === "search"
    ? plan.stages.map(({ text }) => text)
    : plan.kind === "metrics"
    ? plan.leaves.map(({ stages, aggregate }) => ({
      stages: stages.map(({ text }) => text),
      function: aggregate.fn,
    }))
    : [];
  return {
    query: request.query,
    plan: stages,
    columns: needsOf(plan).map(nameOfNeed),
    readBytesMax: request.readBytesMax ?? 0,
    tenants: answered.explained ?? [],
  };
}
