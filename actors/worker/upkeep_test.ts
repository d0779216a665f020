// Compaction and retention as they run in a process, on a simulated clock and a store with weather.
// Laws, after any interruption and a further run: every span is found, by id and by search, and none
// twice; no object is left that no block owns.
import assert from "node:assert/strict";
import { dataKey, metaKey, noCompactKey } from "../../model/block_meta.ts";
import {
  assertClean,
  assertHeld,
  begin,
  census,
  HOUR_MS,
  newWorld,
  pass,
  put,
  putFour,
  rules,
  T0_MS,
} from "../../tests/support/upkeep_world.ts";

Deno.test("blocks of several tenants are merged, retired, and later deleted", async () => {
  const world = newWorld();
  const acme = await putFour(world, "acme", 1);
  const other = await putFour(world, "other", 11);
  await put(world, "disabled", 21, [[0, [1]]]);
  await put(world, "disabled", 22, [[0, [2]]]);
  const life = await begin(world, {
    rulesOf: (tenant) => tenant === "disabled" ? undefined : rules,
  });
  await pass(world.clock, 10_000);
  assert.equal(life.list.blocks("acme").length, 1);
  assert.equal(life.list.blocks("acme")[0]!.compactionLevel, 1);
  assert.equal(life.list.blocks("other").length, 1);
  assert.equal(life.list.compacted("acme").length, 4);
  assert.equal(life.list.blocks("disabled").length, 2);
  assert.deepEqual(census(world), { live: 4, compacted: 8, leaked: [] });
  assert.equal(await life.metric('tempodb_compaction_blocks_total{level="1"}'), 8);
  assert.equal(await life.metric("tempodb_compaction_spans_deduped_total"), 2);
  assert.equal(await life.metric('tempodb_compaction_objects_combined_total{level="1"}'), 4);
  await assertHeld(world, life, "acme", acme);
  await pass(world.clock, HOUR_MS / 2);
  assert.equal(
    census(world).compacted,
    8,
    "what was compacted is kept for queries that have begun",
  );
  await pass(world.clock, 2 * HOUR_MS);
  assert.deepEqual(census(world), { live: 4, compacted: 0, leaked: [] });
  assert.equal(await life.metric("tempodb_retention_deleted_total"), 8);
  await assertHeld(world, life, "other", other);
  await life.stop();
});

Deno.test("blocks whose time is over are marked, then deleted; others stay", async () => {
  const world = newWorld();
  await put(world, "acme", 1, [[0, [1]]], T0_MS - 49 * HOUR_MS);
  await put(world, "acme", 2, [[1, [2]]], T0_MS - 40 * HOUR_MS);
  await world.store.write("acme/index.json.gz", new Uint8Array(3));
  await world.store.write("work.json", new Uint8Array(3));
  const life = await begin(world);
  await pass(world.clock, 5_000);
  assert.equal(census(world).compacted, 1);
  assert.equal(life.list.blocks("acme").length, 1);
  await pass(world.clock, 3 * HOUR_MS);
  assert.equal(census(world).compacted, 0);
  assert.equal(await life.metric("tempodb_retention_marked_for_deletion_total"), 1);
  await assertHeld(world, life, "acme", new Map([[1, [2]]]));
  await pass(world.clock, 10 * HOUR_MS);
  assert.deepEqual([...world.store.objects.keys()], ["acme/index.json.gz", "work.json"]);
  await life.stop();
});

Deno.test("a damaged block fails its job loudly and holds up no others; mended, it is merged", async () => {
  const world = newWorld();
  const acme = await putFour(world, "acme", 1);
  const bad = world.store.objects.get(dataKey("acme", "00000000-0000-4000-8000-000000000003"))!;
  const good = bad.slice();
  bad.fill(0xff, 100, bad.length - 3000);
  const other = await putFour(world, "other", 11);
  const life = await begin(world);
  await pass(world.clock, 5 * 60_000);
  assert.equal(life.list.blocks("other").length, 1);
  assert.equal(life.list.blocks("acme").length, 2, "the other three are merged without it");
  const failures = await life.metric("tempodb_compaction_errors_total");
  assert.ok(failures >= 1 && failures <= 4, `${failures} failures`);
  bad.set(good);
  await pass(world.clock, 7 * HOUR_MS);
  await assertClean(world, life, new Map([["acme", acme], ["other", other]]));
  await life.stop();
});

Deno.test("a block that its builder has not committed is left alone; a forgotten flag is swept", async () => {
  const world = newWorld();
  const acme = await putFour(world, "acme", 1);
  const flag = noCompactKey("acme", "00000000-0000-4000-8000-000000000002");
  await world.store.write(flag, new Uint8Array(0));
  const life = await begin(world);
  await pass(world.clock, 10 * 60_000);
  assert.deepEqual(
    life.list.blocks("acme").map(({ compactionLevel }) => compactionLevel).sort(),
    [0, 1],
  );
  assert.ok(world.store.objects.has(flag));
  await pass(world.clock, 7 * HOUR_MS);
  await assertClean(world, life, new Map([["acme", acme]]));
  assert.equal(await life.metric('segno_leftovers_swept_total{kind="flag"}'), 1);
  await life.stop();
});

Deno.test("leftovers are swept after a grace: unfinished blocks, and compacted ones with garbage", async () => {
  const world = newWorld();
  const lone = await put(world, "acme", 1, [[0, [1]]]);
  const half = "00000000-0000-4000-8000-0000000000aa";
  await world.store.write(`acme/${half}/data.parquet`, new Uint8Array(9));
  await world.store.write(`acme/${half}/bloom-0`, new Uint8Array(9));
  const garbled = "00000000-0000-4000-8000-0000000000bb";
  await world.store.write(`acme/${garbled}/meta.compacted.json`, new Uint8Array(9));
  await world.store.write(`acme/${garbled}/data.parquet`, new Uint8Array(9));
  const hidden = metaKey("acme", "00000000-0000-4000-8000-0000000000cc");
  await world.store.write(hidden, new Uint8Array(9));
  await world.store.write("acme/not-a-block/data.parquet", new Uint8Array(9));
  const life = await begin(world);
  await pass(world.clock, 50 * 60_000);
  assert.ok(world.store.objects.has(`acme/${half}/data.parquet`));
  await pass(world.clock, 2 * HOUR_MS);
  const left = [...world.store.objects.keys()].filter((key) => !key.includes(lone.blockID));
  assert.deepEqual(left, [hidden, "acme/not-a-block/data.parquet", "work.json"]);
  assert.equal(await life.metric('segno_leftovers_swept_total{kind="block"}'), 2);
  await life.stop();
});
