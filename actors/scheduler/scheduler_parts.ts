// What the parts of the scheduler share.
import { UnavailableError } from "../../lib/errors.ts";
import type { Runtime } from "../../lib/runtime.ts";
import type { BlockMeta } from "../../model/block_meta.ts";
import type { BlockList, ObjectStore } from "../../storage/mod.ts";
import type { CompactionQueue, CompactionQueueOptions } from "./compaction_queue.ts";
import type { Job, JobDetail, RulesOf } from "./job.ts";
import type { SchedulerMetrics } from "./scheduler_metrics.ts";
import type { WorkBook } from "./work_book.ts";
import type { WorkState } from "./work_state.ts";

export interface SchedulerDependencies {
  readonly store: ObjectStore;
  readonly list: BlockList;
  readonly rulesOf: RulesOf;
  /** Makes blocks of what is still in memory, where this process has any of it. */
  readonly settleLive?: (() => Promise<void>) | undefined;
}

export interface SchedulerOptions extends CompactionQueueOptions {
  /** How long a worker that asks may wait for a job. */
  readonly jobTimeoutMs: number;
  /** A job that runs for so long has failed, whatever its worker says. */
  readonly deadJobMs: number;
  /** How long what has ended is remembered. */
  readonly pruneAgeMs: number;
  readonly retentionEveryMs: number;
  readonly maintainEveryMs: number;
  readonly mirrorEveryMs: number;
  /** So long leftovers must have looked the same before they are swept. */
  readonly leftoverGraceMs: number;
  readonly redactionPollMs: number;
  readonly rescanDelayMs: number;
  readonly rescansMax: number;
}

export interface SchedulerParts {
  readonly runtime: Runtime;
  readonly book: WorkBook;
  readonly dependencies: SchedulerDependencies;
  readonly options: SchedulerOptions;
  readonly metrics: SchedulerMetrics;
  readonly compactions: CompactionQueue;
}

/** Nothing of a tenant that could not be listed so far. */
export function liveBlocks(list: BlockList, tenant: string): readonly BlockMeta[] {
  try {
    return list.blocks(tenant);
  } catch (error) {
    if (error instanceof UnavailableError) return [];
    throw error;
  }
}

/** Whether nothing more of the tenant's is to be merged for now. */
export function isPaused(state: WorkState, tenant: string): boolean {
  return state.openBatch(tenant)?.wish.mode === "apply";
}

export function newJob(
  { random }: Pick<Runtime, "random">,
  tenant: string,
  detail: JobDetail,
): Job {
  return { id: random.uuid(), tenant, detail };
}
