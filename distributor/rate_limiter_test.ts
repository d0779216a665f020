import assert from "node:assert/strict";
import { SimulatedClock } from "../lib/clock.ts";
import { InputError } from "../lib/errors.ts";
import { defaultLimits, type Limits } from "../model/limits.ts";
import { RateLimiter } from "./rate_limiter.ts";

function limiterWith(ingestion: Partial<Limits["ingestion"]>, distributors = 1) {
  const clock = new SimulatedClock();
  const limits = { ...defaultLimits, ingestion: { ...defaultLimits.ingestion, ...ingestion } };
  const options = {
    limits: () => limits,
    distributorCount: () => distributors,
    retryAfterMs: 5000,
  };
  return { clock, limiter: new RateLimiter(clock, options) };
}

function refusal(take: () => void): InputError {
  try {
    take();
  } catch (error) {
    assert.ok(error instanceof InputError);
    assert.equal(error.code, "resource_exhausted");
    return error;
  }
  assert.fail("was not refused");
}

Deno.test("a bucket holds the burst and fills at the rate", async () => {
  const { clock, limiter } = limiterWith({ rateLimitBytes: 100, burstSizeBytes: 1000 });
  limiter.take("a", 1000);
  const error = refusal(() => limiter.take("a", 1));
  assert.equal(
    error.message,
    "RATE_LIMITED: ingestion rate limit (local: 100 bytes/s, global: 0 bytes/s, burst: 1000 bytes) " +
      "exceeded while adding 1 bytes for user a. " +
      "consider increasing the limit or reducing ingestion rate.",
  );
  assert.equal(error.retryAfterMs, 5000);
  await clock.advance(2000);
  refusal(() => limiter.take("a", 201));
  limiter.take("a", 200);
  await clock.advance(60_000);
  refusal(() => limiter.take("a", 1001)); // never more than the burst
  limiter.take("a", 1000);
});

Deno.test("a burst that is not set is as large as the rate", () => {
  const { limiter } = limiterWith({ rateLimitBytes: 100, burstSizeBytes: 0 });
  limiter.take("a", 100);
  assert.match(refusal(() => limiter.take("a", 1)).message, /burst: 100 bytes/);
});

Deno.test("tenants have buckets of their own", () => {
  const { limiter } = limiterWith({ rateLimitBytes: 100, burstSizeBytes: 100 });
  limiter.take("a", 100);
  limiter.take("b", 100);
  refusal(() => limiter.take("a", 100));
});

Deno.test("a batch larger than the burst can never pass, and is not told to come again", () => {
  const { limiter } = limiterWith({ rateLimitBytes: 100, burstSizeBytes: 50 });
  const error = refusal(() => limiter.take("a", 51));
  assert.equal(
    error.message,
    "RATE_LIMITED: batch size (51 bytes) exceeds ingestion limit (local: 100 bytes/s, " +
      "global: 0 bytes/s, burst: 50 bytes) for user a. " +
      "consider reducing batch size or increasing rate limit.",
  );
  assert.equal(error.retryAfterMs, undefined);
  limiter.take("a", 50); // the refused batch took nothing
});

Deno.test("the global strategy divides the rate but not the burst", async () => {
  const { clock, limiter } = limiterWith(
    { rateStrategy: "global", rateLimitBytes: 300, burstSizeBytes: 300 },
    3,
  );
  limiter.take("a", 300);
  await clock.advance(1000);
  const error = refusal(() => limiter.take("a", 101));
  assert.match(error.message, /local: 100 bytes\/s, global: 300 bytes\/s, burst: 300 bytes/);
  limiter.take("a", 100);
});

Deno.test("a rate of 0 is no limit; retry info can be switched off", () => {
  const { limiter } = limiterWith({ rateLimitBytes: 0 });
  limiter.take("a", 1e12);
  const silent = limiterWith({ rateLimitBytes: 1, burstSizeBytes: 1, retryInfoEnabled: false });
  silent.limiter.take("a", 1);
  assert.equal(refusal(() => silent.limiter.take("a", 1)).retryAfterMs, undefined);
});
