// Operators on constants: what the parser folds with, and what every evaluation must agree with.
// Numbers: int op int stays int (64 bits, wrapping; division truncates), a float makes it float, else a
// duration makes it a duration. Comparisons between ints and floats are exact.
import type { ArithmeticOp, CompareOp, FieldOp } from "./ast.ts";
import type { StaticValue } from "./value.ts";

type NumberValue = Extract<StaticValue, { type: "int" | "float" | "duration" }>;

export const isNumber = (value: StaticValue): value is NumberValue =>
  value.type === "int" || value.type === "float" || value.type === "duration";

/**
 * `left op right`, or undefined where that has no value: types that do not go together, division by
 * zero, a number that is not finite, regular expressions (they are the engine's business).
 */
export function evaluateBinary(
  op: FieldOp,
  left: StaticValue,
  right: StaticValue,
): StaticValue | undefined {
  switch (op) {
    case "&&":
    case "||": {
      if (left.type !== "bool" || right.type !== "bool") return undefined;
      const value = op === "&&" ? left.value && right.value : left.value || right.value;
      return { type: "bool", value };
    }
    case "=":
    case "!=":
    case "<":
    case "<=":
    case ">":
    case ">=": {
      const value = compare(op, left, right);
      return value === undefined ? undefined : { type: "bool", value };
    }
    case "=~":
    case "!~":
      return undefined;
    default:
      if (!isNumber(left) || !isNumber(right)) return undefined;
      return calculate(op, left, right);
  }
}

export function evaluateUnary(op: "-" | "!", operand: StaticValue): StaticValue | undefined {
  if (op === "!") {
    return operand.type === "bool" ? { type: "bool", value: !operand.value } : undefined;
  }
  if (operand.type === "float") return { type: "float", value: -operand.value };
  if (!isNumber(operand)) return undefined;
  return { type: operand.type, value: BigInt.asIntN(64, -operand.value) };
}

function compare(op: CompareOp, left: StaticValue, right: StaticValue): boolean | undefined {
  if (left.type === "nil" || right.type === "nil") return undefined;
  const bothNumbers = isNumber(left) && isNumber(right);
  if (!bothNumbers && left.type !== right.type) return undefined;
  const ordered = bothNumbers || left.type === "string";
  if (!ordered && op !== "=" && op !== "!=") return undefined;
  return holds(op, left.value, right.value);
}

type Comparable = string | number | bigint | boolean;

/** Text compares by code points, which is the order of its UTF-8 bytes. */
export function holds(op: CompareOp, left: Comparable, right: Comparable): boolean {
  switch (op) {
    case "=": // Not "===": an int may equal a float.
      return left == right;
    case "!=":
      return left != right;
    case "<":
      return isLess(left, right);
    case "<=":
      return left == right || isLess(left, right);
    case ">":
      return isLess(right, left);
    case ">=":
      return left == right || isLess(right, left);
  }
}

function isLess(left: Comparable, right: Comparable): boolean {
  if (typeof left === "string" && typeof right === "string") return isTextLess(left, right);
  return left < right;
}

/** UTF-16 order differs from code points where surrogates meet U+E000 and above. */
function isTextLess(left: string, right: string): boolean {
  const length = Math.min(left.length, right.length);
  for (let i = 0; i < length; i++) {
    const a = left.charCodeAt(i), b = right.charCodeAt(i);
    if (a === b) continue;
    const isHighA = a >= 0xd800 && a < 0xe000, isHighB = b >= 0xd800 && b < 0xe000;
    return isHighA === isHighB ? a < b : isHighB;
  }
  return left.length < right.length;
}

export function calculate(
  op: ArithmeticOp,
  left: NumberValue,
  right: NumberValue,
): NumberValue | undefined {
  if (left.type === "float" || right.type === "float") {
    const value = calculateFloat(op, Number(left.value), Number(right.value));
    return Number.isFinite(value) ? { type: "float", value } : undefined;
  }
  const value = calculateInt(op, left.value, right.value);
  if (value === undefined) return undefined;
  const type = left.type === "duration" || right.type === "duration" ? "duration" : "int";
  return { type, value: BigInt.asIntN(64, value) };
}

function calculateFloat(op: ArithmeticOp, left: number, right: number): number {
  switch (op) {
    case "+":
      return left + right;
    case "-":
      return left - right;
    case "*":
      return left * right;
    case "/":
      return left / right;
    case "%":
      return left % right;
    case "^":
      return left ** right;
  }
}

function calculateInt(op: ArithmeticOp, left: bigint, right: bigint): bigint | undefined {
  switch (op) {
    case "+":
      return left + right;
    case "-":
      return left - right;
    case "*":
      return left * right;
    case "/":
      return right === 0n ? undefined : left / right;
    case "%":
      return right === 0n ? undefined : left % right;
    case "^":
      return power(left, right);
  }
}

/** By squaring, wrapping at 64 bits all along; negative exponents truncate as division does. */
function power(base: bigint, exponent: bigint): bigint | undefined {
  if (exponent < 0n) {
    if (base === 0n) return undefined;
    if (base === 1n || base === -1n) return exponent % 2n === 0n ? 1n : base;
    return 0n;
  }
  let result = 1n;
  for (let square = base, rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = BigInt.asIntN(64, result * square);
    square = BigInt.asIntN(64, square * square);
  }
  return result;
}
