import assert from "node:assert/strict";

import { hashText, Sketch } from "./sketch.ts";

const withTexts = (sketch: Sketch, from: number, to: number) => {
  for (let i = from; i < to; i++) {
    sketch.add(hashText(`{service="s${i % 7}",span_name="GET /${i}"}`));
  }
};

Deno.test("few and many things are told within six percent, however often each was there", () => {
  for (const count of [0, 1, 10, 300, 4_000, 6_000, 50_000]) {
    const sketch = new Sketch(3);
    withTexts(sketch, 0, count);
    withTexts(sketch, 0, count / 2);
    const error = Math.abs(sketch.estimate() - count);
    assert.ok(error <= Math.max(0.06 * count, 1), `${count}: ${sketch.estimate()}`);
  }
});

Deno.test("what was there before the last windows is forgotten, and no sooner", () => {
  const sketch = new Sketch(2);
  withTexts(sketch, 0, 500);
  sketch.turn();
  withTexts(sketch, 400, 1000);
  assert.ok(Math.abs(sketch.estimate() - 1000) < 60);
  sketch.turn();
  assert.ok(Math.abs(sketch.estimate() - 600) < 40);
  sketch.turn();
  assert.equal(sketch.estimate(), 0);
});
