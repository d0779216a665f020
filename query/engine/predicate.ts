// A filter's condition in the form the engine evaluates: logic over leaves, where a leaf compares one
// reference with a constant. What does not fit a leaf (arithmetic, two references) is an `expression`,
// evaluated span by span.
// Rules: constants are folded; `&&` and `||` are flat, the cheaper side first; alternatives of one
// string attribute are one leaf.
// A comparison with a number sees values of the constant's own type, as the peer's storage does:
// `.n = 0` is not met by 0.0. A duration is compared with ints and floats.

import {
  type CompareOp,
  evaluateBinary,
  evaluateUnary,
  type FieldExpr,
  type Reference,
  type StaticValue,
} from "../traceql/mod.ts";
import { cost } from "./predicate_cost.ts";
import { type StringTest, stringTest } from "./string_match.ts";

export type Predicate =
  | { readonly node: "constant"; readonly value: boolean }
  | { readonly node: "and" | "or"; readonly parts: readonly Predicate[] }
  | { readonly node: "not"; readonly part: Predicate }
  | StringLeaf
  | NumberLeaf
  | EnumLeaf
  | BoolLeaf
  | PresenceLeaf
  | TruthComparison
  | { readonly node: "expression"; readonly field: FieldExpr };

/** Not made of `and` and `or`: each side would stand there twice, and again inside itself. */
export interface TruthComparison {
  readonly node: "truth";
  readonly left: Truth;
  readonly right: Truth;
  readonly isEqual: boolean;
}

export interface Truth {
  readonly yes: Predicate;
  /** Undefined: whatever is not true. An attribute may be neither. */
  readonly no: Predicate | undefined;
}

/** `test` of a value, or with `isNone`: no value passes, and there is one. */
export interface StringLeaf {
  readonly node: "string";
  readonly ref: Reference;
  readonly test: StringTest;
  readonly isNone: boolean;
}

export interface NumberLeaf {
  readonly node: "number";
  readonly ref: Reference;
  readonly op: CompareOp;
  readonly value: NumberValue;
  /** Of "=": or one of these, which have its type. */
  readonly others?: readonly NumberValue[];
}

export type NumberValue = Extract<StaticValue, { type: "int" | "float" | "duration" }>;

export interface EnumLeaf {
  readonly node: "enum";
  readonly ref: Reference;
  readonly value: Extract<StaticValue, { type: "status" | "kind" }>;
  readonly isNone: boolean;
}

export interface BoolLeaf {
  readonly node: "bool";
  readonly ref: Reference;
  readonly value: boolean;
  readonly isNone: boolean;
}

export interface PresenceLeaf {
  readonly node: "presence";
  readonly ref: Reference;
  readonly op: "missing" | "present";
}

export type Leaf = StringLeaf | NumberLeaf | EnumLeaf | BoolLeaf | PresenceLeaf;

export const TRUE: Predicate = { node: "constant", value: true };
export const FALSE: Predicate = { node: "constant", value: false };

export function toPredicate(field: FieldExpr): Predicate {
  const constant = fold(field);
  if (constant !== undefined) {
    return constant.type === "bool" && constant.value ? TRUE : FALSE;
  }
  switch (field.node) {
    case "static":
      return FALSE;
    case "attribute":
    case "intrinsic":
      return { node: "bool", ref: field, value: true, isNone: false };
    case "presence":
      return presence(field.operand, field.op);
    case "unary":
      return field.op === "!" ? complement(field.operand) : FALSE;
    case "binary":
      if (field.op === "&&" || field.op === "||") {
        return combine(field.op === "&&" ? "and" : "or", [
          toPredicate(field.left),
          toPredicate(field.right),
        ]);
      }
      return comparison(field);
  }
}

/** `!.x` asks for a false value; `!( … )` is whatever the inside does not match. */
function complement(operand: FieldExpr): Predicate {
  if (operand.node === "attribute" || operand.node === "intrinsic") {
    return { node: "bool", ref: operand, value: false, isNone: false };
  }
  return negated(toPredicate(operand));
}

