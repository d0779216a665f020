// The jobs of questions on blocks: a job is a block, a scanner takes a few of one question at a time, and
// tenants take turns. A block has its scanner for as long as it is known, for that one's cache knows it.
// Scanners may come and go: what waits for one that has gone is done by others, what waits for any waits so
// long and no longer.
// Rules: what the world did wrong is tried again, so often and no more; what is wrong with the question or
// with bytes is not. A question that ends leaves no job behind, waiting or running.
import { UnavailableError } from "../../lib/errors.ts";
import { exponentialBuckets, SECONDS_BUCKETS } from "../../lib/metrics.ts";
import type { Runtime } from "../../lib/runtime.ts";
import type { BlockMeta } from "../../model/block_meta.ts";
import { FairQueue } from "./fair_queue.ts";
import type { Scanner } from "./scan_pool.ts";
import type { ScannerSet } from "./scanner_set.ts";

export interface JobOptions {
  /** Of a tenant, that may wait at a time; more is refused. 0: no bound. */
  readonly outstandingPerTenantMax: number;
  /** Of one question, that a scanner takes at a time. */
  readonly batchMax: number;
  /** How often a job is tried in all. */
  readonly triesMax: number;
  /** Of one question, that may wait or run at a time; of one on metrics the other. 0: no bound. */
  readonly concurrentMax: number;
  readonly metricsConcurrentMax: number;
  /** Batches that a scanner works on at a time, if it does not say so itself. */
  readonly lanes: number;
  /** While there is no scanner a question waits for one, so long. */
  readonly scannerWaitMs: number;
}

export const defaultJobOptions: JobOptions = {
  outstandingPerTenantMax: 2_000,
  batchMax: 7,
  triesMax: 2,
  concurrentMax: 1_000,
  metricsConcurrentMax: 1_000,
  lanes: 2,
  scannerWaitMs: 10_000,
};

/** So many times more blocks with each batch that was not enough. */
const WINDOW_GROWS = 4;

/** One question on some blocks. */
export interface Question<T> {
  readonly tenant: string;
  /** traces, search, metadata or metrics: what metrics call it. */
  readonly op: string;
  readonly blocks: readonly BlockMeta[];
  /** Instead of the general one. */
  readonly batchMax?: number;
  ask(scanner: Scanner, blocks: readonly BlockMeta[], signal: AbortSignal): Promise<T>;
  /** A few blocks may be enough: one a scanner is asked first, and more only as those before did not end it. */
  readonly isOftenShort?: boolean;
  /** Whether a block has become needless by what was heard since. */
  isVain?(block: BlockMeta): boolean;
  /** Of a batch; answers whether all there is has been heard. */
  heard(result: T, blocks: readonly BlockMeta[]): boolean;
}

interface Asked {
  readonly question: Question<unknown>;
  readonly controller: AbortController;
  readonly rest: BlockMeta[];
  open: number;
  /** How many may be open. */
  window: number;
  retries: number;
  /** Runs while there is no scanner. */
  waitTimer: number | undefined;
  resolve(): void;
  reject(error: unknown): void;
}

interface Job {
  /** Of all jobs, in the order they were made. */
  readonly number: number;
  readonly tenant: string;
  readonly question: Asked;
  readonly block: BlockMeta;
  readonly tries: number;
  readonly sinceMs: number;
  readonly isAlone: boolean;
}

interface Seat {
  readonly scanner: Scanner;
  readonly queue: FairQueue<Job>;
  running: number;
}

export class BlockJobs {
  readonly #seats = new Map<Scanner, Seat>();
  /** What waits for any scanner to come. */
  readonly #homeless: FairQueue<Job>;
  readonly #asked = new Set<Asked>();
  readonly #metrics;
  #nextNumber = 0;

