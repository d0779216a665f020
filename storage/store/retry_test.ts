import assert from "node:assert/strict";

import { SimulatedClock } from "../../lib/clock.ts";
import { seededRandom } from "../../lib/random.ts";
import { createRuntime } from "../../lib/runtime.ts";
import { BucketFailure } from "./bucket.ts";
import { hedged, NEVER, retried, withinTime } from "./retry.ts";

const weather = () => new BucketFailure("weather", "503 SlowDown", 503);
const OPTIONS = { attemptsMax: 4, backoff: { minMs: 100, maxMs: 300 } };

function simulated() {
  const clock = new SimulatedClock();
  return { clock, runtime: createRuntime({ clock, random: seededRandom(1) }) };
}

Deno.test("weather is tried again after growing pauses, so often and no more", async () => {
  const { clock, runtime } = simulated();
  const at: number[] = [];
  const result = retried(runtime, OPTIONS, NEVER, () => {
    at.push(clock.now());
    return Promise.reject(weather());
  }).catch((error) => error.message);
  await clock.advance(10_000);
  assert.equal(await result, "503 SlowDown");
  assert.equal(at.length, 4);
  const pauses = at.slice(1).map((time, index) => time - at[index]!);
  for (const [index, ceiling] of [100, 200, 300].entries()) {
    assert.ok(pauses[index]! >= ceiling / 2 && pauses[index]! <= ceiling, `${pauses}`);
  }
});

Deno.test("what succeeds at last is the answer, and the attempt knows its number", async () => {
  const { clock, runtime } = simulated();
  const result = retried(runtime, OPTIONS, NEVER, (attempt) => {
    return attempt < 3 ? Promise.reject(weather()) : Promise.resolve(attempt);
  });
  await clock.advance(10_000);
  assert.equal(await result, 3);
});

Deno.test("what is not weather is not tried again", async () => {
  const { runtime } = simulated();
  for (const error of [new BucketFailure("refused", "403", 403), new Error("a bug")]) {
    let attempts = 0;
    const once = () => {
      attempts++;
      return Promise.reject(error);
    };
    await assert.rejects(retried(runtime, OPTIONS, NEVER, once), error);
    assert.equal(attempts, 1);
  }
});

Deno.test("a caller who leaves during a pause is not kept", async () => {
  const { clock, runtime } = simulated();
  const stop = new AbortController();
  const result = retried(runtime, OPTIONS, stop.signal, () => Promise.reject(weather()))
    .catch((error) => error.message);
  await clock.advance(1);
  stop.abort(new Error("left"));
  assert.equal(await result, "left");
});

Deno.test("a slow request gets a second one, the faster answers and the other is stopped", async () => {
  const { clock } = simulated();
  const signals: AbortSignal[] = [];
  let hedges = 0;
  const result = hedged(clock, { atMs: 50, upTo: 2 }, NEVER, () => hedges++, (signal) => {
    signals.push(signal);
    const answersAfterMs = signals.length === 1 ? 10_000 : 20;
    return new Promise<number>((resolve) => {
      clock.setTimeout(() => resolve(answersAfterMs), answersAfterMs);
    });
  });
  await clock.advance(1000);
  assert.equal(await result, 20);
  assert.equal(hedges, 1);
  assert.ok(signals.every(({ aborted }) => aborted));
});

Deno.test("a fast request, and one where hedging is off, stays alone", async () => {
  const { clock } = simulated();
  for (const options of [{ atMs: 50, upTo: 2 }, { atMs: 0, upTo: 2 }, { atMs: 5, upTo: 1 }]) {
    let requests = 0;
    const result = hedged(clock, options, NEVER, () => assert.fail(), () => {
      requests++;
      return new Promise<string>((resolve) => clock.setTimeout(() => resolve("yes"), 40));
    });
    await clock.advance(1000);
    assert.equal(await result, "yes");
    assert.equal(requests, 1);
  }
});

Deno.test("a failed request leaves the answer to the one that still runs; a missing object does not", async () => {
  const { clock } = simulated();
  const ask = async (first: Error) => {
    let requests = 0;
    const result = hedged(clock, { atMs: 10, upTo: 2 }, NEVER, () => {}, () => {
      const isFirst = ++requests === 1;
      return new Promise<string>((resolve, reject) => {
        clock.setTimeout(() => isFirst ? reject(first) : resolve("second"), 30);
      });
    }).catch((error) => error.message);
    await clock.advance(1000);
    return await result;
  };
  assert.equal(await ask(weather()), "second");
  assert.equal(await ask(new BucketFailure("missing", "404", 404)), "404");
});

Deno.test("an attempt without a sign of life ends in time, also if it does not hear its signal", async () => {
  const { clock } = simulated();
  const result = withinTime(clock, 100, NEVER, () => new Promise(() => {}))
    .catch((error) => error);
  await clock.advance(101);
  const error = await result;
  assert.ok(error instanceof BucketFailure && error.kind === "weather");
  assert.match(error.message, /no answer within 100 ms/);
});

Deno.test("an attempt that hears its signal ends as weather all the same", async () => {
  const { clock } = simulated();
  const result = withinTime(clock, 100, NEVER, ({ signal }) => {
    return new Promise((_, reject) => {
      signal.addEventListener("abort", () => reject(new DOMException("stopped", "AbortError")));
    });
  }).catch((error) => error);
  await clock.advance(101);
  const error = await result;
  assert.ok(error instanceof BucketFailure && error.kind === "weather", String(error));
});

Deno.test("an attempt that makes progress may last", async () => {
  const { clock } = simulated();
  const result = withinTime(clock, 100, NEVER, ({ progress }) => {
    for (const atMs of [80, 160, 240]) clock.setTimeout(progress, atMs);
    return new Promise<string>((resolve) => clock.setTimeout(() => resolve("whole"), 300));
  });
  await clock.advance(1000);
  assert.equal(await result, "whole");
});
