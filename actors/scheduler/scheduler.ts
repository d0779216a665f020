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
import { UnavailableError } from "../../lib/errors.ts";
import type { Runtime } from "../../lib/runtime.ts";
import { Turns } from "../../lib/turns.ts";
import { sleep } from "../../lib/waiting.ts";
import { CompactionQueue } from "./compaction_queue.ts";
import { Housekeeping } from "./housekeeping.ts";
import {
  type GivenJob,
  type Job,
  JOB_TYPE,
  type JobKind,
  type JobSource,
  type JobUpdate,
  type NextRequest,
  type RedactionWish,
} from "./job.ts";
import { RedactionBatches, type SubmittedRedaction } from "./redaction_batches.ts";
import { Results } from "./results.ts";
import {
  isPaused,
  liveBlocks,
  newJob,
  type SchedulerDependencies,
  type SchedulerOptions,
} from "./scheduler_parts.ts";
import type { SchedulerMetrics } from "./scheduler_metrics.ts";
import type { WorkBook } from "./work_book.ts";

/** The order in which jobs of the kinds that wait are given out. */
const FIRST: readonly JobKind[] = ["redaction", "retention", "compaction"];

export class Scheduler implements JobSource {
  readonly #turns = new Turns();
  readonly #compactions: CompactionQueue;
  readonly #results: Results;
  readonly #house: Housekeeping;
  readonly #batches: RedactionBatches;
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
    const { list, rulesOf } = dependencies;
    this.#compactions = new CompactionQueue(
      runtime,
      {
        get tenants() {
          return list.tenants;
        },
        live: (tenant) => liveBlocks(list, tenant),
        isBusy: (tenant, blockId) => book.state.jobOf(tenant, blockId) !== undefined,
        isPaused: (tenant) => isPaused(book.state, tenant),
      },
      rulesOf,
      options,
      metrics,
    );
    const compactions = this.#compactions;
    const parts = { runtime, book, dependencies, options, metrics, compactions };
    this.#results = new Results(parts);
    this.#house = new Housekeeping(parts, this.#results);
    this.#batches = new RedactionBatches(parts);
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
    const submitted = await this.#turn(() => this.#batches.begin(tenant, wish, signal));
    this.#wake();
    return submitted;
  }

  /** When the next `maintain` is due. */
  get restMs(): number {
    const { maintainEveryMs, redactionPollMs } = this.options;
    const isRedacting = this.#batches.isAnyOpen;
    return isRedacting ? Math.min(maintainEveryMs, redactionPollMs) : maintainEveryMs;
  }

  /** At start: what is no longer so is let go, and the bucket has the last word. */
  async reconcile(signal: AbortSignal): Promise<void> {
    await this.dependencies.list.poll(signal);
    await this.#turn(() => this.#house.dropStale(["pending", "running"]));
  }

  /** What is done by the clock: leases, retention, redaction's rescans, the copy in the bucket. */
  async maintain(signal: AbortSignal): Promise<void> {
    const monotonicMs = this.runtime.clock.monotonic();
    await this.#turn(async () => {
      await this.#house.expire();
      await this.#house.dropStale(["pending"]);
      await this.#batches.advance(signal);
    });
    if (monotonicMs - this.#maintainedAtMs >= this.options.maintainEveryMs) {
      await this.#house.markReplaced(signal);
      this.#compactions.measure();
      this.#maintainedAtMs = monotonicMs;
    }
    if (monotonicMs - this.#retainedAtMs >= this.options.retentionEveryMs) {
      await this.#house.planRetention((work) => this.#turn(work), signal);
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

  async #give({ worker, leaseMs }: NextRequest): Promise<Job | undefined> {
    await this.#house.expire();
    const open = this.book.state.open();
    const held = open.find(({ lease }) => lease?.worker === worker);
    const waiting = FIRST.flatMap((kind) =>
      open.filter(({ state, job }) => state === "pending" && job.detail.kind === kind)
    );
    const record = held ??
      waiting.find(({ job }) =>
        job.detail.kind !== "compaction" || !isPaused(this.book.state, job.tenant)
      );
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
    const job = newJob(this.runtime, planned.tenant, { kind: "compaction", inputs });
    const { id } = job;
    await this.book.record({ type: "job_created", job, atMs: this.#now }, { ...given, id });
    this.#countGiven(job, worker, true);
    this.metrics.compactionsCreated.labels(job.tenant).inc();
    return job;
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
    // The peer's workers do not say who they are.
    const isHolder = record.lease !== undefined &&
      (update.worker === "" || update.worker === record.lease.worker);
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
        await this.#results.fail(record, update.error);
        break;
      case "succeeded":
        await this.#results.succeed(record, update.result, isHolder, signal);
    }
    this.#measureJobs();
    this.#wake();
    return isHolder;
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
