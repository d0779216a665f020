import assert from "node:assert/strict";
import fc from "fast-check";
import { Pieces, piecesOf } from "./answer_pieces.ts";

function crossed(value: unknown): { readonly back: unknown; readonly pieces: Uint8Array[] } {
  const pieces = [...piecesOf(value)];
  const whole = new Pieces();
  for (const piece of pieces) whole.add(piece);
  return { back: whole.value, pieces };
}

Deno.test("whatever answers are made of comes back from its pieces as it was", () => {
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 5 },
      fc.string(),
      fc.constantFrom(undefined, null, -0, NaN, 12n, true),
      fc.float64Array({ maxLength: 5 }),
      fc.uint8Array({ maxLength: 9 }),
      fc.constantFrom(20_000, 6_145).map((length) => new Float64Array(length).fill(0.1)),
      fc.constantFrom(49_153, 120_000).map((length) => new Uint8Array(length).fill(3)),
      fc.array(tie("value"), { maxLength: 4 }),
      // Long ones, and those within them.
      fc.tuple(fc.integer({ min: 30, max: 70 }), tie("value"))
        .map(([length, item]) => Array.from({ length }, (_, i) => i % 3 === 0 ? item : i)),
      fc.dictionary(fc.oneof(fc.string(), fc.constantFrom("l", "__proto__")), tie("value"), {
        maxKeys: 4,
        noNullPrototype: true,
      }),
    ),
  }));
  fc.assert(fc.property(value, (value) => {
    assert.deepEqual(crossed(value).back, value);
  }));
});

Deno.test("no piece of a large answer is large", () => {
  const series = Array.from({ length: 3_000 }, (_, i) => ({
    labels: [{ key: "service", value: { stringValue: `s${i}` } }],
    bucket: -1,
    values: new Float64Array(240).fill(i),
    weights: undefined,
  }));
  const answer = { answers: [{ kind: "metrics", leaves: [{ series }], coveredBlocks: [] }] };
  const { back, pieces } = crossed(answer);
  assert.deepEqual(back, answer);
  assert.ok(pieces.length > 50);
  for (const { length } of pieces) assert.ok(length < 72 * 1024, String(length));
});

Deno.test("nor of large traces, be they few or many", () => {
  for (const count of [1, 3, 40]) {
    const traces = Array.from({ length: count }, (_, i) => new Uint8Array(500_000).fill(i));
    const { back, pieces } = crossed({ result: { traces } });
    assert.deepEqual(back, { result: { traces } });
    for (const { length } of pieces) assert.ok(length < 72 * 1024, String(length));
  }
});

Deno.test("an answer that lacks a piece is no answer", () => {
  const pieces = [...piecesOf(Array.from({ length: 40 }, (_, i) => i))];
  const whole = new Pieces();
  assert.throws(() => whole.add(pieces.at(-1)!), { name: "CorruptionError" });
});