/** nil is neither missing nor present. */
function presence(operand: FieldExpr, op: "missing" | "present"): Predicate {
  if (operand.node === "attribute" || operand.node === "intrinsic") {
    return { node: "presence", ref: operand, op };
  }
  const constant = fold(operand);
  if (constant !== undefined) {
    return constant.type !== "nil" && op === "present" ? TRUE : FALSE;
  }
  return { node: "expression", field: { node: "presence", op, operand, at: operand.at } };
}

const MIRRORED: Readonly<Record<string, CompareOp>> = {
  "=": "=",
  "!=": "!=",
  "<": ">",
  "<=": ">=",
  ">": "<",
  ">=": "<=",
};

function comparison(field: Extract<FieldExpr, { node: "binary" }>): Predicate {
  const { op, left, right } = field;
  const isRegex = op === "=~" || op === "!~";
  if (!isRegex && MIRRORED[op] === undefined) {
    return { node: "expression", field };
  }
  if (isLogical(left) || isLogical(right)) return compareTruth(op, left, right);
  const rightConstant = fold(right);
  if (isReference(left) && rightConstant !== undefined) {
    return leaf(left, op as CompareOp | "=~" | "!~", rightConstant);
  }
  const leftConstant = fold(left);
  if (!isRegex && isReference(right) && leftConstant !== undefined) {
    return leaf(right, MIRRORED[op]!, leftConstant);
  }
  return { node: "expression", field };
}

/** Something that is true or false and no constant, so that it is a predicate of its own. */
function isLogical(field: FieldExpr): boolean {
  if (fold(field) !== undefined) return false;
  if (field.node === "presence") return true;
  if (field.node === "unary") return field.op === "!";
  return field.node === "binary" && !ARITHMETIC.has(field.op);
}

const ARITHMETIC: ReadonlySet<string> = new Set(["+", "-", "*", "/", "%", "^"]);

/** `(.a > 1) = .b`: both true or both false. */
function compareTruth(op: string, left: FieldExpr, right: FieldExpr): Predicate {
  const [a, b] = [truthOf(left), truthOf(right)];
  if ((op !== "=" && op !== "!=") || a === undefined || b === undefined) return FALSE;
  const isEqual = op === "=";
  // Without this `(…) = true` would hide a leaf from whoever looks for some.
  if (b.yes.node === "constant" && a.no === undefined) {
    return b.yes.value === isEqual ? a.yes : negated(a.yes);
  }
  if (a.yes.node === "constant" && b.no === undefined) {
    return a.yes.value === isEqual ? b.yes : negated(b.yes);
  }
  return { node: "truth", left: a, right: b, isEqual };
}

function truthOf(field: FieldExpr): Truth | undefined {
  if (isReference(field)) {
    const leaf = (value: boolean): Predicate => ({
      node: "bool",
      ref: field,
      value,
      isNone: false,
    });
    return { yes: leaf(true), no: leaf(false) };
  }
  const constant = fold(field);
  if (constant !== undefined && constant.type !== "bool") return undefined;
  return { yes: toPredicate(field), no: undefined };
}

function negated(part: Predicate): Predicate {
  if (part.node === "constant") return part.value ? FALSE : TRUE;
  return part.node === "not" ? part.part : { node: "not", part };
}

function leaf(ref: Reference, op: CompareOp | "=~" | "!~", value: StaticValue): Predicate {
  const isNone = op === "!=" || op === "!~";
  switch (value.type) {
    case "string":
      return { node: "string", ref, test: stringTest(op, value.value), isNone };
    case "int":
    case "float":
    case "duration":
      return isRegex(op) ? FALSE : { node: "number", ref, op, value };
    case "status":
    case "kind":
      return op === "=" || isNone ? { node: "enum", ref, value, isNone } : FALSE;
    case "bool":
      return op === "=" || isNone ? { node: "bool", ref, value: value.value, isNone } : FALSE;
    case "nil":
      return FALSE;
  }
}

