// The simulated cluster in the unit tests: a few seeds and those that failed once, the same journal from the same
// seed, and every checker seen to notice a rule that is broken on purpose.
import assert from "node:assert/strict";
import { partitionsOf } from "../../ring/mod.ts";
import type { BrokenRule } from "./cluster_ground.ts";
import { failedOnce } from "./seeds.ts";
import { TIMES } from "./cluster_times.ts";
import { ClusterWorld } from "./cluster_world.ts";

const MINUTE_MS = 60_000;

for (const [seed, steps] of [...failedOnce("cluster"), [1, 60]]) {
  Deno.test(`a cluster keeps its promises, whatever happens to it: seed ${seed}`, async () => {
    const report = await new ClusterWorld(seed!).run(steps!);
    assert.deepEqual(report.problems, []);
    assert.ok(report.acknowledgedSpans > 0 && report.faults > 0 && report.answers > 0);
  });
}

Deno.test("the same seed has the same journal", async () => {
  const [one, other] = [new ClusterWorld(3), new ClusterWorld(3)];
  await one.live(15);
  await other.live(15);
  assert.deepEqual(other.journal, one.journal);
  assert.notDeepEqual(other.journal, []);
});

Deno.test("live-stores whose farewell nobody hears are forgotten, and what they owned is removed", async () => {
  const world = new ClusterWorld(5);
  await world.begin();
  await pushes(world, 6);
  const stores = ["live-store-zone-a-1", "live-store-zone-b-1"].map((name) => world.process(name));
  stores[0]!.rings!.downscale!.drain();
  await world.pass(TIMES.downscaleMs);
  stores.forEach((store) => store.leave()); // without a word
  await world.pass(TIMES.forgetMs + TIMES.removePartitionMs + 4 * TIMES.heartbeatMs);
  for (const { name, rings } of world.processes) {
    if (rings === undefined) continue;
    assert.deepEqual(
      partitionsOf(rings.map).map(({ id, owners }) => [id, owners.length]),
      [[0, 2]],
      name,
    );
  }
  await world.look("audit");
  assert.deepEqual(world.checks.problems, []);
});

type Scenario = (world: ClusterWorld) => Promise<void>;

async function calm(world: ClusterWorld): Promise<void> {
  await world.begin();
  await pushes(world, 12);
  await world.look("audit");
}

async function topicAway(world: ClusterWorld): Promise<void> {
  await world.begin();
  world.ground.topic.crash(40_000);
  await pushes(world, 12);
  await world.look("audit");
}

async function buildersAway(world: ClusterWorld): Promise<void> {
  await world.begin();
  world.process("block-builder-0").leave();
  await pushes(world, 12);
  await world.pass(TIMES.keepMs + 2 * MINUTE_MS);
  await world.look("audit");
}

/** What they have built late is in nobody's list at first. */
async function buildersLate(world: ClusterWorld): Promise<void> {
  await buildersAway(world);
  world.process("block-builder-0").comeBack();
  for (let i = 0; i < 40; i++) {
    await world.pass(5_000);
    void world.audit.ask();
  }
  await world.pass(5_000);
}

async function partitionLeaves(world: ClusterWorld): Promise<void> {
  await world.begin();
  await pushes(world, 6);
  world.downscale();
  await pushes(world, 6);
  await world.end(0);
}

async function pushes(world: ClusterWorld, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    world.clients.send();
    await world.pass(5_000);
  }
}

const scenarios: readonly (readonly [Scenario, readonly (readonly [BrokenRule, RegExp])[]])[] = [
  [calm, [
    ["skips_a_partition", /is lost|is not counted/],
    ["asks_all_owners", /is counted 2 times, written 1/],
    ["commits_before_durable", /^at \d+: committed > durable/],
    ["hears_nobody", /rings converge: not within/],
    ["owns_twice", /partition 0 has 2 owners in zone-a/],
  ]],
  [topicAway, [["acknowledges_at_once", /is lost/]]],
  [buildersAway, [["deletes_unbuilt_blocks", /is lost/]]],
  [buildersLate, []],
  [partitionLeaves, [["ignores_removal", /partition 1 was taken away and is Inactive/]]],
];

for (const [scenario, broken] of scenarios) {
  Deno.test(`nothing is wrong: ${scenario.name}`, async () => {
    const world = new ClusterWorld(1);
    await scenario(world);
    assert.deepEqual(world.checks.problems, []);
    assert.ok(world.checks.acknowledged.size > 0);
  });
  for (const [rule, complaint] of broken) {
    Deno.test(`a broken rule is noticed: ${rule}`, async () => {
      const world = new ClusterWorld(1, rule);
      // One that is cut off for good may never answer.
      await scenario(world).catch((error) => world.checks.problem(String(error)));
      assert.match(world.checks.problems.join("\n"), new RegExp(complaint, "m"));
    });
  }
}
