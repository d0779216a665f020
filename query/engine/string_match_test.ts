import assert from "node:assert/strict";
import fc from "fast-check";
import { RE2JS } from "re2js";
import { InputError } from "../../lib/errors.ts";
import { stringTest } from "./string_match.ts";

Deno.test("a regular expression matches the whole text, and is RE2's", () => {
  const matches = (pattern: string, text: string) => stringTest("=~", pattern).matches(text);
  assert.equal(matches("b", "abc"), false);
  assert.equal(matches(".*b.*", "abc"), true);
  assert.equal(matches("a|abc", "abc"), true);
  assert.equal(matches("(?i)ABC", "abc"), true);
  assert.equal(matches(".*c", "ab\nc"), false);
  assert.equal(matches("(?s).*c", "ab\nc"), true);
  assert.equal(matches("a\\.b", "a.b"), true);
  assert.equal(matches("a\\.*", "a..."), true);
  assert.throws(() => stringTest("=~", "("), InputError);
  assert.throws(() => stringTest("=~", "(?=a)"), InputError);
});

Deno.test("patterns that need no automaton match what it would", () => {
  const piece = fc.constantFrom("a", "b", ".*", ".", "\\.", "|", "\\|", "\\", "é", "\n", "?");
  const text = fc.array(fc.constantFrom("a", "b", ".", "|", "\\", "é", "\n"), { maxLength: 5 });
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 5 }), text, (pieces, parts) => {
      const pattern = pieces.join("");
      let regex: RE2JS;
      try {
        regex = RE2JS.compile(`^(?:${pattern})$`);
        RE2JS.compile(pattern);
      } catch {
        return;
      }
      const value = parts.join("");
      assert.equal(stringTest("=~", pattern).matches(value), regex.matcher(value).find(), pattern);
    }),
    { numRuns: 5000 },
  );
});
