import assert from "node:assert/strict";
import { Flushes } from "./flushes.ts";

Deno.test("each waits for the offset that the log had when it asked", async () => {
  const flushes = new Flushes();
  const done: number[] = [];
  for (const offset of [5, 3, 9]) void flushes.until(offset).then(() => done.push(offset));
  assert.equal(flushes.offset, 9);
  flushes.committed(2);
  await Promise.resolve();
  assert.deepEqual(done, []);
  flushes.committed(5);
  await Promise.resolve();
  assert.deepEqual(done.sort(), [3, 5]);
  flushes.committed(5);
  flushes.committed(9);
  await Promise.resolve();
  assert.deepEqual(done, [3, 5, 9]);
});
