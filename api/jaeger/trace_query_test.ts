import assert from "node:assert/strict";
import fc from "fast-check";
import { parseAndValidate } from "../../query/traceql/mod.ts";
import { traceql, type TraceQuery } from "./trace_query.ts";

const any: TraceQuery = {
  service: "",
  operation: "",
  tags: new Map(),
  startNano: 0n,
  endNano: 0n,
  minDurationNano: 0n,
  maxDurationNano: 0n,
  limit: 20,
};
const tagged = (key: string, value: string) => traceql({ ...any, tags: new Map([[key, value]]) });

Deno.test("a search of Jaeger is a filter on one span", () => {
  const query = {
    ...any,
    service: 'a "b"',
    operation: "GET /",
    tags: new Map([["x.y", "z"]]),
    minDurationNano: 1_000_000n,
    maxDurationNano: 2_000_000_000n,
  };
  assert.equal(
    traceql(query),
    '{ resource.service.name = "a \\"b\\"" && name = "GET /" && .x.y = "z" && ' +
      "duration >= 1000000ns && duration <= 2000000000ns }",
  );
  assert.equal(traceql(any), "{  }");
});

Deno.test("a text stands for the number or truth it spells, and Jaeger's tags for OTLP's fields", () => {
  const cases: [string, string, string][] = [
    ["http.status_code", "500", '(.http.status_code = "500" || .http.status_code = 500)'],
    ["ratio", "0.5", '(.ratio = "0.5" || .ratio = 0.5)'],
    ["cached", "true", '(.cached = "true" || .cached = true)'],
    ["error", "true", "status = error"],
    ["error", "false", "status != error"],
    ["error", "timeout", '.error = "timeout"'],
    ["span.kind", "client", "kind = client"],
    ["otel.status_code", "OK", "status = ok"],
    ["otel.status_description", "boom", 'statusMessage = "boom"'],
    ["otel.scope.name", "lib", 'instrumentation:name = "lib"'],
    ["a b", "1e5", '."a b" = "1e5"'],
  ];
  for (const [key, value, condition] of cases) {
    assert.equal(tagged(key, value), `{ ${condition} }`);
    parseAndValidate(tagged(key, value));
  }
});

Deno.test("whatever is asked for is a query", () => {
  const text = fc.string({ unit: "grapheme", minLength: 1 });
  fc.assert(fc.property(text, text, text, text, (service, operation, key, value) => {
    parseAndValidate(traceql({ ...any, service, operation, tags: new Map([[key, value]]) }));
  }));
});
