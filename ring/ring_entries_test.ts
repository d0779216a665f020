import assert from "node:assert/strict";
import { ReplicatedMap } from "./gossip/replicated_map.ts";
import { PartitionState } from "./partition_ring.ts";
import {
  createPartition,
  instancesOf,
  mayMove,
  partitionsOf,
  removeOwner,
  removePartition,
  writeInstance,
  writeLock,
  writeOwner,
  writePartition,
} from "./ring_entries.ts";

Deno.test("partitions are read with their state, lock and owners", () => {
  const map = new ReplicatedMap();
  writePartition(map, 2, PartitionState.Pending, 100);
  writePartition(map, 0, PartitionState.Active, 50);
  writeOwner(map, "zone-b-0", 0, 20);
  writeOwner(map, "zone-a-0", 0, 10);
  writeLock(map, 0, true, 60);
  assert.deepEqual(partitionsOf(map), [
    {
      id: 0,
      state: PartitionState.Active,
      stateMs: 50,
      isLocked: true,
      owners: [
        { instance: "zone-a-0", partition: 0, updatedMs: 10 },
        { instance: "zone-b-0", partition: 0, updatedMs: 20 },
      ],
    },
    { id: 2, state: PartitionState.Pending, stateMs: 100, isLocked: false, owners: [] },
  ]);
  removeOwner(map, "zone-a-0", 80);
  removePartition(map, 2, 80);
  writeLock(map, 0, false, 70);
  const [left, ...others] = partitionsOf(map);
  assert.deepEqual([left!.owners.length, left!.isLocked, others.length], [1, false, 0]);
});

Deno.test("who makes a partition before it met the others overrules nothing that they know", () => {
  const { Pending, Inactive } = PartitionState;
  const alone = new ReplicatedMap();
  createPartition(alone, 0, 5_000);
  const [made] = partitionsOf(alone);
  assert.deepEqual([made!.state, made!.stateMs], [Pending, 5_000]);
  const others = new ReplicatedMap();
  writePartition(others, 0, Inactive, 40);
  assert.equal(others.merge("p/0", alone.get("p/0")!), false);
  alone.merge("p/0", others.get("p/0")!);
  createPartition(alone, 0, 6_000);
  assert.equal(partitionsOf(alone)[0]!.state, Inactive);
  removePartition(alone, 0, 7_000);
  createPartition(alone, 0, 8_000);
  assert.equal(partitionsOf(alone)[0]!.state, Pending, "after a removal that it knows");
});

Deno.test("what another version or nobody's version wrote does not keep from reading the rest", () => {
  const map = new ReplicatedMap();
  map.merge("i/live-store/odd", { timestampMs: 1, rank: 9, value: '{"zone":7}' });
  map.merge("p/x", { timestampMs: 1, rank: 2, value: "{}" });
  map.merge("p/4", { timestampMs: 1, rank: 77, value: "{}" });
  writePartition(map, 1, PartitionState.Active, 1);
  assert.deepEqual(partitionsOf(map).map(({ id }) => id), [1]);
  const [odd] = instancesOf(map, "live-store");
  assert.deepEqual([odd!.state, odd!.zone, odd!.address], ["JOINING", "7", ""]);
});

Deno.test("an owner that registers again keeps its time", () => {
  const map = new ReplicatedMap();
  writePartition(map, 0, PartitionState.Pending, 0);
  writeOwner(map, "a", 0, 10);
  writeOwner(map, "a", 0, 99);
  assert.equal(partitionsOf(map)[0]!.owners[0]!.updatedMs, 10);
});

Deno.test("instances of one ring are no instances of another", () => {
  const map = new ReplicatedMap();
  const instance = {
    state: "ACTIVE" as const,
    address: "x:1",
    zone: "a",
    registeredMs: 1,
    gossip: "",
  };
  writeInstance(map, "live-store", { id: "l", ...instance }, 1);
  writeInstance(map, "distributor", { id: "d", ...instance }, 1);
  assert.deepEqual(instancesOf(map, "live-store"), [{ id: "l", ...instance }]);
});

Deno.test("a partition moves as the ring allows, and no other way", () => {
  const { Pending, Active, Inactive } = PartitionState;
  const all = [Pending, Active, Inactive];
  const moves = all.flatMap((from) =>
    all.filter((to) => mayMove(from, to)).map((to) => [from, to])
  );
  assert.deepEqual(moves, [
    [Pending, Active],
    [Pending, Inactive],
    [Active, Inactive],
    [Inactive, Active],
  ]);
});
