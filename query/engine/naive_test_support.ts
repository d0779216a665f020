// The rules of filters and spansets once more, straight from their description: spans as objects,
// recursion over the tree, every pair tried. Slow, and obvious enough to judge the engine by.

import type {
  FieldExpr,
  Reference,
  SpansetExpr,
  Stage,
  StaticValue,
  StructuralOp,
} from "../traceql/mod.ts";
import { RE2JS } from "re2js";

export type NaiveValue =
  | { readonly t: "number"; readonly kind: "int" | "float" | "duration"; readonly v: number }
  | { readonly t: "string" | "status" | "kind"; readonly v: string }
  | { readonly t: "bool"; readonly v: boolean };

/** Undefined values: the key is there, with nothing to look at. */
export type NaiveAttributes = ReadonlyMap<string, readonly NaiveValue[] | undefined>;

export interface NaiveSpan {
  readonly trace: number;
  readonly id: string;
  readonly parentId: string;
  readonly attributes: NaiveAttributes;
  readonly resource: NaiveAttributes;
  readonly scope: NaiveAttributes;
  readonly events: readonly NaiveAttributes[];
  readonly links: readonly NaiveAttributes[];
  readonly intrinsics: Readonly<Record<string, readonly NaiveValue[]>>;
}

/** Positions of the spans that a pipeline of filters and operations leaves. */
export function naiveRows(spans: readonly NaiveSpan[], stages: readonly Stage[]): number[] {
  let left = new Set(spans.keys());
  for (const stage of stages) left = spansets(spans, stage as SpansetExpr, left);
  return [...left].sort((a, b) => a - b);
}

function spansets(
  spans: readonly NaiveSpan[],
  expr: SpansetExpr,
  input: ReadonlySet<number>,
): Set<number> {
  if (expr.node === "filter") {
    return new Set([...input].filter((row) => holds(expr.condition, spans[row]!)));
  }
  if (expr.node === "pipeline") {
    let left = new Set(input);
    for (const stage of expr.stages) left = spansets(spans, stage as SpansetExpr, left);
    return left;
  }
  const left = spansets(spans, expr.left, input);
  const right = spansets(spans, expr.right, input);
  if (expr.op === "||") return left.union(right);
  const traceOf = (row: number) => spans[row]!.trace;
  if (expr.op === "&&") {
    const both = new Set([...left].map(traceOf)).intersection(new Set([...right].map(traceOf)));
    return new Set([...left.union(right)].filter((row) => both.has(traceOf(row))));
  }
  const relation = (expr.op as StructuralOp).replace(/^[!&]/, "");
  const pair = (l: number, r: number) => isRelated(spans, relation, l, r);
  const kept = [...right].filter((r) => [...left].some((l) => pair(l, r)));
  if (expr.op.startsWith("!")) return right.difference(new Set(kept));
  if (!expr.op.startsWith("&")) return new Set(kept);
  return new Set([...kept, ...[...left].filter((l) => [...right].some((r) => pair(l, r)))]);
}

function isRelated(spans: readonly NaiveSpan[], relation: string, l: number, r: number): boolean {
  const a = spans[l]!;
  const b = spans[r]!;
  if (a.trace !== b.trace || !isRooted(spans, a) || !isRooted(spans, b)) return false;
  switch (relation) {
    case ">":
      return b.parentId === a.id;
    case "<":
      return a.parentId === b.id;
    case ">>":
      return isAncestor(spans, a, b);
    case "<<":
      return isAncestor(spans, b, a);
    default:
      return l !== r && a.parentId === b.parentId;
  }
}

const parentOf = (spans: readonly NaiveSpan[], span: NaiveSpan) =>
  spans.find((other) => other.trace === span.trace && other.id === span.parentId);

function isRooted(spans: readonly NaiveSpan[], span: NaiveSpan): boolean {
  let at: NaiveSpan | undefined = span;
  for (let steps = 0; at !== undefined && steps <= spans.length; steps++) {
    if (at.parentId === "") return true;
    at = parentOf(spans, at);
  }
  return false;
}

function isAncestor(spans: readonly NaiveSpan[], above: NaiveSpan, below: NaiveSpan): boolean {
  for (let at = parentOf(spans, below); at !== undefined; at = parentOf(spans, at)) {
    if (at === above) return true;
  }
  return false;
}

// ---- Fields ----

export function holds(expr: FieldExpr, span: NaiveSpan): boolean {
  return valuesOf(expr, span).some((value) => value.t === "bool" && value.v);
}

const truth = (v: boolean): readonly NaiveValue[] => [{ t: "bool", v }];

function valuesOf(expr: FieldExpr, span: NaiveSpan): readonly NaiveValue[] {
  switch (expr.node) {
    case "static":
      return constant(expr.value);
    case "attribute":
    case "intrinsic":
      return referenced(expr, span);
    case "presence":
      return truth(presence(expr.operand, expr.op, span));
    case "unary": {
      const values = valuesOf(expr.operand, span);
      if (expr.op === "-") {
        const [only] = values;
        return values.length === 1 && only!.t === "number" ? [{ ...only!, v: -only!.v }] : [];
      }
      if (isReference(expr.operand)) {
        return truth(values.some((value) => value.t === "bool" && !value.v));
      }
      return truth(!holds(expr.operand, span));
    }
    case "binary":
      return binary(expr, span);
  }
}

const isReference = (expr: FieldExpr) => expr.node === "attribute" || expr.node === "intrinsic";

function isConstant(expr: FieldExpr): boolean {
  if (expr.node === "binary") return isConstant(expr.left) && isConstant(expr.right);
  return expr.node === "static" || (expr.node === "unary" && isConstant(expr.operand));
}

