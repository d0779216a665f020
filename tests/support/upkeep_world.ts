// Blocks in a store with weather, a scheduler and workers that look after them under a simulated clock,
// and what must hold of them.
import assert from "node:assert/strict";
import {
  type JobSource,
  type RulesOf,
  runWorker,
  SchedulerActor,
  type SchedulerOptions,
  type TenantRules,
  ThreadCompactor,
  type WorkerOptions,
} from "../../actors/mod.ts";
import { type Clock, SimulatedClock } from "../../lib/clock.ts";
import { seededRandom } from "../../lib/random.ts";
import { createRuntime } from "../../lib/runtime.ts";
import { SimulatedDisk } from "../../lib/simulated_disk.ts";
import { nextTurn } from "../../lib/waiting.ts";
import type { BlockMeta } from "../../model/block_meta.ts";
import { defaultDedicated } from "../../model/dedicated_attributes.ts";
import { OtlpDecoder } from "../../model/otlp_decode.ts";
import { SpanColumns } from "../../model/span_columns.ts";
import {
  BlockCache,
  BlockList,
  MemoryObjectStore,
  openBlock,
  writeBlock,
} from "../../storage/mod.ts";
import { traceIdOf, traceMessage } from "./records.ts";

export const T0_MS = 1_767_268_800_000;
export const HOUR_MS = 3_600_000;
const NEVER = new AbortController().signal;
const pause = () => Promise.resolve();

export const rules: TenantRules = {
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

export interface World {
  readonly clock: SimulatedClock;
  readonly store: MemoryObjectStore;
}

export const newWorld = (): World => ({
  clock: new SimulatedClock(T0_MS),
  store: new MemoryObjectStore(),
});

let lives = 0;

export interface LifeWishes {
  readonly rulesOf?: RulesOf;
  /** How many workers there are. */
  readonly workers?: number;
  /** How far the workers' clocks are ahead of the scheduler's. */
  readonly aheadMs?: number;
  /** Where the scheduler keeps its journal; one that is lost with its life, if not said. */
  readonly disk?: SimulatedDisk;
  /** What the workers call; the scheduler itself if not said. */
  readonly source?: (scheduler: SchedulerActor) => JobSource;
  readonly scheduler?: Partial<SchedulerOptions>;
  readonly worker?: Partial<WorkerOptions>;
}

export const schedulerOptions: SchedulerOptions = {
  jobsPerTenantMax: 1000,
  measureEveryMs: 60_000,
  cycleMinMs: 1_000,
  jobTimeoutMs: 600_000,
  deadJobMs: 24 * HOUR_MS,
  pruneAgeMs: HOUR_MS,
  retentionEveryMs: HOUR_MS,
  maintainEveryMs: 60_000,
  mirrorEveryMs: 60_000,
  leftoverGraceMs: HOUR_MS,
  redactionPollMs: 2_000,
  rescanDelayMs: 300_000,
  rescansMax: 5,
};

/** A life of a process's scheduler and workers; ended by `stop`, at whatever they are doing. */
export async function begin(world: World, wishes: LifeWishes = {}) {
  const { workers = 1, aheadMs = 0, rulesOf = () => rules } = wishes;
  const random = seededRandom(++lives);
  const runtime = createRuntime({ clock: world.clock, random });
  const list = new BlockList(runtime, world.store, { readsMax: 4 });
  await list.poll();
  const stop = new AbortController();
  const disk = wishes.disk ?? new SimulatedDisk();
  const scheduler = new SchedulerActor(
    runtime,
    () => Promise.resolve(disk.mount()),
    { store: world.store, list, rulesOf },
    { ...schedulerOptions, ...wishes.scheduler },
  );
  const source = wishes.source?.(scheduler) ?? scheduler;
  const skewed = { ...runtime, clock: skewedClock(world.clock, aheadMs) };
  const finish = new AbortController();
  const done = Promise.all([
    scheduler.run(stop.signal),
    ...Array.from({ length: workers }, (_, i) =>
      runWorker(
        skewed,
        {
          store: world.store,
          scheduler: source,
          compactor: new ThreadCompactor(skewed, world.store, pause),
          rulesOf,
        },
        {
          id: `worker-${i}`,
          codec: "none",
          spansPerRowGroup: 1000,
          retentionsMax: 1,
          leaseMs: 120_000,
          backoffMinMs: 100,
          backoffMaxMs: 10_000,
          finishMs: 30_000,
          ...wishes.worker,
        },
        finish.signal,
        stop.signal,
      )),
  ]);
  done.catch(() => {}); // whoever stops it hears of it
  const metric = async (name: string) => {
    const text = await runtime.metrics.text();
    return text.split("\n").filter((line) => line.startsWith(name))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
  };
  return {
    list,
    metric,
    scheduler,
    kill: () => stop.abort(new Error("killed")),
    /** Workers finish what they have. */
    finish: () => finish.abort(),
    async stop() {
      stop.abort(new Error("killed"));
      await done;
    },
  };
}

export function skewedClock(clock: Clock, aheadMs: number): Clock {
  return {
    now: () => clock.now() + aheadMs,
    monotonic: () => clock.monotonic(),
    setTimeout: (callback, delayMs) => clock.setTimeout(callback, delayMs),
    clearTimeout: (id) => clock.clearTimeout(id),
  };
}

/** What happens in a step is done in real turns of the event loop, of which there are as many as steps. */
export async function pass(clock: SimulatedClock, ms: number, stepMs = 120_000): Promise<void> {
  const steps = Math.max(4, Math.ceil(ms / stepMs));
  for (let i = 0; i < steps; i++) {
    await nextTurn();
    await clock.advance(ms / steps);
  }
  await nextTurn();
}

/** A block with one trace per entry of `traces`; of a window that is active for three hours more. */
export async function put(
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
export async function putFour(
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

/** Objects that belong to no block with a meta, nor to the scheduler, and blocks by kind. */
export function census({ store }: World) {
  const keys = [...store.objects.keys()].filter((key) =>
    key !== "work.json" && key.split("/")[1] !== "redactions"
  );
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

export type Life = Awaited<ReturnType<typeof begin>>;

/** What the live blocks of a tenant hold: spans by trace, and how many copies there are. */
export async function visible({ store }: World, { list }: Life, tenant: string) {
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

export async function assertHeld(
  world: World,
  life: Life,
  tenant: string,
  spans: Map<number, number[]>,
) {
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
export async function assertClean(
  world: World,
  life: Life,
  spans: Map<string, Map<number, number[]>>,
) {
  for (const [tenant, wanted] of spans) {
    await life.list.poll();
    const { spans, duplicates } = await visible(world, life, tenant);
    assert.equal(life.list.blocks(tenant).length, 1);
    assert.deepEqual(spans, wanted);
    assert.equal(duplicates, 0);
  }
  assert.deepEqual(census(world), { live: spans.size, compacted: 0, leaked: [] });
}

/** Runs `work` when somebody waits for it. */
export function whenAwaited(work: () => void): Promise<void> {
  return { then: (resolve: () => void) => (work(), resolve()) } as unknown as Promise<void>;
}
