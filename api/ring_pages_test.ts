import assert from "node:assert/strict";
import { InputError } from "../lib/errors.ts";
import { type JudgedInstance, PartitionState, SpreadTokens } from "../ring/mod.ts";
import { recordings } from "../tests/support/golden_http.ts";
import { refused } from "../tests/support/refused.ts";
import { createTestApi, NOW_MS } from "../tests/support/test_api.ts";
import type { RingPartition, RingsApi } from "./ring_options.ts";

const { Pending, Active, Inactive } = PartitionState;
const JSON_WANTED = { Accept: "application/json" };
const tokens = new SpreadTokens();

const instance = (id: string, isHealthy = true): JudgedInstance => ({
  id,
  state: "ACTIVE",
  address: "10.0.0.1:9095",
  zone: "a",
  registeredMs: NOW_MS - 60_000,
  gossip: "10.0.0.1:7946",
  isHealthy,
  silentMs: isHealthy ? 1_400 : 70_000,
  heartbeatSeconds: NOW_MS / 1000 - 2,
});

function world(parts: Partial<RingsApi> = {}, states: readonly PartitionState[] = [Active]) {
  const done: string[] = [];
  const partitions = (): RingPartition[] =>
    states.map((state, id) => ({
      id,
      state,
      stateMs: Date.parse("2026-11-21T02:46:08.4Z"),
      isLocked: state === Inactive,
      owners: state === Pending ? [] : ["HOST"],
      tokens: tokens.of(id),
    }));
  const ring = (name: string) => ({
    instances: () => [instance("one"), instance("two<b>", false)],
    forget: (id: string) => {
      if (id !== "one") throw new InputError("not_found", `there is no instance ${id}`);
      done.push(`${name} forgets ${id}`);
    },
  });
  const rings: RingsApi = {
    partitions: {
      partitions,
      changeState: (partition, state) => {
        if (partition !== 0) {
          throw new InputError("not_found", `there is no partition ${partition}`);
        }
        done.push(`${partition} becomes ${PartitionState[state]}`);
      },
      changeLock: (partition, isLocked) => void done.push(`${partition} locked ${isLocked}`),
    },
    liveStores: ring("live-store"),
    ...parts,
  };
  return { api: createTestApi({ rings }), done, ring };
}

type World = ReturnType<typeof world>;
const post = ({ api }: World, path: string, form: Record<string, string>) =>
  api.post(path, new URLSearchParams(form).toString());

Deno.test("the partition ring is told as recorded", async () => {
  const [recorded] = (await recordings("misc.jsonl")).filter(({ path }) =>
    path === "/partition-ring"
  );
  const answer = await world().api.get("/partition-ring", JSON_WANTED);
  assert.equal(answer.headers.get("Content-Type"), "application/json");
  assert.equal(await answer.text(), recorded!.body!.trim());
});

Deno.test("the page of partitions tells states, owners and locks, and tokens to who asks for them", async () => {
  const { api } = world({}, [Active, Pending, Inactive]);
  const page = async (path: string) => await (await api.get(path)).text();
  const text = await page("/partition-ring");
  assert.match(
    text,
    /<td>0<\/td><td>Active<\/td><td>2026-11-21T02:46:08Z<\/td><td>HOST<\/td><td>no</,
  );
  assert.match(text, /<tr class="bad"><td>1<\/td><td>Pending<\/td><td>[^<]*<\/td><td>none</);
  assert.equal(text.match(/<button>Make /g)?.length, 3, "a locked one is unlocked first");
  assert.match(text, /name="locked" value="false"><button>Unlock</);
  assert.ok(!text.includes("8388608"));
  assert.ok((await page("/partition-ring?tokens=true")).includes("0 8388608 16777216"));
  assert.doesNotMatch(text, /<script|src=|@import/);
});

Deno.test("states and locks are changed by a POST, which leads back to the page", async () => {
  const those = world();
  const change = { partition_id: "0", partition_state: "PartitionInactive" };
  const actions: [Record<string, string>, string[]][] = [
    [{ action: "change_state", ...change }, ["0 becomes Inactive"]],
    [{ action: "change_state_and_lock", ...change }, ["0 becomes Inactive", "0 locked true"]],
    [{ action: "change_state_lock", partition_id: "3", locked: "true" }, ["3 locked true"]],
    [{ action: "change_state_lock", partition_id: "3", locked: "0" }, ["3 locked false"]],
  ];
  for (const [form, expected] of actions) {
    those.done.length = 0;
    const answer = await post(those, "/partition-ring", form);
    assert.deepEqual([answer.status, answer.headers.get("Location")], [302, "#"]);
    assert.deepEqual(those.done, expected);
  }
});

