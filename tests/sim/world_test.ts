// The simulation in the unit tests: seeds that failed once, and a few more. `deno task sim` runs for
// as long as it is told to.
import assert from "node:assert/strict";
import { failedOnce } from "./seeds.ts";
import { World } from "./world.ts";

let mergedBlocks = 0;

for (const [seed, steps] of [...failedOnce("process"), [1, 150], [2, 150], [3, 150], [4, 150]]) {
  Deno.test(`what was acknowledged is found once, whatever crashed: seed ${seed}`, async () => {
    const report = await new World(seed!).run(steps!);
    assert.deepEqual(report.problems, []);
    assert.ok(report.acknowledgedSpans > 0 && report.crashes > 0);
    mergedBlocks += report.mergedBlocks;
  });
}

Deno.test("blocks were merged in those worlds", () => assert.ok(mergedBlocks > 5));
