import assert from "node:assert/strict";
import fc from "fast-check";

import { putBlock } from "../../../tests/support/small_blocks.ts";
import { MemoryObjectStore } from "../../../storage/store/memory.ts";
import { openBlock } from "../../../storage/block/block.ts";
import { BlockCache } from "../../../storage/block/block_cache.ts";
import { query } from "../execute.ts";
import type { MetricsRequest } from "./metrics_answer.ts";
import { gridPhase, offGrid, onGrid } from "./off_grid.ts";

const SECOND = 1_000_000_000n;
const store = new MemoryObjectStore();
const spans = Array.from({ length: 4_000 }, (_, i) => [i % 300, i * 3] as const);
const meta = await putBlock(store, 1, spans);
const block = await openBlock(store, meta, new BlockCache(1 << 26));
const { minNano, maxNano } = block.timeBounds!;
const QUERIES = [
  "{} | rate() by (resource.service.name)",
  "{} | avg_over_time(duration) by (name)",
  "{} | min_over_time(duration)",
  "{} | quantile_over_time(duration, .5)",
  "{ name = `nosuch` } | count_over_time()",
  "{} | compare({ status = error })",
];

function requestOf(text: string, startNano: bigint, endNano: bigint, step: bigint): MetricsRequest {
  return {
    kind: "metrics",
    tenant: "t",
    query: text,
    startNano,
    endNano,
    stepNano: step,
    isInstant: false,
    startSeconds: 0,
    endSeconds: 0,
    exemplars: 0,
    maxSeries: 0,
  };
}

Deno.test("the answer of a block fits every range with the same grid that covers the block", async () => {
  const signal = new AbortController().signal;
  const range = fc.tuple(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 50 }));
  const scene = fc.record({
    text: fc.constantFrom(...QUERIES),
    stepSeconds: fc.constantFrom(1n, 7n, 60n, 3600n),
    phase: fc.nat(999),
    first: range,
    second: range,
  });
  await fc.assert(
    fc.asyncProperty(scene, async ({ text, stepSeconds, phase, first, second }) => {
      const step = stepSeconds * SECOND;
      const origin = BigInt(phase) * step / 1000n;
      const covering = ([before, after]: readonly [number, number]) => {
        const low = (minNano - 1n - origin) / step - BigInt(before);
        const high = (maxNano - origin) / step + BigInt(after);
        return requestOf(text, origin + low * step, origin + high * step, step);
      };
      const [a, b] = [covering(first), covering(second)];
      assert.equal(gridPhase(a), gridPhase(b));
      const { inspectedBytes: _, ...asked } = await query(b, block.view(0), signal);
      const kept = offGrid(a, await query(a, block.view(0), signal));
      const { inspectedBytes: __, ...laid } = onGrid(b, kept)!;
      assert.deepEqual(laid, asked);
    }),
    { numRuns: 40 },
  );
});

Deno.test("a range that does not cover it gets nothing", async () => {
  const signal = new AbortController().signal;
  const step = SECOND;
  const whole = requestOf(QUERIES[0]!, minNano / step * step - step, maxNano + step, step);
  const kept = offGrid(whole, await query(whole, block.view(0), signal));
  const late = requestOf(QUERIES[0]!, maxNano / step * step, maxNano + 100n * step, step);
  assert.equal(onGrid(late, kept), undefined);
});
