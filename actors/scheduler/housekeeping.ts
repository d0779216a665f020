// What the scheduler does by the clock: leases that run out, jobs that have lost their sense, blocks that are
// to be marked, and the jobs of retention.
import { UnavailableError } from "../../lib/errors.ts";
import { markCompacted } from "../../storage/mod.ts";
import { JOB_TYPE } from "./job.ts";
import type { Results } from "./results.ts";
import { RetentionRound } from "./retention_round.ts";
import { liveBlocks, newJob, type SchedulerParts } from "./scheduler_parts.ts";
import type { JobState } from "./work_state.ts";

/** Runs work when nothing else is being decided. */
export type InTurn = <T>(work: () => Promise<T>) => Promise<T>;

export class Housekeeping {
  readonly #retention: RetentionRound;
  /** Replaced blocks that the block list has yet to see as marked. */
  readonly #marked = new Set<string>();

  constructor(readonly parts: SchedulerParts, readonly results: Results) {
    const { runtime, dependencies, options } = parts;
    this.#retention = new RetentionRound(runtime, dependencies.store, options.leftoverGraceMs);
  }

  /** Jobs of workers that have not been heard of, and what is too old to remember. */
  async expire(): Promise<void> {
    const now = this.parts.runtime.clock.now();
    const { deadJobMs, pruneAgeMs } = this.parts.options;
    for (const record of this.parts.book.state.open()) {
      const { lease, job, begunMs } = record;
      if (lease === undefined) continue;
      // A clock that was set back must not make a lease last for ever.
      lease.heardMs = Math.min(lease.heardMs, now);
      if (now - begunMs >= deadJobMs) {
        await this.results.fail(record, "dead job: it has run for too long");
      } else if (lease.leaseMs > 0 && now - lease.heardMs >= lease.leaseMs) {
        await this.parts.book.record({ type: "job_taken_back", id: job.id });
        this.parts.runtime.log.warn("a worker was not heard of, its job is given to another", {
          tenant: job.tenant,
          job: job.id,
          worker: lease.worker,
        });
      }
    }
    const { jobs, batches } = this.parts.book.state;
    const endedBeforeMs = now - pruneAgeMs;
    const isOld =
      [...jobs.values()].some(({ endedMs }) => endedMs > 0 && endedMs < endedBeforeMs) ||
      [...batches.values()].some(({ closedMs }) => closedMs > 0 && closedMs < endedBeforeMs);
    if (isOld) await this.parts.book.record({ type: "forgotten", endedBeforeMs });
  }

  /** Compactions whose blocks are no longer as they were. */
  async dropStale(states: readonly JobState[]): Promise<void> {
    const { list } = this.parts.dependencies;
    for (const { state, job: { id, tenant, detail } } of this.parts.book.state.open()) {
      if (detail.kind !== "compaction" || !states.includes(state)) continue;
      if (list.isIncomplete) continue;
      const live = new Set(liveBlocks(list, tenant).map(({ blockID }) => blockID));
      if (detail.inputs.every((blockId) => live.has(blockId))) continue;
      await this.parts.book.record({
        type: "job_ended",
        id,
        state: "dropped",
        atMs: this.parts.runtime.clock.now(),
      });
      this.parts.metrics.dropped.labels(tenant, JOB_TYPE.compaction).inc();
    }
  }

  /** Marks what an interrupted compaction did not come to mark, and superfluous twins. */
  async markReplaced(signal: AbortSignal): Promise<void> {
    const { list, store } = this.parts.dependencies;
    for (const tenant of list.tenants) {
      for (const meta of list.replaced(tenant)) {
        const name = `${tenant}/${meta.blockID}`;
        if (this.#marked.has(name)) continue;
        if (this.parts.book.state.jobOf(tenant, meta.blockID) !== undefined) continue;
        await markCompacted(store, meta, this.parts.runtime.clock.now(), signal);
        this.#marked.add(name);
      }
    }
  }

  async planRetention(inTurn: InTurn, signal: AbortSignal): Promise<void> {
    const { store, list, rulesOf } = this.parts.dependencies;
    const { prefixes } = await store.list("", "/", signal);
    for (const prefix of prefixes) {
      const tenant = prefix.slice(0, -1);
      const rules = rulesOf(tenant);
      if (rules === undefined || this.#isRetaining(tenant)) continue;
      const { state } = this.parts.book;
      const live = liveBlocks(list, tenant).filter(({ blockID }) =>
        state.jobOf(tenant, blockID) === undefined
      );
      try {
        const detail = await this.#retention.plan(
          tenant,
          live,
          list.compacted(tenant),
          rules,
          signal,
        );
        if (detail === undefined) continue;
        await inTurn(async () => {
          const expired = detail.expired.filter((id) => state.jobOf(tenant, id) === undefined);
          const job = newJob(this.parts.runtime, tenant, { ...detail, expired });
          await this.parts.book.record({
            type: "job_created",
            job,
            atMs: this.parts.runtime.clock.now(),
          });
        });
      } catch (error) {
        if (signal.aborted || !(error instanceof UnavailableError)) throw error;
        // One tenant's trouble is not another's.
        this.parts.runtime.log.warn("retention is to be planned again", {
          tenant,
          error: error.message,
        });
      }
    }
    this.#marked.clear();
    this.parts.compactions.forgetOld();
  }

  #isRetaining(tenant: string): boolean {
    return this.parts.book.state.open().some(({ job }) =>
      job.tenant === tenant && job.detail.kind === "retention"
    );
  }
}
