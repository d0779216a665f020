import assert from "node:assert/strict";
import { loneLiveStore } from "../tests/support/lone_live_store.ts";
import { refused } from "../tests/support/refused.ts";
import { createTestApi } from "../tests/support/test_api.ts";

const PARTITION = "/live-store/prepare-partition-downscale";
const INSTANCE = "/live-store/prepare-downscale";
const START_MS = 1_767_268_800_000;

async function world() {
  const store = await loneLiveStore(START_MS);
  const api = createTestApi({ downscale: store.downscale });
  const told = async (method: string) => {
    const answer = await api.send(method, PARTITION);
    assert.equal(answer.headers.get("Content-Type"), "application/json");
    return await answer.text();
  };
  return { ...store, api, told };
}

Deno.test("a partition is prepared once, tells since when, and may be taken back", async () => {
  const { clock, api, lifecycler, told } = await world();
  await refused(api.get(PARTITION), 500, /there is no partition 0/);
  lifecycler.register();
  assert.equal(await told("GET"), '{"timestamp":0,"state":"PartitionPending"}');
  await refused(api.send("POST", PARTITION), 409, /Pending/);
  lifecycler.poll();
  assert.equal(await told("DELETE"), '{"timestamp":0,"state":"PartitionActive"}');
  await clock.advance(60_000);
  const drained = `{"timestamp":${START_MS / 1000 + 60},"state":"PartitionInactive"}`;
  assert.equal(await told("POST"), drained);
  await clock.advance(60_000);
  assert.equal(await told("POST"), drained);
  assert.equal(await told("GET"), drained);
  assert.equal(await told("DELETE"), '{"timestamp":0,"state":"PartitionActive"}');
});

Deno.test("a live-store that does not run is told nothing", async () => {
  const { api, lifecycler, life } = await world();
  lifecycler.register();
  life.isRunning = false;
  for (const method of ["GET", "POST", "DELETE", "PUT"]) {
    await refused(api.send(method, PARTITION), 503, /not running/);
  }
});

Deno.test("the instance is prepared after its partition; the marker comes first", async () => {
  const { api, lifecycler, told } = await world();
  lifecycler.register();
  lifecycler.poll();
  const marker = async () => await (await api.get(INSTANCE)).text();
  assert.equal(await marker(), "unset\n");
  await refused(api.send("POST", INSTANCE), 409, /is Active, not Inactive/);
  assert.equal(await marker(), "set\n", "the marker stays");
  assert.equal(lifecycler.createsPartition, true);
  await told("POST");
  for (let i = 0; i < 2; i++) assert.equal((await api.send("POST", INSTANCE)).status, 204);
  assert.equal(lifecycler.createsPartition, false);
  for (let i = 0; i < 2; i++) assert.equal((await api.send("DELETE", INSTANCE)).status, 204);
  assert.equal(await marker(), "unset\n");
  assert.equal(lifecycler.createsPartition, true);
});

Deno.test("a disk that fails is told, and nothing is prepared", async () => {
  const { api, lifecycler, disk, told } = await world();
  lifecycler.register();
  lifecycler.poll();
  await told("POST");
  disk.before = () => {
    throw new Error("disk full");
  };
  assert.equal((await api.send("POST", INSTANCE)).status, 500);
  assert.equal(lifecycler.createsPartition, true);
});

Deno.test("other methods have no meaning, as recorded", async () => {
  const { api } = await world();
  for (const path of [PARTITION, INSTANCE]) {
    const answer = await api.send("PUT", path);
    assert.deepEqual([answer.status, await answer.text()], [405, ""]);
  }
});
