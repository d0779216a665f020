import assert from "node:assert/strict";
import fc from "fast-check";

import { expandEnv } from "./expand.ts";

const env = { HOST: "example", EMPTY: "", A_1: "x" };

Deno.test("variables are put into the text", () => {
  const cases: [string, string][] = [
    ["a: ${HOST}", "a: example"],
    ["a: $HOST:9092", "a: example:9092"],
    ["${A_1}$A_1", "xx"],
    ["${UNSET}", ""],
    ["$UNSET.", "."],
    ["${UNSET:-localhost:4317}", "localhost:4317"],
    ["${EMPTY:-fallback}", "fallback"],
    ["${HOST:-fallback}", "example"],
    ["${UNSET:-}", ""],
    ["$$HOST", "$HOST"],
    ["$${HOST}", "${HOST}"],
    ["costs 5$", "costs 5$"],
    ["^a$|b", "^a$|b"],
    ["$1", "$1"],
    ["${not closed", "${not closed"],
  ];
  for (const [text, expanded] of cases) assert.equal(expandEnv(text, env), expanded, text);
});

Deno.test("a text without a dollar is left as it is", () => {
  fc.assert(fc.property(fc.string().filter((text) => !text.includes("$")), (text) => {
    assert.equal(expandEnv(text, env), text);
  }));
});
