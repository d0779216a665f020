import assert from "node:assert/strict";
import fc from "fast-check";
import { RE2JS } from "re2js";
import { containsInOrder, requiredLiterals } from "./required_literals.ts";

const cases: [string, string[]][] = [
  [".*/orders/[0-9]*42[0-9]*.*", ["/orders/", "42"]],
  ["/api/v1/.*", ["/api/v1/"]],
  ["a\\.b.c+d", ["a.b", "c", "d"]],
  ["ab*c", ["a", "c"]],
  ["ab?", ["a"]],
  ["a{0}b", ["b"]],
  ["(abc)d", ["d"]],
  ["[]x]y", ["y"]],
  ["a|b", []],
  ["[^c]+{|a{0}a", []],
  ["a{,5}b", ["a{,5}b"]],
  ["(?i)abc", []],
  ["\\d+abc", []],
  [".*", []],
  ["é\\+🦕*x", ["é+", "x"]],
];

for (const [pattern, literals] of cases) {
  Deno.test(`every match of ${pattern} contains ${JSON.stringify(literals)}`, () => {
    assert.deepEqual(requiredLiterals(pattern), literals);
  });
}

Deno.test("whatever an expression matches contains what it requires, in order", () => {
  const piece = fc.constantFrom(
    ..."a b c . .* a+ b? c* a{0} b{2} [ab] [^c]+ (a) (ab|c) (b)* | ^ $ \\. \\* é [a]] (() {".split(
      " ",
    ),
  );
  const text = fc.array(fc.constantFrom("a", "b", "c", ".", "*", "é", "]", "{"), { maxLength: 8 });
  let matched = 0;
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 6 }), text, (pieces, parts) => {
      const pattern = pieces.join("");
      let regex: RE2JS;
      try {
        regex = RE2JS.compile(pattern);
      } catch {
        return;
      }
      const value = parts.join("");
      if (!regex.matches(value)) return;
      matched++;
      assert.ok(containsInOrder(value, requiredLiterals(pattern)), `${pattern} on ${value}`);
    }),
    { numRuns: 20_000 },
  );
  assert.ok(matched > 500, `only ${matched} texts matched`);
});
