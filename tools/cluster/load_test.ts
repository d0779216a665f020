import assert from "node:assert/strict";

import { nextDue } from "./load.ts";

Deno.test("a request is due when those before it are paid for", () => {
  assert.equal(nextDue(1_000, 1_004, 100, 1_000), 1_100);
  assert.equal(nextDue(1_100, 1_101, 50, 1_000), 1_150);
});

Deno.test("a late one is due at once, and what was missed is not made up for", () => {
  const dueMs = nextDue(1_000, 5_000, 100, 1_000);
  assert.equal(dueMs, 5_000);
  assert.equal(nextDue(dueMs, 5_001, 100, 1_000), 5_100);
});
