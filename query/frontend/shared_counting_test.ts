import assert from "node:assert/strict";
import fc from "fast-check";
import type { MetricsRequest } from "../engine/mod.ts";
import { sharedCounting } from "./shared_counting.ts";

const MS = 1_000_000n;

function requestOf(startNano: bigint, endNano: bigint): MetricsRequest {
  return {
    kind: "metrics",
    tenant: "t",
    query: "{} | rate()",
    startNano,
    endNano,
    stepNano: 1n,
    isInstant: false,
    startSeconds: 0,
    endSeconds: 0,
    exemplars: 0,
    maxSeries: 0,
  };
}

const counts = (request: MetricsRequest | undefined, nano: bigint) =>
  request !== undefined && nano > request.startNano && nano <= request.endNano &&
  nano >= (request.spansFromNano ?? nano) && nano < (request.spansToNano ?? nano + 1n);

Deno.test("every span of the question's time is counted once, wherever the time is divided", () => {
  const nano = fc.bigInt({ min: -3n, max: 3n }).chain((off) =>
    fc.constantFrom(5n, 6n, 9n).map((ms) => ms * MS + off)
  );
  fc.assert(fc.property(nano, nano, nano, fc.integer({ min: 3, max: 11 }), (a, b, span, at) => {
    const [start, end] = a < b ? [a, b] : [b, a];
    const request = requestOf(start, end);
    const { live, blocks } = sharedCounting(request, at + 100.4, 100);
    assert.equal(
      Number(counts(live, span)) + Number(counts(blocks, span)),
      Number(counts(request, span)),
    );
  }));
});

Deno.test("a side without a part in the question is not asked", () => {
  const request = requestOf(5n * MS, 9n * MS);
  const sides = (dividedAtMs: number) => {
    const { live, blocks } = sharedCounting(request, dividedAtMs + 50, 50);
    return [live !== undefined, blocks !== undefined];
  };
  assert.deepEqual([4, 5, 6, 9, 10].map(sides), [
    [true, false],
    [true, false],
    [true, true],
    [true, true],
    [false, true],
  ]);
});
