// Those of a process who look after blocks: a scheduler, a worker, both, or neither.
import type { LimitsOf } from "../../model/limits.ts";
import type { ObjectStore } from "../../storage/mod.ts";
import { openScheduler, openWorker, type RunningScheduler, workSource } from "../backend.ts";
import type { Components } from "../components.ts";
import { bucketPlace, openBlockList } from "../query_path.ts";
import type { ReadSide } from "./read_side.ts";
import type { Shared } from "./shared.ts";

export interface Upkeep {
  readonly scheduler: RunningScheduler | undefined;
  /** Undefined where nobody looks after blocks. */
  readonly store: ObjectStore | undefined;
  /** When gRPC listens, for it may ask a scheduler of this very process. */
  startWorker(): void;
}

export async function openUpkeep(
  shared: Shared,
  components: Components,
  cores: number,
  readSide: ReadSide,
  limits: LimitsOf,
  stack: AsyncDisposableStack,
): Promise<Upkeep> {
  if (!components.scheduler && !components.worker) {
    return { scheduler: undefined, store: undefined, startWorker() {} };
  }
  const { runtime, config } = shared;
  // Of all processes on a bucket the one with the scheduler builds the tenants' indexes.
  const listed = components.scheduler
    ? await openBlockList(runtime, bucketPlace(config, true), stack, shared.stopping)
    : undefined;
  const store = listed?.store ?? readSide.store ?? await shared.openBucket();
  const scheduler = listed &&
    stack.use(openScheduler(runtime, config, store, listed.list, undefined, limits));
  return {
    scheduler,
    store,
    startWorker() {
      if (!components.worker) return;
      const source = workSource(runtime, config, scheduler?.scheduler, stack);
      stack.use(openWorker(runtime, config, cores, store, source, limits));
    },
  };
}
