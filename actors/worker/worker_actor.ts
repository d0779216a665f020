// A worker as it runs: one job at a time, for as long as there are some.
// Rules: the scheduler hears of it while it works, and when it is told that the job is no longer its own
// it stops at once; asked to stop, it finishes what it has within a time, or gives the job back.
import { fromPromise } from "xstate";
import { UnavailableError } from "../../lib/errors.ts";
import { InvariantError } from "../../lib/invariant.ts";
import type { Runtime } from "../../lib/runtime.ts";
import { backoffMs, sleep } from "../../lib/waiting.ts";
import { runMachine } from "../run_machine.ts";
import type { GivenJob, JobSource, JobUpdate } from "../scheduler/job.ts";
import { supervise } from "../supervisor.ts";
import { type JobDependencies, JobDoer, type JobOptions } from "./do_job.ts";
import { type Asked, type Reported, workerMachine } from "./machine.ts";
import { type WorkerMetrics, workerMetrics } from "./worker_metrics.ts";

/** It never gives up: whatever it cannot do, the scheduler gives to another. */
const RESTARTS = {
  restartsMax: Infinity,
  windowMs: 3_600_000,
  backoffMinMs: 1_000,
  backoffMaxMs: 600_000,
};

/** Of a lease: how often the scheduler hears of the worker. */
const BEATS_PER_LEASE = 4;

export interface WorkerOptions extends JobOptions {
  /** Its name, the same after a restart: it is then given the job it had. */
  readonly id: string;
  /** How long it may be silent before its job is given to another. */
  readonly leaseMs: number;
  readonly backoffMinMs: number;
  readonly backoffMaxMs: number;
  /** To finish its job when it is to stop. */
  readonly finishMs: number;
}

export interface WorkerDependencies extends JobDependencies {
  readonly scheduler: JobSource;
}

/** `stop` asks it to finish; `signal` ends it where it is. */
export async function runWorker(
  runtime: Runtime,
  dependencies: WorkerDependencies,
  options: WorkerOptions,
  stop: AbortSignal,
  signal: AbortSignal,
): Promise<void> {
  const metrics = workerMetrics(runtime.metrics);
  const doer = new JobDoer(runtime, dependencies, options, metrics);
  await supervise(
    runtime.clock,
    {
      id: "backend worker",
      // Asked to stop it ends by itself; it is only not started again.
      run: () => new WorkerLife(runtime, dependencies, options, doer, metrics).run(stop, signal),
    },
    RESTARTS,
    AbortSignal.any([stop, signal]),
    {
      restarting: (id, error, delayMs) =>
        runtime.log.error("restarting", { actor: id, error: String(error), delayMs }),
    },
  );
}

type Outcome = JobUpdate extends infer U ? U extends unknown ? Omit<U, "jobId" | "worker"> : never
  : never;

class WorkerLife {
  #given: GivenJob | undefined;
  #outcome: Outcome | undefined;
  #isWeather = false;
  readonly #asking = new AbortController();
  readonly #working = new AbortController();
  #running: Promise<unknown> = Promise.resolve();

  constructor(
    readonly runtime: Runtime,
    readonly dependencies: WorkerDependencies,
    readonly options: WorkerOptions,
    readonly doer: JobDoer,
    readonly metrics: WorkerMetrics,
  ) {}

  async run(stop: AbortSignal, signal: AbortSignal): Promise<void> {
    const { clock, random } = this.runtime;
    const tracked = <T>(work: () => Promise<T>) =>
      fromPromise<T>(() => {
        const begun = work();
        this.#running = begun.catch(() => {});
        return begun;
      });
    const machine = workerMachine.provide({
      actors: {
        ask: tracked(() => this.#ask(signal)),
        work: tracked(() => this.#work(signal)),
        report: tracked(() => this.#report(signal)),
      },
    });
    const backoff = { minMs: this.options.backoffMinMs, maxMs: this.options.backoffMaxMs };
    const input = { backoffMs: (attempts: number) => backoffMs(backoff, attempts, random) };
    let finish: number | undefined;
    let isStopWanted = () => {};
    try {
      await runMachine(machine, {
        input,
        clock,
        signal,
        onStart: (send) => {
          isStopWanted = () => {
            this.#asking.abort(new UnavailableError("the worker stops"));
            finish = clock.setTimeout(() => this.#working.abort(GIVEN_BACK), this.options.finishMs);
            send({ type: "stop" });
          };
          stop.addEventListener("abort", isStopWanted, { once: true });
          if (stop.aborted) isStopWanted();
        },
      });
    } finally {
      stop.removeEventListener("abort", isStopWanted);
      if (finish !== undefined) clock.clearTimeout(finish);
      await this.#running; // nothing is touched after this has ended
    }
  }

  async #ask(signal: AbortSignal): Promise<Asked> {
    const { id: worker, leaseMs } = this.options;
    const either = AbortSignal.any([this.#asking.signal, signal]);
    this.#given = await this.#called(() =>
      this.dependencies.scheduler.next({ worker, leaseMs }, either)
    );
    return this.#given === undefined ? "nothing" : "job";
  }

  async #work(signal: AbortSignal): Promise<void> {
    const given = this.#given!;
    const lost = new AbortController();
    const done = new AbortController();
    const ends = AbortSignal.any([signal, this.#working.signal, lost.signal]);
    const beating = this.#beat(given, lost, done.signal);
    this.#isWeather = false;
    try {
      this.#outcome = { status: "succeeded", result: await this.doer.do(given, ends) };
    } catch (error) {
      if (signal.aborted || error instanceof InvariantError) throw error;
      if (lost.signal.aborted) this.#outcome = undefined;
      else if (this.#working.signal.aborted) this.#outcome = { status: "given_back" };
      else {
        this.#isWeather = error instanceof UnavailableError;
        const text = error instanceof Error ? error.message : String(error);
        this.#outcome = { status: "failed", error: text };
      }
    } finally {
      done.abort();
      await beating;
    }
  }

  /** Tells the scheduler that the job is being worked on, and hears whether it still should be. */
  async #beat(
    { job: { id: jobId } }: GivenJob,
    lost: AbortController,
    done: AbortSignal,
  ): Promise<void> {
    const { id: worker, leaseMs } = this.options;
    while (!done.aborted) {
      await sleep(this.runtime.clock, leaseMs / BEATS_PER_LEASE, done);
      if (done.aborted) return;
      try {
        const isMine = await this.dependencies.scheduler.update(
          { jobId, worker, status: "running" },
          done,
        );
        if (!isMine) lost.abort(new UnavailableError("the job is no longer this worker's"));
      } catch (error) {
        if (done.aborted) return;
        // It is away, or starts again; if it forgot the job it will say so.
        this.runtime.log.debug("the scheduler does not answer", { error: String(error) });
      }
    }
  }

  async #report(signal: AbortSignal): Promise<Reported> {
    const outcome = this.#outcome;
    if (outcome === undefined) return "fine";
    const { id: worker } = this.options;
    const update = { ...outcome, jobId: this.#given!.job.id, worker } as JobUpdate;
    await this.#called(() => this.dependencies.scheduler.update(update, signal));
    return this.#isWeather ? "weather" : "fine";
  }

  async #called<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      if (!this.#asking.signal.aborted) {
        this.metrics.callRetries.inc();
        this.runtime.log.debug("the scheduler does not answer", { error: String(error) });
      }
      throw error;
    }
  }
}

const GIVEN_BACK = new UnavailableError("the worker stops before its job is done");
