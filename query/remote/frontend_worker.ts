// The work of a querier: a stream of jobs from every frontend that there is, opened again whenever it is
// lost, and its share of the lanes for each.
// Rules: frontends are looked up again and again, and what cannot be looked up leaves those that are known;
// a querier that stops says so first, and finishes what it has.
import type { Runtime } from "../../lib/runtime.ts";
import { UnavailableError } from "../../lib/errors.ts";
import { backoffMs, sleep } from "../../lib/waiting.ts";
import type { Scanner } from "../querier/mod.ts";
import type { FrontendLink } from "./frontend_link.ts";
import { Pulling } from "./pulling.ts";

const BACKOFF = { minMs: 100, maxMs: 2_000 };

export interface FrontendWorkerOptions {
  readonly querier: string;
  /** For each of so many frontends: jobs at a time. */
  lanes(frontends: number): number;
  /** Between two looks at where the frontends are. */
  readonly lookupEveryMs: number;
  /** What a querier that stops may take to finish what it has. */
  readonly stopTimeoutMs: number;
}

interface Following {
  readonly stop: AbortController;
  readonly done: Promise<void>;
  pulling: Pulling | undefined;
}

export class FrontendWorker implements AsyncDisposable {
  readonly #following = new Map<string, Following>();
  readonly #stop = new AbortController();
  readonly #looking: Promise<void>;
  readonly #metrics;
  #isLeaving = false;

  constructor(
    readonly runtime: Runtime,
    readonly scanner: Scanner,
    /** Where the frontends are. */
    readonly lookup: () => Promise<readonly string[]>,
    readonly connect: (address: string) => FrontendLink,
    readonly options: FrontendWorkerOptions,
  ) {
    const { metrics } = runtime;
    this.#metrics = {
      executed: metrics.counter(
        "tempo_querier_worker_request_executed_total",
        "Jobs that were done for frontends.",
      ),
      running: metrics.gauge("segno_querier_worker_running_jobs", "Jobs of frontends at work."),
      frontends: metrics.gauge("segno_querier_worker_frontends", "Frontends that jobs come from."),
    };
    this.#looking = this.#lookForEver(this.#stop.signal);
  }

  /** Whether some frontend knows of it. */
  get isConnected(): boolean {
    return [...this.#following.values()].some(({ pulling }) => pulling?.isConnected === true);
  }

  async #lookForEver(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        this.#follow(new Set(await this.lookup()));
      } catch (error) {
        this.runtime.log.warn("frontends cannot be looked up", { error: String(error) });
      }
      await sleep(this.runtime.clock, this.options.lookupEveryMs, signal);
    }
  }

  #follow(addresses: ReadonlySet<string>): void {
    if (this.#isLeaving) return;
    for (const [address, { stop }] of this.#following) {
      if (addresses.has(address)) continue;
      this.#following.delete(address);
      stop.abort(new UnavailableError(`${address} is no frontend any more`));
    }
    for (const address of addresses) {
      if (this.#following.has(address)) continue;
      const stop = new AbortController();
      const following: Following = {
        stop,
        pulling: undefined,
        done: Promise.resolve().then(() => this.#pullForEver(address, following, stop.signal)),
      };
      this.#following.set(address, following);
    }
    this.#metrics.frontends.set(this.#following.size);
  }

  async #pullForEver(address: string, following: Following, signal: AbortSignal): Promise<void> {
    const { clock, random, log } = this.runtime;
    let failures = 0;
    while (!signal.aborted && !this.#isLeaving) {
      using link = this.connect(address);
      const pulling = new Pulling(clock, this.scanner, link, {
        querier: this.options.querier,
        lanes: () => this.options.lanes(Math.max(1, this.#following.size)),
        executed: () => {
          this.#metrics.executed.inc();
          this.#observe();
        },
      });
      following.pulling = pulling;
      const startMs = clock.monotonic();
      try {
        await pulling.run(signal);
      } catch (error) {
        if (!signal.aborted && failures === 0) {
          log.warn("frontend lost", { address, error: String(error) });
        }
      }
      following.pulling = undefined;
      failures = clock.monotonic() - startMs > BACKOFF.maxMs ? 1 : failures + 1;
      if (!this.#isLeaving) await sleep(clock, backoffMs(BACKOFF, failures, random), signal);
    }
  }

  #observe(): void {
    let running = 0;
    for (const { pulling } of this.#following.values()) running += pulling?.runningJobs ?? 0;
    this.#metrics.running.set(running);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { clock } = this.runtime;
    this.#isLeaving = true;
    this.#stop.abort();
    await this.#looking;
    const all = [...this.#following.values()];
    const enough = new AbortController();
    const leaving = Promise.all(all.map(async ({ pulling, stop, done }) => {
      if (pulling === undefined) stop.abort(); // it waits to be connected
      else await pulling.leave(enough.signal).catch(() => stop.abort());
      await done;
    }));
    await Promise.race([leaving, sleep(clock, this.options.stopTimeoutMs, enough.signal)]);
    for (const { stop } of all) stop.abort(new UnavailableError("shutting down"));
    enough.abort();
    await leaving;
  }
}
