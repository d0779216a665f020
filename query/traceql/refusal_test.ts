// Every rule that refuses a text says where in the text it does, and in the peer's words.
import assert from "node:assert/strict";
import fc from "fast-check";
import { InputError } from "../../lib/errors.ts";
import { trees } from "../../tests/support/traceql_trees.ts";
import { parse, parseAndValidate, print, validate } from "./mod.ts";

/** A query, and how it is refused. */
const REFUSED: readonly (readonly [string, string])[] = [
  // What filters, groups and aggregates may be made of.
  [
    "{ status }",
    "span filter field expressions must resolve to a boolean: { status } (line 1, col 3)",
  ],
  [
    "{ .a } | { .b &&\n  1 + .c }",
    "illegal operation for the given types: .b && 1 + .c (line 1, col 15)",
  ],
  [
    "{ .b\n  + .c * 2 > `x` }",
    "binary operations must operate on the same type: .b + .c * 2 > `x` (line 2, col 12)",
  ],
  ["{ 1 = `a` }", "binary operations must operate on the same type: 1 = `a` (line 1, col 5)"],
  ["{ status > ok }", "illegal operation for the given types: status > ok (line 1, col 10)"],
  ["{ .a = 1 && -true }", "illegal operation for the given type: -true (line 1, col 13)"],
  ["{ .a = 1 && !(1) }", "illegal operation for the given type: !1 (line 1, col 13)"],
  [
    "{ true } | by(1)",
    "grouping field expressions must reference the span: by(1) (line 1, col 15)",
  ],
  [
    "{} | avg(name) > 1",
    "aggregate field expressions must resolve to a number type: avg(name) (line 1, col 10)",
  ],
  ["sum(3) = 2", "aggregate field expressions must reference the span: sum(3) (line 1, col 5)"],
  // What cannot be asked.
  ["{ name != nil && name = nil }", nilOf("name", "intrinsics", 1, 18)],
  ["{ nil = name }", nilOf("name", "intrinsics", 1, 9)],
  [
    "{ resource.service.name = nil }",
    nilOf("resource.service.name", "resource.service.name", 1, 3),
  ],
  ["{ .x || parent.a = 1 }", "parent not yet supported (line 1, col 9)"],
  ["{ .x || parent }", "parent not yet supported (line 1, col 9)"],
  ["{} | select(.a, parent.span.x)", "parent not yet supported (line 1, col 17)"],
  ["{} | rate() by (.a, parent.x)", "parent not yet supported (line 1, col 21)"],
  ["{} | sum_over_time(parent.x)", "parent not yet supported (line 1, col 20)"],
  [
    "2 < count()",
    "scalar filter lhs of type (constant) not yet supported (line 1, col 1)",
  ],
  [
    "{} | count() + 1 > 2",
    "scalar filter lhs of type (operation) not yet supported (line 1, col 14)",
  ],
  [
    "({} | count()) > 1",
    "scalar filter lhs of type (pipeline) not yet supported (line 1, col 2)",
  ],
  [
    "{} | count() > avg(duration)",
    "scalar filter rhs of type (aggregate) not yet supported (line 1, col 16)",
  ],
  // Patterns.
  ["{ .a = 1 &&\n .b =~ `[` }", "invalid regex: `[` (line 2, col 8)"],
  ["{ .a !~ `(?=x)` }", "invalid regex: `(?=x)` (line 1, col 9)"],
  ["{} | compare({ .a =~ `(` })", "invalid regex: `(` (line 1, col 22)"],
  // Metrics.
  ["({ name } | rate()) + 1", filterOf("name", 1, 4)],
  ["{} | compare({ name })", filterOf("name", 1, 16)],
  [
    "{} | rate() by (.a,.b,.c,.d,.e,.f)",
    "metrics group by 6 values not yet supported (line 1, col 32)",
  ],
  [
    "{} | quantile_over_time(.x, 1) by (.a,.b,.c,.d,.e)",
    "metrics group by 5 values not yet supported (line 1, col 48)",
  ],
  [
    "{} | quantile_over_time(duration, .5, 2)",
    "quantile must be between 0 and 1: 2 (line 1, col 39)",
  ],
  [
    "{} | compare({ .a }, 0)",
    "compare() top number of values must be an integer between 1 and 1000 (line 1, col 22)",
  ],
  [
    "{} | compare({ .a }, 1001)",
    "compare() top number of values must be an integer between 1 and 1000 (line 1, col 22)",
  ],
  [
    "{} | compare({ .a }, 10, 5, 2)",
    "compare() end timestamp must be greater than start timestamp (line 1, col 29)",
  ],
  [
    "{} | compare({ .a }) > 10",
    "`compare()` cannot be used with second stage functions (line 1, col 22)",
  ],
  ["{} | rate() | topk(0)", "limit must be greater than 0 (line 1, col 20)"],
  ["({} | rate()) * 2 | bottomk(0)", "limit must be greater than 0 (line 1, col 29)"],
  // Texts that do not parse tell their place first.
  ["{ .a = }", "parse error at line 1, col 8: syntax error: unexpected }"],
  ["{\n b = 1 }", "parse error at line 2, col 2: unknown identifier: b"],
];

function nilOf(text: string, what: string, line: number, column: number): string {
  return `${text}=nil is not valid because ${what} cannot be nil (line ${line}, col ${column})`;
}

function filterOf(text: string, line: number, column: number): string {
  const words = "span filter field expressions must resolve to a boolean";
  return `${words}: { ${text} } (line ${line}, col ${column})`;
}

Deno.test("a refused query is told what is wrong, and the line and column where", () => {
  for (const [text, message] of REFUSED) {
    const expected = { name: "InputError", code: "invalid_argument", message };
    assert.throws(() => parseAndValidate(text), expected, text);
  }
});

Deno.test("whatever is refused, the place is one in the text", () => {
  let refused = 0;
  fc.assert(
    fc.property(trees, (tree) => {
      const text = print(tree);
      const root = parse(text);
      try {
        validate(root);
      } catch (error) {
        assert.ok(error instanceof InputError, String(error));
        const place = / \(line (\d+), col (\d+)\)$/.exec(error.message);
        assert.ok(place !== null, error.message);
        const line = text.split("\n")[Number(place[1]) - 1];
        assert.ok(line !== undefined && Number(place[2]) <= [...line].length, error.message);
        refused++;
      }
    }),
    { numRuns: 300 },
  );
  assert.ok(refused > 50, `${refused} refused`);
});
