// What must hold for a filter to hold, as far as simple comparisons can say: for skipping row groups
// and blocks. Rule: whenever the filter is true of a span, its conditions are too; not the reverse.
import type {
  CompareOp,
  FieldExpr,
  Reference,
  RegexOp,
  RootExpr,
  SpansetExpr,
  Stage,
} from "./ast.ts";
import type { StaticValue } from "./value.ts";

export type Condition =
  | {
    readonly kind: "comparison";
    readonly reference: Reference;
    readonly op: CompareOp | RegexOp;
    readonly value: StaticValue;
  }
  | { readonly kind: "present"; readonly reference: Reference }
  | { readonly kind: "all"; readonly parts: readonly Condition[] }
  | { readonly kind: "any"; readonly parts: readonly Condition[] }
  /** Nothing can be said. */
  | { readonly kind: "anything" }
  /** No span at all. */
  | { readonly kind: "nothing" };

const ANYTHING: Condition = { kind: "anything" };
const NOTHING: Condition = { kind: "nothing" };

export function conditions(expr: FieldExpr): Condition {
  switch (expr.node) {
    case "static":
      return expr.value.type === "bool" && expr.value.value ? ANYTHING : NOTHING;
    case "attribute":
    case "intrinsic":
      return comparison(expr, "=", { type: "bool", value: true });
    case "presence":
      if (expr.op === "missing") return ANYTHING;
      return isReference(expr.operand) ? { kind: "present", reference: expr.operand } : ANYTHING;
    case "unary":
      return ANYTHING;
    case "binary":
      break;
  }
  const { op, left, right } = expr;
  if (op === "&&") return all([conditions(left), conditions(right)]);
  if (op === "||") return any([conditions(left), conditions(right)]);
  if (isReference(left) && right.node === "static" && isComparison(op)) {
    return comparison(left, op, right.value);
  }
  if (isReference(right) && left.node === "static" && Object.hasOwn(MIRRORED, op)) {
    return comparison(right, MIRRORED[op as CompareOp], left.value);
  }
  return ANYTHING;
}

function comparison(reference: Reference, op: CompareOp | RegexOp, value: StaticValue): Condition {
  return { kind: "comparison", reference, op, value };
}

const isReference = (expr: FieldExpr): expr is Reference =>
  expr.node === "attribute" || expr.node === "intrinsic";

const MIRRORED: Readonly<Record<CompareOp, CompareOp>> = {
  "=": "=",
  "!=": "!=",
  "<": ">",
  "<=": ">=",
  ">": "<",
  ">=": "<=",
};

const isComparison = (op: string): op is CompareOp | RegexOp =>
  Object.hasOwn(MIRRORED, op) || op === "=~" || op === "!~";

function all(parts: readonly Condition[]): Condition {
  const flat = parts.flatMap((part) => part.kind === "all" ? part.parts : [part])
    .filter((part) => part.kind !== "anything");
  if (flat.some((part) => part.kind === "nothing")) return NOTHING;
  if (flat.length === 0) return ANYTHING;
  return flat.length === 1 ? flat[0]! : { kind: "all", parts: flat };
}

function any(parts: readonly Condition[]): Condition {
  const flat = parts.flatMap((part) => part.kind === "any" ? part.parts : [part])
    .filter((part) => part.kind !== "nothing");
  if (flat.some((part) => part.kind === "anything")) return ANYTHING;
  if (flat.length === 0) return NOTHING;
  return flat.length === 1 ? flat[0]! : { kind: "any", parts: flat };
}

/** What some span of a trace must satisfy for the trace to be in the result. */
export function traceConditions(root: RootExpr): Condition {
  const pipeline = root.query.node === "pipeline"
    ? root.query
    : root.query.node === "metrics_pipeline"
    ? root.query.pipeline
    : undefined;
  if (pipeline === undefined) return ANYTHING;
  // Later stages see only what the first one let through.
  return stageConditions(pipeline.stages[0]!);
}

function stageConditions(stage: Stage): Condition {
  switch (stage.node) {
    case "filter":
    case "spanset_operation":
    case "pipeline":
      return spansetConditions(stage);
    default:
      return ANYTHING;
  }
}

/**
 * Both sides of an operation need a span, but not the same one, so one side's conditions are as much
 * as can be asked of a single span; the right one's, for that is what structural operators return.
 */
function spansetConditions(expr: SpansetExpr): Condition {
  if (expr.node === "filter") return conditions(expr.condition);
  if (expr.node === "pipeline") return stageConditions(expr.stages[0]!);
  const right = spansetConditions(expr.right);
  if (expr.op === "||") return any([spansetConditions(expr.left), right]);
  const left = spansetConditions(expr.left);
  // `!>` and its kind hold of spans that have no such neighbour: the left side may be empty.
  if (left.kind === "nothing") return expr.op.startsWith("!") ? right : NOTHING;
  return right.kind === "anything" && !expr.op.startsWith("!") ? left : right;
}

/** Every attribute and intrinsic that a tree names, each once, in the order of the text. */
export function references(root: RootExpr): Reference[] {
  const found = new Map<string, Reference>();
  const visit = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    if (Array.isArray(value)) return value.forEach(visit);
    const node = value as { node?: string };
    if (node.node === "attribute" || node.node === "intrinsic") {
      const reference = value as Reference;
      const key = reference.node === "attribute"
        ? `${reference.scope} ${reference.name}`
        : reference.name;
      if (!found.has(key)) found.set(key, reference);
      return;
    }
    Object.values(value).forEach(visit);
  };
  visit(root);
  return [...found.values()];
}