function presence(operand: FieldExpr, op: "missing" | "present", span: NaiveSpan): boolean {
  if (op === "present" || !isReference(operand)) {
    return (valuesOf(operand, span).length > 0) === (op === "present");
  }
  return !isNamed(operand as Reference, span);
}

/** The key is there, whatever its value. */
function isNamed(ref: Reference, span: NaiveSpan): boolean {
  if (ref.node === "intrinsic") return referenced(ref, span).length > 0;
  return mapsOf(ref.scope, span).some((attributes) => attributes.has(ref.name));
}

function mapsOf(scope: string, span: NaiveSpan): readonly NaiveAttributes[] {
  switch (scope) {
    case "span":
      return [span.attributes];
    case "resource":
      return [span.resource];
    case "instrumentation":
      return [span.scope];
    case "event":
      return span.events;
    case "link":
      return span.links;
    default:
      return [span.attributes, span.resource];
  }
}

function referenced(ref: Reference, span: NaiveSpan): readonly NaiveValue[] {
  if (ref.node === "intrinsic") return span.intrinsics[ref.name] ?? [];
  if (ref.scope === "any") {
    const own = span.attributes.get(ref.name) ?? [];
    return own.length > 0 ? own : span.resource.get(ref.name) ?? [];
  }
  return mapsOf(ref.scope, span).flatMap((attributes) => attributes.get(ref.name) ?? []);
}

function constant(value: StaticValue): readonly NaiveValue[] {
  switch (value.type) {
    case "nil":
      return [];
    case "int":
    case "float":
    case "duration":
      return [{ t: "number", kind: value.type, v: Number(value.value) }];
    case "bool":
      return truth(value.value);
    default:
      return [{ t: value.type, v: value.value }];
  }
}

function binary(
  expr: Extract<FieldExpr, { node: "binary" }>,
  span: NaiveSpan,
): readonly NaiveValue[] {
  const { op, left, right } = expr;
  if (op === "&&") return truth(holds(left, span) && holds(right, span));
  if (op === "||") return truth(holds(left, span) || holds(right, span));
  let a = valuesOf(left, span);
  let b = valuesOf(right, span);
  if (op === "=~" || op === "!~") {
    const texts = a.filter(({ t }) => t === "string");
    const regex = RE2JS.compile(`^(?:${b[0]!.v})$`, RE2JS.DOTALL * 0);
    const matches = texts.some(({ v }) => regex.matcher(String(v)).find());
    return truth(texts.length > 0 && matches === (op === "=~"));
  }
  if ("+-*/%^".includes(op)) return arithmetic(op, a, b);
  if (isTraceId(left) || isTraceId(right)) [a, b] = [withoutZeros(a), withoutZeros(b)];
  // A number of the query sees attribute values of its own type.
  if (left.node === "attribute" && isConstant(right)) a = ofType(a, b);
  if (right.node === "attribute" && isConstant(left)) b = ofType(b, a);
  const pairs = a.flatMap((x) => b.map((y) => [x, y] as const)).filter(([x, y]) => x.t === y.t);
  const isOrdered = ({ t }: NaiveValue) => t === "number" || t === "string";
  switch (op) {
    case "=":
      return truth(pairs.some(([x, y]) => x.v === y.v));
    case "!=":
      return truth(pairs.length > 0 && pairs.every(([x, y]) => x.v !== y.v));
    case "<":
      return truth(pairs.some(([x, y]) => isOrdered(x) && x.v < y.v));
    case "<=":
      return truth(pairs.some(([x, y]) => isOrdered(x) && x.v <= y.v));
    case ">":
      return truth(pairs.some(([x, y]) => isOrdered(x) && x.v > y.v));
    default:
      return truth(pairs.some(([x, y]) => isOrdered(x) && x.v >= y.v));
  }
}

const isTraceId = (expr: FieldExpr) => expr.node === "intrinsic" && expr.name === "trace:id";
const withoutZeros = (values: readonly NaiveValue[]): readonly NaiveValue[] =>
  values.map((value) =>
    value.t === "string" ? { t: "string", v: value.v.replace(/^0+/, "") } : value
  );

function ofType(
  values: readonly NaiveValue[],
  [constant]: readonly NaiveValue[],
): readonly NaiveValue[] {
  if (constant?.t !== "number" || constant.kind === "duration") return values;
  return values.filter((value) => value.t === "number" && value.kind === constant.kind);
}

function arithmetic(
  op: string,
  a: readonly NaiveValue[],
  b: readonly NaiveValue[],
): readonly NaiveValue[] {
  const [x] = a;
  const [y] = b;
  if (a.length !== 1 || b.length !== 1 || x!.t !== "number" || y!.t !== "number") return [];
  const isFloat = x!.kind === "float" || y!.kind === "float";
  const kind = isFloat
    ? "float"
    : x!.kind === "duration" || y!.kind === "duration"
    ? "duration"
    : "int";
  const v = calculate(op, x!.v, y!.v, isFloat);
  return v === undefined || !Number.isFinite(v) ? [] : [{ t: "number", kind, v: v + 0 }];
}

function calculate(op: string, x: number, y: number, isFloat: boolean): number | undefined {
  switch (op) {
    case "+":
      return x + y;
    case "-":
      return x - y;
    case "*":
      return x * y;
    case "/":
      return isFloat ? x / y : y === 0 ? undefined : Math.trunc(x / y);
    case "%":
      return !isFloat && y === 0 ? undefined : x % y;
    default:
      return isFloat ? x ** y : y < 0 && x === 0 ? undefined : Math.trunc(x ** y);
  }
}
