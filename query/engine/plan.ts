// A query ready to run over any view: text parsed once, predicates compiled, and what results show.
// Whatever the engine cannot do is refused here, by name, and never answered wrongly.
import {
  type Aggregate,
  type CompareOp,
  type Condition,
  type FieldExpr,
  parse,
  type Position,
  print,
  printAggregate,
  printField,
  refusal,
  type RootExpr,
  type ScalarExpr,
  type ScalarFilter,
  type SpansetExpr,
  type SpansetOp,
  type Stage,
  type StaticValue,
  traceConditions,
  validate,
} from "../traceql/mod.ts";
import { type Predicate, toPredicate } from "./predicate.ts";
import type { SearchRequest } from "./query_request.ts";
import { ShownReferences } from "./shown.ts";

export type PlannedStage =
  & { /** As the query has it. */ readonly text: string }
  & (
    | { readonly node: "spansets"; readonly expr: SpansetNode }
    | { readonly node: "by"; readonly field: FieldExpr; readonly label: string }
    | { readonly node: "coalesce" }
    | {
      readonly node: "scalar_filter";
      readonly aggregate: Aggregate;
      readonly op: CompareOp;
      readonly constant: StaticValue;
      /** The constant stands on the left. */
      readonly isMirrored: boolean;
      readonly label: string;
    }
  );

export type SpansetNode =
  | { readonly node: "filter"; readonly predicate: Predicate }
  | { readonly node: "pipeline"; readonly stages: readonly PlannedStage[] }
  | {
    readonly node: "operation";
    /** Of the operator. */
    readonly at: Position;
    readonly op: SpansetOp;
    readonly left: SpansetNode;
    readonly right: SpansetNode;
  };

export interface SearchPlan {
  readonly kind: "search";
  readonly request: SearchRequest;
  readonly stages: readonly PlannedStage[];
  readonly shown: ShownReferences;
  /** What a span of every matching trace satisfies: for skipping row groups and blocks. */
  readonly condition: Condition;
  readonly isMostRecent: boolean;
}

export function planSearch(request: SearchRequest): SearchPlan {
  const root = parse(request.query === "" ? "{}" : request.query);
  validate(root);
  const shown = new ShownReferences();
  const stages = planPipeline(root, shown);
  const hint = root.hints.find(({ name }) => name === "most_recent")?.value;
  return {
    kind: "search",
    request,
    stages,
    shown,
    condition: traceConditions(root),
    isMostRecent: request.mostRecent || (hint?.type === "bool" && hint.value),
  };
}

export function planPipeline({ query }: RootExpr, shown: ShownReferences): PlannedStage[] {
  if (query.node !== "pipeline") {
    throw refusal(query.at, "a metrics query cannot be searched");
  }
  return planStages(query.stages, shown);
}

function planStages(stages: readonly Stage[], shown: ShownReferences): PlannedStage[] {
  return stages.flatMap((stage) => {
    const planned = planStage(stage, shown);
    return planned === undefined ? [] : [planned];
  });
}

function planStage(stage: Stage, shown: ShownReferences): PlannedStage | undefined {
  const text = print({
    node: "root",
    query: { node: "pipeline", stages: [stage], at: stage.at },
    hints: [],
  });
  switch (stage.node) {
    case "filter":
    case "pipeline":
    case "spanset_operation":
      return { node: "spansets", text, expr: planSpansets(stage, shown) };
    case "select":
      for (const ref of stage.fields) shown.addAll(ref);
      return undefined;
    case "by":
      shown.addField(stage.field);
      return { node: "by", text, field: stage.field, label: `by(${printField(stage.field)})` };
    case "coalesce":
      return { node: "coalesce", text };
    case "scalar_filter":
      return planScalarFilter(stage, text, shown);
  }
}

function planSpansets(expr: SpansetExpr, shown: ShownReferences): SpansetNode {
  switch (expr.node) {
    case "filter": {
      const predicate = toPredicate(expr.condition);
      shown.addPredicate(predicate);
      return { node: "filter", predicate };
    }
    case "pipeline":
      return { node: "pipeline", stages: planStages(expr.stages, shown) };
    case "spanset_operation":
      return {
        node: "operation",
        at: expr.at,
        op: expr.op,
        left: planSpansets(expr.left, shown),
        right: planSpansets(expr.right, shown),
      };
  }
}

function planScalarFilter(
  { op, left, right }: ScalarFilter,
  text: string,
  shown: ShownReferences,
): PlannedStage {
  const isMirrored = left.node === "static";
  const aggregate = aggregateOf(isMirrored ? right : left);
  const constant = isMirrored ? left : right;
  if (constant.node !== "static") {
    throw refusal(constant.at, "an aggregate is compared with a constant only");
  }
  if (aggregate.fn !== "count") shown.addField(aggregate.field);
  const label = printAggregate(aggregate);
  return {
    node: "scalar_filter",
    text,
    aggregate,
    op,
    constant: constant.value,
    isMirrored,
    label,
  };
}

function aggregateOf(expr: ScalarExpr): Aggregate {
  if (expr.node === "aggregate") return expr;
  throw refusal(expr.at, "arithmetic over aggregates is not supported");
}
