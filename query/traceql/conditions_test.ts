import assert from "node:assert/strict";
import fc from "fast-check";
import { type Condition, conditions, type FieldExpr, parse, printReference } from "./mod.ts";
import { printStatic, references, traceConditions } from "./mod.ts";
import { evaluateBinary } from "./evaluate.ts";

function show(condition: Condition): string {
  switch (condition.kind) {
    case "comparison": {
      const { reference, op, value } = condition;
      return `${printReference(reference)} ${op} ${printStatic(value)}`;
    }
    case "present":
      return `${printReference(condition.reference)} present`;
    case "all":
    case "any":
      return `${condition.kind}(${condition.parts.map(show).join(", ")})`;
    default:
      return condition.kind;
  }
}

Deno.test("conditions are what must hold for a query to find anything", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["{}", "anything"],
    ["{ false }", "nothing"],
    ["{ .a = 1 && 2 < .b && .c }", "all(.a = 1, .b > 2, .c = true)"],
    ["{ .a = 1 || .b =~ `x` }", "any(.a = 1, .b =~ `x`)"],
    ["{ .a = 1 || !.b }", "anything"],
    ["{ .a = 1 && !.b }", ".a = 1"],
    ["{ .a != nil && .b = nil }", ".a present"],
    ["{ (.a = 1 || .a = 2) && .b = 3 }", "all(any(.a = 1, .a = 2), .b = 3)"],
    ["{ .a = 1 && false }", "nothing"],
    ["{ .a = 1 } >> { .b = 2 }", ".b = 2"],
    ["{ .a = 1 } >> {}", ".a = 1"],
    ["{ false } !>> { .b = 2 }", ".b = 2"],
    ["{ .a = 1 } !>> {}", "anything"],
    ["{ .a = 1 } || { .b = 2 }", "any(.a = 1, .b = 2)"],
    ["{ .a = 1 } | { .b = 2 }", ".a = 1"],
    ["({ .a = 1 } | count() > 1) && ({})", ".a = 1"],
    ["by(.a) | { .b = 2 }", "anything"],
    ["{ .a = 1 } | rate()", ".a = 1"],
  ];
  for (const [text, expected] of cases) assert.equal(show(traceConditions(parse(text))), expected);
});

Deno.test("references are met once each, in the order of the text", () => {
  const root = parse("{ .b = 1 && (name = `x` || .b = .a) } | by(span.c) | select(.b, name)");
  assert.deepEqual(references(root).map(printReference), [".b", "name", ".a", "span.c"]);
});

// ---- The law, on expressions over two integers that may be absent ----

type Span = Readonly<Record<string, bigint | undefined>>;

function evaluate(expr: FieldExpr, span: Span): boolean {
  assert.ok(expr.node !== "attribute" && expr.node !== "intrinsic");
  if (expr.node === "static") return expr.value.type === "bool" && expr.value.value;
  if (expr.node === "unary") return !evaluate(expr.operand, span);
  if (expr.node === "presence") {
    assert.ok(expr.operand.node === "attribute");
    return (span[expr.operand.name] === undefined) === (expr.op === "missing");
  }
  const { op, left, right } = expr;
  if (op === "&&") return evaluate(left, span) && evaluate(right, span);
  if (op === "||") return evaluate(left, span) || evaluate(right, span);
  const value = (side: FieldExpr) => {
    if (side.node === "static") return side.value;
    assert.ok(side.node === "attribute");
    const int = span[side.name];
    return int === undefined ? undefined : { type: "int", value: int } as const;
  };
  const l = value(left), r = value(right);
  if (l === undefined || r === undefined) return false;
  const result = evaluateBinary(op, l, r);
  return result?.type === "bool" && result.value;
}

function holds(condition: Condition, span: Span): boolean {
  switch (condition.kind) {
    case "anything":
      return true;
    case "nothing":
      return false;
    case "all":
      return condition.parts.every((part) => holds(part, span));
    case "any":
      return condition.parts.some((part) => holds(part, span));
    case "present":
    case "comparison": {
      assert.ok(condition.reference.node === "attribute");
      const int = span[condition.reference.name];
      if (int === undefined) return false;
      if (condition.kind === "present") return true;
      const result = evaluateBinary(condition.op, { type: "int", value: int }, condition.value);
      return result?.type === "bool" && result.value;
    }
  }
}

const filterText = fc.letrec<{ expr: string; leaf: string }>((tie) => ({
  leaf: fc.oneof(
    fc.tuple(
      fc.constantFrom(".a", ".b"),
      fc.constantFrom("=", "!=", "<", "<=", ">", ">="),
      fc.integer({ min: -1, max: 1 }),
      fc.boolean(),
    ).map(([name, op, int, mirrored]) =>
      mirrored ? `${int} ${op} ${name}` : `${name} ${op} ${int}`
    ),
    fc.constantFrom("true", "false", ".a = nil", ".b != nil", ".a < .b"),
  ),
  expr: fc.oneof(
    { depthSize: "small" },
    tie("leaf"),
    fc.tuple(tie("expr"), fc.constantFrom("&&", "||"), tie("expr"))
      .map(([left, op, right]) => `(${left}) ${op} (${right})`),
    tie("expr").map((inner) => `!(${inner})`),
  ),
})).expr;

Deno.test("whenever a filter holds of a span, its conditions do", () => {
  const ints: (bigint | undefined)[] = [undefined, -1n, 0n, 1n];
  fc.assert(fc.property(filterText, (text) => {
    const root = parse(`{ ${text} }`);
    assert.ok(root.query.node === "pipeline");
    const [filter] = root.query.stages;
    assert.ok(filter?.node === "filter");
    const condition = conditions(filter.condition);
    for (const a of ints) {
      for (const b of ints) {
        if (!evaluate(filter.condition, { a, b })) continue;
        assert.ok(holds(condition, { a, b }), `${text} of a=${a} b=${b}: ${show(condition)}`);
      }
    }
  }));
});