const isRegex = (op: string): op is "=~" | "!~" => op === "=~" || op === "!~";
const isReference = (field: FieldExpr): field is Reference =>
  field.node === "attribute" || field.node === "intrinsic";

/** The value of an expression without references. */
export function fold(field: FieldExpr): StaticValue | undefined {
  if (field.node === "static") return field.value;
  if (field.node === "unary") {
    const operand = fold(field.operand);
    return operand && evaluateUnary(field.op, operand);
  }
  if (field.node !== "binary") return undefined;
  const left = fold(field.left);
  const right = left && fold(field.right);
  if (left === undefined || right === undefined) return undefined;
  if (isRegex(field.op) && left.type === "string" && right.type === "string") {
    const value = stringTest(field.op, right.value).matches(left.value) === (field.op === "=~");
    return { type: "bool", value };
  }
  if (field.op === "&&" || field.op === "||") {
    const [a, b] = [left, right].map((side) => side.type === "bool" && side.value);
    return { type: "bool", value: field.op === "&&" ? a! && b! : a! || b! };
  }
  // Division by zero and the like is nil, and no comparison with it holds.
  const value = evaluateBinary(field.op, left, right);
  return value ?? (ARITHMETIC.has(field.op) ? { type: "nil" } : { type: "bool", value: false });
}

function combine(node: "and" | "or", parts: Predicate[]): Predicate {
  const flat = parts.flatMap((part) => part.node === node ? part.parts : [part]);
  const absorbing = node === "or";
  if (flat.some((part) => part.node === "constant" && part.value === absorbing)) {
    return absorbing ? TRUE : FALSE;
  }
  const rest = mergeAlternatives(node, flat.filter((part) => part.node !== "constant"));
  if (rest.length === 0) return absorbing ? FALSE : TRUE;
  if (rest.length === 1) return rest[0]!;
  return { node, parts: rest.toSorted((a, b) => cost(a) - cost(b)) };
}

/** `.a = "x" || .a = "y"` looks once; `.a != "x" && .a != "y"` too, and `.a = 1 || .a = 2`. */
function mergeAlternatives(node: "and" | "or", parts: readonly Predicate[]): Predicate[] {
  const texts = new Map<string, { at: number; leaf: StringLeaf; anyOf: string[] }>();
  const numbers = new Map<string, { at: number; leaf: NumberLeaf; others: NumberValue[] }>();
  const merged: (Predicate | undefined)[] = parts.map((part, at) => {
    if (part.node === "string" && part.test.anyOf !== undefined) {
      if (part.isNone !== (node === "and")) return part;
      const known = texts.get(referenceKey(part.ref));
      if (known === undefined) {
        texts.set(referenceKey(part.ref), { at, leaf: part, anyOf: [...part.test.anyOf] });
        return part;
      }
      for (const text of part.test.anyOf) known.anyOf.push(text);
      return undefined;
    }
    if (part.node === "number" && part.op === "=" && node === "or") {
      const key = `${part.value.type} ${referenceKey(part.ref)}`;
      const known = numbers.get(key);
      if (known === undefined) {
        numbers.set(key, { at, leaf: part, others: [...part.others ?? []] });
        return part;
      }
      known.others.push(part.value, ...part.others ?? []);
      return undefined;
    }
    return part;
  });
  for (const { at, leaf, anyOf } of texts.values()) {
    if (anyOf.length > leaf.test.anyOf!.length) {
      merged[at] = { ...leaf, test: stringTest("=", ...anyOf) };
    }
  }
  for (const { at, leaf, others } of numbers.values()) {
    if (others.length > 0) merged[at] = { ...leaf, others };
  }
  return merged.filter((part) => part !== undefined);
}

export function referenceKey(ref: Reference): string {
  return ref.node === "intrinsic" ? `:${ref.name}` : `${ref.scope}.${ref.name}`;
}
