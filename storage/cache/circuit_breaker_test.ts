import assert from "node:assert/strict";

import { SimulatedClock } from "../../lib/clock.ts";
import { CircuitBreaker } from "./circuit_breaker.ts";

async function opened() {
  const clock = new SimulatedClock();
  const breaker = new CircuitBreaker(clock, { failuresMax: 3, openMs: 1_000 });
  for (let i = 0; i < 3; i++) {
    assert(breaker.mayAsk());
    breaker.failed();
  }
  await clock.advance(0);
  return { clock, breaker };
}

Deno.test("after so many failures in a row nobody asks for a while", async () => {
  const { clock, breaker } = await opened();
  assert(!breaker.mayAsk());
  await clock.advance(999);
  assert(!breaker.mayAsk());
});

Deno.test("then one may try: success closes it, failure opens it for as long again", async () => {
  for (const isWell of [true, false]) {
    const { clock, breaker } = await opened();
    await clock.advance(1_000);
    assert(breaker.mayAsk());
    assert(!breaker.mayAsk(), "one alone");
    if (isWell) breaker.succeeded();
    else breaker.failed();
    assert.equal(breaker.mayAsk(), isWell);
    await clock.advance(1_000);
    assert(breaker.mayAsk());
  }
});

Deno.test("failures between successes do not add up", () => {
  const breaker = new CircuitBreaker(new SimulatedClock(), { failuresMax: 2, openMs: 1_000 });
  for (let i = 0; i < 10; i++) {
    breaker.failed();
    breaker.succeeded();
  }
  assert(breaker.mayAsk());
});

Deno.test("with no number of failures it never opens", () => {
  const breaker = new CircuitBreaker(new SimulatedClock(), { failuresMax: 0, openMs: 1_000 });
  for (let i = 0; i < 100; i++) breaker.failed();
  assert(breaker.mayAsk());
});
