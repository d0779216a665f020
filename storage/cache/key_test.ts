import fc from "fast-check";
import assert from "node:assert/strict";

import { keyOf } from "./key.ts";

Deno.test("a key says what it is the key of", () => {
  const name = "acme/7f0e/20971520/data.parquet/1024+512";
  assert.equal(keyOf("parquet-page", name), `segno1:parquet-page:${name}`);
});

Deno.test("every server takes it, and no two names share one", () => {
  // Well-formed text, as tenants and keys of objects are.
  const name = fc.string({ unit: "grapheme", maxLength: 400 });
  fc.assert(fc.property(name, name, (a, b) => {
    assert.match(keyOf("bloom", a), /^[\x21-\x7e]{1,250}$/);
    if (a !== b) assert.notEqual(keyOf("bloom", a), keyOf("bloom", b));
    assert.notEqual(keyOf("bloom", a), keyOf("frontend-search", a));
  }));
});
