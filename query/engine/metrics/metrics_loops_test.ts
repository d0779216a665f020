import assert from "node:assert/strict";
import fc from "fast-check";
import {
  bucketGroups,
  bucketOf,
  BUCKETS,
  bucketsOf,
  countBucketsInto,
  countInto,
  extremeInto,
  intervalsOf,
  leaveOut,
  NO_BUCKET,
  pickedSteps,
  shiftedSteps,
  stepsOf,
  sumInto,
} from "./metrics_loops.ts";

const T0 = 1_767_268_800_000_000_000n;

const words = (nanos: readonly bigint[]) =>
  Uint32Array.from(nanos.flatMap((n) => [Number(n & 0xffffffffn), Number(n >> 32n)]));

Deno.test("a span is in the interval that ends with or after its start", () => {
  const step = fc.bigInt({ min: 1n, max: 900_000_000_000n }); // all of them: within 104 days
  fc.assert(fc.property(
    step,
    fc.integer({ min: 1, max: 10_000 }),
    fc.array(
      fc.oneof(
        fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
        // Just at, before and after the ends of intervals.
        fc.tuple(fc.nat(10_001), fc.integer({ min: -1, max: 1 })),
      ),
      { minLength: 1 },
    ),
    (step, count, drawn) => {
      const nanos = drawn.map((one) =>
        typeof one === "bigint" ? one : T0 + BigInt(one[0]) * step + BigInt(one[1])
      );
      const span = step * BigInt(count);
      const grid = { startNano: T0, spanNano: Number(span), stepNano: Number(step), count };
      const slow = nanos.map((nano) => {
        const after = nano - T0;
        return after <= 0n || after > span ? -1 : Number((after + step - 1n) / step) - 1;
      });
      assert.deepEqual([...intervalsOf(words(nanos), undefined, nanos.length, grid)], slow);
      const odd = Int32Array.from(nanos.keys()).filter((row) => row % 2 === 1);
      assert.deepEqual(
        [...intervalsOf(words(nanos), odd, odd.length, grid)],
        slow.filter((_, row) => row % 2 === 1),
      );
    },
  ));
});

Deno.test("what starts before one time, or not before another, is left out to the nanosecond", () => {
  const anyNano = fc.oneof(
    fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    fc.integer({ min: -2, max: 2 }).map((off) => T0 + BigInt(off)),
    fc.integer({ min: -2, max: 2 }).map((off) => (T0 >> 32n << 32n) + BigInt(off)),
  );
  const bound = fc.oneof(anyNano, fc.constantFrom(-1n, 0n, 2n ** 64n, 2n ** 65n));
  fc.assert(fc.property(fc.array(anyNano), bound, bound, (nanos, from, to) => {
    const slow = nanos.map((nano, i) => nano < from || nano >= to ? -1 : i);
    const all = Int32Array.from(nanos.keys());
    leaveOut(words(nanos), undefined, all, from, to);
    assert.deepEqual([...all], slow);
    const odd = Int32Array.from(nanos.keys()).filter((row) => row % 2 === 1);
    const some = odd.slice();
    leaveOut(words(nanos), odd, some, from, to);
    assert.deepEqual([...some], slow.filter((_, row) => row % 2 === 1));
  }));
});

Deno.test("remembered steps are the intervals of any grid of whole steps", () => {
  const step = fc.bigInt({ min: 1n, max: 900_000_000_000n });
  const starts = fc.array(fc.tuple(fc.nat(200), fc.integer({ min: -1, max: 1 })), { minLength: 1 });
  fc.assert(fc.property(step, starts, fc.nat(250), fc.nat(100), (step, drawn, begin, count) => {
    const base = T0 / step;
    const nanos = drawn.map(([steps, off]) => (base + BigInt(steps)) * step + BigInt(off));
    const startNano = (base + BigInt(begin)) * step;
    const spanNano = Number(step) * (count + 1);
    const grid = { startNano, spanNano, stepNano: Number(step), count: count + 1 };
    const { first, steps, count: stepCount } = stepsOf(words(nanos), nanos.length, step, 1_000)!;
    assert.equal(Math.max(...steps) + 1, stepCount);
    const offset = Number(first - startNano / step);
    const expected = intervalsOf(words(nanos), undefined, nanos.length, grid);
    const all = shiftedSteps(steps, undefined, nanos.length, offset, count + 1);
    assert.deepEqual(all, expected);
    const odd = Int32Array.from(nanos.keys()).filter((row) => row % 2 === 1);
    const some = shiftedSteps(steps, odd, odd.length, offset, count + 1);
    assert.deepEqual(some, expected.filter((_, row) => row % 2 === 1));
    if (offset < 0 || offset + stepCount > count + 1) return;
    // All of them are in the grid: as they are.
    assert.deepEqual(Array.from(steps, (one) => one + offset), [...expected]);
    assert.deepEqual(Array.from(pickedSteps(steps, odd), (one) => one + offset), [...some]);
  }));
  assert.equal(stepsOf(words([T0, T0 + 1_000n]), 2, 1n, 1_000), undefined);
});

