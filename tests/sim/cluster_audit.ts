// Looking whether the laws hold: in a world that has healed everything that was acknowledged is asked for, in all
// ways; in one that has not an answer is complete or refused.
import { DeadlineError, UnavailableError } from "../../lib/errors.ts";
import type { Random } from "../../lib/random.ts";
import { type Acknowledged, Checks } from "./cluster_checks.ts";
import type { Clients } from "./cluster_clients.ts";
import type { Operator } from "./cluster_downscale.ts";
import type { Ground } from "./cluster_ground.ts";
import type { Process } from "./cluster_process.ts";
import type { Questions } from "./cluster_querier.ts";
import { spansById, spansByMetrics, spansBySearch } from "./cluster_questions.ts";
import { TIMES } from "./cluster_times.ts";

/** What was acknowledged so long ago is in every answer that is given: lag, clocks that differ. */
const SEEN_AFTER_MS = TIMES.lagToleratedMs + 6_000;
const CLOCKS_DIFFER_MS = 10_000;
/** After that a querier has listed a block; a bucket or a network that is away makes it later. */
const LISTED_MS = 2 * TIMES.pollMs;
const LISTED_IN_WEATHER_MS = 8 * TIMES.pollMs;
const SAMPLE = 10;
const MINUTE_MS = 60_000;

export interface Audited {
  readonly ground: Ground;
  readonly zones: readonly string[];
  readonly processes: readonly Process[];
  readonly checks: Checks;
  readonly clients: Clients;
  readonly operator: () => Operator | undefined;
  readonly startMs: number;
  readonly tell: (event: string) => void;
  readonly pass: (ms: number) => Promise<void>;
}

export class Audit {
  answers = 0;
  refusals = 0;
  readonly #random: Random;

  constructor(readonly world: Audited) {
    this.#random = world.ground.random;
  }

