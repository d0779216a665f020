import assert from "node:assert/strict";
import { systemClock } from "../../lib/clock.ts";
import { createRuntime } from "../../lib/runtime.ts";
import { SimulatedDisk } from "../../lib/simulated_disk.ts";
import { sleep } from "../../lib/waiting.ts";
import { PartitionState } from "../../ring/mod.ts";
import { createTestApi } from "../../tests/support/test_api.ts";
import { type Config, ConfigSchema, type Target } from "../config/mod.ts";
import { openRings, type Rings } from "../rings.ts";
import { downscaleOf, ringPages } from "./ring_pages.ts";

const NEVER = new AbortController().signal;
const JSON_WANTED = { Accept: "application/json" };

async function open(stack: AsyncDisposableStack, target: Target, values: object) {
  const disk = new SimulatedDisk();
  const config: Config = ConfigSchema.parse({
    live_store: {
      ring: { instance_id: "live-store-0", heartbeat_period: "10ms" },
      partition_ring: { min_partition_owners_duration: "0s" },
    },
    memberlist: { bind_addr: "127.0.0.1", bind_port: 0, node_name: "a-node" },
    ...values,
  });
  const rings = await openRings(createRuntime(), config, {
    targets: [target],
    grpcPort: 9095,
    hostname: "a-host",
    interfaces: [],
    resolver: { addressesOf: () => assert.fail(), serviceOf: () => assert.fail() },
    readFile: () => assert.fail(),
    openDirectory: () => Promise.resolve(disk.mount()),
  }, stack);
  rings.activate();
  const api = createTestApi({
    rings: ringPages(rings, config),
    downscale: downscaleOf(rings, () => true),
  });
  return { rings, api };
}

async function active({ view }: Rings): Promise<void> {
  while (view.partitions[0]?.state !== PartitionState.Active) {
    await sleep(systemClock, 5, NEVER);
  }
}

Deno.test("a live-store shows its rings, and is taken away by their pages", async () => {
  await using stack = new AsyncDisposableStack();
  const { rings, api } = await open(stack, "live-store", {});
  await active(rings);
  const get = async (path: string) => await (await api.get(path, JSON_WANTED)).json();
  const { partitions: [partition] } = await get("/partition-ring");
  assert.deepEqual([partition.id, partition.state, partition.owner_ids], [0, 2, ["live-store-0"]]);
  assert.deepEqual(
    (await get("/live-store/ring")).shards.map((
      { id, state }: Record<string, unknown>,
    ) => [id, state]),
    [["live-store-0", "ACTIVE"]],
  );
  const memberlist = await get("/memberlist");
  assert.match(memberlist.node.name, /^a-node-[0-9a-f]{8}$/);
  assert.equal(memberlist.members[0].address, memberlist.node.address);
  assert.equal(memberlist.store["collectors/livestore-partitions"][0].id, 0);
  assert.deepEqual(memberlist.store["collectors/distributor"], []);
  assert.equal((await api.get("/distributor/ring")).status, 404);

  const lock = "action=change_state_and_lock&partition_id=0&partition_state=PartitionInactive";
  assert.equal((await api.post("/partition-ring", lock)).status, 302);
  const unlockless = "action=change_state&partition_id=0&partition_state=PartitionActive";
  assert.equal((await api.post("/partition-ring", unlockless)).status, 400);
  const [entry] = rings.view.partitions;
  assert.deepEqual([entry!.state, entry!.isLocked], [PartitionState.Inactive, true]);
  assert.equal((await api.send("POST", "/live-store/prepare-downscale")).status, 204);
  assert.equal((await api.post("/live-store/ring", "forget=nobody")).status, 400);
  assert.equal((await api.post("/live-store/ring", "forget=live-store-0")).status, 302);
  while (rings.liveStores.judge().length === 0) await sleep(systemClock, 5, NEVER);
  await rings[Symbol.asyncDispose]();
  assert.deepEqual(rings.view.partitions[0]!.owners, []);
  assert.equal(await rings.downscale!.isPrepared(), false, "a stop that was prepared for is over");
});

Deno.test("distributors have a page where their number counts, and no downscale", async () => {
  await using stack = new AsyncDisposableStack();
  const global = { overrides: { defaults: { ingestion: { rate_strategy: "global" } } } };
  const { rings, api } = await open(stack, "distributor", global);
  assert.equal((await api.get("/distributor/ring")).status, 200);
  assert.equal((await api.get("/live-store/prepare-downscale")).status, 404);
  assert.equal(downscaleOf(rings, () => true), undefined);
});

Deno.test("a process alone has no memberlist", async () => {
  await using stack = new AsyncDisposableStack();
  const { api } = await open(stack, "all", {});
  assert.equal((await api.get("/memberlist")).status, 404);
  assert.equal((await api.get("/partition-ring")).status, 200);
});
