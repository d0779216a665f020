import assert from "node:assert/strict";
import fc from "fast-check";
import { rootsFirst, type ShownSpan } from "./trace_tree.ts";

function span(id: string, parentId = "", startNano = 0n): ShownSpan {
  return {
    id,
    parentId,
    name: `span ${id}`,
    service: "s",
    kind: "server",
    startNano,
    endNano: startNano + 1n,
    isError: false,
    message: "",
  };
}

const told = (spans: readonly ShownSpan[]) =>
  rootsFirst(spans).map(({ span, branch }) => branch + span.id);

Deno.test("children stand below their parents, in the order of their starts", () => {
  assert.deepEqual(
    told([span("c", "a", 3n), span("d", "b", 9n), span("b", "a", 2n), span("a")]),
    ["a", "├ b", "│ └ d", "└ c"],
  );
});

Deno.test("orphans and circles stand as roots, after the true ones", () => {
  assert.deepEqual(
    told([
      span("x", "gone"),
      span("y", "x"),
      span("p", "q"),
      span("q", "p", 1n),
      span("a", "", 5n),
    ]),
    ["a", "x", "└ y", "p", "└ q"],
  );
});

Deno.test("of two spans with one id the first has the children", () => {
  assert.deepEqual(
    told([span("a"), span("b", "a", 1n), span("b", "a", 2n), span("c", "b", 3n)]),
    ["a", "├ b", "│ └ c", "└ b"],
  );
});

Deno.test("every span is told once, whatever ids and parents there are", () => {
  const some = fc.tuple(fc.integer({ min: 0, max: 6 }), fc.integer({ min: 0, max: 6 }));
  fc.assert(fc.property(fc.array(some, { maxLength: 30 }), (pairs) => {
    const spans = pairs.map(([id, parent], i) =>
      span(id === 0 ? "" : String(id), parent === 0 ? "" : String(parent), BigInt(i))
    );
    const placed = rootsFirst(spans).map(({ span }) => span);
    assert.equal(placed.length, spans.length);
    assert.equal(new Set(placed).size, spans.length);
  }));
});

Deno.test("a chain of a hundred thousand spans is told, and not indented for ever", () => {
  const chain = Array.from(
    { length: 100_000 },
    (_, i) => span(`s${i}`, i === 0 ? "" : `s${i - 1}`),
  );
  const placed = rootsFirst(chain);
  assert.equal(placed.length, chain.length);
  assert.ok(Math.max(...placed.slice(0, 1000).map(({ branch }) => branch.length)) < 60);
});