  /** A question under whatever is going on. */
  async ask(): Promise<void> {
    const { checks, processes, startMs, tell } = this.world;
    const queriers = processes.filter(({ spec }) => spec.kind === "querier");
    const { name, questions } = queriers[this.#below(queriers.length)]!;
    if (questions === undefined) return;
    const askedMs = this.#nowMs();
    const wanted = this.#acknowledged().filter(({ ackedMs }) => ackedMs < askedMs - SEEN_AFTER_MS);
    const dice = this.#random.next();
    const sample = ofDifferentTraces(this.#sample(wanted, 5)).map(({ span }) => span);
    try {
      if (dice < 0.4) {
        const found = await spansBySearch(questions, sample);
        checks.found(`${name}: search meanwhile`, sample, found);
      } else if (dice < 0.6) {
        const counts = await spansByMetrics(questions, "blocks", startMs, askedMs);
        checks.counted(`${name}: metrics of the bucket meanwhile`, [], counts);
      } else {
        const counts = await spansByMetrics(questions, "everything", startMs, askedMs);
        const due = this.#countable(wanted, askedMs, LISTED_IN_WEATHER_MS);
        checks.counted(`${name}: metrics meanwhile`, due, counts);
      }
      this.answers++;
      tell(`${name} answers`);
    } catch (error) {
      if (!isWeather(error)) throw error;
      this.refusals++;
      tell(`${name} refuses`);
    }
  }

  /** Metrics look for old spans in the bucket alone, where late ones are not yet. */
  #countable(spans: readonly Acknowledged[], nowMs: number, listedMs: number): Acknowledged[] {
    const youngMs = nowMs - TIMES.backendAfterMs + CLOCKS_DIFFER_MS;
    return spans.filter(({ span, startMs }) =>
      startMs > youngMs || this.world.checks.isBuilt(span, listedMs)
    );
  }

  /** Of a world that has healed. */
  async all(what: string): Promise<void> {
    const { checks, tell } = this.world;
    tell(what);
    await this.#settled();
    const all = this.#acknowledged();
    for (const querier of this.#queriers()) {
      const { name, ask } = querier;
      const who = `${what}, ${name}`;
      for (const { trace } of ofDifferentTraces(this.#sample(all, SAMPLE))) {
        const spans = all.filter((one) => one.trace === trace).map(({ span }) => span);
        const found = await this.#answered(() => spansById(ask(), trace));
        checks.found(`${who}: trace ${trace} by id`, spans, found);
      }
      const sample = ofDifferentTraces(this.#sample(all, SAMPLE)).map(({ span }) => span);
      const bySearch = await this.#answered(() => spansBySearch(ask(), sample));
      checks.found(`${who}: search`, sample, bySearch);
      const sinceMs = this.#nowMs() - TIMES.keepMs / 2;
      const young = all.filter(({ startMs }) => startMs > sinceMs + 1_000);
      checks.counted(
        `${who}: metrics of live data`,
        young,
        await this.#counts(ask, "live", sinceMs),
      );
      const due = this.#countable(all, this.#nowMs(), LISTED_MS);
      const counts = await this.#counts(ask, "everything", this.world.startMs);
      checks.counted(`${who}: metrics`, due, counts);
    }
    tell(`${what} is over, ${all.length} spans`);
  }

  /** When all is in the bucket, nothing but the bucket is needed. */
  async last(): Promise<void> {
    const { ground: { topic }, checks, operator, pass } = this.world;
    await this.all("last audit");
    if (operator() !== undefined) {
      const isStopped = () => operator()!.stoppedAtMs !== undefined;
      await this.#until("a partition is taken away", 2 * TIMES.downscaleMs, isStopped);
      await pass(TIMES.removePartitionMs + 4 * TIMES.heartbeatMs);
    }
    const ends = await Promise.all(topic.partitions.map((one) => topic.log.endOffset(one)));
    const isBuilt = () => ends.every((end, partition) => checks.builtOffset(partition) >= end);
    await this.#until("block-builders commit all", 10 * MINUTE_MS, isBuilt);
    await pass(TIMES.keepMs + TIMES.graceMs + 2 * TIMES.pollMs);
    await this.all("audit of the bucket");
    for (const { name, ask } of this.#queriers()) {
      const counts = await this.#counts(ask, "blocks", this.world.startMs);
      checks.counted(`${name}: metrics of the bucket`, this.#acknowledged(), counts);
    }
  }

  /** All are up, rings converge, every partition has its owners, what was acknowledged is folded. */
  async #settled(): Promise<void> {
    const { checks, zones, clients, operator, pass } = this.world;
    const present = () =>
      this.world.processes.filter(({ isWanted, isAway }) => isWanted && !isAway);
    const areUp = () => present().every(({ isUp }) => isUp);
    await this.#until("all processes are up", 5 * MINUTE_MS, areUp);
    await pass(TIMES.heartbeatTimeoutMs);
    const isConverged = () =>
      areUp() && Checks.isConverged(present().map(({ rings }) => rings!.map));
    await this.#until("rings converge", 4 * MINUTE_MS, isConverged);
    const stoppedAtMs = operator()?.stoppedAtMs ?? Infinity;
    const isRemoved = this.#nowMs() > stoppedAtMs + TIMES.removePartitionMs + 3 * MINUTE_MS;
    for (const { name, rings } of present()) {
      if (rings === undefined) continue;
      checks.owners(name, rings.map, zones, operator()?.partition, isRemoved);
    }
    const untilMs = this.#nowMs() + MINUTE_MS;
    while (clients.waiting > 0 && this.#nowMs() < untilMs) await pass(1_000);
    await pass(TIMES.pollMs + SEEN_AFTER_MS);
  }

  async #until(what: string, maxMs: number, isSo: () => boolean): Promise<void> {
    const endMs = this.#nowMs() + maxMs;
    while (!isSo()) {
      if (this.#nowMs() > endMs) {
        return this.world.checks.problem(`${what}: not within ${maxMs} ms`);
      }
      await this.world.pass(2_000);
    }
  }

  #counts(
    ask: () => Questions,
    whom: "everything" | "live" | "blocks",
    sinceMs: number,
  ): Promise<Map<number, number>> {
    return this.#answered(() => spansByMetrics(ask(), whom, sinceMs, this.#nowMs()));
  }

  /** Asks until it is answered: whoever has healed answers in the end. */
  async #answered<T>(ask: () => Promise<T>): Promise<T> {
    for (let attempt = 1;; attempt++) {
      try {
        return await this.#passing(ask);
      } catch (error) {
        if (!isWeather(error) || attempt > 60) throw error;
        await this.world.pass(2_000);
      }
    }
  }

  async #passing<T>(ask: () => Promise<T>): Promise<T> {
    let isSettled = false;
    const settle = () => isSettled = true;
    const work = ask();
    work.then(settle, settle);
    for (let i = 0; !isSettled; i++) {
      if (i > 5_000) throw new Error("nothing more happens");
      await this.world.pass(i < 100 ? 5 : 50);
    }
    return await work;
  }

  #queriers(): { readonly name: string; ask(): Questions }[] {
    return this.world.processes.filter(({ spec }) => spec.kind === "querier").map((process) => ({
      name: process.name,
      ask: () => {
        if (process.questions !== undefined) return process.questions;
        throw new UnavailableError(`${process.name} is starting`);
      },
    }));
  }

  #acknowledged(): Acknowledged[] {
    return [...this.world.checks.acknowledged.values()];
  }

  #sample<T>(from: readonly T[], count: number): T[] {
    const length = Math.min(count, from.length);
    return Array.from({ length }, () => from[this.#below(from.length)]!);
  }

  #below(n: number): number {
    return Math.floor(this.#random.next() * n);
  }

  #nowMs(): number {
    return this.world.ground.clock.now();
  }
}

/** A search shows one spanset of a trace, of whatever place has the larger one. */
function ofDifferentTraces(spans: readonly Acknowledged[]): Acknowledged[] {
  return [...new Map(spans.map((one) => [one.trace, one])).values()];
}

function isWeather(error: unknown): boolean {
  return error instanceof UnavailableError || error instanceof DeadlineError;
}
