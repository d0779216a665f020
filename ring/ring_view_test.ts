import assert from "node:assert/strict";
import { SimulatedClock } from "../lib/clock.ts";
import { ReplicatedMap } from "./gossip/replicated_map.ts";
import { RingHealth } from "./health.ts";
import { changeState } from "./partition_lifecycler.ts";
import { PartitionState } from "./partition_ring.ts";
import { RingView } from "./ring_view.ts";
import { writeInstance, writeOwner, writePartition } from "./ring_entries.ts";
import { SpreadTokens } from "./spread_tokens.ts";

function world() {
  const clock = new SimulatedClock(1_767_268_800_000);
  const map = new ReplicatedMap();
  const health = new RingHealth(clock, map, { ring: "live-store", timeoutMs: 60_000, forgetMs: 0 });
  const view = new RingView(map, new SpreadTokens(), health, "zone-b");
  for (const zone of ["zone-a", "zone-b"]) {
    for (const partition of [0, 1]) {
      const id = `${zone}-${partition}`;
      const value = {
        state: "ACTIVE" as const,
        address: `${id}:1`,
        zone,
        registeredMs: 0,
        gossip: id,
      };
      writeInstance(map, "live-store", { id, ...value }, clock.now());
      writeOwner(map, id, partition, clock.now());
    }
  }
  for (const id of [0, 1]) writePartition(map, id, PartitionState.Active, clock.now());
  return { clock, map, view };
}

const names = (view: RingView) => view.owners().map(({ owners }) => owners.map(({ id }) => id));

Deno.test("each partition that may hold data has its healthy owners, the own zone first", async () => {
  const { clock, map, view } = world();
  writePartition(map, 2, PartitionState.Pending, clock.now());
  assert.deepEqual(names(view), [["zone-b-0", "zone-a-0"], ["zone-b-1", "zone-a-1"]]);
  await clock.advance(61_000);
  for (const id of ["zone-a-0", "zone-a-1", "zone-b-1"]) {
    map.mergeBeat(`i/live-store/${id}`, clock.now());
  }
  assert.deepEqual(names(view), [["zone-a-0"], ["zone-b-1", "zone-a-1"]]);
});

Deno.test("the ring follows the states of its partitions", () => {
  const { clock, map, view } = world();
  const keys = Array.from({ length: 50 }, (_, i) => i * 85_899_345);
  const taken = () => new Set(keys.map((key) => view.ring().activePartitionForKey(key)));
  assert.deepEqual([...taken()].sort(), [0, 1]);
  changeState(map, 1, PartitionState.Inactive, clock.now());
  assert.deepEqual([...taken()], [0]);
  assert.equal(view.owners().length, 2, "read while it is drained");
});

Deno.test("a ring is made anew when a partition changes, and not when an owner does", () => {
  const { clock, map, view } = world();
  const before = view.ring();
  writeOwner(map, "zone-c-0", 0, clock.now());
  assert.equal(view.ring(), before);
  changeState(map, 1, PartitionState.Inactive, clock.now());
  assert.notEqual(view.ring(), before);
});
