import assert from "node:assert/strict";

import { GENERATOR_GROUP } from "../generator/mod.ts";
import { createRuntime } from "../lib/runtime.ts";
import { MemoryLog } from "../wal/mod.ts";
import { embeddedStart } from "./embedded_generator.ts";

Deno.test("who was counting goes on where that was committed; who begins later, with what comes then", async () => {
  const log = new MemoryLog(createRuntime(), { partitions: 2 });
  const append = () => log.append([record(0), record(1)]);
  for (let i = 0; i < 3; i++) await append();
  await log.commit(GENERATOR_GROUP, 0, 1);
  await log.commit(GENERATOR_GROUP, 1, 2);

  const goesOn = embeddedStart(log, [0, 1]);
  assert.deepEqual([await goesOn(0), await goesOn(1)], [1, 2]);
  await append();
  assert.equal(await goesOn(0), 4, "after a pause in which nobody wanted metrics");

  const begins = embeddedStart(log, []);
  assert.deepEqual([await begins(0), await begins(1)], [4, 4]);
});

function record(partition: number) {
  return {
    partition,
    tenant: "a",
    sizeBytes: 1,
    write: (to: Uint8Array, at: number) => void (to[at] = 1),
  };
}
