import assert from "node:assert/strict";
import { Ledger } from "./ledger.ts";

Deno.test("a trace is seen when all its spans are found, and only then", () => {
  const ledger = new Ledger();
  ledger.acked("a", 3, 100);
  ledger.acked("b", 2, 200);
  ledger.acked("c", 1, 300);
  assert.deepEqual(ledger.between(100, 300).map(({ traceId }) => traceId), ["a", "b"]);
  const problems = ledger.compare(ledger.between(0, 400), new Map([["a", 3], ["b", 4]]));
  assert.deepEqual(problems, [
    "trace b: 4 spans found where 2 were sent",
    "trace c: 0 spans found where 1 were sent",
  ]);
  assert.deepEqual(ledger.unseen().map(({ traceId }) => traceId), ["b", "c"]);
  assert.deepEqual([ledger.traces, ledger.spans, ledger.tracesSeen], [3, 6, 1]);
  assert.deepEqual(ledger.compare(ledger.unseen(), new Map([["b", 2], ["c", 1]])), []);
  assert.equal(ledger.tracesSeen, 3);
});
