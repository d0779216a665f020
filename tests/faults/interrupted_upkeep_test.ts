// Compaction and retention, killed or refused at every single call to the store of an undisturbed run.
// Law, after the interruption and a further run: every span is found, by id and by search, and none
// twice; no object is left that no block owns.
import assert from "node:assert/strict";
import { UnavailableError } from "../../lib/errors.ts";
import type { StoreFault } from "../../storage/mod.ts";
import {
  assertClean,
  assertHeld,
  begin,
  HOUR_MS,
  newWorld,
  pass,
  putFour,
  whenAwaited,
} from "../support/upkeep_world.ts";

/** Calls of each kind that a whole undisturbed run of compaction and deletion makes. */
async function callsOfOneRun(): Promise<Record<"read" | "write" | "delete" | "list", number>> {
  const world = newWorld();
  await putFour(world, "acme", 1);
  const before = { ...world.store.calls };
  const life = await begin(world);
  await pass(world.clock, 3 * HOUR_MS);
  await life.stop();
  const { read, write, list } = world.store.calls;
  return {
    read: read - before.read,
    write: write - before.write,
    delete: world.store.calls.delete - before.delete,
    list: Math.min(12, list - before.list),
  };
}

for (const disturbance of ["killed", "refused"] as const) {
  Deno.test(`${disturbance} at any call to the store: nothing lost, doubled or leaked in the end`, async () => {
    const calls = await callsOfOneRun();
    assert.ok(calls.write >= 8 && calls.delete >= 20 && calls.read > 20);
    for (const operation of ["write", "delete", "read", "list"] as const) {
      for (let call = 1; call <= calls[operation]; call += operation === "read" ? 5 : 1) {
        const world = newWorld();
        const acme = await putFour(world, "acme", 1);
        const fault = (kill: () => void): StoreFault =>
          disturbance === "refused"
            ? { operation, call, fail: new UnavailableError("injected") }
            : { operation, call, delay: whenAwaited(kill) };
        let kill = () => {};
        world.store.script(fault(() => kill()));
        let life = await begin(world).catch(() => begin(world));
        kill = life.kill;
        await pass(world.clock, 2.5 * HOUR_MS);
        if (disturbance === "killed") {
          await life.stop();
          life = await begin(world);
        }
        await assertHeld(world, life, "acme", acme);
        await pass(world.clock, 7 * HOUR_MS);
        await assertClean(world, life, new Map([["acme", acme]]));
        await life.stop();
      }
    }
  });
}
