import assert from "node:assert/strict";
import { SimulatedClock } from "../lib/clock.ts";
import { createRuntime } from "../lib/runtime.ts";
import { ReplicatedMap } from "./gossip/replicated_map.ts";
import { changeLock, changeState, PartitionLifecycler } from "./partition_lifecycler.ts";
import { PartitionState } from "./partition_ring.ts";
import {
  partitionsOf,
  removeOwner,
  removePartition,
  writeOwner,
  writePartition,
} from "./ring_entries.ts";

const { Pending, Active, Inactive } = PartitionState;

function world(partition = 0, ownersMin = 1) {
  const clock = new SimulatedClock(1_767_268_800_000);
  const map = new ReplicatedMap();
  const lifecycler = new PartitionLifecycler(createRuntime({ clock }), map, {
    instance: "live-store-zone-a-0",
    partition,
    pollMs: 5_000,
    ownersMin,
    ownersMinMs: 10_000,
    deleteInactiveAfterMs: 13 * 3_600_000,
  });
  const states = () => partitionsOf(map).map(({ id, state }) => [id, state]);
  return { clock, map, lifecycler, states };
}

Deno.test("a partition is created Pending and becomes Active once it had owners for long enough", async () => {
  const { clock, map, lifecycler, states } = world(3, 2);
  const stop = new AbortController();
  const running = lifecycler.run(stop.signal);
  await clock.advance(20_000);
  assert.deepEqual(states(), [[3, Pending]], "one owner of two");
  writeOwner(map, "live-store-zone-b-3", 3, clock.now());
  await clock.advance(9_000);
  assert.deepEqual(states(), [[3, Pending]]);
  await clock.advance(6_000);
  assert.deepEqual(states(), [[3, Active]]);
  stop.abort();
  await clock.advance(1);
  await running;
  assert.deepEqual(partitionsOf(map)[0]!.owners.map(({ instance }) => instance), [
    "live-store-zone-b-3",
  ]);
});

Deno.test("an Inactive partition stays so, is not made Active by its owner, and a locked one does not move", async () => {
  const { clock, map, lifecycler, states } = world();
  lifecycler.register();
  await clock.advance(60_000);
  lifecycler.poll();
  changeState(map, 0, Inactive, clock.now());
  lifecycler.poll();
  assert.deepEqual(states(), [[0, Inactive]]);
  changeLock(map, 0, true, clock.now());
  assert.throws(() => changeState(map, 0, Active, clock.now()), /partition 0 .* is locked/);
  changeLock(map, 0, false, clock.now());
  changeState(map, 0, Active, clock.now());
  assert.deepEqual(states(), [[0, Active]]);
  assert.throws(
    () => changeState(map, 0, Pending, clock.now()),
    /from Active to Pending: .* no such/,
  );
  assert.throws(() => changeState(map, 7, Active, clock.now()), /there is no partition 7/);
});

Deno.test("who starts alone and makes its partition Active does not overrule that it is being drained", async () => {
  const [others, alone] = [world(), world()];
  others.lifecycler.register();
  await others.clock.advance(60_000);
  others.lifecycler.poll();
  changeState(others.map, 0, Inactive, others.clock.now());
  await alone.clock.advance(600_000);
  alone.lifecycler.register();
  await alone.clock.advance(60_000);
  alone.lifecycler.poll();
  assert.deepEqual(alone.states(), [[0, Active]]);
  for (const [id, entry] of alone.map.entries()) others.map.merge(id, entry);
  for (const [id, entry] of others.map.entries()) alone.map.merge(id, entry);
  assert.deepEqual(others.states(), [[0, Inactive]]);
  assert.deepEqual(alone.states(), [[0, Inactive]]);
});

Deno.test("an abandoned partition is removed by another's lifecycler, an owned one is not", async () => {
  const { clock, map, lifecycler, states } = world();
  lifecycler.register();
  for (const id of [1, 2, 4]) writePartition(map, id, Active, clock.now());
  for (const id of [1, 2]) changeState(map, id, Inactive, clock.now());
  writeOwner(map, "live-store-zone-a-2", 2, clock.now());
  await clock.advance(12.9 * 3_600_000);
  lifecycler.poll();
  assert.deepEqual(states().map(([id]) => id), [0, 1, 2, 4]);
  await clock.advance(0.2 * 3_600_000);
  lifecycler.poll();
  assert.deepEqual(states().map(([id]) => id), [0, 2, 4]);
});

Deno.test("a partition and its owner that were removed by mistake are written again", async () => {
  const { clock, map, lifecycler, states } = world();
  const stop = new AbortController();
  const running = lifecycler.run(stop.signal);
  await clock.advance(20_000);
  removePartition(map, 0, clock.now());
  removeOwner(map, "live-store-zone-a-0", clock.now());
  await clock.advance(5_000);
  assert.deepEqual(states(), [[0, Pending]]);
  await clock.advance(15_000);
  assert.deepEqual(states(), [[0, Active]]);
  stop.abort();
  await clock.advance(1);
  await running;
});

Deno.test("whoever is prepared for downscaling creates no partition", () => {
  const { lifecycler, states } = world();
  lifecycler.createsPartition = false;
  lifecycler.register();
  assert.deepEqual(states(), []);
});
