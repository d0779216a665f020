// The scheduler as it runs in a process, and the way to reach it from the same one: before it is open,
// or while it starts again, whoever asks is told to come later.
import { fromPromise } from "xstate";
import { UnavailableError } from "../../lib/errors.ts";
import type { Directory } from "../../lib/fs.ts";
import type { Runtime } from "../../lib/runtime.ts";
import { runMachine } from "../run_machine.ts";
import { supervise } from "../supervisor.ts";
import type { GivenJob, JobKind, JobSource, JobUpdate, NextRequest, RedactionWish } from "./job.ts";
import { schedulerMachine } from "./machine.ts";
import type { SubmittedRedaction } from "./redaction_batches.ts";
import { Scheduler } from "./scheduler.ts";
import type { SchedulerDependencies, SchedulerOptions } from "./scheduler_parts.ts";
import { type SchedulerMetrics, schedulerMetrics } from "./scheduler_metrics.ts";
import { WorkBook } from "./work_book.ts";

/** Without it blocks are merely not merged: it never gives up, and ends nothing else. */
const RESTARTS = {
  restartsMax: Infinity,
  windowMs: 3_600_000,
  backoffMinMs: 1_000,
  backoffMaxMs: 600_000,
};

export class SchedulerActor implements JobSource {
  #scheduler: Scheduler | undefined;
  readonly #metrics: SchedulerMetrics;

  constructor(
    readonly runtime: Runtime,
    /** Where its journal lies; opened when it runs. */
    readonly openDirectory: () => Promise<Directory>,
    readonly dependencies: SchedulerDependencies,
    readonly options: SchedulerOptions,
  ) {
    this.#metrics = schedulerMetrics(runtime.metrics);
  }

  /** Undefined while it is not open. */
  get scheduler(): Scheduler | undefined {
    return this.#scheduler;
  }

  async next(request: NextRequest, signal: AbortSignal): Promise<GivenJob | undefined> {
    return await this.#reached().next(request, signal);
  }

  async update(update: JobUpdate, signal: AbortSignal): Promise<boolean> {
    return await this.#reached().update(update, signal);
  }

  async redact(
    tenant: string,
    wish: RedactionWish,
    signal: AbortSignal,
  ): Promise<SubmittedRedaction> {
    return await this.#reached().redact(tenant, wish, signal);
  }

  /** Undefined for a job that it does not know. */
  kindOf(jobId: string): JobKind | undefined {
    return this.#scheduler?.book.state.jobs.get(jobId)?.job.detail.kind;
  }

  #reached(): Scheduler {
    if (this.#scheduler === undefined) throw new UnavailableError("the scheduler is not open yet");
    return this.#scheduler;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.runtime;
    const child = { id: "backend scheduler", run: (signal: AbortSignal) => this.#live(signal) };
    await supervise(clock, child, RESTARTS, signal, {
      restarting: (id, error, delayMs) =>
        log.error("restarting", { actor: id, error: String(error), delayMs }),
    });
  }

  async #live(signal: AbortSignal): Promise<void> {
    const { runtime, dependencies, options } = this;
    await using stack = new AsyncDisposableStack();
    let opened: Scheduler | undefined;
    let running: Promise<unknown> = Promise.resolve();
    const tracked = (work: () => Promise<void>) =>
      fromPromise<void>(() => {
        const begun = work();
        running = begun.catch((error) => {
          if (!signal.aborted) runtime.log.warn("scheduler", { error: String(error) });
        });
        return begun;
      });
    const machine = schedulerMachine.provide({
      actors: {
        open: tracked(async () => {
          const directory = await this.openDirectory();
          const { store } = dependencies;
          const book = await WorkBook.open(runtime, directory, store, this.#metrics, signal);
          stack.use(book);
          opened = new Scheduler(runtime, book, dependencies, options, this.#metrics);
        }),
        reconcile: tracked(async () => {
          await opened!.reconcile(signal);
          this.#scheduler = opened;
        }),
        maintain: tracked(() => opened!.maintain(signal)),
      },
    });
    const input = { restMs: () => opened?.restMs ?? options.maintainEveryMs };
    try {
      await runMachine(machine, { input, clock: runtime.clock, signal });
    } finally {
      this.#scheduler = undefined;
      await running; // nothing is touched after this has ended
      await opened?.stop();
    }
  }
}
