// Compaction and retention as they run in a process, on a simulated clock and a store with weather.
// Laws, after any interruption and a further run: every span is found, by id and by search, and none
// twice; no object is left that no block owns.
import assert from "node:assert/strict";
import { SimulatedClock } from "../../lib/clock.ts";
import { UnavailableError } from "../../lib/errors.ts";
import { seededRandom } from "../../lib/random.ts";
import { createRuntime } from "../../lib/runtime.ts";
import { nextTurn } from "../../lib/waiting.ts";
import { type BlockMeta, dataKey, metaKey, noCompactKey } from "../../model/block_meta.ts";
import { defaultDedicated } from "../../model/dedicated_attributes.ts";
import { OtlpDecoder } from "../../model/otlp_decode.ts";
import { SpanColumns } from "../../model/span_columns.ts";
import {
  BlockCache,
  BlockList,
  MemoryObjectStore,
  openBlock,
  type StoreFault,
  writeBlock,
} from "../../storage/mod.ts";
import { traceIdOf, traceMessage } from "../../tests/support/records.ts";
import { runBackend } from "./backend_actor.ts";
import { ThreadCompactor } from "./compactor.ts";
import type { TenantRules } from "./effects.ts";

const T0_MS = 1_767_268_800_000;
const HOUR_MS = 3_600_000;
const NEVER = new AbortController().signal;
const pause = () => Promise.resolve();

const rules: TenantRules = {
  compaction: {
    windowMs: HOUR_MS,
    blocksMin: 2,
    blocksMax: 4,
    objectsMax: 1e6,
    bytesMax: 1e9,
    levelMax: 0,
  },
  retention: { liveMs: 48 * HOUR_MS, compactedMs: HOUR_MS },
  bytesPerTraceMax: 0,
};

interface World {
  readonly clock: SimulatedClock;
  readonly store: MemoryObjectStore;
}

const newWorld = (): World => ({
  clock: new SimulatedClock(T0_MS),
  store: new MemoryObjectStore(),
});

let lives = 0;

/** A life of the process's backend; ended by `stop`, at whatever it is doing. */
async function begin(world: World, rulesOf: (tenant: string) => TenantRules | undefined) {
  const random = seededRandom(++lives);
  const runtime = createRuntime({ clock: world.clock, random });
  const list = new BlockList(runtime, world.store, { readsMax: 4 });
  await list.poll();
  const stop = new AbortController();
  const done = runBackend(
    runtime,
    {
      store: world.store,
      list,
      compactor: new ThreadCompactor(runtime, world.store, pause),
      rulesOf,
    },
    {
      codec: "none",
      spansPerRowGroup: 1000,
      retentionEveryMs: HOUR_MS,
      leftoverGraceMs: HOUR_MS,
      restMs: 60_000,
    },
    stop.signal,
  );
  const metric = async (name: string) => {
    const text = await runtime.metrics.text();
    return text.split("\n").filter((line) => line.startsWith(name))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
  };
  return {
    list,
    metric,
    kill: () => stop.abort(new Error("killed")),
    async stop() {
      stop.abort(new Error("killed"));
      await done;
    },
  };
}

async function pass(clock: SimulatedClock, ms: number): Promise<void> {
  const steps = Math.max(4, Math.ceil(ms / 120_000));
  for (let i = 0; i < steps; i++) {
    await nextTurn();
    await clock.advance(ms / steps);
  }
  await nextTurn();
}

/** A block with one trace per entry of `traces`; of a window that is active for three hours more. */
async function put(
  { store }: World,
  tenant: string,
  block: number,
  traces: readonly (readonly [number, number[]])[],
  endMs = T0_MS - 23 * HOUR_MS,
): Promise<BlockMeta> {
  const columns = new SpanColumns(defaultDedicated);
  const decoder = new OtlpDecoder(columns);
  for (const [trace, spans] of traces) {
    const startUnixNano = BigInt(endMs - 1000) * 1_000_000n;
    decoder.decode(traceMessage({ trace, spans, startUnixNano }).bytes);
  }
  return await writeBlock(
    store,
    {
      tenant,
      blockId: `00000000-0000-4000-8000-${String(block).padStart(12, "0")}`,
      columns,
      codec: "none",
      clampStartMs: endMs - 1000,
      clampEndMs: endMs,
      replicationFactor: 1,
      hasNoCompactFlag: false,
    },
    pause,
    NEVER,
  );
}

/** Four blocks; trace 0 lies in all of them, trace 9 in the last two with a span in common. */
async function putFour(
  world: World,
  tenant: string,
  first: number,
): Promise<Map<number, number[]>> {
  await put(world, tenant, first, [[0, [1, 2]], [1, [3]]]);
  await put(world, tenant, first + 1, [[0, [4]], [2, [5, 6]]]);
  await put(world, tenant, first + 2, [[0, [7]], [9, [8, 9]]]);
  await put(world, tenant, first + 3, [[0, [10]], [9, [9, 11]]]);
  return new Map([[0, [1, 2, 4, 7, 10]], [1, [3]], [2, [5, 6]], [9, [8, 9, 11]]]);
}

/** Objects that belong to no block with a meta, and blocks by kind. */
function census({ store }: World) {
  const keys = [...store.objects.keys()];
  const folders = Map.groupBy(keys, (key) => key.split("/").slice(0, 2).join("/"));
  let live = 0, compacted = 0;
  const leaked: string[] = [];
  for (const [folder, objects] of folders) {
    if (objects.includes(`${folder}/meta.json`)) live++;
    else if (objects.includes(`${folder}/meta.compacted.json`)) compacted++;
    else leaked.push(...objects);
  }
  return { live, compacted, leaked };
}

