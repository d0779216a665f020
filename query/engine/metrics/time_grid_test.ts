import assert from "node:assert/strict";
import { alignedTo, autoStep, floorTo, gridOf, timestampsMs } from "./time_grid.ts";

const SECOND = 1_000_000_000n;
const T0 = 1_767_268_800n * SECOND;

Deno.test("a step is chosen for about 240 intervals, in lengths that people would choose", () => {
  const cases: [number, number][] = [
    [1, 0.05],
    [30, 0.1],
    [59, 0.2],
    [60, 1],
    [600, 2],
    [3600, 15],
    [3 * 3600, 45],
    [6 * 3600, 60],
    [86_400, 300],
    [7 * 86_400, 2400],
  ];
  for (const [range, step] of cases) {
    const endNano = T0 + BigInt(range) * SECOND;
    assert.equal(Number(autoStep({ startNano: T0, endNano })) / 1e9, step, `${range} s`);
  }
});

Deno.test("a range is laid on whole steps, with one before", () => {
  const range = { startNano: T0 + 17n * SECOND, endNano: T0 + 1234n * SECOND };
  const aligned = alignedTo(range, 60n * SECOND);
  assert.deepEqual(aligned, { startNano: T0 - 60n * SECOND, endNano: T0 + 1260n * SECOND });
  const request = { ...aligned, stepNano: 60n * SECOND, isInstant: false };
  assert.equal(gridOf(request).count, 22);
  const ends = timestampsMs(request);
  assert.deepEqual([ends[0], ends.at(-1)], [
    Number(T0 / 1_000_000n),
    Number(T0 / 1_000_000n) + 1_260_000,
  ]);
  assert.deepEqual(timestampsMs({ ...request, isInstant: true }), [ends.at(-1)]);
  assert.equal(floorTo(-1n, 10n), -10n);
});