  constructor(
    readonly runtime: Runtime,
    readonly scanners: ScannerSet,
    readonly options: JobOptions,
  ) {
    this.#metrics = jobMetrics(runtime);
    this.#homeless = new FairQueue<Job>(options.outstandingPerTenantMax);
    this.#seat();
    scanners.onChange(() => this.#reseat());
  }

  #seat(): void {
    const { all } = this.scanners;
    for (const scanner of this.#seats.keys()) {
      if (!all.includes(scanner)) this.#seats.delete(scanner);
    }
    for (const scanner of all) {
      if (this.#seats.has(scanner)) continue;
      const queue = new FairQueue<Job>(this.options.outstandingPerTenantMax);
      this.#seats.set(scanner, { scanner, queue, running: 0 });
    }
    this.#metrics.clients.set(all.length);
  }

  /** What waits is dealt out again in its order, for homes may have changed. */
  #reseat(): void {
    const waiting = this.#queues().flatMap((queue) => queue.takeAll());
    this.#seat();
    waiting.sort((a, b) => a.number - b.number);
    for (const job of waiting) this.#queueOf(job.block).put(job);
    for (const asked of this.#asked) this.#awaitScanner(asked);
    this.#pumpAll();
  }

  #queues(): FairQueue<Job>[] {
    return [...this.#seats.values()].map(({ queue }) => queue).concat(this.#homeless);
  }

  #queueOf(block: BlockMeta): FairQueue<Job> {
    const home = this.scanners.homeOf(block);
    return home === undefined ? this.#homeless : this.#seats.get(home)!.queue;
  }

