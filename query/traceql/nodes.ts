// Makes nodes, folding constants as it goes: a tree never holds an operation on two constants that
// has a value. Operations that have none (types, division by zero) stay, for validation to name.
import type {
  ArithmeticOp,
  BinaryField,
  FieldExpr,
  FieldOp,
  LogicOp,
  Position,
  PresenceField,
  ScalarExpr,
  StaticField,
  UnaryField,
} from "./ast.ts";
import { calculate, evaluateBinary, evaluateUnary, isNumber } from "./evaluate.ts";
import { NIL, type StaticValue } from "./value.ts";

export function staticField(value: StaticValue, at: Position): StaticField {
  return { node: "static", value, at };
}

export function binaryField(
  op: FieldOp,
  left: FieldExpr,
  right: FieldExpr,
  at: Position,
): BinaryField | StaticField {
  if (left.node === "static" && right.node === "static") {
    const value = evaluateBinary(op, left.value, right.value);
    if (value !== undefined) return staticField(value, left.at);
  }
  return { node: "binary", op, left, right, at };
}

export function unaryField(
  op: "-" | "!",
  operand: FieldExpr,
  at: Position,
): UnaryField | StaticField {
  if (operand.node === "static") {
    const value = evaluateUnary(op, operand.value);
    if (value !== undefined) return staticField(value, at);
  }
  return { node: "unary", op, operand, at };
}

/** An undefined operand is nil itself. */
export function presenceField(
  op: "missing" | "present",
  operand: FieldExpr | undefined,
  at: Position,
): PresenceField | StaticField {
  const value = operand === undefined ? NIL : operand.node === "static" ? operand.value : undefined;
  if (value !== undefined) {
    return staticField({ type: "bool", value: (value.type === "nil") === (op === "missing") }, at);
  }
  return { node: "presence", op, operand: operand!, at };
}

/** Longer chains are balanced, so that ten thousand alternatives are fourteen levels deep. */
const CHAIN_MAX = 64;

/** `a op b op c …`, `op` being associative: leaning left as written, unless it is long. */
export function logicChain(
  op: LogicOp,
  operands: readonly FieldExpr[],
  ats: readonly Position[],
): FieldExpr {
  if (operands.length > CHAIN_MAX) return balanced(op, operands, ats, 0, operands.length);
  let chain = operands[0]!;
  for (let i = 1; i < operands.length; i++) {
    chain = binaryField(op, chain, operands[i]!, ats[i - 1]!);
  }
  return chain;
}

function balanced(
  op: LogicOp,
  operands: readonly FieldExpr[],
  ats: readonly Position[],
  from: number,
  to: number,
): FieldExpr {
  if (to - from === 1) return operands[from]!;
  const middle = (from + to) >> 1;
  const left = balanced(op, operands, ats, from, middle);
  const right = balanced(op, operands, ats, middle, to);
  return binaryField(op, left, right, ats[middle - 1]!);
}

export function scalarOperation(
  op: ArithmeticOp,
  left: ScalarExpr,
  right: ScalarExpr,
  at: Position,
): ScalarExpr {
  if (left.node === "static" && right.node === "static") {
    if (isNumber(left.value) && isNumber(right.value)) {
      const value = calculate(op, left.value, right.value);
      if (value !== undefined) return staticField(value, left.at);
    }
  }
  return { node: "scalar_operation", op, left, right, at };
}
