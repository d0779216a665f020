import assert from "node:assert/strict";
import { SimulatedClock } from "../lib/clock.ts";
import { createRuntime } from "../lib/runtime.ts";
import { ReplicatedMap } from "./gossip/replicated_map.ts";
import { RingHealth } from "./health.ts";
import { InstanceLifecycler } from "./instance_lifecycler.ts";
import { PartitionLifecycler } from "./partition_lifecycler.ts";
import { PartitionState } from "./partition_ring.ts";
import {
  instancesOf,
  partitionOfInstance,
  partitionsOf,
  readInstance,
  writeInstance,
  writeOwner,
  writePartition,
} from "./ring_entries.ts";

const RING = "live-store";
const options = { ring: RING, timeoutMs: 60_000, forgetMs: 120_000 };

function world(names: readonly string[]) {
  const clock = new SimulatedClock(1_767_268_800_000);
  const map = new ReplicatedMap();
  const members = names.map((id) =>
    new InstanceLifecycler(createRuntime({ clock }), map, {
      ring: RING,
      id,
      address: `${id}:9095`,
      zone: "a",
      gossip: id,
      heartbeatMs: 5_000,
    })
  );
  members.forEach((member) => member.activate());
  const healthy = (health: RingHealth) =>
    health.judge().filter(({ isHealthy }) => isHealthy).map(({ id }) => id);
  return { clock, map, members, healthy };
}

Deno.test("an instance is healthy while its heartbeat grows, whatever its clock says", async () => {
  const { clock, map, members, healthy } = world(["a", "b", "c"]);
  // Of a machine whose clock runs a day ahead.
  map.mergeBeat(`i/${RING}/c`, 2_000_000_000);
  const health = new RingHealth(clock, map, options);
  assert.deepEqual(healthy(health), ["a", "b", "c"]);
  for (let i = 0; i < 14; i++) {
    await clock.advance(5_000);
    members[0]!.beat();
    members[2]!.beat();
    health.judge();
  }
  assert.deepEqual(healthy(health), ["a", "c"]);
  members[1]!.beat();
  assert.deepEqual(healthy(health), ["a", "b", "c"]);
});

Deno.test("who has been silent for long is removed; and comes back by itself", async () => {
  const { clock, map, members } = world(["a", "b", "c"]);
  const health = new RingHealth(clock, map, options);
  health.judge();
  for (let i = 0; i < 23; i++) {
    await clock.advance(5_000);
    members[0]!.beat();
    members[1]!.beat();
    assert.deepEqual(health.forgetDead(), []);
  }
  await clock.advance(5_000);
  members.slice(0, 2).forEach((member) => member.beat());
  assert.deepEqual(health.forgetDead(), ["c"]);
  assert.deepEqual(instancesOf(map, RING).map(({ id }) => id), ["a", "b"]);
  members[2]!.beat();
  assert.deepEqual(instancesOf(map, RING).map(({ id }) => id), ["a", "b", "c"]);
});

Deno.test("a live-store whose farewell nobody heard owns nothing any more, and its partition can be removed", async () => {
  const { clock, map, members } = world(["a-0", "b-0", "a-1"]);
  const health = new RingHealth(clock, map, options);
  const distributors = new RingHealth(clock, map, { ...options, ring: "distributor" });
  for (const id of ["a-0", "b-0", "a-1"]) {
    writeOwner(map, id, partitionOfInstance(id), clock.now());
  }
  const owners = () => partitionsOf(map).map(({ id, owners }) => [id, owners.length]);
  writePartition(map, 0, PartitionState.Active, clock.now());
  writePartition(map, 1, PartitionState.Inactive, clock.now());
  // A process of another ring that has its name and is gone says nothing of it.
  writeInstance(map, "distributor", { ...readInstance(map, RING, "a-0")! }, clock.now());
  for (let i = 0; i < 24; i++) {
    [health, distributors].forEach((one) => one.judge());
    await clock.advance(5_000);
    members[0]!.beat();
    members[1]!.beat();
  }
  assert.deepEqual(owners(), [[0, 2], [1, 1]]);
  assert.deepEqual(distributors.forgetDead(false), ["a-0"]);
  assert.deepEqual(health.forgetDead(), ["a-1"]);
  assert.deepEqual(owners(), [[0, 2], [1, 0]]);
  const poll = new PartitionLifecycler(createRuntime({ clock }), map, {
    instance: "a-0",
    partition: 0,
    pollMs: 5_000,
    ownersMin: 1,
    ownersMinMs: 10_000,
    deleteInactiveAfterMs: 60_000,
  });
  poll.poll();
  assert.deepEqual(owners(), [[0, 2]]);
});

Deno.test("a member that hears of nobody judges nobody", async () => {
  const { clock, map, members } = world(["a", "b", "c", "d"]);
  const health = new RingHealth(clock, map, options);
  health.judge();
  for (let i = 0; i < 100; i++) {
    await clock.advance(5_000);
    members[0]!.beat();
    assert.deepEqual(health.forgetDead(), []);
  }
  assert.equal(instancesOf(map, RING).length, 4);
});

Deno.test("an instance registers, beats, leaves and is gone", async () => {
  const { clock, map, members } = world(["a"]);
  const stop = new AbortController();
  const running = members[0]!.run(stop.signal);
  const before = map.beat(`i/${RING}/a`);
  await clock.advance(20_000);
  assert.ok(map.beat(`i/${RING}/a`) > before);
  members[0]!.leave();
  assert.equal(instancesOf(map, RING)[0]!.state, "LEAVING");
  stop.abort();
  await clock.advance(10);
  await running;
  assert.deepEqual(instancesOf(map, RING), []);
});

Deno.test("two processes of one name tell it, and a restart does not", async () => {
  const clock = new SimulatedClock(1_767_268_800_000);
  const map = new ReplicatedMap();
  const told: unknown[] = [];
  const log = {
    ...createRuntime().log,
    warn: (_text: string, values: unknown) => told.push(values),
  };
  const start = (address: string) => {
    const options = { ring: RING, id: "a", address, zone: "", gossip: "", heartbeatMs: 5_000 };
    return new InstanceLifecycler({ clock, log: log as never }, map, options);
  };
  const former = start("one:1");
  former.beat();
  await clock.advance(5_000);
  const again = start("two:1");
  again.beat();
  again.activate();
  assert.deepEqual(told, [], "of its former life it only knows");
  former.beat();
  assert.deepEqual(told, [{ ring: RING, id: "a", address: "two:1" }]);
});
