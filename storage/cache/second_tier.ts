// A cache elsewhere, behind the one of this thread: shared by threads and processes, and never needed.
// Rules: it may be down, slow, full or lie, and no question fails or answers differently for it; a get
// that does not come in time is a miss; what is to be kept waits in a bounded queue and is dropped
// where that is full; after failures in a row it is left alone for a while.
import type { Clock } from "../../lib/clock.ts";
import { exponentialBuckets } from "../../lib/metrics.ts";
import type { Runtime } from "../../lib/runtime.ts";
import { type BreakerOptions, CircuitBreaker } from "./circuit_breaker.ts";
import { sealed, unsealed } from "./sealed_value.ts";

/** One server or cluster of them, one request at a time; what fails rejects. */
export interface CacheClient {
  /** As in the names of metrics and their methods. */
  readonly kind: "memcache" | "rediscache";
  readonly getMethod: string;
  readonly setMethod: string;
  /** Tells each value as it comes; resolves when no more will. */
  getMany(
    keys: readonly string[],
    found: (index: number, value: Uint8Array) => void,
  ): Promise<void>;
  set(key: string, value: Uint8Array): Promise<void>;
  close(): void;
}

export interface SecondTierOptions {
  /** In metrics and log lines: `memcached bloom,parquet-page`. */
  readonly name: string;
  readonly timeoutMs: number;
  readonly breaker: BreakerOptions;
  /** Larger values are not sent. */
  readonly valueBytesMax: number;
  readonly writersMax: number;
  readonly queuedMax: number;
}

/** Keys of one request. */
const BATCH_MAX = 128;
/** Requests that wait for an answer; what comes on top is a miss. */
const GETS_MAX = 64;
/** Of all values that wait to be written. */
const QUEUED_BYTES_MAX = 32 << 20;
/** Callers that wait for a few promises before they ask are still of the same batch. */
const TURNS = 4;

interface Asked {
  readonly key: string;
  readonly resolve: (value: Uint8Array | undefined) => void;
}

export class SecondTier implements Disposable {
  readonly #breaker: CircuitBreaker;
  readonly #seconds;
  readonly #dropped;
  readonly #damaged;
  readonly #isOpen;
  #asked: Asked[] = [];
  #running = 0;
  readonly #queue: { readonly key: string; readonly value: Uint8Array }[] = [];
  #queuedBytes = 0;
  #writers = 0;
  #isClosed = false;

  constructor(
    readonly runtime: Runtime,
    readonly client: CacheClient,
    readonly options: SecondTierOptions,
  ) {
    this.#breaker = new CircuitBreaker(runtime.clock, options.breaker);
    const { metrics } = runtime;
    this.#seconds = metrics.histogram(
      `tempo_${client.kind}_request_duration_seconds`,
      "Time of a request to the cache",
      exponentialBuckets(.000016, 4, 8),
      ["method", "status_code", "name"],
    );
    this.#dropped = metrics.counter(
      "segno_cache_dropped_writes_total",
      "Values that a cache was not given: its queue was full, it was left alone, or it failed",
      ["name", "reason"],
    );
    this.#damaged = metrics.counter(
      "segno_cache_damaged_values_total",
      "Values of a cache that were not what was put there, and not used",
      ["name"],
    );
    this.#isOpen = metrics.gauge(
      "segno_cache_circuit_open",
      "1 while a cache is left alone after failures, in how many threads",
      ["name"],
    );
  }

  /** Never rejects. */
  get(key: string): Promise<Uint8Array | undefined> {
    return new Promise((resolve) => {
      if (this.#asked.length === 0) this.#askSoon();
      this.#asked.push({ key, resolve });
    });
  }

  /** Written some time, or never. */
  put(key: string, value: Uint8Array): void {
    const { queuedMax, valueBytesMax } = this.options;
    if (value.length > valueBytesMax) return this.#drop("too_large");
    if (this.#breaker.isResting || this.#isClosed) return this.#drop("circuit_open");
    const isFull = this.#queue.length >= queuedMax ||
      this.#queuedBytes + value.length > QUEUED_BYTES_MAX;
    if (isFull) return this.#drop("queue_full");
    this.#queue.push({ key, value });
    this.#queuedBytes += value.length;
    if (this.#writers < this.options.writersMax) this.#write();
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#queue.length = 0;
    this.client.close();
  }

  async #askSoon(): Promise<void> {
    for (let turn = 0; turn < TURNS; turn++) await Promise.resolve();
    const asked = this.#asked;
    this.#asked = [];
    for (let from = 0; from < asked.length; from += BATCH_MAX) {
      this.#ask(asked.slice(from, from + BATCH_MAX));
    }
  }

  /** What has come when time is up is used. All are told at once, so that what they do next is too. */
  async #ask(asked: readonly Asked[]): Promise<void> {
    const keys = asked.map(({ key }) => key);
    const values: (Uint8Array | undefined)[] = new Array(keys.length);
    if (this.#running < GETS_MAX && !this.#isClosed) {
      this.#running++;
      await this.#request(this.client.getMethod, () => {
        return this.client.getMany(keys, (index, value) => values[index] ??= value);
      });
      this.#running--;
    }
    asked.forEach(({ key, resolve }, i) => {
      const whole = values[i];
      const value = whole && unsealed(key, whole);
      if (whole !== undefined && value === undefined) this.#damaged.labels(this.options.name).inc();
      resolve(value);
    });
  }

  async #write(): Promise<void> {
    this.#writers++;
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      const { key, value } = next;
      this.#queuedBytes -= value.length;
      const isKept = await this.#request(this.client.setMethod, async () => {
        await this.client.set(key, sealed(key, value));
        return true;
      });
      if (isKept === undefined) this.#drop(this.#breaker.isOpen ? "circuit_open" : "failed");
    }
    this.#writers--;
  }

  /** Undefined where it failed, came late or was not asked. */
  async #request<T>(method: string, once: () => Promise<T>): Promise<T | undefined> {
    if (!this.#breaker.mayAsk()) return undefined;
    const { clock } = this.runtime;
    const { name, timeoutMs } = this.options;
    const startedMs = clock.monotonic();
    let status = "200";
    try {
      const answer = await withinTime(clock, timeoutMs, once);
      this.#breaker.succeeded();
      return answer;
    } catch (error) {
      status = "500";
      this.#failed(error);
      return undefined;
    } finally {
      const seconds = (clock.monotonic() - startedMs) / 1000;
      this.#seconds.labels(method, status, name).observe(seconds);
      this.#isOpen.labels(name).set(this.#breaker.isOpen ? 1 : 0);
    }
  }

  #failed(error: unknown): void {
    const wasOpen = this.#breaker.isOpen;
    this.#breaker.failed();
    if (wasOpen || !this.#breaker.isOpen) return;
    const { name, breaker: { openMs } } = this.options;
    this.runtime.log.warn("a cache fails and is left alone for a while", {
      name,
      forMs: openMs,
      error: String(error),
    });
  }

  #drop(reason: string): void {
    this.#dropped.labels(this.options.name, reason).inc();
  }
}

/** After a long turn of this thread the answer may have come and not be read: it gets one more. */
const GRACE_MS = 1;

async function withinTime<T>(clock: Clock, ms: number, once: () => Promise<T>): Promise<T> {
  let timer: number | undefined;
  const late = new Promise<never>((_, reject) => {
    const expire = () => reject(new Error(`no answer within ${ms} ms`));
    timer = clock.setTimeout(() => timer = clock.setTimeout(expire, GRACE_MS), ms);
  });
  try {
    return await Promise.race([once(), late]);
  } finally {
    clock.clearTimeout(timer!);
  }
}
