import assert from "node:assert/strict";
import fc from "fast-check";
import { SimulatedClock } from "../../lib/clock.ts";
import { newRecord } from "../../tests/support/records.ts";
import { MemoryLog } from "../../wal/mod.ts";
import { BLOCK_BUILDER_GROUP } from "../block_builder/section_builder.ts";
import { beginningOf } from "./beginning.ts";

const LIVE = "live-store-zone-a";
const MINUTE = 60_000;
const lookback = { ms: 40 * MINUTE, recordAgeMaxMs: 20 * MINUTE };

/** A record a minute, two hours long; offsets are minutes. */
async function twoHours() {
  const clock = new SimulatedClock(0);
  const log = new MemoryLog({ clock }, { partitions: 1 });
  for (let minute = 0; minute < 120; minute++) {
    await log.append([newRecord(0, "t", [{ trace: minute, spans: [minute] }])]);
    await clock.advance(MINUTE);
  }
  const begin = async (isLive: boolean) => {
    const group = isLive ? LIVE : BLOCK_BUILDER_GROUP;
    return await beginningOf(log, group, 0, isLive ? lookback : undefined, clock.now());
  };
  return { log, begin };
}

Deno.test("a block-builder begins at its commit, or where the log does", async () => {
  const { log, begin } = await twoHours();
  log.forget(0, 7);
  assert.deepEqual(await begin(false), { offset: 7, builtOffset: 0 });
  await log.commit(BLOCK_BUILDER_GROUP, 0, 30);
  assert.equal((await begin(false)).offset, 30);
});

Deno.test("a live-store begins at its commit, but goes no further back than its time", async () => {
  const { log, begin } = await twoHours();
  await log.commit(BLOCK_BUILDER_GROUP, 0, 115);
  assert.deepEqual(await begin(true), { offset: 80, builtOffset: 115 }, "it has nothing yet");
  await log.commit(LIVE, 0, 20);
  assert.equal((await begin(true)).offset, 80, "it was away for long");
  await log.commit(LIVE, 0, 110);
  assert.equal((await begin(true)).offset, 110);
});

Deno.test("nothing lies between block-builders and a live-store", async () => {
  const offset = fc.option(fc.integer({ min: 1, max: 120 }), { nil: undefined });
  await fc.assert(
    fc.asyncProperty(offset, offset, async (built, live) => {
      const { log, begin } = await twoHours();
      if (built !== undefined) await log.commit(BLOCK_BUILDER_GROUP, 0, built);
      if (live !== undefined) await log.commit(LIVE, 0, live);
      const begun = (await begin(true)).offset;
      // What it has committed is in blocks of its own.
      assert.ok(begun <= Math.max(built ?? 0, live ?? 0));
    }),
    { numRuns: 40 },
  );
});
