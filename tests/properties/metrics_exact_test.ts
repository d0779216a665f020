// LS-8: a count over live data and blocks is the number of spans acknowledged, exactly, at every moment
// of a section's way from memory into a block, and after a crash that left a block uncommitted.

import assert from "node:assert/strict";
import { LivePartitions, ThreadHost } from "../../actors/mod.ts";
import { createRuntime } from "../../lib/runtime.ts";
import { seededRandom } from "../../lib/random.ts";
import { nextTurn } from "../../lib/waiting.ts";
import type { BlockMeta } from "../../model/block_meta.ts";
import { defaultDedicated } from "../../model/dedicated_attributes.ts";
import { finishMetrics, type MetricsRequest } from "../../query/engine/mod.ts";
import { createFrontend, type Frontend } from "../../query/frontend/mod.ts";
import { BlockQuerier, defaultQuerierOptions, ScanPool } from "../../query/querier/mod.ts";
import { MemoryObjectStore, type ObjectStore } from "../../storage/mod.ts";
import { MemoryLog } from "../../wal/mod.ts";
import { fastClock } from "../support/fast_clock.ts";
import { newRecord } from "../support/records.ts";
import { visibleBlocks } from "../support/visible_spans.ts";

const TENANT = "single-tenant";
const NEVER = new AbortController().signal;
const T0 = 1_767_268_800_000_000_000n; // when all spans start

const request: MetricsRequest = {
  kind: "metrics",
  tenant: TENANT,
  query: "{} | count_over_time()",
  startNano: T0 - 1_000_000_000n,
  endNano: T0 + 1_000_000_000n,
  stepNano: 2_000_000_000n,
  isInstant: true,
  startSeconds: 0,
  endSeconds: 0,
  exemplars: 0,
  maxSeries: 0,
};

class World {
  readonly runtime = createRuntime({ clock: fastClock() });
  readonly log = new MemoryLog(this.runtime, { partitions: 2 });
  readonly store: ObjectStore = new MemoryObjectStore();
  readonly blocks = new Map<string, BlockMeta>();
  /** Turns between a block's being listed and its section's being let go of. */
  announceTurns: () => number = () => 0;
  /** How often a span was in memory and in a listed block when a question came. */
  overlaps = 0;

  live(log = this.log): LivePartitions {
    const host = new ThreadHost(this.runtime, {
      log,
      store: this.store,
      limits: { bytesPerTraceMax: () => 0, dedicatedOf: () => defaultDedicated },
      announce: async ({ blocks, superseded }) => {
        for (const meta of blocks) this.blocks.set(meta.blockID, meta);
        for (const { blockId } of superseded) this.blocks.delete(blockId);
        for (let turns = this.announceTurns(); turns > 0; turns--) await nextTurn();
      },
      pause: nextTurn,
      folded() {},
    }, {
      partitions: [0, 1],
      cut: { spansMax: 7, bytesMax: 1 << 30, ageMaxMs: 3_600_000 },
      codec: "snappy",
      spansPerRowGroup: 80_000,
      timeSlackMs: 120_000,
      readBytesMax: 1 << 20,
      readWaitMs: 50,
    });
    return new LivePartitions(this.runtime, [host]);
  }

  frontend(live: LivePartitions, pool: ScanPool): Frontend {
    const listed = () => [...this.blocks.values()];
    const blocks = new BlockQuerier(
      this.runtime,
      { blocks: listed, blocksOverlapping: listed },
      pool.scanners,
      { ...defaultQuerierOptions, queryTimeoutMs: 0 }, // hours pass in a moment here
    );
    return createFrontend(this.runtime, {
      live,
      blocks: {
        findTrace: (...args) => blocks.findTrace(...args),
        query: (request, signal) => {
          if (request.kind === "metrics" && request.onlyBlocks !== undefined) this.overlaps++;
          return blocks.query(request, signal);
        },
      },
    });
  }

  pool(): ScanPool {
    const options = { workers: 0, cacheBytesMax: 1 << 22, scansMax: 2, findsMax: 2 };
    return new ScanPool(this.runtime, this.store, options);
  }
}

async function count(frontend: Frontend): Promise<number> {
  const { answer } = await frontend.metrics(request, NEVER);
  return finishMetrics(request, answer).series[0]!.samples[0]!.value;
}

async function isFolded(live: LivePartitions, offsets: readonly number[]): Promise<boolean> {
  const all = await live.status();
  return all.length === 2 &&
    all.every(({ isReady, nextOffset, partition }) => isReady && nextOffset >= offsets[partition]!);
}

Deno.test("LS-8: a count is exact while sections move into blocks", async () => {
  const world = new World();
  const random = seededRandom(7);
  const below = (n: number) => Math.floor(random.next() * n);
  world.announceTurns = () => below(12);
  await using pool = world.pool();
  const live = world.live();
  const run = live.run(NEVER);
  const frontend = world.frontend(live, pool);
  const offsets = [0, 0];
  let spans = 0;
  for (let round = 0; round < 120; round++) {
    const partition = below(2);
    const numbers = Array.from({ length: 1 + below(5) }, () => spans++);
    await world.log.append([newRecord(partition, TENANT, [{ trace: round, spans: numbers }])]);
    offsets[partition]!++;
    while (!await isFolded(live, offsets)) await nextTurn();
    for (let turns = below(25); turns > 0; turns--) await nextTurn();
    assert.equal(await count(frontend), spans, `round ${round}`);
  }
  assert.ok(world.blocks.size > 10, `only ${world.blocks.size} blocks`);
  assert.ok(world.overlaps > 0, "no question came while a section was in both places");
  live.drain();
  await run;
  assert.equal(await count(world.frontend(new LivePartitions(world.runtime, []), pool)), spans);
});

Deno.test("LS-8: what a crash left uncommitted in a block is counted once", async () => {
  const world = new World();
  await using pool = world.pool();
  for (let i = 0; i < 5; i++) {
    await world.log.append([newRecord(0, TENANT, [{ trace: i, spans: [2 * i, 2 * i + 1] }])]);
  }
  const crash = new AbortController();
  const first = world.live(
    new Proxy(world.log, {
      get(log, key) {
        if (key === "commit") return () => new Promise(() => {});
        const value = Reflect.get(log, key, log);
        return typeof value === "function" ? value.bind(log) : value;
      },
    }),
  );
  const running = first.run(crash.signal).catch(() => {});
  while ((await visibleBlocks(world.store)).length === 0) await nextTurn();
  crash.abort(new Error("crashed"));
  await running;
  // The next life lists what the store has.
  for (const meta of await visibleBlocks(world.store)) world.blocks.set(meta.blockID, meta);
  const live = world.live();
  const run = live.run(NEVER);
  while (!await isFolded(live, [5, 0])) await nextTurn();
  const frontend = world.frontend(live, pool);
  for (let i = 0; i < 30; i++) {
    assert.equal(await count(frontend), 10, `question ${i}`);
    await nextTurn();
  }
  assert.ok(world.overlaps > 0, "the block of the first life was not in the way");
  live.drain();
  await run;
});
