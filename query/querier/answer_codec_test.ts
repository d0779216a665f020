import assert from "node:assert/strict";
import fc from "fast-check";

import { decodeAnswer, encodeAnswer } from "./answer_codec.ts";

Deno.test("whatever answers are made of comes back as it was", () => {
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.string(),
      fc.double(),
      fc.boolean(),
      fc.constant(undefined),
      fc.constant(null),
      fc.bigInt(),
      fc.float64Array({ maxLength: 5 }),
      fc.uint8Array({ maxLength: 9 }),
      fc.array(tie("value"), { maxLength: 4 }),
      fc.dictionary(
        fc.oneof(fc.string(), fc.constantFrom("a", "f", "__proto__")),
        tie("value"),
        { maxKeys: 4, noNullPrototype: true },
      ),
    ),
  }));
  fc.assert(fc.property(value, (value) => {
    assert.deepEqual(decodeAnswer(encodeAnswer(value)), value);
  }));
});
