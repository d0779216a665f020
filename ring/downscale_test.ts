import assert from "node:assert/strict";
import { SimulatedClock } from "../lib/clock.ts";
import { InputError } from "../lib/errors.ts";
import { seededRandom } from "../lib/random.ts";
import { createRuntime } from "../lib/runtime.ts";
import { SimulatedDisk } from "../lib/simulated_disk.ts";
import { Downscale } from "./downscale.ts";
import { ReplicatedMap } from "./gossip/replicated_map.ts";
import { changeLock, PartitionLifecycler } from "./partition_lifecycler.ts";
import { PartitionState } from "./partition_ring.ts";
import { partitionsOf } from "./ring_entries.ts";

const { Pending, Active, Inactive } = PartitionState;
const START_MS = 1_767_268_800_000;

function world() {
  const clock = new SimulatedClock(START_MS);
  const disk = new SimulatedDisk();
  const map = new ReplicatedMap();
  const start = async (removesOwnerOtherwise = true) => {
    const lifecycler = new PartitionLifecycler(createRuntime({ clock }), map, {
      instance: "live-store-0",
      partition: 0,
      pollMs: 5_000,
      ownersMin: 1,
      ownersMinMs: 0,
      deleteInactiveAfterMs: 0,
    });
    const markers = disk.mount();
    const downscale = await Downscale.open(clock, map, lifecycler, markers, removesOwnerOtherwise);
    return { lifecycler, downscale };
  };
  return { clock, disk, map, start };
}

const precondition = (error: unknown) =>
  error instanceof InputError && error.code === "failed_precondition";

Deno.test("a partition is drained once, keeps its time, and is filled again", async () => {
  const { clock, map, start } = world();
  const { lifecycler, downscale } = await start();
  assert.throws(() => downscale.partition(), /there is no partition 0/);
  lifecycler.register();
  assert.equal(downscale.partition().state, Pending);
  lifecycler.poll();
  assert.deepEqual(downscale.undrain(), { state: Active, inactiveSinceMs: undefined });
  await clock.advance(7_000);
  const drained = { state: Inactive, inactiveSinceMs: START_MS + 7_000 };
  assert.deepEqual(downscale.drain(), drained);
  await clock.advance(7_000);
  assert.deepEqual(downscale.drain(), drained);
  changeLock(map, 0, true, clock.now());
  assert.throws(() => downscale.undrain(), precondition);
  changeLock(map, 0, false, clock.now());
  assert.equal(downscale.undrain().state, Active);
});

Deno.test("to be prepared the partition must be Inactive; the marker is there anyway", async () => {
  const { start } = world();
  const { lifecycler, downscale } = await start(false);
  lifecycler.register();
  lifecycler.poll();
  await assert.rejects(downscale.prepare(), precondition);
  assert.equal(await downscale.isPrepared(), true);
  assert.deepEqual([lifecycler.createsPartition, lifecycler.removesOwnerOnStop], [true, false]);
  downscale.drain();
  await downscale.prepare();
  assert.deepEqual([lifecycler.createsPartition, lifecycler.removesOwnerOnStop], [false, true]);
  await downscale.undo();
  await downscale.undo();
  assert.equal(await downscale.isPrepared(), false);
  assert.deepEqual([lifecycler.createsPartition, lifecycler.removesOwnerOnStop], [true, false]);
});

Deno.test("a start with a marker creates no partition and leaves at the stop, also after a crash", async () => {
  for (let seed = 1; seed <= 9; seed++) {
    const { disk, map, start } = world();
    const first = await start(false);
    first.lifecycler.register();
    first.lifecycler.poll();
    await assert.rejects(first.downscale.prepare(), precondition);
    disk.crash(seededRandom(seed));
    const second = await start(false);
    assert.equal(await second.downscale.isPrepared(), true, `seed ${seed}`);
    const { createsPartition, removesOwnerOnStop } = second.lifecycler;
    assert.deepEqual([createsPartition, removesOwnerOnStop], [false, true]);
    const stop = new AbortController();
    stop.abort();
    await second.lifecycler.run(stop.signal);
    assert.deepEqual(partitionsOf(map).map(({ owners }) => owners), [[]]);
    await second.downscale.finish();
    disk.crash(seededRandom(seed));
    assert.equal((await start(false)).lifecycler.createsPartition, true, `seed ${seed}`);
  }
});