type Life = Awaited<ReturnType<typeof begin>>;

/** What the live blocks of a tenant hold: spans by trace, and how many copies there are. */
async function visible({ store }: World, { list }: Life, tenant: string) {
  const spans = new Map<number, Set<number>>();
  let copies = 0;
  for (const meta of list.blocks(tenant)) {
    const block = await openBlock(store, meta, new BlockCache(1 << 20));
    for (let trace = 0; trace < 10; trace++) {
      const found = await block.findTraceColumns(traceIdOf(trace));
      for (let row = 0; row < (found?.length ?? 0); row++) {
        const known = spans.get(trace) ?? new Set();
        const span = new DataView(found!.spanId.buffer).getUint32(row * 8 + 4);
        spans.set(trace, known.add(span));
        copies++;
      }
    }
  }
  const sorted = [...spans].sort(([a], [b]) => a - b)
    .map(([trace, set]) => [trace, [...set].sort((a, b) => a - b)] as const);
  const distinct = sorted.reduce((sum, [, list]) => sum + list.length, 0);
  return { spans: new Map(sorted), duplicates: copies - distinct };
}

async function assertHeld(world: World, life: Life, tenant: string, spans: Map<number, number[]>) {
  const look = async () => {
    await life.list.poll();
    return await visible(world, life, tenant);
  };
  // A fault that was meant for the backend may have come to us.
  const seen = await look().catch(look);
  assert.deepEqual(seen.spans, spans);
  assert.ok(seen.duplicates <= 1, "only the span that was sent twice lies in two visible blocks");
}

/** After hours of peace: one block per tenant with every span once, and nothing else in the store. */
async function assertClean(world: World, life: Life, spans: Map<string, Map<number, number[]>>) {
  for (const [tenant, wanted] of spans) {
    await life.list.poll();
    const { spans, duplicates } = await visible(world, life, tenant);
    assert.equal(life.list.blocks(tenant).length, 1);
    assert.deepEqual(spans, wanted);
    assert.equal(duplicates, 0);
  }
  assert.deepEqual(census(world), { live: spans.size, compacted: 0, leaked: [] });
}

Deno.test("blocks of several tenants are merged, retired, and later deleted", async () => {
  const world = newWorld();
  const acme = await putFour(world, "acme", 1);
  const other = await putFour(world, "other", 11);
  await put(world, "disabled", 21, [[0, [1]]]);
  await put(world, "disabled", 22, [[0, [2]]]);
  const life = await begin(world, (tenant) => tenant === "disabled" ? undefined : rules);
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
  const life = await begin(world, () => rules);
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

/** Calls of each kind that a whole undisturbed run of compaction and deletion makes. */
async function callsOfOneRun(): Promise<Record<"read" | "write" | "delete" | "list", number>> {
  const world = newWorld();
  await putFour(world, "acme", 1);
  const before = { ...world.store.calls };
  const life = await begin(world, () => rules);
  await pass(world.clock, 3 * HOUR_MS);
  await life.stop();
  const { read, write, list } = world.store.calls;
  return {
    read: read - before.read,
    write: write - before.write,
    delete: world.store.calls.delete - before.delete,
    list: Math.min(12, list - before.list),
  };
}

for (const disturbance of ["killed", "refused"] as const) {
  Deno.test(`${disturbance} at any call to the store: nothing lost, doubled or leaked in the end`, async () => {
    const calls = await callsOfOneRun();
    assert.ok(calls.write >= 8 && calls.delete >= 20 && calls.read > 20);
    for (const operation of ["write", "delete", "read", "list"] as const) {
      for (let call = 1; call <= calls[operation]; call += operation === "read" ? 5 : 1) {
        const world = newWorld();
        const acme = await putFour(world, "acme", 1);
        const fault = (kill: () => void): StoreFault =>
          disturbance === "refused"
            ? { operation, call, fail: new UnavailableError("injected") }
            : { operation, call, delay: whenAwaited(kill) };
        let kill = () => {};
        world.store.script(fault(() => kill()));
        let life = await begin(world, () => rules).catch(() => begin(world, () => rules));
        kill = life.kill;
        await pass(world.clock, 2.5 * HOUR_MS);
        if (disturbance === "killed") {
          await life.stop();
          life = await begin(world, () => rules);
        }
        await assertHeld(world, life, "acme", acme);
        await pass(world.clock, 7 * HOUR_MS);
        await assertClean(world, life, new Map([["acme", acme]]));
        await life.stop();
      }
    }
  });
}

/** Runs `work` when somebody waits for it. */
function whenAwaited(work: () => void): Promise<void> {
  return { then: (resolve: () => void) => (work(), resolve()) } as unknown as Promise<void>;
}

Deno.test("a damaged block fails its job loudly and holds up no others; mended, it is merged", async () => {
  const world = newWorld();
  const acme = await putFour(world, "acme", 1);
  const bad = world.store.objects.get(dataKey("acme", "00000000-0000-4000-8000-000000000003"))!;
  const good = bad.slice();
  bad.fill(0xff, 100, bad.length - 3000);
  const other = await putFour(world, "other", 11);
  const life = await begin(world, () => rules);
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
  const life = await begin(world, () => rules);
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
  const life = await begin(world, () => rules);
  await pass(world.clock, 50 * 60_000);
  assert.ok(world.store.objects.has(`acme/${half}/data.parquet`));
  await pass(world.clock, 2 * HOUR_MS);
  const left = [...world.store.objects.keys()].filter((key) => !key.includes(lone.blockID));
  assert.deepEqual(left, [hidden, "acme/not-a-block/data.parquet"]);
  assert.equal(await life.metric('segno_leftovers_swept_total{kind="block"}'), 2);
  await life.stop();
});
