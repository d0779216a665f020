// Which trees make sense: operand types, what must be boolean, what is not supported.
// Rule: an attribute has any type; whether it fits is seen span by span. The wording is the peer's,
// so that whoever knows its errors knows ours.
import { RE2JS } from "re2js";
import type {
  Aggregate,
  BinaryField,
  FieldExpr,
  FieldOp,
  PresenceField,
  Reference,
  RootExpr,
  ScalarExpr,
  ScalarFilter,
  SpansetFilter,
  Stage,
} from "./ast.ts";
import { printAggregate, printField, printReference, printStage, printStatic } from "./printer.ts";
import { refusal } from "./refusal.ts";
import { type FieldType, isNumeric, referencesSpan, typeOf } from "./types.ts";
import { validateMetrics } from "./validate_metrics.ts";

/** Throws InputError for the first thing that makes no sense. */
export function validate(root: RootExpr): void {
  if (root.query.node === "pipeline") root.query.stages.forEach(validateStage);
  else validateMetrics(root.query);
}

export function validateStage(stage: Stage): void {
  switch (stage.node) {
    case "filter":
      return validateFilter(stage);
    case "pipeline":
      return stage.stages.forEach(validateStage);
    case "spanset_operation":
      validateStage(stage.left);
      return validateStage(stage.right);
    case "scalar_filter":
      return validateScalarFilter(stage);
    case "by":
      validateField(stage.field);
      if (!referencesSpan(stage.field)) {
        const words = "grouping field expressions must reference the span";
        throw refusal(stage.field.at, `${words}: ${printStage(stage)}`);
      }
      return;
    case "select":
      return stage.fields.forEach(validateReference);
    case "coalesce":
      return;
  }
}

export function validateFilter(filter: SpansetFilter): void {
  validateField(filter.condition);
  const type = typeOf(filter.condition);
  if (type !== "bool" && type !== "attribute") {
    const words = "span filter field expressions must resolve to a boolean";
    throw refusal(filter.condition.at, `${words}: ${printStage(filter)}`);
  }
}

/** Only an aggregate against a constant can be evaluated. */
function validateScalarFilter({ left, right }: ScalarFilter): void {
  validateScalar(left);
  validateScalar(right);
  if (left.node !== "aggregate") {
    throw refusal(left.at, `scalar filter lhs of type (${scalarWord(left)}) not yet supported`);
  }
  if (right.node !== "static") {
    throw refusal(right.at, `scalar filter rhs of type (${scalarWord(right)}) not yet supported`);
  }
}

function scalarWord(expr: ScalarExpr): string {
  return expr.node === "static"
    ? "constant"
    : expr.node === "scalar_pipe"
    ? "pipeline"
    : expr.node === "aggregate"
    ? "aggregate"
    : "operation";
}

function validateScalar(expr: ScalarExpr): void {
  switch (expr.node) {
    case "static":
      return;
    case "aggregate":
      return validateAggregate(expr);
    case "scalar_operation":
      validateScalar(expr.left);
      return validateScalar(expr.right);
    case "scalar_pipe":
      expr.stages.forEach(validateStage);
      return validateScalar(expr.scalar);
  }
}

function validateAggregate(aggregate: Aggregate): void {
  if (aggregate.fn === "count") return;
  validateField(aggregate.field);
  const type = typeOf(aggregate.field);
  if (type !== "attribute" && !isNumeric(type)) {
    const words = "aggregate field expressions must resolve to a number type";
    throw refusal(aggregate.field.at, `${words}: ${printAggregate(aggregate)}`);
  }
  if (!referencesSpan(aggregate.field)) {
    const words = "aggregate field expressions must reference the span";
    throw refusal(aggregate.field.at, `${words}: ${printAggregate(aggregate)}`);
  }
}

export function validateReference(reference: Reference): void {
  const isParent = reference.node === "intrinsic"
    ? reference.name === "parent"
    : reference.scope.startsWith("parent");
  if (isParent) throw refusal(reference.at, "parent not yet supported");
}

function validateField(expr: FieldExpr): void {
  switch (expr.node) {
    case "static":
      return;
    case "attribute":
    case "intrinsic":
      return validateReference(expr);
    case "presence":
      return validatePresence(expr);
    case "unary": {
      validateField(expr.operand);
      const type = typeOf(expr.operand);
      const fits = type === "attribute" || (expr.op === "!" ? type === "bool" : isNumeric(type));
      if (!fits) {
        throw refusal(expr.at, `illegal operation for the given type: ${printField(expr)}`);
      }
      return;
    }
    case "binary":
      return validateBinary(expr);
  }
}

/** `!= nil` may be asked of everything; `= nil` not of what is always there. */
function validatePresence({ op, operand }: PresenceField): void {
  validateField(operand);
  if (op !== "missing") return;
  const text = printField(operand);
  if (operand.node === "intrinsic") {
    throw refusal(operand.at, `${text}=nil is not valid because intrinsics cannot be nil`);
  }
  if (operand.node === "attribute" && printReference(operand) === "resource.service.name") {
    throw refusal(
      operand.at,
      `${text}=nil is not valid because resource.service.name cannot be nil`,
    );
  }
}

function validateBinary(expr: BinaryField): void {
  validateField(expr.left);
  validateField(expr.right);
  const left = typeOf(expr.left), right = typeOf(expr.right);
  if (!canMeet(left, right)) {
    throw refusal(expr.at, `binary operations must operate on the same type: ${printField(expr)}`);
  }
  if (!allows(left, expr.op) || !allows(right, expr.op)) {
    throw refusal(expr.at, `illegal operation for the given types: ${printField(expr)}`);
  }
  if (expr.op === "=~" || expr.op === "!~") validatePattern(expr.right);
}

function canMeet(left: FieldType, right: FieldType): boolean {
  return left === "attribute" || right === "attribute" || left === right ||
    (isNumeric(left) && isNumeric(right));
}

const EQUALITY: readonly FieldOp[] = ["=", "!="];
const ORDER: readonly FieldOp[] = [...EQUALITY, "<", "<=", ">", ">="];
const NUMERIC: readonly FieldOp[] = [...ORDER, "+", "-", "*", "/", "%", "^"];

const ALLOWED: Readonly<Record<Exclude<FieldType, "attribute">, readonly FieldOp[]>> = {
  nil: EQUALITY,
  bool: [...EQUALITY, "&&", "||"],
  status: EQUALITY,
  kind: EQUALITY,
  string: [...ORDER, "=~", "!~"],
  int: NUMERIC,
  float: NUMERIC,
  duration: NUMERIC,
};

const allows = (type: FieldType, op: FieldOp) => type === "attribute" || ALLOWED[type].includes(op);

function validatePattern(expr: FieldExpr): void {
  if (expr.node !== "static" || expr.value.type !== "string") return;
  try {
    RE2JS.compile(expr.value.value);
  } catch (error) {
    throw refusal(expr.at, `invalid regex: ${printStatic(expr.value)}`, { cause: error });
  }
}
