// TraceQL, the language: text to tree and back, and which trees make sense. Executes nothing.
import type { RootExpr } from "./ast.ts";
import { parse } from "./parser.ts";
import { validate } from "./validate.ts";

export type {
  Aggregate,
  ArithmeticOp,
  AttributeRef,
  AttributeScope,
  BinaryField,
  Coalesce,
  CompareOp,
  FieldExpr,
  FieldOp,
  Group,
  Hint,
  IntrinsicName,
  IntrinsicRef,
  LogicOp,
  MetricsAggregate,
  MetricsConstant,
  MetricsExpr,
  MetricsOp,
  MetricsOperation,
  MetricsPipeline,
  MetricsQuery,
  Pipeline,
  Position,
  PresenceField,
  Reference,
  RegexOp,
  RootExpr,
  ScalarExpr,
  ScalarFilter,
  ScalarOperation,
  ScalarPipe,
  SecondStage,
  Select,
  SpansetExpr,
  SpansetFilter,
  SpansetOp,
  SpansetOperation,
  Stage,
  StaticField,
  StructuralOp,
  UnaryField,
} from "./ast.ts";
export { type Condition, conditions, references, traceConditions } from "./conditions.ts";
export { calculate, evaluateBinary, evaluateUnary, holds } from "./evaluate.ts";
export { parse, parseIdentifier } from "./parser.ts";
export { parseDuration, printDuration } from "./duration.ts";
export {
  print,
  printAggregate,
  printField,
  printMetricsAggregate,
  printReference,
  printStage,
  printStatic,
} from "./printer.ts";
export { refusal } from "./refusal.ts";
export { type FieldType, intrinsicType, typeOf } from "./types.ts";
export { validate } from "./validate.ts";
export {
  INT_MAX,
  INT_MIN,
  KINDS,
  type KindWord,
  NIL,
  OTLP_KIND,
  OTLP_STATUS,
  type StaticValue,
  STATUSES,
  type StatusWord,
} from "./value.ts";

/** Throws InputError unless the text is a query that makes sense. */
export function parseAndValidate(text: string): RootExpr {
  const root = parse(text);
  validate(root);
  return root;
}
