// What an operand of a pipeline turned out to be, and what operators make of two of them.
// Rule: the kind of the left operand decides which operators may follow it.
import type {
  ArithmeticOp,
  CompareOp,
  MetricsExpr,
  MetricsOp,
  MetricsOperation,
  MetricsQuery,
  Position,
  ScalarExpr,
  ScalarFilter,
  SpansetExpr,
  SpansetOp,
  Stage,
} from "./ast.ts";
import { scalarOperation } from "./nodes.ts";
import { parseError } from "./refusal.ts";

export type Item =
  /** `asPipe`: all of its operands stood in parentheses, so that it may meet pipelines. */
  | { readonly kind: "spanset"; readonly expr: SpansetExpr; readonly asPipe: boolean }
  /** Pipelines in parentheses, or operations on them. */
  | { readonly kind: "pipe"; readonly expr: SpansetExpr }
  /** `foldedDuration`: made by arithmetic on durations, which metrics do not accept. */
  | { readonly kind: "scalar"; readonly expr: ScalarExpr; readonly foldedDuration: boolean }
  | { readonly kind: "scalar_pipe"; readonly expr: ScalarExpr }
  /** Any stage that takes no operators. */
  | { readonly kind: "stage"; readonly stage: Stage }
  | { readonly kind: "scalar_pipe_filter"; readonly stage: ScalarFilter }
  | { readonly kind: "metrics"; readonly expr: MetricsQuery };

const LOGIC = 2, RELATION = 3, PRODUCT = 6;
export const SUM = 4, POWER = 7;

export const COMPARISONS: ReadonlySet<string> = new Set(["=", "!=", "<", "<=", ">", ">="]);
const STRUCTURAL: ReadonlySet<string> = new Set(
  "> < >> << ~ !> !< !>> !<< !~ &> &< &>> &<< &~".split(" "),
);
const ARITHMETIC: Readonly<Record<string, number>> = {
  "+": SUM,
  "-": SUM,
  "*": PRODUCT,
  "/": PRODUCT,
  "%": PRODUCT,
  "^": POWER,
};

/** 0 where the operator cannot follow such an operand. */
export function precedenceAfter(left: Item, op: string): number {
  switch (left.kind) {
    case "spanset":
    case "pipe":
      if (op === "&&" || op === "||") return LOGIC;
      return STRUCTURAL.has(op) ? RELATION : 0;
    case "scalar":
    case "scalar_pipe":
      return COMPARISONS.has(op) ? RELATION : ARITHMETIC[op] ?? 0;
    case "metrics":
      return isMetricsOp(op) ? ARITHMETIC[op]! : 0;
    default:
      return 0;
  }
}

const isMetricsOp = (op: string): op is MetricsOp =>
  op === "+" || op === "-" || op === "*" || op === "/";

/** Undefined where the operands do not go together. */
export function combine(op: string, left: Item, right: Item, at: Position): Item | undefined {
  if (left.kind === "spanset" || left.kind === "pipe") {
    return combineSpansets(op as SpansetOp, left, right, at);
  }
  if (left.kind === "metrics" || right.kind === "metrics") {
    return isMetricsOp(op) ? combineMetrics(op, left, right, at) : undefined;
  }
  if (COMPARISONS.has(op)) return compareScalars(op as CompareOp, left, right, at);
  return combineScalars(op as ArithmeticOp, left, right, at);
}

function combineSpansets(
  op: SpansetOp,
  left: Item & { kind: "spanset" | "pipe" },
  right: Item,
  at: Position,
): Item | undefined {
  if (right.kind !== "spanset" && right.kind !== "pipe") return undefined;
  const expr: SpansetExpr = {
    node: "spanset_operation",
    op,
    left: left.expr,
    right: right.expr,
    at,
  };
  const asPipe = (left.kind === "pipe" || left.asPipe) && (right.kind === "pipe" || right.asPipe);
  if (left.kind === "spanset" && right.kind === "spanset") return { kind: "spanset", expr, asPipe };
  return asPipe ? { kind: "pipe", expr } : undefined;
}

function compareScalars(op: CompareOp, left: Item, right: Item, at: Position): Item | undefined {
  if (left.kind === "scalar_pipe") {
    const isRight = right.kind === "scalar_pipe" ||
      (right.kind === "scalar" && right.expr.node === "static");
    if (!isRight) return undefined;
    const stage = scalarFilter(op, left.expr, right.expr, at);
    return { kind: "scalar_pipe_filter", stage };
  }
  if (left.kind !== "scalar" || right.kind !== "scalar") return undefined;
  if (left.expr.node === "static" && right.expr.node === "static") return undefined;
  return { kind: "stage", stage: scalarFilter(op, left.expr, right.expr, at) };
}

function scalarFilter(
  op: CompareOp,
  left: ScalarExpr,
  right: ScalarExpr,
  at: Position,
): ScalarFilter {
  return { node: "scalar_filter", op, left, right, at };
}

function combineScalars(
  op: ArithmeticOp,
  left: Item,
  right: Item,
  at: Position,
): Item | undefined {
  const isLeft = left.kind === "scalar" || left.kind === "scalar_pipe";
  const isRight = right.kind === "scalar" || right.kind === "scalar_pipe";
  if (!isLeft || !isRight) return undefined;
  const expr = scalarOperation(op, left.expr, right.expr, at);
  if (left.kind === "scalar" && right.kind === "scalar") {
    return { kind: "scalar", expr, foldedDuration: isDuration(expr) };
  }
  return { kind: "scalar_pipe", expr };
}

const isDuration = (expr: ScalarExpr) => expr.node === "static" && expr.value.type === "duration";

function combineMetrics(op: MetricsOp, left: Item, right: Item, at: Position): Item | undefined {
  const leftExpr = toMetricsOperand(left);
  const rightExpr = toMetricsOperand(right);
  if (leftExpr === undefined || rightExpr === undefined) return undefined;
  const expr: MetricsOperation = {
    node: "metrics_operation",
    op,
    left: leftExpr,
    right: rightExpr,
    second: [],
    at,
  };
  return { kind: "metrics", expr };
}

function toMetricsOperand(item: Item): MetricsExpr | undefined {
  if (item.kind === "metrics") return item.expr;
  if (item.kind !== "scalar" || item.expr.node !== "static") return undefined;
  const { value, at } = item.expr;
  if (value.type === "duration") {
    throw parseError(at, "duration cannot be used as a scalar operand in metric arithmetic");
  }
  return { node: "metrics_constant", value, at };
}
