// Redaction, killed or refused at any call to the store. Law: what was to go is gone from every block,
// everything else is there once, and a receipt says what went.
import assert from "node:assert/strict";
import { checkedWish } from "../../actors/scheduler/redaction_wish.ts";
import { readReceipts } from "../../actors/worker/receipts.ts";
import { UnavailableError } from "../../lib/errors.ts";
import { SimulatedDisk } from "../../lib/simulated_disk.ts";
import type { StoreFault } from "../../storage/mod.ts";
import { traceIdOf } from "../support/records.ts";
import {
  assertClean,
  assertHeld,
  begin,
  HOUR_MS,
  type Life,
  newWorld,
  pass,
  put,
  putFour,
  T0_MS,
  whenAwaited,
  type World,
} from "../support/upkeep_world.ts";

const NEVER = new AbortController().signal;

const wish = checkedWish({
  traceIds: [traceIdOf(9).toHex()],
  query: "",
  mode: "apply",
  startSeconds: 0,
  endSeconds: 0,
  requestedBy: "dpo",
});

for (const disturbance of ["killed", "refused"] as const) {
  Deno.test(`${disturbance} at any call to the store: it goes, nothing else does, and there is a receipt`, async () => {
    const calls = { read: 40, write: 14, delete: 4, list: 6 };
    for (const operation of ["write", "delete", "read", "list"] as const) {
      const stride = operation === "read" ? 8 : disturbance === "killed" ? 1 : 2;
      for (let call = 1; call <= calls[operation]; call += stride) {
        const world = newWorld();
        const disk = new SimulatedDisk();
        const acme = await putFour(world, "acme", 1);
        let life = await begin(world, { disk });
        await pass(world.clock, 60_000);
        await put(world, "acme", 8, [[9, [92]]], T0_MS - 5 * HOUR_MS);
        await life.list.poll();
        const { batchId } = await redactSoon(world, life);
        const kill = life.kill;
        const fault: StoreFault = disturbance === "refused"
          ? { operation, call, fail: new UnavailableError("injected") }
          : { operation, call, delay: whenAwaited(kill) };
        world.store.script(fault);
        await pass(world.clock, 60_000);
        if (disturbance === "killed") {
          await life.stop();
          disk.kill();
          life = await begin(world, { disk }).catch(() => begin(world, { disk }));
        }
        await pass(world.clock, 2 * HOUR_MS);
        const wanted = new Map([...acme].filter(([trace]) => trace !== 9));
        await assertHeld(world, life, "acme", wanted);
        const receipts = await readReceipts(world.store, "acme", batchId, NEVER);
        const removed = receipts.filter(({ state }) => state === "removed");
        assert.deepEqual(removed.map(({ spans }) => spans).sort(), [1, 3]);
        await pass(world.clock, 6 * HOUR_MS);
        await assertClean(world, life, new Map([["acme", wanted]]));
        await life.stop();
      }
    }
  });
}

/** Its jobs have not begun when it returns. */
async function redactSoon(world: World, life: Life) {
  await pass(world.clock, 100);
  return await life.scheduler.redact("acme", wish, NEVER);
}
