import assert from "node:assert/strict";
import fc from "fast-check";
import { parseAndValidate } from "../query/traceql/mod.ts";
import { attributeName, tagsQuery } from "./tags_query.ts";

Deno.test("no tags are all traces, or those of the duration", () => {
  assert.equal(tagsQuery(new Map(), 0, 0), "{}");
  assert.equal(tagsQuery(new Map(), 0, 5), "{ traceDuration <= 5ns }");
});

Deno.test("characters that mean something are taken for themselves", () => {
  assert.equal(
    tagsQuery(new Map([["name", 'a.b\\"']]), 0, 0),
    String.raw`{ name =~ "(?s).*a\\.b\\\\\".*" }`,
  );
  assert.equal(attributeName('a "b"'), String.raw`."a \"b\""`);
});

Deno.test("any tags make a query that parses", () => {
  const key = fc.oneof(
    fc.constantFrom("name", "service.name", "status.code", "http.status_code", "root.name"),
    fc.string({ minLength: 1, unit: "binary" }),
  );
  const value = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("error", "500", "-1"));
  const tags = fc.array(fc.tuple(key, value), { maxLength: 4 }).map((pairs) => new Map(pairs));
  fc.assert(
    fc.property(tags, fc.nat(), fc.nat(), (tags, min, max) => {
      parseAndValidate(tagsQuery(tags, min, max));
    }),
    { numRuns: 50 },
  );
});