  #awaitScanner(asked: Asked): void {
    const { clock } = this.runtime;
    const { scannerWaitMs } = this.options;
    if (this.#seats.size > 0) {
      if (asked.waitTimer !== undefined) clock.clearTimeout(asked.waitTimer);
      asked.waitTimer = undefined;
    } else {
      asked.waitTimer ??= clock.setTimeout(() => {
        const why = `no querier has been connected for ${scannerWaitMs} ms`;
        asked.reject(new UnavailableError(why));
      }, scannerWaitMs);
    }
  }

  /** Resolves when all is heard, or enough; rejects with the first failure that is not mended. */
  async run<T>(question: Question<T>, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.#metrics.jobs.labels(question.op).observe(question.blocks.length);
    if (question.blocks.length === 0) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const asked: Asked = {
      question: question as Question<unknown>,
      controller: new AbortController(),
      rest: [...question.blocks].reverse(),
      open: 0,
      window: question.isOftenShort ? Math.max(1, this.#seats.size) : Infinity,
      retries: 0,
      waitTimer: undefined,
      resolve,
      reject,
    };
    const stop = () => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    this.#asked.add(asked);
    try {
      this.#awaitScanner(asked);
      this.#fill(asked);
      await promise;
    } finally {
      signal.removeEventListener("abort", stop);
      this.#asked.delete(asked);
      if (asked.waitTimer !== undefined) this.runtime.clock.clearTimeout(asked.waitTimer);
      asked.rest.length = 0;
      for (const queue of this.#queues()) queue.drop(question.tenant, asked);
      asked.controller.abort(signal.aborted ? signal.reason : new DOMException("", "AbortError"));
      this.#metrics.retries.observe(asked.retries);
      this.#observeQueue(question.tenant);
    }
  }

  /** Has as many jobs of a question waiting as may be. */
  #fill(asked: Asked): void {
    const { concurrentMax, metricsConcurrentMax } = this.options;
    const most = asked.question.op === "metrics" ? metricsConcurrentMax : concurrentMax;
    const openMax = Math.min(asked.window, most || Infinity);
    while (asked.rest.length > 0 && asked.open < openMax) {
      this.#push(asked, asked.rest.pop()!, 1);
      asked.open++;
    }
    if (asked.open === 0) asked.resolve();
    this.#pumpAll();
  }

  #push(question: Asked, block: BlockMeta, tries: number): void {
    const { tenant } = question.question;
    const sinceMs = this.runtime.clock.monotonic();
    const number = this.#nextNumber++;
    const job = { number, tenant, question, block, tries, sinceMs, isAlone: tries > 1 };
    try {
      this.#queueOf(block).push(job);
    } catch (error) {
      this.#metrics.discarded.labels(tenant).inc();
      throw error;
    }
  }

  #pumpAll(): void {
    for (const seat of this.#seats.values()) {
      const lanes = seat.scanner.lanes ?? this.options.lanes;
      while (seat.running < lanes && this.#next(seat));
    }
  }

  /** Begins the next batch of a scanner, if one waits. */
  #next(seat: Seat): boolean {
    const batchMax = (job: Job) => job.question.question.batchMax ?? this.options.batchMax;
    const jobs = seat.queue.take(batchMax);
    if (jobs === undefined) return false;
    seat.running++;
    void this.#work(seat.scanner, jobs).finally(() => {
      seat.running--;
      this.#pumpAll();
    });
    return true;
  }

  async #work(scanner: Scanner, jobs: readonly Job[]): Promise<void> {
    const { question: asked, tenant } = jobs[0]!;
    const { question, controller: { signal } } = asked;
    const nowMs = this.runtime.clock.monotonic();
    for (const { sinceMs } of jobs) this.#metrics.waited.observe((nowMs - sinceMs) / 1_000);
    this.#metrics.batch.observe(jobs.length);
    this.#metrics.weight.labels(tenant).observe(jobs.length);
    this.#observeQueue(tenant);
    try {
      const blocks = jobs.map(({ block }) => block).filter((one) => !question.isVain?.(one));
      if (blocks.length === 0) {
        asked.open -= jobs.length;
        return this.#fill(asked);
      }
      const result = await question.ask(scanner, blocks, signal);
      if (signal.aborted) return;
      asked.open -= jobs.length;
      asked.window *= WINDOW_GROWS;
      if (question.heard(result, blocks)) asked.resolve();
      else this.#fill(asked);
    } catch (error) {
      if (!signal.aborted) this.#failed(asked, jobs, error);
    }
  }

  /** Each block is tried again alone, so that one bad one does not fail the others again. */
  #failed(asked: Asked, jobs: readonly Job[], error: unknown): void {
    const tries = jobs[0]!.tries;
    if (!(error instanceof UnavailableError) || tries >= this.options.triesMax) {
      return asked.reject(error);
    }
    try {
      for (const { block } of jobs) {
        asked.retries++;
        this.#push(asked, block, tries + 1);
      }
    } catch (full) {
      asked.reject(full);
    }
    this.#pumpAll();
  }

  #observeQueue(tenant: string): void {
    const waiting = this.#queues().reduce((sum, queue) => sum + queue.waiting(tenant), 0);
    this.#metrics.length.labels(tenant).set(waiting);
  }
}

function jobMetrics({ metrics }: Runtime) {
  const name = (rest: string) => `tempo_query_frontend_${rest}`;
  return {
    jobs: metrics.histogram(
      name("jobs_per_query"),
      "Jobs that questions were cut into.",
      exponentialBuckets(1, 4, 10),
      ["op"],
    ),
    retries: metrics.histogram(
      name("retries"),
      "Jobs tried again, by question.",
      [0, 1, 2, 3, 4, 5],
    ),
    length: metrics.gauge(name("queue_length"), "Jobs that wait.", ["user"]),
    discarded: metrics.counter(
      name("discarded_requests_total"),
      "Jobs refused because too many waited.",
      ["user"],
    ),
    weight: metrics.histogram(
      name("batch_weight"),
      "Jobs that were taken together, by tenant.",
      exponentialBuckets(1, 2, 8),
      ["user"],
    ),
    waited: metrics.histogram(
      name("queue_duration_seconds"),
      "How long jobs waited.",
      SECONDS_BUCKETS,
    ),
    batch: metrics.histogram(
      name("actual_batch_size"),
      "Jobs that were taken together.",
      exponentialBuckets(1, 2, 8),
    ),
    clients: metrics.gauge(name("connected_clients"), "Scanners that take jobs."),
  };
}
