// What type an expression has before any span is seen. "attribute": any, known span by span.
import type { FieldExpr, IntrinsicName } from "./ast.ts";
import type { StaticValue } from "./value.ts";

export type FieldType = StaticValue["type"] | "attribute";

const INTRINSIC_TYPES: Readonly<Record<IntrinsicName, FieldType>> = {
  duration: "duration",
  name: "string",
  status: "status",
  statusMessage: "string",
  kind: "kind",
  "span:id": "string",
  "span:parentID": "string",
  "span:childCount": "int",
  traceDuration: "duration",
  rootName: "string",
  rootServiceName: "string",
  "trace:id": "string",
  nestedSetLeft: "int",
  nestedSetRight: "int",
  nestedSetParent: "int",
  "event:name": "string",
  "event:timeSinceStart": "duration",
  "link:traceID": "string",
  "link:spanID": "string",
  "instrumentation:name": "string",
  "instrumentation:version": "string",
  parent: "nil",
};

export const intrinsicType = (name: IntrinsicName) => INTRINSIC_TYPES[name];

export const isNumeric = (type: FieldType) =>
  type === "int" || type === "float" || type === "duration";

export function typeOf(expr: FieldExpr): FieldType {
  switch (expr.node) {
    case "static":
      return expr.value.type;
    case "attribute":
      return "attribute";
    case "intrinsic":
      return intrinsicType(expr.name);
    case "presence":
      return "bool";
    case "unary":
      return typeOf(expr.operand);
    case "binary": {
      if (!isArithmetic(expr.op)) return "bool";
      const left = typeOf(expr.left);
      return left === "attribute" ? typeOf(expr.right) : left;
    }
  }
}

const isArithmetic = (op: string) => "+-*/%^".includes(op);

export function referencesSpan(expr: FieldExpr): boolean {
  switch (expr.node) {
    case "static":
      return false;
    case "attribute":
    case "intrinsic":
      return true;
    case "presence":
    case "unary":
      return referencesSpan(expr.operand);
    case "binary":
      return referencesSpan(expr.left) || referencesSpan(expr.right);
  }
}
