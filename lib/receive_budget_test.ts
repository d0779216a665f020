import assert from "node:assert/strict";
import { UnavailableError } from "./errors.ts";
import { ReceiveBudget } from "./receive_budget.ts";

Deno.test("beyond the budget requests are unavailable until others have arrived", () => {
  const budget = new ReceiveBudget(100);
  budget.take(60);
  budget.take(40);
  assert.throws(() => budget.take(1), UnavailableError);
  budget.give(40);
  budget.take(40);
  assert.equal(budget.heldBytes, 100);
});
