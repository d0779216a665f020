import assert from "node:assert/strict";
import { SimulatedClock } from "../lib/clock.ts";
import { createRuntime } from "../lib/runtime.ts";
import { SimulatedDisk } from "../lib/simulated_disk.ts";
import { seededRandom } from "../lib/random.ts";
import { logContract, type LogUnderTest } from "./contract.ts";
import { KeptCommits } from "./kept_commits.ts";
import { MemoryLog } from "./memory_log.ts";

const runtime = createRuntime();

logContract("a log with kept commits", async (): Promise<LogUnderTest> => {
  const log = new MemoryLog(runtime, { partitions: 2, valueBytesMax: 1 << 20 });
  const disk = new SimulatedDisk(runtime.clock);
  const reader = await KeptCommits.open(runtime, log, disk.mount(), "g");
  return { writer: log, reader, [Symbol.asyncDispose]: () => Promise.resolve() };
});

Deno.test("what was committed is where the folder says, and nowhere when the folder is lost", async () => {
  const clock = new SimulatedClock(0);
  const log = new MemoryLog({ clock }, { partitions: 1 });
  await log.append([1, 2, 3].map(() => ({
    partition: 0,
    tenant: "t",
    sizeBytes: 0,
    write: () => {},
  })));
  const disk = new SimulatedDisk(clock);
  const open = (on: SimulatedDisk) => KeptCommits.open(runtime, log, on.mount(), "live-store-a");
  const before = await open(disk);
  await before.commit("live-store-a", 0, 2);
  await before.commit("block-builder", 0, 1);
  assert.equal(await log.committedOffset("live-store-a", 0), 2, "the log is told, for its lag");

  disk.crash(seededRandom(1));
  const after = await open(disk);
  assert.equal(await after.committedOffset("live-store-a", 0), 2);
  assert.equal(await after.committedOffset("block-builder", 0), 1, "others' are the log's");

  const elsewhere = await open(new SimulatedDisk(clock));
  assert.equal(await elsewhere.committedOffset("live-store-a", 0), undefined);
});
