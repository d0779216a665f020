// A metrics query ready to run: its leaves (each a pipeline of spans and a function over them), each
// once however often the text has it, and the tree of arithmetic that joins them at the end.

import {
  type Condition,
  type MetricsAggregate,
  type MetricsExpr,
  type MetricsPipeline,
  parseAndValidate,
  print,
  type Reference,
  references,
  refusal,
  type RootExpr,
  traceConditions,
} from "../../traceql/mod.ts";
import { type PlannedStage, planPipeline } from "../plan.ts";
import { type Predicate, toPredicate } from "../predicate.ts";
import { ShownReferences } from "../shown.ts";
import { checkCells } from "./cells_limit.ts";
import type { MetricsRequest } from "./metrics_answer.ts";
import { gridOf, type TimeGrid } from "./time_grid.ts";

export interface MetricsLeaf {
  readonly stages: readonly PlannedStage[];
  readonly aggregate: MetricsAggregate;
  /** Of `compare()`. */
  readonly selection: Predicate | undefined;
  /** What every span that counts meets: for passing over row groups. */
  readonly condition: Condition;
  /** All that it names. */
  readonly references: readonly Reference[];
  /** Values are nanoseconds, and told in seconds. */
  readonly isDuration: boolean;
}

export interface MetricsPlan {
  readonly kind: "metrics";
  readonly request: MetricsRequest;
  readonly grid: TimeGrid;
  readonly leaves: readonly MetricsLeaf[];
  readonly tree: MetricsExpr;
  leafOf(pipeline: MetricsPipeline): number;
}

export function planMetrics(request: MetricsRequest): MetricsPlan {
  const { query } = parseAndValidate(request.query);
  if (query.node === "pipeline") throw refusal(query.at, "not a metrics query");
  const leaves: MetricsLeaf[] = [];
  const byText = new Map<string, number>();
  const textOf = (pipeline: MetricsPipeline) => print(rootOf({ ...pipeline, second: [] }));
  const visit = (expr: MetricsExpr): void => {
    if (expr.node === "metrics_constant") return;
    if (expr.node === "metrics_operation") {
      visit(expr.left);
      return visit(expr.right);
    }
    const text = textOf(expr);
    if (!byText.has(text)) byText.set(text, leaves.push(planLeaf(expr)) - 1);
  };
  visit(query);
  const grid = gridOf(request);
  checkCells(leaves.length, grid.count);
  return {
    kind: "metrics",
    request,
    grid,
    leaves,
    tree: query,
    leafOf: (pipeline) => byText.get(textOf(pipeline))!,
  };
}

const rootOf = (query: RootExpr["query"]): RootExpr => ({ node: "root", query, hints: [] });

const DURATIONS: ReadonlySet<string> = new Set([
  "duration",
  "traceDuration",
  "event:timeSinceStart",
]);

function planLeaf(pipeline: MetricsPipeline): MetricsLeaf {
  const { aggregate } = pipeline;
  const field = "field" in aggregate ? aggregate.field : undefined;
  return {
    stages: planPipeline(rootOf(pipeline.pipeline), new ShownReferences()),
    aggregate,
    selection: aggregate.fn === "compare" ? toPredicate(aggregate.selection.condition) : undefined,
    condition: traceConditions(rootOf(pipeline.pipeline)),
    references: references(rootOf(pipeline)),
    isDuration: field?.node === "intrinsic" && DURATIONS.has(field.name),
  };
}
