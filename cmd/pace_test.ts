import assert from "node:assert/strict";
import { paceMs } from "./pace.ts";

Deno.test("answers are held back as searches fall behind, a little and never for long", () => {
  assert.equal(paceMs(0), 0);
  assert.equal(paceMs(200), 0);
  assert.equal(paceMs(400), 10);
  assert.equal(paceMs(1_200), 50);
  assert.equal(paceMs(3_600_000), 50);
});
