// Takes OTLP requests: counts, limits, validates, divides by trace and partition, and appends.
// Rule: `push` resolves only when the log has every record of the request; a request is taken as a
// whole or refused as a whole, and nothing of a refused one is stored.
// The order of steps is Tempo's, because the counters tell what happened by it.

import { InputError, UnavailableError } from "../lib/errors.ts";
import { ProtobufError } from "../lib/protobuf_reader.ts";
import type { Runtime } from "../lib/runtime.ts";
import { sleep } from "../lib/waiting.ts";
import type { LimitsOf } from "../model/limits.ts";
import { checkOtlp } from "../model/otlp_check.ts";
import type { PartitionRouter } from "../ring/mod.ts";
import type { LogWriter, NewRecord } from "../wal/mod.ts";
import { DistributorMetrics, type Transport } from "./distributor_metrics.ts";
import { RateLimiter } from "./rate_limiter.ts";
import { toRecords } from "./records.ts";
import { RequestIndex } from "./regroup.ts";
import { truncateAttributes } from "./truncate.ts";

/** An OTLP request as a receiver hands it on. */
export interface Push {
  readonly tenant: string;
  /** ExportTraceServiceRequest or TracesData; must not change until the push is over. */
  readonly bytes: Uint8Array;
  /** As in `otlp/otlp_receiver`. */
  readonly receiver: string;
  readonly transport: Transport;
}

export interface Distributor {
  /** Rejects with InputError or, where a later try may pass, UnavailableError. */
  push(push: Push, signal: AbortSignal): Promise<void>;
}

export interface DistributorDependencies {
  readonly log: LogWriter;
  readonly partitions: PartitionRouter;
  readonly limits: LimitsOf;
}

export interface DistributorOptions {
  /** For tenants without their own value; 0 cuts nothing. */
  readonly attributeBytesMax: number;
  readonly recordBytesMax: number;
  /** What a rate-limited client is told to wait; 0 tells it not to try again. */
  readonly retryAfterMs: number;
  /** For tenants without their own value. */
  readonly artificialDelayMs: number;
  /**
   * How long an answer is held back because searches are behind: who waits for answers then sends more
   * slowly, and what was acknowledged stays searchable soon.
   */
  readonly paceMs: () => number;
  /** Requests that wait for the log, together; more are refused as unavailable. */
  readonly inflightBytesMax: number;
  /** Healthy distributors, for the `global` rate strategy. */
  readonly distributorCount: () => number;
}

export const defaultDistributorOptions: DistributorOptions = {
  attributeBytesMax: 2048,
  recordBytesMax: 15_983_616,
  retryAfterMs: 5000,
  artificialDelayMs: 0,
  paceMs: () => 0,
  inflightBytesMax: 256 << 20,
  distributorCount: () => 1,
};

export function createDistributor(
  runtime: Runtime,
  dependencies: DistributorDependencies,
  options: DistributorOptions = defaultDistributorOptions,
): Distributor {
  return new LogDistributor(runtime, dependencies, options);
}

class LogDistributor implements Distributor {
  readonly #runtime: Runtime;
  readonly #log: LogWriter;
  readonly #partitions: PartitionRouter;
  readonly #limits: LimitsOf;
  readonly #options: DistributorOptions;
  readonly #metrics: DistributorMetrics;
  readonly #rate: RateLimiter;
  // Only between two awaits: each push reads its own request into it.
  readonly #index = new RequestIndex();
  #inflightBytes = 0;

  constructor(
    runtime: Runtime,
    { log, partitions, limits }: DistributorDependencies,
    options: DistributorOptions,
  ) {
    this.#runtime = runtime;
    this.#log = log;
    this.#partitions = partitions;
    this.#limits = limits;
    this.#options = options;
    this.#metrics = new DistributorMetrics(runtime.metrics);
    this.#rate = new RateLimiter(runtime.clock, { limits, ...options });
  }