Deno.test("what makes no sense of a partition is refused with its reason", async () => {
  const those = world();
  const wrong: [Record<string, string>, RegExp][] = [
    [{}, /unknown action ""/],
    [{ action: "delete", partition_id: "0" }, /unknown action "delete"/],
    [{ action: "change_state", partition_id: "x" }, /invalid partition ID: "x"/],
    [{ action: "change_state", partition_id: "0" }, /invalid partition state: ""/],
    [
      { action: "change_state", partition_id: "0", partition_state: "PartitionDeleted" },
      /invalid partition state: "PartitionDeleted"/,
    ],
    [
      { action: "change_state", partition_id: "7", partition_state: "PartitionActive" },
      /there is no partition 7/,
    ],
    [{ action: "change_state_lock", partition_id: "0", locked: "yes" }, /invalid locked: "yes"/],
  ];
  for (const [form, reason] of wrong) {
    await refused(post(those, "/partition-ring", form), 400, reason);
  }
  assert.deepEqual(those.done, []);
  const foreign = { "Sec-Fetch-Site": "cross-site" };
  await refused(those.api.send("POST", "/partition-ring", foreign), 403, /another site/);
  assert.equal((await those.api.send("PUT", "/partition-ring")).status, 405);
});

Deno.test("the page of live-stores tells who is healthy; one can be forgotten", async () => {
  const those = world();
  const { api, done } = those;
  const told = await (await api.get("/live-store/ring", JSON_WANTED)).json();
  assert.deepEqual(told.shards[0], {
    id: "one",
    state: "ACTIVE",
    address: "10.0.0.1:9095",
    timestamp: "2026-01-01T13:59:58Z",
    registered_timestamp: "2026-01-01T13:59:00Z",
    zone: "a",
    tokens: [],
  });
  assert.deepEqual([told.shards[1].state, told.now], ["Unhealthy", "2026-01-01T14:00:00Z"]);
  const text = await (await api.get("/live-store/ring")).text();
  assert.match(text, /<tr class="bad"><td>two&lt;b&gt;<\/td><td>a<\/td><td>Unhealthy</);
  assert.ok(!text.includes("<b>"));
  assert.match(text, /heard 70s ago/);
  assert.equal((await post(those, "/live-store/ring", { forget: "one" })).status, 302);
  assert.deepEqual(done, ["live-store forgets one"]);
  await refused(post(those, "/live-store/ring", { forget: "x" }), 400, /there is no instance x/);
  await refused(post(those, "/live-store/ring", {}), 400, /names no instance/);
});

Deno.test("rings that a process does not have are no pages", async () => {
  const none = createTestApi();
  const paths = [
    ...["/partition-ring", "/live-store/ring", "/distributor/ring", "/memberlist"],
    "/metrics-generator/ring",
  ];
  for (const path of paths) await refused(none.get(path), 404, "404 page not found\n");
  const { api, ring } = world();
  for (const path of paths.slice(2)) await refused(api.get(path), 404, "404 page not found\n");
  const own = world({ distributors: ring("distributor"), generators: ring("metrics-generator") });
  assert.equal((await own.api.get("/distributor/ring")).status, 200);
  assert.match(await (await own.api.get("/metrics-generator/ring")).text(), /Metrics-generators/);
});

Deno.test("the memberlist tells members and keys, and what a key holds", async () => {
  const { api } = world({
    memberlist: {
      name: "me-1234",
      address: "10.0.0.9:7946",
      members: () => [{ ...instance("one"), ring: "live-store" }],
      keys: () => ["collectors/live-store"],
      value: (key) => key === "collectors/live-store" ? [{ id: "<one>" }] : undefined,
    },
  });
  assert.deepEqual(await (await api.get("/memberlist", JSON_WANTED)).json(), {
    node: { name: "me-1234", address: "10.0.0.9:7946" },
    members: [
      { id: "one", ring: "live-store", address: "10.0.0.1:7946", zone: "a", state: "ACTIVE" },
    ],
    store: { "collectors/live-store": [{ id: "<one>" }] },
  });
  const text = await (await api.get("/memberlist")).text();
  assert.match(text, /<a href="\?viewKey=collectors%2Flive-store">View<\/a>/);
  const view = await api.get("/memberlist?viewKey=collectors%2Flive-store");
  assert.match(await view.text(), /<pre>\[\n {2}\{\n {4}&quot;id&quot;: &quot;&lt;one&gt;/);
  const download = await api.get("/memberlist?downloadKey=collectors%2Flive-store");
  assert.equal(
    download.headers.get("Content-Disposition"),
    'attachment; filename="collectors-live-store.json"',
  );
  assert.deepEqual(await download.json(), [{ id: "<one>" }]);
  await refused(api.get("/memberlist?viewKey=x"), 404, "404 page not found\n");
  await refused(api.get("/memberlist?viewMsg=1"), 404, /message not found/);
  assert.equal((await api.post("/memberlist", "")).status, 405);
});
