// Which compaction is given out next: tenants are planned together in cycles, and of the tenant with
// most left to do the first job comes first.
// Rule: what was planned is looked at once more when it is given out; blocks whose job failed, or whose
// builder has yet to commit, are left alone for a while.
import type { Runtime } from "../../lib/runtime.ts";
import type { BlockMeta } from "../../model/block_meta.ts";
import {
  type CompactionJob,
  outstandingBlocks,
  overlappingOutputs,
  planCompaction,
} from "../../storage/mod.ts";
import type { RulesOf } from "./job.ts";
import type { SchedulerMetrics } from "./scheduler_metrics.ts";

/** How long the blocks of a job that failed are left alone: doubled each time. */
const ASIDE_MIN_MS = 60_000;
const ASIDE_MAX_MS = 3_600_000;
/** Blocks of builders that have yet to commit are asked for again after so long. */
const FLAGGED_MS = 60_000;

export interface CompactionQueueOptions {
  readonly jobsPerTenantMax: number;
  /** Planned anew at least so often, for the metrics too. */
  readonly measureEveryMs: number;
  /** And at most so often. */
  readonly cycleMinMs: number;
}

/** Blocks as the scheduler sees them. */
export interface KnownBlocks {
  readonly tenants: readonly string[];
  /** Nothing of a tenant that could not be listed so far. */
  live(tenant: string): readonly BlockMeta[];
  /** In a job that has not ended. */
  isBusy(tenant: string, blockId: string): boolean;
  /** Whose compaction is paused. */
  isPaused(tenant: string): boolean;
}

interface Aside {
  readonly untilMs: number;
  readonly failures: number;
}

export class CompactionQueue {
  /** By tenant, what is left of the cycle. */
  #planned = new Map<string, CompactionJob[]>();
  #plannedAtMs = -Infinity;
  readonly #aside = new Map<string, Aside>();

  constructor(
    readonly runtime: Pick<Runtime, "clock" | "log">,
    readonly blocks: KnownBlocks,
    readonly rulesOf: RulesOf,
    readonly options: CompactionQueueOptions,
    readonly metrics: SchedulerMetrics,
  ) {}

  /** Undefined when there is nothing to merge until the next cycle. */
  next(): CompactionJob | undefined {
    const sinceMs = this.runtime.clock.monotonic() - this.#plannedAtMs;
    const isEmpty = [...this.#planned.values()].every((jobs) => jobs.length === 0);
    const { cycleMinMs, measureEveryMs } = this.options;
    if (sinceMs >= measureEveryMs || isEmpty && sinceMs >= cycleMinMs) this.#plan();
    for (;;) {
      const tenant = this.#mostOutstanding();
      if (tenant === undefined) return undefined;
      const job = this.#planned.get(tenant)!.shift()!;
      if (this.#isStillRight(job)) return job;
      this.metrics.tenantEmpty.inc();
    }
  }

  /** For the metrics, where no worker asks. */
  measure(): void {
    const sinceMs = this.runtime.clock.monotonic() - this.#plannedAtMs;
    if (sinceMs >= this.options.measureEveryMs) this.#plan();
  }

  /** Plans again when next asked: something has changed that a cycle should not wait for. */
  forgetPlans(): void {
    this.#plannedAtMs = -Infinity;
  }

  outstanding(tenant: string): number {
    return outstandingBlocks(this.#planned.get(tenant) ?? []);
  }

  setAside(inputs: readonly string[], error: string): void {
    // Errors of one block name it; the others may well be fine.
    const named = inputs.filter((id) => error.includes(id));
    for (const id of named.length > 0 ? named : inputs) {
      const failures = (this.#aside.get(id)?.failures ?? 0) + 1;
      const forMs = Math.min(ASIDE_MAX_MS, ASIDE_MIN_MS * 2 ** Math.min(10, failures - 1));
      this.#aside.set(id, { untilMs: this.runtime.clock.now() + forMs, failures });
    }
  }

  /** They are flagged, or were gone when a worker looked. */
  setAsideAwhile(blockIds: readonly string[]): void {
    const untilMs = this.runtime.clock.now() + FLAGGED_MS;
    for (const id of blockIds) this.#aside.set(id, { untilMs, failures: 0 });
  }

  /** They were merged. */
  forget(blockIds: readonly string[]): void {
    for (const id of blockIds) this.#aside.delete(id);
  }

  forgetOld(): void {
    const now = this.runtime.clock.now();
    for (const [id, { untilMs }] of this.#aside) {
      if (untilMs + ASIDE_MAX_MS < now) this.#aside.delete(id);
    }
  }

  #plan(): void {
    const { clock } = this.runtime;
    const { blocks, metrics } = this;
    this.#plannedAtMs = clock.monotonic();
    this.#planned = new Map();
    for (const tenant of blocks.tenants) {
      const rules = this.rulesOf(tenant);
      let jobs: readonly CompactionJob[] = [];
      if (rules !== undefined && !blocks.isPaused(tenant)) {
        const live = blocks.live(tenant).filter(({ blockID }) =>
          !this.#isLeftAlone(tenant, blockID)
        );
        const overlaps = overlappingOutputs(live, rules.compaction);
        const taken = new Set(overlaps.flatMap(({ inputs }) => inputs));
        const rest = live.filter((meta) => !taken.has(meta));
        jobs = [...overlaps, ...planCompaction(rest, rules.compaction, clock.now())];
      }
      metrics.outstanding.labels(tenant).set(outstandingBlocks(jobs));
      if (jobs.length === 0) continue;
      this.#planned.set(tenant, jobs.slice(0, this.options.jobsPerTenantMax));
      metrics.tenantReset.labels(tenant).inc();
    }
    if (this.#planned.size === 0) metrics.emptyCycle.inc();
  }

  #mostOutstanding(): string | undefined {
    let best: string | undefined;
    let most = 0;
    for (const [tenant, jobs] of this.#planned) {
      const outstanding = outstandingBlocks(jobs);
      if (outstanding <= most) continue;
      best = tenant;
      most = outstanding;
    }
    return best;
  }

  #isStillRight({ tenant, inputs }: CompactionJob): boolean {
    if (this.blocks.isPaused(tenant) || this.rulesOf(tenant) === undefined) return false;
    const live = new Set(this.blocks.live(tenant).map(({ blockID }) => blockID));
    return inputs.every(({ blockID }) => live.has(blockID) && !this.#isLeftAlone(tenant, blockID));
  }

  #isLeftAlone(tenant: string, blockId: string): boolean {
    return (this.#aside.get(blockId)?.untilMs ?? 0) > this.runtime.clock.now() ||
      this.blocks.isBusy(tenant, blockId);
  }
}
