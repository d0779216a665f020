// Conditions that are no comparison of one reference with a constant: arithmetic, two references.
// Evaluated span by span on constants of the language, so that numbers are exact and rules are those
// the parser folds with. An operand may have several values (arrays, events): a comparison holds if
// any pair satisfies it, `!=` and `!~` if none is equal; arithmetic needs one value on each side.

import type { SpanView } from "../../model/span_view.ts";
import {
  evaluateBinary,
  evaluateUnary,
  type FieldExpr,
  type Reference,
  refusal,
  type StaticValue,
} from "../traceql/mod.ts";
import { type FieldReader, fieldReader } from "./field_values.ts";
import { fold, referenceKey } from "./predicate.ts";
import type { Rows } from "./row_lists.ts";
import { stringTest } from "./string_match.ts";

const NONE: readonly StaticValue[] = [];
const YES: readonly StaticValue[] = [{ type: "bool", value: true }];
const NO: readonly StaticValue[] = [{ type: "bool", value: false }];

export async function rowsOfExpression(
  view: SpanView,
  field: FieldExpr,
  from: Rows | undefined,
): Promise<Rows> {
  const read = await expressionReader(view, field);
  const length = from === undefined ? view.spanCount : from.length;
  const found = new Int32Array(length);
  let at = 0;
  for (let i = 0; i < length; i++) {
    const row = from === undefined ? i : from[i]!;
    if (isTrue(read(row))) found[at++] = row;
  }
  return found.slice(0, at);
}

/** The values of any expression by span. */
export async function expressionReader(view: SpanView, field: FieldExpr): Promise<FieldReader> {
  const readers = new Map<string, FieldReader>();
  for (const ref of referencesOf(field)) {
    const key = referenceKey(ref);
    if (!readers.has(key)) readers.set(key, await fieldReader(view, ref));
  }
  return compile(field, readers);
}

export function referencesOf(field: FieldExpr): Reference[] {
  switch (field.node) {
    case "attribute":
    case "intrinsic":
      return [field];
    case "static":
      return [];
    case "unary":
    case "presence":
      return referencesOf(field.operand);
    case "binary":
      return [...referencesOf(field.left), ...referencesOf(field.right)];
  }
}

function compile(field: FieldExpr, readers: ReadonlyMap<string, FieldReader>): FieldReader {
  switch (field.node) {
    case "static": {
      const values = field.value.type === "nil" ? NONE : [field.value];
      return () => values;
    }
    case "attribute":
    case "intrinsic":
      return readers.get(referenceKey(field))!;
    case "presence": {
      const operand = compile(field.operand, readers);
      const isPresent = field.op === "present";
      return (row) => (operand(row).length > 0) === isPresent ? YES : NO;
    }
    case "unary": {
      const operand = compile(field.operand, readers);
      if (field.op === "!") {
        const isReference = field.operand.node === "attribute" ||
          field.operand.node === "intrinsic";
        return isReference
          ? (row) => operand(row).some((v) => v.type === "bool" && !v.value) ? YES : NO
          : (row) => isTrue(operand(row)) ? NO : YES;
      }
      return (row) => {
        const values = operand(row);
        const value = values.length === 1 ? evaluateUnary("-", values[0]!) : undefined;
        return value === undefined ? NONE : [value];
      };
    }
    case "binary":
      return compileBinary(field, readers);
  }
}

function compileBinary(
  { op, left, right }: Extract<FieldExpr, { node: "binary" }>,
  readers: ReadonlyMap<string, FieldReader>,
): FieldReader {
  const a = compile(left, readers);
  if (op === "=~" || op === "!~") {
    const pattern = fold(right);
    if (pattern?.type !== "string") {
      throw refusal(right.at, "a regular expression must be a constant");
    }
    const test = stringTest("=~", pattern.value);
    return (row) => {
      const texts = a(row).filter((value) => value.type === "string");
      const matches = texts.some(({ value }) => test.matches(value));
      return texts.length > 0 && matches === (op === "=~") ? YES : NO;
    };
  }
  const b = compile(right, readers);
  switch (op) {
    case "&&":
      return (row) => isTrue(a(row)) && isTrue(b(row)) ? YES : NO;
    case "||":
      return (row) => isTrue(a(row)) || isTrue(b(row)) ? YES : NO;
    case "=":
    case "!=":
    case "<":
    case "<=":
    case ">":
    case ">=":
      return (row) => compareAny(op, a(row), b(row)) ? YES : NO;
    default:
      return (row) => {
        const x = a(row);
        const y = b(row);
        if (x.length !== 1 || y.length !== 1) return NONE;
        const value = evaluateBinary(op, x[0]!, y[0]!);
        return value === undefined ? NONE : [value];
      };
  }
}

function compareAny(
  op: "=" | "!=" | "<" | "<=" | ">" | ">=",
  left: readonly StaticValue[],
  right: readonly StaticValue[],
): boolean {
  let isComparable = false;
  for (const x of left) {
    for (const y of right) {
      const result = evaluateBinary(op === "!=" ? "=" : op, x, y);
      if (result?.type !== "bool") continue;
      isComparable = true;
      if (result.value) return op !== "!=";
    }
  }
  return op === "!=" && isComparable;
}

const isTrue = (values: readonly StaticValue[]): boolean =>
  values.some((value) => value.type === "bool" && value.value);
