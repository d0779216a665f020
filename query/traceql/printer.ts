// A tree as text, in the one canonical way: parsing it gives the same tree again.
// Error messages and the names of results (`avg(duration)`, `by(name)`) are made of it too.
import type {
  Aggregate,
  FieldExpr,
  Hint,
  MetricsAggregate,
  MetricsExpr,
  Pipeline,
  Reference,
  RootExpr,
  ScalarExpr,
  SecondStage,
  SpansetExpr,
  Stage,
} from "./ast.ts";
import { printDuration } from "./duration.ts";
import { printString } from "./string_literal.ts";
import { INT_MIN, type StaticValue } from "./value.ts";

export function print(root: RootExpr): string {
  const query = root.query.node === "pipeline"
    ? printStages(root.query.stages)
    : printMetrics(root.query);
  return query + printHints(root.hints);
}

function printHints(hints: readonly Hint[]): string {
  if (hints.length === 0) return "";
  return ` with (${hints.map(({ name, value }) => `${name}=${printStatic(value)}`).join(", ")})`;
}

// ---- Fields ----

const FIELD_PRECEDENCE: Readonly<Record<string, number>> = {
  "&&": 2,
  "||": 2,
  ...Object.fromEntries("= != < <= > >= =~ !~".split(" ").map((op) => [op, 3])),
  "+": 4,
  "-": 4,
  "*": 6,
  "/": 6,
  "%": 6,
  "^": 7,
};
const ATOM = 9;

function fieldPrecedence(expr: FieldExpr): number {
  switch (expr.node) {
    case "binary":
      return FIELD_PRECEDENCE[expr.op]!;
    case "presence":
      return 3;
    case "unary":
      return expr.op === "!" ? 5 : 8;
    default:
      return ATOM;
  }
}

export function printField(expr: FieldExpr): string {
  switch (expr.node) {
    case "attribute":
    case "intrinsic":
      return printReference(expr);
    case "static":
      return printStatic(expr.value);
    case "presence":
      return `${inField(expr.operand, 3)} ${expr.op === "missing" ? "=" : "!="} nil`;
    case "unary":
      return expr.op + inField(expr.operand, expr.op === "!" ? 5 : 8);
    case "binary": {
      const own = FIELD_PRECEDENCE[expr.op]!;
      const leansRight = expr.op === "^";
      const left = inField(expr.left, leansRight ? own + 1 : own);
      return `${left} ${expr.op} ${inField(expr.right, leansRight ? own : own + 1)}`;
    }
  }
}

function inField(expr: FieldExpr, minimum: number): string {
  const text = printField(expr);
  return fieldPrecedence(expr) < minimum ? `(${text})` : text;
}

