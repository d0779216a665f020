import assert from "node:assert/strict";
import { UnavailableError } from "../lib/errors.ts";
import { seededRandom } from "../lib/random.ts";
import { SimulatedDisk } from "../lib/simulated_disk.ts";
import { GroupOffsets } from "./group_offsets.ts";

const forgetful = { ...seededRandom(1), next: () => 0 };
const open = (disk: SimulatedDisk) =>
  GroupOffsets.open(disk.mount(), (error) => assert.fail(error));

Deno.test("group offsets survive a power cut from the moment their commit resolves", async () => {
  const disk = new SimulatedDisk();
  const offsets = await open(disk);
  for (const offset of [0, 5, 7]) {
    await offsets.commit("g", 3, offset);
    assert.equal(offsets.committed("g", 3), offset);
    const copy = await open(disk);
    assert.equal(copy.committed("g", 3), offset);
  }
  disk.crash(forgetful);
  assert.equal((await open(disk)).committed("g", 3), 7);
  assert.equal((await open(disk)).highest(3), 7);
});

Deno.test("group offsets are not said to be committed before they are durable", async () => {
  const disk = new SimulatedDisk();
  const offsets = await open(disk);
  const committed = offsets.commit("g", 0, 5);
  assert.equal(offsets.committed("g", 0), undefined);
  await committed;
  assert.equal(offsets.committed("g", 0), 5);
});

Deno.test("group offsets of many partitions are written together", async () => {
  const disk = new SimulatedDisk();
  const offsets = await open(disk);
  let syncs = 0;
  disk.before = ({ kind }) => void (kind === "sync" && syncs++);
  await Promise.all(Array.from({ length: 50 }, (_, i) => offsets.commit("g", i, i)));
  assert.equal(syncs, 1);
});

Deno.test("group offsets that could not be written are tried again with the next", async () => {
  const disk = new SimulatedDisk();
  const offsets = await open(disk);
  disk.before = ({ kind }) => {
    if (kind === "rename") throw new Error("input/output error");
  };
  await assert.rejects(offsets.commit("g", 0, 5), UnavailableError);
  assert.equal(offsets.committed("g", 0), undefined);
  disk.before = undefined;
  await offsets.commit("g", 0, 4);
  assert.equal(offsets.committed("g", 0), 5, "the highest that was asked for");
  await offsets.settle();
});
