// print∘parse is the identity.
import assert from "node:assert/strict";
import fc from "fast-check";
import { at, trees } from "../../tests/support/traceql_trees.ts";
import { type FieldExpr, type FieldOp, parse, print, type RootExpr, type Stage } from "./mod.ts";
import { binaryField, presenceField, unaryField } from "./nodes.ts";

/** Places differ, and -0 prints as -0. */
function withoutPlaces(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutPlaces);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).filter(([key]) => key !== "at" && key !== "argumentsAt").map((
      [key, inner],
    ) => [key, withoutPlaces(inner)]),
  );
}

Deno.test("a printed tree parses to the same tree", () => {
  fc.assert(
    fc.property(trees, (tree) => {
      const printed = print(tree);
      let parsed: RootExpr;
      try {
        parsed = parse(printed);
      } catch (error) {
        throw new Error(`${printed}: ${(error as Error).message}`);
      }
      assert.deepEqual(withoutPlaces(parsed), withoutPlaces(tree), printed);
    }),
    { numRuns: 500 },
  );
});

Deno.test("printed operators parse to the same tree, however they nest", () => {
  const dense = fc.letrec<{ expr: FieldExpr }>((tie) => ({
    expr: fc.oneof(
      { maxDepth: 5, withCrossShrink: true },
      {
        weight: 1,
        arbitrary: fc.constant<FieldExpr>({ node: "attribute", scope: "any", name: "a", at }),
      },
      {
        weight: 3,
        arbitrary: fc.tuple(
          fc.constantFrom<FieldOp>("&&", "||", "=", "+", "-", "*", "/", "^"),
          tie("expr"),
          tie("expr"),
        ).map(([op, left, right]): FieldExpr => binaryField(op, left, right, at)),
      },
      {
        weight: 1,
        arbitrary: fc.tuple(fc.constantFrom("-" as const, "!" as const), tie("expr"))
          .map(([op, operand]): FieldExpr => unaryField(op, operand, at)),
      },
      {
        weight: 1,
        arbitrary: tie("expr").map((operand) => presenceField("missing", operand, at)),
      },
    ),
  })).expr;
  fc.assert(
    fc.property(dense, (condition) => {
      const stages: Stage[] = [{ node: "filter", condition, at }];
      const tree: RootExpr = { node: "root", query: { node: "pipeline", stages, at }, hints: [] };
      const printed = print(tree);
      assert.deepEqual(withoutPlaces(parse(printed)), withoutPlaces(tree), printed);
    }),
    { numRuns: 500 },
  );
});

Deno.test("no text makes the parser fail otherwise than with its own error", () => {
  const scrap = fc.constantFrom(
    ..."{ } ( ) , | = != < <= > >= =~ !~ + - * / % ^ && || ! >> << ~ !> &> .a span.b name nil 1 1.5 3s"
      .split(" "),
    "`x`",
    '"y',
    "count",
    "by",
    "rate()",
    "with",
    "select",
    "topk(1)",
    "{}",
    "count()",
    "(",
    "\n",
    "span:",
    "id",
  );
  fc.assert(
    fc.property(fc.array(scrap, { maxLength: 12 }), (parts) => {
      const joined = parts.join(" ");
      try {
        const tree = parse(joined);
        assert.deepEqual(withoutPlaces(parse(print(tree))), withoutPlaces(tree), joined);
      } catch (error) {
        if ((error as Error).name !== "InputError") throw error;
      }
    }),
    { numRuns: 3000 },
  );
});
