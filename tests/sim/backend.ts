// The backend of a simulated world: a scheduler with its journal on a disk, and a worker that merges two or three
// blocks whenever there are some. Nothing is ever old enough to be deleted.
import { runWorker, SchedulerActor, ThreadCompactor } from "../../actors/mod.ts";
import type { Directory } from "../../lib/fs.ts";
import { seededRandom } from "../../lib/random.ts";
import { createRuntime, type Runtime } from "../../lib/runtime.ts";
import type { BlockList, ObjectStore } from "../../storage/mod.ts";

export function backendOf(
  world: Runtime,
  openDisk: () => Promise<Directory>,
  store: ObjectStore,
  list: BlockList,
  /** How often it looks for something to do; other intervals follow. */
  everyMs: number,
): (signal: AbortSignal) => Promise<void> {
  // Chance of its own, so that what a seed does elsewhere does not depend on it.
  const { clock } = world;
  const runtime = createRuntime({ clock, random: seededRandom(clock.now() % 2 ** 31) });
  const compactor = new ThreadCompactor(runtime, store, () => Promise.resolve());
  const hourMs = 3_600_000;
  const rules = {
    compaction: {
      windowMs: hourMs,
      blocksMin: 2,
      blocksMax: 3,
      objectsMax: 1e6,
      bytesMax: 1e9,
      levelMax: 0,
    },
    retention: { liveMs: 336 * hourMs, compactedMs: hourMs },
    bytesPerTraceMax: 0,
  };
  const rulesOf = () => rules;
  const scheduler = new SchedulerActor(
    runtime,
    openDisk,
    { store, list, rulesOf },
    {
      jobsPerTenantMax: 1000,
      measureEveryMs: 60_000,
      cycleMinMs: 2.5 * everyMs,
      jobTimeoutMs: 5_000,
      deadJobMs: 24 * hourMs,
      pruneAgeMs: hourMs,
      retentionEveryMs: hourMs,
      maintainEveryMs: 2.5 * everyMs,
      mirrorEveryMs: 10 * everyMs,
      leftoverGraceMs: hourMs,
      redactionPollMs: everyMs,
      rescanDelayMs: 300_000,
      rescansMax: 5,
    },
  );
  const never = new AbortController().signal;
  return async (signal: AbortSignal) => {
    await Promise.all([
      scheduler.run(signal),
      runWorker(
        runtime,
        { store, scheduler, compactor, rulesOf },
        {
          id: "simulated",
          codec: "none",
          spansPerRowGroup: 50,
          retentionsMax: 2,
          leaseMs: 120_000,
          backoffMinMs: 100,
          backoffMaxMs: 2.5 * everyMs,
          finishMs: 30_000,
        },
        never,
        signal,
      ),
    ]);
  };
}