Deno.test("a bucket is the next power of two, from 2 on", () => {
  const cases: [number, number][] = [
    [NaN, -1],
    [-8, -1],
    [0, -1],
    [1, -1],
    [2, 1],
    [3, 2],
    [4, 2],
    [5, 3],
    [2 ** 32, 32],
    [2 ** 32 + 1, 33],
    [2 ** 53, 53],
    [2 ** 62, 62],
  ];
  for (const [value, bucket] of cases) assert.equal(bucketOf(value), bucket, String(value));
  fc.assert(fc.property(fc.integer({ min: 2, max: Number.MAX_SAFE_INTEGER }), (value) => {
    const bucket = bucketOf(value);
    assert.ok(value <= 2 ** bucket && value > 2 ** (bucket - 1));
  }));
});

const WIDTH = 4;
const GROUPS = 3;
const point = fc.record({
  interval: fc.integer({ min: -1, max: WIDTH - 1 }),
  group: fc.integer({ min: 0, max: GROUPS - 1 }),
  value: fc.oneof(fc.integer({ min: -9, max: 99 }), fc.constant(NaN)),
});
type Point = { interval: number; group: number; value: number };

/** Point by point, over a map. */
function slowly(points: readonly Point[], step: (old: number, value: number) => number): number[] {
  const cells: number[] = Array(WIDTH * GROUPS).fill(NaN);
  for (const { interval, group, value } of points) {
    if (interval < 0 || Number.isNaN(value)) continue;
    const old = cells[group * WIDTH + interval]!;
    cells[group * WIDTH + interval] = Number.isNaN(old) ? value : step(old, value);
  }
  return cells;
}

Deno.test("loops add up what a slow twin adds up", () => {
  fc.assert(fc.property(fc.array(point), fc.boolean(), (drawn, isGrouped) => {
    const points = isGrouped ? drawn : drawn.map((one) => ({ ...one, group: 0 }));
    const intervals = Int32Array.from(points, ({ interval }) => interval);
    const groups = isGrouped ? Int32Array.from(points, ({ group }) => group) : undefined;
    const values = Float64Array.from(points, ({ value }) => value);
    const filled = () => new Float64Array(WIDTH * GROUPS).fill(NaN);

    const counts = new Float64Array(WIDTH * GROUPS);
    countInto(counts, groups, intervals, WIDTH);
    const ones = points.map((one) => ({ ...one, value: 1 }));
    assert.deepEqual([...counts], slowly(ones, (a, b) => a + b).map((n) => n || 0));

    const sums = filled();
    sumInto(sums, values, groups, intervals, WIDTH);
    assert.deepEqual([...sums], slowly(points, (a, b) => a + b));
    const greatest = filled();
    extremeInto(greatest, values, groups, intervals, WIDTH, 1);
    assert.deepEqual([...greatest], slowly(points, Math.max));
    const least = filled();
    extremeInto(least, values, groups, intervals, WIDTH, -1);
    assert.deepEqual([...least], slowly(points, Math.min));
  }));
});

Deno.test("each (group, bucket) that occurs has a code; what has no bucket is left out", () => {
  fc.assert(fc.property(fc.array(point), (points) => {
    const intervals = Int32Array.from(points, ({ interval }) => interval);
    const groups = Int32Array.from(points, ({ group }) => group);
    const values = Float64Array.from(points, ({ value }) => value);
    const found = bucketGroups(bucketsOf(values), groups, GROUPS, intervals);
    points.forEach(({ interval, group, value }, i) => {
      if (interval < 0 || bucketOf(value) < 0) return assert.equal(intervals[i], -1);
      assert.equal(intervals[i], interval);
      const code = found.codes[i]!;
      assert.deepEqual([found.groupOf[code], found.bucketOf[code]], [group, bucketOf(value)]);
    });
    const pairs = found.groupOf.map((group, code) => `${group} ${found.bucketOf[code]}`);
    assert.equal(new Set(pairs).size, pairs.length);
  }));
});

Deno.test("counts by group, bucket and interval are those of looking at one span after the other", () => {
  const span = fc.record({
    group: fc.nat(3),
    bucket: fc.oneof(fc.nat(BUCKETS - 1), fc.constant(NO_BUCKET)),
    interval: fc.integer({ min: -1, max: 4 }),
  });
  fc.assert(fc.property(fc.array(span), fc.boolean(), (spans, isGrouped) => {
    const cells = new Float64Array(4 * BUCKETS * 5);
    const without = countBucketsInto(
      cells,
      Uint8Array.from(spans, ({ bucket }) => bucket),
      isGrouped ? Int32Array.from(spans, ({ group }) => group) : undefined,
      Int32Array.from(spans, ({ interval }) => interval),
      5,
    );
    const slow = new Map<number, number>();
    for (const { group, bucket, interval } of spans) {
      if (bucket === NO_BUCKET || interval < 0) continue;
      const cell = ((isGrouped ? group : 0) * BUCKETS + bucket) * 5 + interval;
      slow.set(cell, (slow.get(cell) ?? 0) + 1);
    }
    cells.forEach((count, cell) => assert.equal(count, slow.get(cell) ?? 0));
    assert.equal(without, spans.filter(({ bucket }) => bucket === NO_BUCKET).length);
  }));
});
