import assert from "node:assert/strict";
import { SimulatedClock } from "./clock.ts";
import type { Random } from "./random.ts";
import { seededRandom } from "./random.ts";
import { SimulatedDisk } from "./simulated_disk.ts";

const ones = new Uint8Array(2000).fill(1);
/** Forgets all it may, or nothing. */
const forgetful: Random = { ...seededRandom(1), next: () => 0 };
const kind: Random = { ...seededRandom(1), next: () => 0.999 };

async function written(disk: SimulatedDisk, sync: { file: boolean; directory: boolean }) {
  const directory = disk.mount();
  const file = await directory.open("a", "create");
  await file.write(ones, 0);
  if (sync.file) await file.sync();
  if (sync.directory) await directory.sync();
  return file;
}

Deno.test("simulated disk keeps what was synced, name and contents", async () => {
  const disk = new SimulatedDisk();
  await written(disk, { file: true, directory: true });
  disk.crash(forgetful);
  assert.deepEqual(disk.contents("a"), ones);
});

Deno.test("simulated disk forgets a name that was not synced", async () => {
  const disk = new SimulatedDisk();
  await written(disk, { file: true, directory: false });
  disk.crash(forgetful);
  assert.deepEqual(disk.names(), []);
});

Deno.test("simulated disk forgets contents that were not synced", async () => {
  const disk = new SimulatedDisk();
  await written(disk, { file: false, directory: true });
  disk.crash(forgetful);
  assert.deepEqual(disk.contents("a"), new Uint8Array(0));
});

Deno.test("simulated disk may keep what was not synced, sector by sector", async () => {
  const sizes = new Set<string>();
  for (let seed = 1; seed < 60; seed++) {
    const disk = new SimulatedDisk();
    await written(disk, { file: false, directory: true });
    disk.crash(seededRandom(seed));
    const after = disk.contents("a");
    sizes.add(after.length === 0 ? "none" : after.every((byte) => byte === 1) ? "front" : "holes");
  }
  assert.deepEqual([...sizes].sort(), ["front", "holes", "none"]);
});

Deno.test("simulated disk gives up what a failed sync should have written", async () => {
  const disk = new SimulatedDisk();
  const file = await written(disk, { file: false, directory: true });
  disk.before = ({ kind }) => {
    if (kind === "sync") throw new Error("input/output error");
  };
  await assert.rejects(file.sync(), /input/);
  disk.before = undefined;
  await file.sync(); // says it is well
  assert.deepEqual(disk.contents("a"), ones);
  disk.crash(kind);
  assert.deepEqual(disk.contents("a"), new Uint8Array(2000));
});

Deno.test("simulated disk is full in the middle of a write, until there is space", async () => {
  const disk = new SimulatedDisk();
  disk.capacityBytes = 1500;
  const file = await disk.mount().open("a", "create");
  await assert.rejects(file.write(ones, 0), { code: "ENOSPC" });
  assert.equal(disk.usedBytes, 1500);
  disk.capacityBytes = 3000;
  await file.write(ones, 1000);
  assert.equal(disk.usedBytes, 3000);
});

Deno.test("simulated disk refuses everything opened before the crash", async () => {
  const disk = new SimulatedDisk();
  const directory = disk.mount();
  const file = await directory.open("a", "create");
  disk.crash(kind);
  await assert.rejects(file.write(ones, 0), /killed/);
  await assert.rejects(directory.list(), /killed/);
});

Deno.test("simulated disk keeps everything when only the program is killed", async () => {
  const disk = new SimulatedDisk();
  const file = await written(disk, { file: false, directory: false });
  disk.kill();
  await assert.rejects(file.sync(), /killed/);
  assert.deepEqual(disk.contents("a"), ones);
  disk.crash(forgetful);
  assert.deepEqual(disk.names(), []);
});

Deno.test("simulated disk syncs as slowly as told", async () => {
  const clock = new SimulatedClock();
  const disk = new SimulatedDisk(clock);
  disk.syncMs = 50;
  const file = await disk.mount().open("a", "create");
  let isDone = false;
  void file.sync().then(() => isDone = true);
  await clock.advance(49);
  assert.equal(isDone, false);
  await clock.advance(1);
  assert.equal(isDone, true);
});
