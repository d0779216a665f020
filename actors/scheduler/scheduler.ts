// The scheduler: gives jobs to workers, one block to one of them at a time, and judges what comes back.
//
//   redaction ─┐                         ┌─ running ──▶ lease goes on
//   retention ─┼─▶ next(worker) ─▶ job ──┼─ succeeded ▶ the bucket says what is true of it
//   compaction ┘                         ├─ failed ───▶ its blocks are left alone for a while
//                                        └─ silence ──▶ the same job is given to another
//
// Rules: what a worker is told is on disk before; a result counts whoever brings it, for the work is in
// the bucket, and what two have done is one of them too many, not wrong (storage/twins.ts); leases,
// ages and expiry are judged by this process's clock alone.
import { InputError, NotFoundError, UnavailableError } from "../../lib/errors.ts";
import type { Runtime } from "../../lib/runtime.ts";
import { Turns } from "../../lib/turns.ts";
import { sleep } from "../../lib/waiting.ts";
import { type BlockMeta, metaKey } from "../../model/block_meta.ts";
import {
  type BlockList,
  markCompacted,
  type ObjectStore,
  parseBlockMeta,
} from "../../storage/mod.ts";
import { CompactionQueue, type CompactionQueueOptions } from "./compaction_queue.ts";
import {
  type GivenJob,
  type Job,
  JOB_TYPE,
  type JobDetail,
  type JobKind,
  type JobResult,
  type JobSource,
  type JobUpdate,
  type NextRequest,
  type RedactionWish,
  type RulesOf,
} from "./job.ts";
import { lookThrough, nextStep, overlaps } from "./redaction.ts";
import { RetentionRound } from "./retention_round.ts";
import type { SchedulerMetrics } from "./scheduler_metrics.ts";
import type { WorkBook } from "./work_book.ts";
import type { BatchRecord, JobRecord, JobState, WorkEvent } from "./work_state.ts";

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

export interface SubmittedRedaction {
  readonly batchId: string;
  readonly jobs: number;
}

/** The order in which jobs of the kinds that wait are given out. */
const FIRST: readonly JobKind[] = ["redaction", "retention", "compaction"];

export class Scheduler implements JobSource {
  readonly #turns = new Turns();
  readonly #compactions: CompactionQueue;
  readonly #retention: RetentionRound;
  /** Replaced blocks that the block list has yet to see as marked. */
  readonly #marked = new Set<string>();
  #changed = Promise.withResolvers<void>();
  #isStopped = false;
  #retainedAtMs = -Infinity;
  #mirroredAtMs = -Infinity;
  #maintainedAtMs = -Infinity;

