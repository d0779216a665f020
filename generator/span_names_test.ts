import assert from "node:assert/strict";
import fc from "fast-check";

import { SpanNames } from "./span_names.ts";

const sanitized = (...names: string[]) => {
  const made = new SpanNames();
  return names.map((name) => made.sanitized(name));
};

Deno.test("a name with an id is a pattern from the second of its kind on", () => {
  assert.deepEqual(sanitized("GET /users/12345", "GET /users/67890", "GET /users/12345"), [
    "GET /users/12345",
    "GET /users/<_>",
    "GET /users/<_>",
  ]);
});

Deno.test("what does not differ stays, digits or not", () => {
  assert.deepEqual(
    sanitized("GET /v1/carts/1", "GET /v1/carts/2", "GET /v1/login", "GET /v1/login"),
    [
      "GET /v1/carts/1",
      "GET /v1/carts/<_>",
      "GET /v1/login",
      "GET /v1/login",
    ],
  );
});

Deno.test("words never become a placeholder", () => {
  const names = ["GET /login", "GET /logout", "call back", "no peer", "", "SELECT", "INSERT"];
  assert.deepEqual(sanitized(...names), names);
});

Deno.test("ids of any form are found, and what stands around them is kept", () => {
  const uuid = (n: number) => `550e8400-e29b-41d4-a716-44665544000${n}`;
  const names = [1, 2].map((n) => `user ${uuid(n)}: order?id=a${n}&page=2`);
  assert.equal(sanitized(...names)[1], "user <_>: order?id=<_>&page=2");
});

Deno.test("a version tells that names given before may be others now", () => {
  const names = new SpanNames();
  names.sanitized("job 1");
  assert.equal(names.version, 0);
  names.sanitized("job 2");
  assert.equal(names.version, 1);
  names.sanitized("job 3");
  assert.equal(names.version, 1);
});

Deno.test("the patterns used last are remembered, and names too long are let be", () => {
  const names = new SpanNames(2);
  for (const name of ["a 1", "b 1", "a 2", "c 1"]) names.sanitized(name);
  assert.equal(names.sanitized("a 3"), "a <_>");
  assert.equal(names.sanitized("b 2"), "b 2"); // forgotten, and learnt again
  assert.equal(names.counts.evicted, 2);
  const long = Array.from({ length: 100 }, (_, i) => i).join("/");
  assert.equal(names.sanitized(long), long);
  assert.equal(names.counts.tooManyParts, 1);
});

Deno.test("a pattern fits its name: parts with digits may differ and nothing else", () => {
  const part = fc.constantFrom("a", "b", "1", "22", "x1", "<_>");
  const name = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/"));
  fc.assert(fc.property(fc.array(name, { maxLength: 30 }), (all) => {
    const names = new SpanNames();
    for (const name of all) {
      const parts = name.split("/");
      const made = names.sanitized(name).split("/");
      assert.equal(made.length, parts.length);
      for (const [i, part] of made.entries()) {
        assert.ok(part === parts[i] || (part === "<_>" && /\d|<_>/.test(parts[i]!)));
      }
    }
  }));
});
