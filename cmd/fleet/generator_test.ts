import assert from "node:assert/strict";

import { GENERATOR_GROUP } from "../../generator/mod.ts";
import { SimulatedClock } from "../../lib/clock.ts";
import { createRuntime } from "../../lib/runtime.ts";
import { MemoryLog } from "../../wal/mod.ts";
import { fleetStart } from "./generator.ts";

Deno.test("a generator begins where its group has committed, or with what metrics can be made of", async () => {
  const clock = new SimulatedClock(0);
  const log = new MemoryLog(createRuntime({ clock }), { partitions: 1 });
  for (let second = 0; second < 100; second++) {
    await log.append([{ partition: 0, tenant: "a", sizeBytes: 1, write: () => {} }]);
    await clock.advance(1_000);
  }
  const start = (skipsStale: boolean) => fleetStart(log, 0, clock.now() - 30_000, skipsStale);
  assert.equal(await start(false), 70, "nobody has committed");
  await log.commit(GENERATOR_GROUP, 0, 20);
  assert.equal(await start(false), 20);
  assert.equal(await start(true), 70);
  await log.commit(GENERATOR_GROUP, 0, 90);
  assert.equal(await start(true), 90, "what is committed is not read again");
});
