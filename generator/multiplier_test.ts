import assert from "node:assert/strict";

import { weightOfTraceState } from "./multiplier.ts";

Deno.test("a threshold tells how many spans one stands for", () => {
  const cases: [traceState: string, weight: number][] = [
    ["ot=th:8", 2],
    ["ot=th:0", 1],
    ["ot=th:c", 4],
    ["ot=th:fd70a3d70a3d70", 100],
    ["vendor=x, ot=rv:123;th:e", 8],
    ["ot=rv:1;other:2", 1],
    ["other=th:8", 1],
    ["", 1],
    ["ot=th:", 1],
    ["ot=th:g", 1],
    ["ot=th:fffffffffffffff", 1], // a digit too many
  ];
  for (const [traceState, weight] of cases) {
    assert.ok(Math.abs(weightOfTraceState(traceState) - weight) < 1e-6, traceState);
  }
});
