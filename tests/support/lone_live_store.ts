// The rings of one live-store that owns partition 0, as the recorded instance was: for pages about them.
import type { DownscaleApi, RingsApi } from "../../api/mod.ts";
import { SimulatedClock } from "../../lib/clock.ts";
import { createRuntime } from "../../lib/runtime.ts";
import { SimulatedDisk } from "../../lib/simulated_disk.ts";
import {
  changeLock,
  changeState,
  Downscale,
  PartitionLifecycler,
  partitionsOf,
  ReplicatedMap,
  SpreadTokens,
} from "../../ring/mod.ts";

export interface LoneLiveStore {
  readonly clock: SimulatedClock;
  readonly disk: SimulatedDisk;
  readonly lifecycler: PartitionLifecycler;
  readonly rings: RingsApi;
  readonly downscale: DownscaleApi;
  /** Whether the live-store runs. */
  readonly life: { isRunning: boolean };
}

/** Its partition is not there before the lifecycler registers it, and Active once it polls. */
export async function loneLiveStore(nowMs: number): Promise<LoneLiveStore> {
  const clock = new SimulatedClock(nowMs);
  const map = new ReplicatedMap();
  const tokens = new SpreadTokens();
  const disk = new SimulatedDisk();
  const lifecycler = new PartitionLifecycler(createRuntime({ clock }), map, {
    instance: "HOST",
    partition: 0,
    pollMs: 5_000,
    ownersMin: 1,
    ownersMinMs: 0,
    deleteInactiveAfterMs: 0,
  });
  const downscale = await Downscale.open(clock, map, lifecycler, disk.mount(), true);
  const life = { isRunning: true };
  return {
    clock,
    disk,
    lifecycler,
    life,
    rings: {
      partitions: {
        partitions: () =>
          partitionsOf(map).map(({ owners, ...partition }) => ({
            ...partition,
            owners: owners.map(({ instance }) => instance),
            tokens: tokens.of(partition.id),
          })),
        changeState: (partition, state) => changeState(map, partition, state, clock.now()),
        changeLock: (partition, isLocked) => changeLock(map, partition, isLocked, clock.now()),
      },
      liveStores: { instances: () => [], forget: () => {} },
    },
    downscale: {
      isRunning: () => life.isRunning,
      partition: () => downscale.partition(),
      drain: () => downscale.drain(),
      undrain: () => downscale.undrain(),
      isPrepared: () => downscale.isPrepared(),
      prepare: () => downscale.prepare(),
      undo: () => downscale.undo(),
    },
  };
}

/** As recorded: Active since then. */
export async function recordedLiveStore(): Promise<LoneLiveStore> {
  const store = await loneLiveStore(Date.parse("2026-11-21T02:46:08Z"));
  store.lifecycler.register();
  store.lifecycler.poll();
  return store;
}
