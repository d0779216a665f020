import assert from "node:assert/strict";
import fc from "fast-check";
import { afterSteps, GoRandom } from "./go_random.ts";

Deno.test("the numbers are those of Go", () => {
  // Known to whoever has ever forgotten to seed: Int63 of seed 1 is 5577006791947779410,
  // 8674665223082153551, 6129484611666145821.
  const random = new GoRandom(1n);
  const expected = [5577006791947779410n, 8674665223082153551n, 6129484611666145821n];
  assert.deepEqual(expected.map(() => random.uint32()), expected.map((n) => Number(n >> 31n)));
});
Deno.test("a jump of any length is so many steps", () => {
  const start = BigUint64Array.from({ length: 607 }, (_, i) => BigInt(i * i) << 50n ^ BigInt(i));
  const stepped = (steps: number) => {
    const vector = start.slice();
    for (let t = 1; t <= steps; t++) {
      const at = (((334 - t) % 607) + 607) % 607;
      vector[at]! += vector[((-t % 607) + 607) % 607]!;
    }
    return vector;
  };
  const check = (steps: number) => assert.deepEqual(afterSteps(start, steps), stepped(steps));
  for (const steps of [0, 1, 606, 607, 608, 1214]) check(steps);
  fc.assert(fc.property(fc.nat(5000), check), { numRuns: 10 });
});
