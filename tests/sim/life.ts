// One life of a process in the simulation: the real log, distributor, partition actors, block list and
// frontend, and the backend that merges blocks, on a simulated disk and clock and an object store in
// memory. A crash ends it at once.
import { LivePartitions, ThreadHost } from "../../actors/mod.ts";
import {
  createDistributor,
  defaultDistributorOptions,
  type Distributor,
} from "../../distributor/mod.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Directory } from "../../lib/fs.ts";
import { sleep } from "../../lib/waiting.ts";
import { createRuntime, type Runtime } from "../../lib/runtime.ts";
import { defaultDedicated } from "../../model/dedicated_attributes.ts";
import { defaultLimits } from "../../model/limits.ts";
import { createFrontend, type Frontend } from "../../query/frontend/mod.ts";
import { BlockQuerier, ScanPool } from "../../query/querier/mod.ts";
import { embeddedRing, RingRouter, SpreadTokens } from "../../ring/mod.ts";
import { BlockList, type ObjectStore } from "../../storage/mod.ts";
import { defaultEmbeddedLogOptions, EmbeddedLog } from "../../wal/mod.ts";
import { backendOf } from "./backend.ts";

export const PARTITIONS = 2;
const spread = new SpreadTokens();

export interface LifeOptions {
  readonly spansMax: number;
  readonly segmentBytesMax: number;
}

export class Life {
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;

  private constructor(
    readonly log: EmbeddedLog,
    readonly live: LivePartitions,
    readonly distributor: Distributor,
    readonly frontend: Frontend,
    list: BlockList,
    clock: Clock,
    backend: (signal: AbortSignal) => Promise<void>,
  ) {
    const { signal } = this.#stop;
    const running = [
      live.run(signal).catch(() => {}),
      this.#poll(list, clock, signal),
      backend(signal),
    ];
    this.#done = Promise.all(running).then(() => {});
  }

  static async begin(
    world: Pick<Runtime, "clock" | "random">,
    disk: Directory,
    workDisk: Directory,
    store: ObjectStore,
    options: LifeOptions,
  ): Promise<Life> {
    const runtime = createRuntime({ clock: world.clock, random: world.random });
    const log = await EmbeddedLog.open(runtime, disk, {
      ...defaultEmbeddedLogOptions,
      partitions: PARTITIONS,
      groups: ["block-builder"],
      segmentBytesMax: options.segmentBytesMax,
    });
    const list = new BlockList(runtime, store, { readsMax: 4 });
    await list.poll();
    const host = new ThreadHost(runtime, {
      log,
      store,
      limits: { bytesPerTraceMax: () => 0, dedicatedOf: () => defaultDedicated },
      announce: ({ blocks, superseded }) => {
        blocks.forEach((meta) => list.add(meta));
        superseded.forEach(({ tenant, blockId }) => list.retire(tenant, blockId));
        return Promise.resolve();
      },
      pause: () => Promise.resolve(),
      folded() {},
    }, {
      partitions: [...log.partitions],
      logIdentity: log.identity,
      cut: { spansMax: options.spansMax, bytesMax: 1 << 30, ageMaxMs: 20_000 },
      codec: "snappy",
      spansPerRowGroup: 80_000,
      timeSlackMs: 120_000,
      readBytesMax: 4096,
      readWaitMs: 500,
    });
    const live = new LivePartitions(runtime, [host]);
    const ring = embeddedRing(PARTITIONS, spread);
    const distributor = createDistributor(runtime, {
      log,
      partitions: new RingRouter(() => ring),
      limits: () => defaultLimits,
    }, { ...defaultDistributorOptions, recordBytesMax: 2000 });
    const pool = new ScanPool(runtime, store, {
      workers: 0,
      cacheBytesMax: 16 << 20,
      scansMax: 2,
      findsMax: 4,
    });
    const blocks = new BlockQuerier(runtime, list, pool.scanners);
    return new Life(
      log,
      live,
      distributor,
      createFrontend(runtime, { live, blocks }),
      list,
      runtime.clock,
      backendOf(runtime, () => Promise.resolve(workDisk), store, list, 2_000),
    );
  }

  async #poll(list: BlockList, clock: Clock, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleep(clock, list.isIncomplete ? 1_000 : 30_000, signal);
      if (!signal.aborted) await list.poll(signal).catch(() => {});
    }
  }

  /** The process is gone between two instructions; nothing is closed in order. */
  crash(): void {
    this.#stop.abort();
    void this.log[Symbol.asyncDispose]().catch(() => {});
  }

  /** Resolves when nothing of this life runs any more. */
  async ended(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }
}