const UNQUOTED_NAME = /^[^\s{}()=~!<>&|^,"]+$/;

export function printReference(reference: Reference): string {
  if (reference.node === "intrinsic") return reference.name;
  const { scope, name } = reference;
  const prefix = scope === "any" ? "." : `${scope}.`;
  // `.5` would be a number, and `parent.span.x` has a scope of its own.
  const isPlain = UNQUOTED_NAME.test(name) && !(scope === "any" && /^[0-9]/.test(name)) &&
    !(scope === "parent" && /^(?:resource|span)\./.test(name));
  return prefix + (isPlain ? name : `"${name.replace(/["\\]/g, "\\$&")}"`);
}

export function printStatic(value: StaticValue): string {
  switch (value.type) {
    case "nil":
      return "nil";
    case "int":
      return value.value === INT_MIN ? "minInt" : value.value.toString();
    case "float":
      return printFloat(value.value);
    case "string":
      return printString(value.value);
    case "duration":
      return printDuration(value.value);
    default:
      return String(value.value);
  }
}

function printFloat(value: number): string {
  const text = Object.is(value, -0) ? "-0" : String(value);
  return /[.e]/.test(text) ? text : `${text}.0`;
}

// ---- Spansets and pipelines ----

export function printStages(stages: readonly Stage[]): string {
  return stages.map(printStage).join(" | ");
}

export function printStage(stage: Stage): string {
  switch (stage.node) {
    case "filter":
    case "spanset_operation":
    case "pipeline":
      return printSpanset(stage);
    case "scalar_filter":
      return `${printScalar(stage.left)} ${stage.op} ${printScalar(stage.right)}`;
    case "by":
      return `by(${printField(stage.field)})`;
    case "select":
      return `select(${printReferences(stage.fields)})`;
    case "coalesce":
      return "coalesce()";
  }
}

const printReferences = (references: readonly Reference[]) =>
  references.map(printReference).join(", ");

function printSpanset(expr: SpansetExpr): string {
  if (expr.node === "filter") {
    return `{ ${printField(expr.condition)} }`;
  }
  if (expr.node === "pipeline") return `(${printStages(expr.stages)})`;
  const own = spansetPrecedence(expr.op);
  const amongPipes = hasPipeline(expr);
  const left = inSpanset(expr.left, own, amongPipes);
  return `${left} ${expr.op} ${inSpanset(expr.right, own + 1, amongPipes)}`;
}

const spansetPrecedence = (op: string) => op === "&&" || op === "||" ? 2 : 3;

/** Beside a pipeline in parentheses, everything stands in parentheses. */
function inSpanset(expr: SpansetExpr, minimum: number, amongPipes: boolean): string {
  const text = printSpanset(expr);
  if (expr.node === "pipeline") return text;
  if (amongPipes && !hasPipeline(expr)) return `(${text})`;
  if (expr.node === "filter") return text;
  return spansetPrecedence(expr.op) < minimum ? `(${text})` : text;
}

function hasPipeline(expr: SpansetExpr): boolean {
  if (expr.node === "spanset_operation") return hasPipeline(expr.left) || hasPipeline(expr.right);
  return expr.node === "pipeline";
}

function scalarPrecedence(expr: ScalarExpr): number {
  return expr.node === "scalar_operation" ? FIELD_PRECEDENCE[expr.op]! : ATOM;
}

export function printScalar(expr: ScalarExpr): string {
  switch (expr.node) {
    case "static":
      return printStatic(expr.value);
    case "aggregate":
      return printAggregate(expr);
    case "scalar_pipe":
      return `(${printStages(expr.stages)} | ${printScalar(expr.scalar)})`;
    case "scalar_operation": {
      const own = FIELD_PRECEDENCE[expr.op]!;
      const leansRight = expr.op === "^";
      const left = inScalar(expr.left, leansRight ? own + 1 : own);
      return `${left} ${expr.op} ${inScalar(expr.right, leansRight ? own : own + 1)}`;
    }
  }
}

function inScalar(expr: ScalarExpr, minimum: number): string {
  const text = printScalar(expr);
  return scalarPrecedence(expr) < minimum ? `(${text})` : text;
}

export function printAggregate(aggregate: Aggregate): string {
  return aggregate.fn === "count" ? "count()" : `${aggregate.fn}(${printField(aggregate.field)})`;
}

// ---- Metrics ----

export function printMetrics(expr: MetricsExpr): string {
  switch (expr.node) {
    case "metrics_constant":
      return printStatic(expr.value);
    case "metrics_pipeline": {
      const pipeline: Pipeline = expr.pipeline;
      const aggregate = printMetricsAggregate(expr.aggregate);
      return `${printStages(pipeline.stages)} | ${aggregate}${printSecond(expr.second)}`;
    }
    case "metrics_operation": {
      const own = FIELD_PRECEDENCE[expr.op]!;
      const text = `${inMetrics(expr.left, own)} ${expr.op} ${inMetrics(expr.right, own + 1)}`;
      return text + printSecond(expr.second);
    }
  }
}

function inMetrics(expr: MetricsExpr, minimum: number): string {
  const text = printMetrics(expr);
  if (expr.node === "metrics_constant") return text;
  if (expr.node === "metrics_pipeline") return `(${text})`;
  return FIELD_PRECEDENCE[expr.op]! < minimum ? `(${text})` : text;
}

export function printMetricsAggregate(aggregate: MetricsAggregate): string {
  const by = aggregate.by.length === 0 ? "" : ` by (${printReferences(aggregate.by)})`;
  return `${aggregate.fn}(${printArguments(aggregate)})${by}`;
}

function printArguments(aggregate: MetricsAggregate): string {
  switch (aggregate.fn) {
    case "rate":
    case "count_over_time":
      return "";
    case "quantile_over_time":
      return [printReference(aggregate.field), ...aggregate.quantiles].join(", ");
    case "compare": {
      const { selection, top, startNano, endNano } = aggregate;
      const window = startNano === 0n && endNano === 0n ? [] : [startNano, endNano];
      return [printSpanset(selection), top, ...window].join(", ");
    }
    default:
      return printReference(aggregate.field);
  }
}

function printSecond(second: readonly SecondStage[]): string {
  return second.map((stage) =>
    stage.node === "top_bottom"
      ? ` | ${stage.fn}(${stage.limit})`
      : ` ${stage.op} ${printStatic(stage.value)}`
  ).join("");
}