  async push(push: Push, signal: AbortSignal): Promise<void> {
    const startMs = this.#runtime.clock.monotonic();
    const spanCount = this.#read(push.bytes, push.tenant);
    this.#metrics.ofTenant(push.tenant).ingressBytes.inc(push.bytes.length);
    if (spanCount === 0) return;
    try {
      const records = this.#accept(push);
      signal.throwIfAborted(); // From here on the request counts, even if nobody waits any more.
      await this.#append(records, push.bytes.length);
      this.#metrics.countAccepted(push.receiver, push.transport, spanCount);
    } catch (error) {
      this.#metrics.countRefused(push.receiver, push.transport, spanCount);
      throw error;
    } finally {
      this.#metrics.pushSeconds.observe((this.#runtime.clock.monotonic() - startMs) / 1000);
    }
    await this.#delay(push.tenant, startMs, signal);
    const paceMs = this.#options.paceMs();
    if (paceMs > 0) await sleep(this.#runtime.clock, paceMs, signal);
  }

  #accept({ tenant, bytes }: Push): NewRecord[] {
    const { spanCount, refusal } = this.#index;
    this.#limitRate(tenant, bytes.length, spanCount);
    const counters = this.#metrics.ofTenant(tenant);
    counters.receivedBytes.inc(bytes.length);
    counters.receivedSpans.inc(spanCount);
    if (refusal !== undefined) {
      this.#metrics.countDiscarded(refusal.reason, tenant, spanCount);
      throw new InputError("invalid_argument", refusal.message);
    }
    this.#truncate(tenant, bytes);
    const traces = this.#index.traces();
    this.#metrics.tracesPerBatch.observe(traces.length);
    try {
      const records = toRecords(tenant, traces, this.#partitions, this.#options.recordBytesMax);
      this.#metrics.recordsPerRequest.observe(records.length);
      return records;
    } catch (error) {
      if (error instanceof InputError) {
        this.#metrics.countDiscarded("unknown_error", tenant, spanCount);
      }
      throw error;
    }
  }

  /** Returns the number of spans. */
  #read(bytes: Uint8Array, tenant: string): number {
    const attributeBytesMax = this.#attributeBytesMax(tenant);
    return readable(() => {
      this.#index.read(bytes, attributeBytesMax);
      // What is acknowledged must be decodable later; a bad id says more than its length would.
      if (this.#index.refusal === undefined) checkOtlp(bytes);
      return this.#index.spanCount;
    });
  }

  #attributeBytesMax(tenant: string): number {
    const own = this.#limits(tenant).ingestion.maxAttributeBytes;
    return own || this.#options.attributeBytesMax || Infinity;
  }

  #limitRate(tenant: string, sizeBytes: number, spanCount: number): void {
    try {
      this.#rate.take(tenant, sizeBytes);
    } catch (error) {
      this.#metrics.countDiscarded("rate_limited", tenant, spanCount);
      throw error;
    }
  }

  #truncate(tenant: string, bytes: Uint8Array): void {
    if (!this.#index.needsRewrite) return;
    const attributeBytesMax = this.#attributeBytesMax(tenant);
    const { request, cuts } = readable(() => truncateAttributes(bytes, attributeBytesMax));
    this.#metrics.countCuts(tenant, cuts);
    this.#index.read(request, Infinity);
  }

  async #append(records: readonly NewRecord[], sizeBytes: number): Promise<void> {
    if (this.#inflightBytes + sizeBytes > this.#options.inflightBytesMax) {
      throw new UnavailableError(
        `${this.#inflightBytes} bytes wait for the log, the limit is ${this.#options.inflightBytesMax}`,
      );
    }
    const startMs = this.#runtime.clock.monotonic();
    this.#inflightBytes += sizeBytes;
    try {
      await this.#log.append(records);
    } finally {
      this.#inflightBytes -= sizeBytes;
      this.#metrics.appendSeconds.observe((this.#runtime.clock.monotonic() - startMs) / 1000);
    }
  }

  async #delay(tenant: string, startMs: number, signal: AbortSignal): Promise<void> {
    const wantedMs = this.#limits(tenant).ingestion.artificialDelayMs ||
      this.#options.artificialDelayMs;
    if (wantedMs === 0) return;
    const restMs = wantedMs - (this.#runtime.clock.monotonic() - startMs);
    const jitter = 0.9 + this.#runtime.random.next() * 0.2;
    const delayMs = Math.max(0, restMs * jitter);
    this.#metrics.observeDelay(tenant, delayMs / 1000);
    await sleep(this.#runtime.clock, delayMs, signal);
  }
}

/** Bytes that are not OTLP are their sender's fault. */
function readable<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ProtobufError)) throw error;
    throw new InputError("invalid_argument", `malformed OTLP request: ${error.message}`, {
      cause: error,
    });
  }
}
