import assert from "node:assert/strict";
import { SimulatedClock } from "../../lib/clock.ts";
import { InputError, UnavailableError } from "../../lib/errors.ts";
import { createRuntime } from "../../lib/runtime.ts";
import { MemoryObjectStore, VersionError, versionsOf } from "../../storage/mod.ts";
import { defaultConfig } from "../config/mod.ts";
import { limitsPages } from "./limits_pages.ts";
import { Overrides } from "./overrides.ts";
import { parseRuntimeFile } from "./runtime_file.ts";
import { UserOverrides } from "./user_overrides.ts";

const NEVER = new AbortController().signal;
const KEY = "overrides/acme/overrides.json";
const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const every = (interval: string) => ({ metrics_generator: { collection_interval: interval } });

async function opened(store = new MemoryObjectStore(), refusesConflicts = false) {
  const clock = new SimulatedClock();
  const runtime = createRuntime({ clock });
  const overrides = new Overrides(defaultConfig());
  const options = { pollMs: 60_000, refusesConflicts };
  const user = await UserOverrides.open(runtime, store, overrides, options);
  return {
    store,
    clock,
    overrides,
    user,
    intervalMs: () => overrides.of("acme").values.metrics_generator.collection_interval,
    metric: async (name: string) => {
      const start = `tempo_overrides_user_configurable_overrides_${name}`;
      const line = (await runtime.metrics.text()).split("\n").find((one) => one.startsWith(start));
      return Number(line?.slice(line.lastIndexOf(" ")) ?? 0);
    },
  };
}

Deno.test("a document is in effect once it is written, and elsewhere within the period", async () => {
  const here = await opened();
  await using _here = here.user;
  const there = await opened(here.store);
  await using _there = there.user;
  assert.equal(await here.user.get("acme", NEVER), undefined);
  const { version } = await here.user.set("acme", bytes(every("30s")), undefined, false, NEVER);
  assert.equal(here.intervalMs(), 30_000);
  assert.equal(there.intervalMs(), 0);
  await there.clock.advance(60_000);
  assert.equal(there.intervalMs(), 30_000);
  assert.equal((await there.user.get("acme", NEVER))!.version, version);
  await there.user.delete("acme", version, NEVER);
  assert.equal(there.intervalMs(), 0);
  await here.clock.advance(60_000);
  assert.equal(here.intervalMs(), 0);
  assert.equal(await here.metric("list_total"), 2);
});

Deno.test("a document of another version is not replaced, patched documents are", async () => {
  const { user, store } = await opened();
  await using _ = user;
  const first = await user.set("acme", bytes({ forwarders: ["a"] }), undefined, false, NEVER);
  await assert.rejects(user.set("acme", bytes({}), undefined, false, NEVER), VersionError);
  const second = await user.patch("acme", bytes(every("30s")), false, NEVER);
  assert.deepEqual(second.document.written, { forwarders: ["a"], ...every("30s") });
  await assert.rejects(user.set("acme", bytes({}), first.version, false, NEVER), VersionError);
  await assert.rejects(user.delete("acme", first.version, NEVER), VersionError);
  // Patches at the same time are all made, each on what the others left.
  await Promise.all(
    ["20s", "40s"].map((interval) => user.patch("acme", bytes(every(interval)), false, NEVER)),
  );
  const { forwarders } = JSON.parse(new TextDecoder().decode(store.objects.get(KEY)));
  assert.deepEqual(forwarders, ["a"]);
});

Deno.test("a bad document and a store that is away leave what was known", async () => {
  const { user, store, clock, intervalMs, metric } = await opened();
  await using _ = user;
  const { version } = await user.set("acme", bytes(every("30s")), undefined, false, NEVER);
  await versionsOf(store).writeVersioned(KEY, bytes({ what: 1 }), version);
  await clock.advance(60_000);
  assert.equal(intervalMs(), 30_000);
  assert.equal(await metric("reload_failed_total"), 1);
  assert.equal(await metric('fetch_failed_total{user="acme"}'), 1);
  await assert.rejects(user.get("acme", NEVER), {
    name: "UnavailableError",
    message: /what: unknown key/,
  });
  store.script({ operation: "list", call: 1, fail: new UnavailableError("503") });
  await clock.advance(60_000);
  assert.equal(intervalMs(), 30_000);
  assert.equal(await metric("reload_failed_total"), 2);
  // It can still be replaced.
  const bad = await user.version("acme", NEVER);
  await user.set("acme", bytes(every("45s")), bad, false, NEVER);
  await clock.advance(60_000);
  assert.equal(intervalMs(), 45_000);
});

Deno.test("what the runtime file sets is not set again, where that is checked", async () => {
  const { user, overrides } = await opened(new MemoryObjectStore(), true);
  await using _ = user;
  const entry = "{metrics_generator: {collection_interval: 15s}}";
  overrides.replace(parseRuntimeFile("f", `overrides: {acme: ${entry}}`, false));
  const set = (isAllowed: boolean) =>
    user.set("acme", bytes(every("30s")), undefined, isAllowed, NEVER);
  await assert.rejects(set(false), (error) => {
    assert.ok(error instanceof InputError);
    assert.match(error.message, /acme set metrics_generator\.collection_interval:/);
    return true;
  });
  await set(true);
  await user.patch("acme", bytes({ forwarders: ["a"], metrics_generator: null }), false, NEVER);
  const merged = user.merged("acme") as Record<string, Record<string, unknown>>;
  assert.deepEqual(merged.forwarders, ["a"]);
  assert.equal(merged.metrics_generator!.collection_interval, "15s");
  assert.deepEqual(limitsPages(overrides).tenants().get("acme"), {
    runtime: { metrics_generator: { collection_interval: "15s" } },
    user: { forwarders: ["a"] },
  });
});
