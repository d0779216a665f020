import assert from "node:assert/strict";

import { SimulatedDisk } from "../../lib/simulated_disk.ts";
import { compareCursors, type Cursor, KeptCursor } from "./cursors.ts";

const at = (segment: number, position = 20, sent = 0): Cursor => ({ segment, position, sent });

Deno.test("a cursor is where it was moved to, after the process was killed", async () => {
  const disk = new SimulatedDisk();
  const kept = await KeptCursor.open(disk.mount(), "c", at(1));
  await kept.move(at(2, 30, 4));
  await kept.move(at(2, 500, 0));
  disk.kill();
  const again = await KeptCursor.open(disk.mount(), "c", at(9));
  assert.deepEqual(again.current, at(2, 500, 0));
});

Deno.test("a torn place leaves the one before; with neither true it begins where it is told", async () => {
  const disk = new SimulatedDisk();
  const kept = await KeptCursor.open(disk.mount(), "c", at(1));
  await kept.move(at(2));
  await kept.move(at(3));
  disk.flip("c", 32 + 8); // the third turn's place
  assert.deepEqual((await KeptCursor.open(disk.mount(), "c", at(9))).current, at(2));
  disk.flip("c", 8);
  assert.deepEqual((await KeptCursor.open(disk.mount(), "c", at(9))).current, at(9));
});

Deno.test("cursors are ordered by segment, position and series", () => {
  const sorted = [at(1, 900, 3), at(2, 20, 0), at(2, 20, 1), at(2, 21, 0)];
  for (const [i, a] of sorted.entries()) {
    for (const [j, b] of sorted.entries()) {
      assert.equal(Math.sign(compareCursors(a, b)), Math.sign(i - j));
    }
  }
});