  constructor(
    readonly runtime: Runtime,
    readonly book: WorkBook,
    readonly dependencies: SchedulerDependencies,
    readonly options: SchedulerOptions,
    readonly metrics: SchedulerMetrics,
  ) {
    const { list, store, rulesOf } = dependencies;
    this.#compactions = new CompactionQueue(
      runtime,
      {
        get tenants() {
          return list.tenants;
        },
        live: (tenant) => this.#live(tenant),
        isBusy: (tenant, blockId) => book.state.jobOf(tenant, blockId) !== undefined,
        isPaused: (tenant) => this.#isPaused(tenant),
      },
      rulesOf,
      options,
      metrics,
    );
    this.#retention = new RetentionRound(runtime, store, options.leftoverGraceMs);
  }

  async next(request: NextRequest, signal: AbortSignal): Promise<GivenJob | undefined> {
    const { clock } = this.runtime;
    const untilMs = clock.monotonic() + this.options.jobTimeoutMs;
    for (;;) {
      signal.throwIfAborted();
      const changed = this.#changed.promise;
      const job = await this.#turn(() => this.#give(request));
      if (job !== undefined) return { job, nowMs: clock.now() };
      const leftMs = untilMs - clock.monotonic();
      if (leftMs <= 0) {
        this.metrics.notFound.labels(request.worker).inc();
        return undefined;
      }
      const enough = new AbortController();
      const either = AbortSignal.any([enough.signal, signal]);
      await Promise.race([changed, sleep(clock, leftMs, either)]);
      enough.abort();
    }
  }

  async update(update: JobUpdate, signal: AbortSignal): Promise<boolean> {
    return await this.#turn(() => this.#update(update, signal));
  }

  /** Refuses what makes no sense, or while another batch of the tenant is open. */
  async redact(
    tenant: string,
    wish: RedactionWish,
    signal: AbortSignal,
  ): Promise<SubmittedRedaction> {
    await this.dependencies.settleLive?.();
    return await this.#turn(async () => {
      if (this.book.state.openBatch(tenant) !== undefined) {
        throw new InputError("failed_precondition", "a redaction of this tenant is running");
      }
      await this.dependencies.list.poll(signal);
      const live = this.dependencies.list.blocks(tenant);
      if (!live.some((meta) => overlaps(meta, wish))) {
        throw new InputError("not_found", "no blocks of this tenant in that time");
      }
      const id = this.runtime.random.uuid();
      await this.book.record({ type: "batch_opened", id, tenant, wish, atMs: this.#now });
      const jobs = await this.#look(this.book.state.batches.get(id)!, 0);
      this.runtime.log.info("redaction begun", { tenant, batch: id, jobs, mode: wish.mode });
      this.#wake();
      return { batchId: id, jobs };
    });
  }

  /** When the next `maintain` is due. */
  get restMs(): number {
    const { maintainEveryMs, redactionPollMs } = this.options;
    const isRedacting = [...this.book.state.batches.values()].some(({ state }) => state === "open");
    return isRedacting ? Math.min(maintainEveryMs, redactionPollMs) : maintainEveryMs;
  }

  /** At start: what is no longer so is let go, and the bucket has the last word. */
  async reconcile(signal: AbortSignal): Promise<void> {
    await this.dependencies.list.poll(signal);
    await this.#turn(() => this.#dropStale(["pending", "running"]));
  }

  /** What is done by the clock: leases, retention, redaction's rescans, the copy in the bucket. */
  async maintain(signal: AbortSignal): Promise<void> {
    const monotonicMs = this.runtime.clock.monotonic();
    await this.#turn(async () => {
      await this.#expire();
      await this.#dropStale(["pending"]);
      await this.#advanceBatches(signal);
    });
    if (monotonicMs - this.#maintainedAtMs >= this.options.maintainEveryMs) {
      await this.#markReplaced(signal);
      this.#compactions.measure();
      this.#maintainedAtMs = monotonicMs;
    }
    if (monotonicMs - this.#retainedAtMs >= this.options.retentionEveryMs) {
      await this.#planRetention(signal);
      this.#retainedAtMs = monotonicMs;
    }
    this.#measureJobs();
    this.#wake();
    if (monotonicMs - this.#mirroredAtMs >= this.options.mirrorEveryMs) {
      await this.book.mirror(signal);
      this.#mirroredAtMs = monotonicMs;
    }
  }

  /** Nothing more is done or recorded after it has resolved; whoever waits is sent away. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#wake();
    await this.#turns.take(() => Promise.resolve());
  }

  /** Blocks that wait to be merged. */
  outstanding(tenant: string): number {
    return this.#compactions.outstanding(tenant);
  }

  #turn<T>(work: () => Promise<T>): Promise<T> {
    return this.#turns.take(async () => {
      if (this.#isStopped) throw new UnavailableError("the scheduler has stopped");
      return await work();
    });
  }

  get #now(): number {
    return this.runtime.clock.now();
  }

  /** Those who wait for a job look again. */
  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  /** Nothing of a tenant that could not be listed so far. */
  #live(tenant: string): readonly BlockMeta[] {
    try {
      return this.dependencies.list.blocks(tenant);
    } catch (error) {
      if (error instanceof UnavailableError) return [];
      throw error;
    }
  }

  #isPaused(tenant: string): boolean {
    return this.book.state.openBatch(tenant)?.wish.mode === "apply";
  }

  async #give({ worker, leaseMs }: NextRequest): Promise<Job | undefined> {
    await this.#expire();
    const open = this.book.state.open();
    const held = open.find(({ lease }) => lease?.worker === worker);
    const waiting = FIRST.flatMap((kind) =>
      open.filter(({ state, job }) => state === "pending" && job.detail.kind === kind)
    );
    const record = held ??
      waiting.find(({ job }) => job.detail.kind !== "compaction" || !this.#isPaused(job.tenant));
    const given = { type: "job_given", worker, leaseMs, atMs: this.#now } as const;
    if (record !== undefined) {
      const { id } = record.job;
      const isFirst = record.attempts === 0;
      await this.book.record({ ...given, id });
      this.#countGiven(record.job, worker, isFirst);
      return record.job;
    }
    const planned = this.#compactions.next();
    if (planned === undefined) return undefined;
    const inputs = planned.inputs.map(({ blockID }) => blockID);
    const job = this.#newJob(planned.tenant, { kind: "compaction", inputs });
    const { id } = job;
    await this.book.record({ type: "job_created", job, atMs: this.#now }, { ...given, id });
    this.#countGiven(job, worker, true);
    this.metrics.compactionsCreated.labels(job.tenant).inc();
    return job;
  }

  #newJob(tenant: string, detail: JobDetail): Job {
    return { id: this.runtime.random.uuid(), tenant, detail };
  }

  #countGiven({ tenant, detail: { kind } }: Job, worker: string, isFirst: boolean): void {
    const type = JOB_TYPE[kind];
    if (!isFirst) this.metrics.retried.labels(tenant, type, worker).inc();
    else {
      this.metrics.created.labels(tenant, type).inc();
      this.metrics.merged.labels(kind).inc();
    }
    this.#measureJobs();
  }

  async #update(update: JobUpdate, signal: AbortSignal): Promise<boolean> {
    const record = this.book.state.jobs.get(update.jobId);
    const isOpen = record?.state === "running" || record?.state === "pending";
    if (record === undefined || !isOpen) {
      // Whoever was believed dead has brought something all the same: see what it is.
      if (update.status === "succeeded") await this.dependencies.list.poll(signal);
      return false;
    }
    const isHolder = record.lease?.worker === update.worker;
    switch (update.status) {
      case "running":
        if (isHolder) record.lease!.heardMs = this.#now;
        return isHolder;
      case "given_back":
        if (!isHolder) return false;
        await this.book.record({ type: "job_taken_back", id: update.jobId });
        break;
      case "failed":
        if (!isHolder) return false;
        await this.#fail(record, update.error);
        break;
      case "succeeded":
        await this.#succeed(record, update.result, isHolder, signal);
    }
    this.#measureJobs();
    this.#wake();
    return isHolder;
  }

  async #fail(record: JobRecord, error: string): Promise<void> {
    const { job: { id, tenant, detail } } = record;
    const events: WorkEvent[] = [
      { type: "job_ended", id, state: "failed", atMs: this.#now, error },
    ];
    if (detail.kind === "compaction") this.#compactions.setAside(detail.inputs, error);
    if (detail.kind === "redaction") {
      events.push({ type: "batch_open_end", id: detail.batchId, error });
    }
    await this.book.record(...events);
    this.metrics.failed.labels(tenant, JOB_TYPE[detail.kind]).inc();
    this.runtime.log.error("a job has failed, its blocks are left alone for a while", {
      tenant,
      job: id,
      kind: detail.kind,
      error,
    });
  }

  async #succeed(
    record: JobRecord,
    result: JobResult,
    isHolder: boolean,
    signal: AbortSignal,
  ): Promise<void> {
    const { job: { id, tenant, detail }, begunMs } = record;
    if (result.kind !== detail.kind) {
      return await this.#fail(record, "the result is of another kind");
    }
    const { list } = this.dependencies;
    const outputs = result.kind === "retention" ? [] : result.outputs;
    const metas = await this.#written(tenant, outputs, signal);
    if (metas === undefined) return await this.#fail(record, `output ${outputs} is not there`);
    const events: WorkEvent[] = [
      { type: "job_ended", id, state: "succeeded", atMs: this.#now, outputs },
    ];
    if (result.kind === "redaction" && detail.kind === "redaction") {
      const { traces, spans } = result;
      const blockIds = [detail.blockId, ...outputs];
      events.push({ type: "batch_examined", id: detail.batchId, blockIds, traces, spans });
      this.metrics.redacted.labels(tenant, detail.wish.mode).inc(traces);
    }
    await this.book.record(...events);
    // Alone with the job, its worker has left the bucket as it says; otherwise the bucket says how it is.
    const isAlone = isHolder && record.attempts === 1;
    if (!isAlone || !metas.every(({ replaces = [] }) => replaces.length > 0)) {
      await list.poll(signal);
    } else for (const meta of metas) this.#announce(tenant, meta);
    if (result.kind === "compaction" && detail.kind === "compaction") {
      this.#compactions.forget(detail.inputs);
      this.#compactions.setAsideAwhile([...result.flagged, ...result.gone]);
      if (result.gone.length > 0) await list.poll(signal);
    } else if (result.kind === "retention") {
      for (const blockId of result.marked) list.retire(tenant, blockId);
      for (const blockId of result.deleted) list.forget(tenant, blockId);
    } else if (result.kind === "redaction" && detail.kind === "redaction") {
      const isEmptied = detail.wish.mode === "apply" && result.traces > 0 && outputs.length === 0;
      if (isEmptied) list.retire(tenant, detail.blockId);
      if (result.isGone) await list.poll(signal);
    }
    this.metrics.completed.labels(tenant, JOB_TYPE[detail.kind]).inc();
    this.metrics.seconds.labels(JOB_TYPE[detail.kind]).observe((this.#now - begunMs) / 1000);
  }

  #announce(tenant: string, meta: BlockMeta): void {
    const { list } = this.dependencies;
    list.add(meta);
    for (const blockId of meta.replaces ?? []) list.retire(tenant, blockId);
  }

  /** The metas of what a worker says it has written; undefined if that is not so. */
  async #written(
    tenant: string,
    blockIds: readonly string[],
    signal: AbortSignal,
  ): Promise<BlockMeta[] | undefined> {
    const metas: BlockMeta[] = [];
    for (const blockId of blockIds) {
      const key = metaKey(tenant, blockId);
      try {
        const bytes = await this.dependencies.store.read(key, undefined, signal);
        metas.push(parseBlockMeta(bytes, key));
      } catch (error) {
        if (error instanceof NotFoundError) return undefined;
        throw error;
      }
    }
    return metas;
  }

  /** Jobs of workers that have not been heard of, and what is too old to remember. */
  async #expire(): Promise<void> {
    const now = this.#now;
    const { deadJobMs, pruneAgeMs } = this.options;
    for (const record of this.book.state.open()) {
      const { lease, job, begunMs } = record;
      if (lease === undefined) continue;
      // A clock that was set back must not make a lease last for ever.
      lease.heardMs = Math.min(lease.heardMs, now);
      if (now - begunMs >= deadJobMs) await this.#fail(record, "dead job: it has run for too long");
      else if (lease.leaseMs > 0 && now - lease.heardMs >= lease.leaseMs) {
        await this.book.record({ type: "job_taken_back", id: job.id });
        this.runtime.log.warn("a worker was not heard of, its job is given to another", {
          tenant: job.tenant,
          job: job.id,
          worker: lease.worker,
        });
      }
    }
    const { jobs, batches } = this.book.state;
    const endedBeforeMs = now - pruneAgeMs;
    const isOld =
      [...jobs.values()].some(({ endedMs }) => endedMs > 0 && endedMs < endedBeforeMs) ||
      [...batches.values()].some(({ closedMs }) => closedMs > 0 && closedMs < endedBeforeMs);
    if (isOld) await this.book.record({ type: "forgotten", endedBeforeMs });
  }

  /** Compactions whose blocks are no longer as they were. */
  async #dropStale(states: readonly JobState[]): Promise<void> {
    for (const { state, job: { id, tenant, detail } } of this.book.state.open()) {
      if (detail.kind !== "compaction" || !states.includes(state)) continue;
      if (this.dependencies.list.isIncomplete) continue;
      const live = new Set(this.#live(tenant).map(({ blockID }) => blockID));
      if (detail.inputs.every((blockId) => live.has(blockId))) continue;
      await this.book.record({ type: "job_ended", id, state: "dropped", atMs: this.#now });
      this.metrics.dropped.labels(tenant, JOB_TYPE.compaction).inc();
    }
  }

  /** Marks what an interrupted compaction did not come to mark, and superfluous twins. */
  async #markReplaced(signal: AbortSignal): Promise<void> {
    const { list, store } = this.dependencies;
    for (const tenant of list.tenants) {
      for (const meta of list.replaced(tenant)) {
        const name = `${tenant}/${meta.blockID}`;
        if (this.#marked.has(name)) continue;
        if (this.book.state.jobOf(tenant, meta.blockID) !== undefined) continue;
        await markCompacted(store, meta, this.#now, signal);
        this.#marked.add(name);
      }
    }
  }

  async #planRetention(signal: AbortSignal): Promise<void> {
    const { store, list, rulesOf } = this.dependencies;
    const { prefixes } = await store.list("", "/", signal);
    for (const prefix of prefixes) {
      const tenant = prefix.slice(0, -1);
      const rules = rulesOf(tenant);
      if (rules === undefined || this.#isRetaining(tenant)) continue;
      const { state } = this.book;
      const live = this.#live(tenant).filter(({ blockID }) =>
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
        await this.#turn(async () => {
          const expired = detail.expired.filter((id) => state.jobOf(tenant, id) === undefined);
          const job = this.#newJob(tenant, { ...detail, expired });
          await this.book.record({ type: "job_created", job, atMs: this.#now });
        });
      } catch (error) {
        if (signal.aborted || !(error instanceof UnavailableError)) throw error;
        // One tenant's trouble is not another's.
        this.runtime.log.warn("retention is to be planned again", { tenant, error: error.message });
      }
    }
    this.#marked.clear();
    this.#compactions.forgetOld();
  }

  #isRetaining(tenant: string): boolean {
    return this.book.state.open().some(({ job }) =>
      job.tenant === tenant && job.detail.kind === "retention"
    );
  }

  async #advanceBatches(signal: AbortSignal): Promise<void> {
    for (const batch of [...this.book.state.batches.values()]) {
      if (batch.state !== "open") continue;
      const openJobs = this.book.state.open().filter(({ job: { detail } }) =>
        detail.kind === "redaction" && detail.batchId === batch.id
      ).length;
      const step = nextStep(batch, openJobs, this.#now, this.options.rescansMax);
      if (step === "look") {
        await this.dependencies.list.poll(signal);
        await this.#look(batch, batch.generation + 1);
      } else if (step === "done" || step === "give_up") {
        const state = step === "done" ? "done" : "given_up";
        await this.book.record({ type: "batch_closed", id: batch.id, state, atMs: this.#now });
        this.#compactions.forgetPlans();
        const { id, tenant, traces, spans, error } = batch;
        const facts = { tenant, batch: id, traces, spans };
        if (state === "done") {
          this.runtime.log.info("redaction done", facts);
        } else {this.runtime.log.error("redaction given up, some of it may be left", {
            ...facts,
            error,
          });}
      }
    }
  }

  /** Makes the jobs of a look; how many. */
  async #look(batch: BatchRecord, generation: number): Promise<number> {
    const { id, tenant, wish } = batch;
    const { blocks, passedOver } = lookThrough(
      batch,
      this.#live(tenant),
      (blockId) => this.book.state.jobOf(tenant, blockId) !== undefined,
    );
    const atMs = this.#now;
    const lookMs = atMs + this.options.rescanDelayMs;
    await this.book.record(
      { type: "batch_looked", id, generation, lookMs, jobs: blocks.length, passedOver },
      ...blocks.map(({ blockID: blockId }): WorkEvent => ({
        type: "job_created",
        job: this.#newJob(tenant, { kind: "redaction", batchId: id, blockId, wish }),
        atMs,
      })),
    );
    return blocks.length;
  }

  #measureJobs(): void {
    const { active, pending } = this.metrics;
    active.reset();
    pending.reset();
    for (const { state, job: { tenant, detail } } of this.book.state.open()) {
      (state === "running" ? active : pending).labels(tenant, JOB_TYPE[detail.kind]).inc();
    }
  }
}
