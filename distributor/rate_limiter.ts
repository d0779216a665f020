// Token buckets by tenant: how many bytes of OTLP a tenant may send.
// A bucket fills at the rate and holds at most the burst. Limits are asked for each time, so that a
// reload takes effect at once. Under the `global` strategy the rate is divided among the distributors
// of the ring, the burst never: a batch must be able to pass wherever it arrives.

import type { Clock } from "../lib/clock.ts";
import { InputError } from "../lib/errors.ts";
import type { LimitsOf } from "../model/limits.ts";

export interface RateLimiterOptions {
  readonly limits: LimitsOf;
  /** Healthy distributors in the ring, this one too. */
  readonly distributorCount: () => number;
  /** What a refused client is told to wait; 0 tells it not to try again. */
  readonly retryAfterMs: number;
}

interface Bucket {
  tokens: number;
  filledMs: number;
}

export class RateLimiter {
  readonly #clock: Clock;
  readonly #options: RateLimiterOptions;
  readonly #buckets = new Map<string, Bucket>();

  constructor(clock: Clock, options: RateLimiterOptions) {
    this.#clock = clock;
    this.#options = options;
  }

  /** Takes the bytes from the tenant's bucket or throws. */
  take(tenant: string, sizeBytes: number): void {
    const { ingestion } = this.#options.limits(tenant);
    const burst = ingestion.burstSizeBytes || ingestion.rateLimitBytes;
    if (ingestion.rateLimitBytes === 0) return;
    const isGlobal = ingestion.rateStrategy === "global";
    const rate = isGlobal
      ? ingestion.rateLimitBytes / Math.max(1, this.#options.distributorCount())
      : ingestion.rateLimitBytes;
    const bucket = this.#filled(tenant, rate, burst);
    if (sizeBytes <= bucket.tokens) {
      bucket.tokens -= sizeBytes;
      return;
    }
    const limits = `local: ${Math.floor(rate)} bytes/s, ` +
      `global: ${isGlobal ? ingestion.rateLimitBytes : 0} bytes/s, burst: ${burst} bytes`;
    if (sizeBytes > burst) {
      throw new InputError(
        "resource_exhausted",
        `RATE_LIMITED: batch size (${sizeBytes} bytes) exceeds ingestion limit (${limits}) for ` +
          `user ${tenant}. consider reducing batch size or increasing rate limit.`,
      );
    }
    const { retryAfterMs } = this.#options;
    throw new InputError(
      "resource_exhausted",
      `RATE_LIMITED: ingestion rate limit (${limits}) exceeded while adding ${sizeBytes} bytes ` +
        `for user ${tenant}. consider increasing the limit or reducing ingestion rate.`,
      ingestion.retryInfoEnabled && retryAfterMs > 0 ? { retryAfterMs } : {},
    );
  }

  #filled(tenant: string, rate: number, burst: number): Bucket {
    const nowMs = this.#clock.monotonic();
    let bucket = this.#buckets.get(tenant);
    if (bucket === undefined) {
      bucket = { tokens: burst, filledMs: nowMs };
      this.#buckets.set(tenant, bucket);
    }
    bucket.tokens = Math.min(burst, bucket.tokens + rate * (nowMs - bucket.filledMs) / 1000);
    bucket.filledMs = nowMs;
    return bucket;
  }
}
