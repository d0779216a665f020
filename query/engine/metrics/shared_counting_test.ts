// Spans that are counted in two places, divided by when they start: together they are the whole, for every
// function, every instant of division, and every question that was asked of the same columns before.

import assert from "node:assert/strict";
import fc from "fast-check";
import { LiveView } from "../../../model/live_view.ts";
import type { SpanView } from "../../../model/span_view.ts";
import { openBlock } from "../../../storage/block/block.ts";
import { BlockCache } from "../../../storage/block/block_cache.ts";
import { MemoryObjectStore } from "../../../storage/store/memory.ts";
import { goldenSpans } from "../../../tests/support/golden_spans.ts";
import { putBlock } from "../../../tests/support/small_blocks.ts";
import { query } from "../execute.ts";
import { mergeAnswers } from "../merge_answers.ts";
import { finishMetrics } from "./finish_metrics.ts";
import type { MetricsAnswer, MetricsRequest } from "./metrics_answer.ts";
import { alignedTo } from "./time_grid.ts";

const signal = new AbortController().signal;
const SECOND = 1_000_000_000n;
const FUNCTIONS = [
  ...["rate()", "count_over_time()"],
  ...["min", "max", "sum", "avg"].map((fn) => `${fn}_over_time(duration)`),
  ...["quantile_over_time(duration, .5, .9)", "histogram_over_time(duration)"],
];
const QUERIES = [
  ...FUNCTIONS.flatMap((
    fn,
  ) => [`{} | ${fn}`, `{ duration > 2ms } | ${fn} by (resource.service.name)`]),
  "{} | compare({ status = error }, 3)",
  "{ kind = server } >> {} | rate() by (resource.service.name)",
  "({ status = error } | rate() by (resource.service.name)) / ({} | rate() by (resource.service.name))",
  "{} | rate() by (resource.service.name) | topk(2)",
];

/** Some golden spans lie far from the others. */
const T0 = 1_767_268_800n * SECOND;

/** Live columns, and a row group of a block, whose cache remembers what it was asked. */
const store = new MemoryObjectStore();
const spans = Array.from({ length: 3_000 }, (_, i) => [i % 200, i * 7] as const);
const block = await openBlock(store, await putBlock(store, 1, spans), new BlockCache(1 << 26));
const views: readonly SpanView[] = [LiveView.of(goldenSpans()), block.view(0)];
const starts = await Promise.all(views.map(async (view) => {
  const words = await view.startUnixNano();
  return Array.from(
    { length: view.spanCount },
    (_, row) => BigInt(words[row * 2 + 1]!) << 32n | BigInt(words[row * 2]!),
  ).filter((nano) => nano >= T0 && nano < T0 + 7_200n * SECOND).sort((a, b) => a < b ? -1 : 1);
}));

function requestOf(
  which: number,
  text: string,
  stepSeconds: number,
  more: Partial<MetricsRequest>,
) {
  const stepNano = BigInt(stepSeconds * 1e9);
  const range = { startNano: starts[which]![0]!, endNano: starts[which]!.at(-1)! };
  return {
    kind: "metrics",
    tenant: "t",
    query: text,
    ...alignedTo(range, stepNano),
    stepNano,
    isInstant: false,
    startSeconds: 0,
    endSeconds: 0,
    exemplars: 0,
    maxSeries: 0,
    ...more,
  } satisfies MetricsRequest as MetricsRequest;
}

/** Sums are rounded in the order they are made in. */
function told(request: MetricsRequest, answer: MetricsAnswer) {
  return finishMetrics(request, answer).series.map(({ labels, samples }) => ({
    labels,
    samples: samples.map(({ timestampMs, value }) => [timestampMs, value.toPrecision(10)]),
  }));
}

/** Traces, for which of its spans stands for one may depend on where it was looked at. */
const examples = ({ leaves }: MetricsAnswer) =>
  leaves.map(({ exemplars }) => exemplars.map(({ slot, traceId }) => `${slot} ${traceId}`).sort());

Deno.test("what starts from an instant on and what starts before it are the whole", async () => {
  const scene = fc.record({
    which: fc.nat(1),
    text: fc.constantFrom(...QUERIES),
    steps: fc.constantFrom(20, 3),
    isInstant: fc.boolean(),
    exemplars: fc.constantFrom(0, 20),
    // To the nanosecond at a span, just beside one, and beyond all of them.
    at: fc.oneof(fc.integer({ min: 5, max: 95 }), fc.constantFrom(-5, 0, 100, 105)),
    off: fc.constantFrom(-1n, 0n, 1n, 500_000_000n),
  });
  const splits = { all: 0, both: 0 };
  await fc.assert(
    fc.asyncProperty(scene, async ({ which, text, steps, isInstant, exemplars, at, off }) => {
      const sorted = starts[which]!;
      const row = Math.max(0, Math.min(sorted.length - 1, Math.floor(at * sorted.length / 100)));
      const beyond = at < 0 ? -3_600n : at > 100 ? 3_600n : 0n;
      const instant = sorted[row]! + off + beyond * SECOND;
      const request = requestOf(which, text, (which === 0 ? 7_200 : 21) / steps, {
        isInstant,
        exemplars,
      });
      const ask = (more: Partial<MetricsRequest>) =>
        query({ ...request, ...more }, views[which]!, signal);
      const live = await ask({ spansFromNano: instant });
      const blocks = await ask({ spansToNano: instant });
      const whole = await ask({});
      const merged = mergeAnswers(request, [live, blocks]);
      assert.deepEqual(told(request, merged), told(request, whole));
      assert.deepEqual(examples(merged), examples(whole));
      if (text === "{} | rate()") assert.equal(merged.inspectedSpans, whole.inspectedSpans);
      splits.all++;
      if (live.inspectedSpans > 0 && blocks.inspectedSpans > 0) splits.both++;
      const none = await ask({ spansFromNano: instant, spansToNano: instant });
      assert.equal(none.inspectedSpans, 0);
    }),
    { numRuns: 40 },
  );
  assert.ok(splits.both > splits.all / 4, `${splits.both} of ${splits.all} divided anything`);
});

Deno.test("a row group whose spans are all on one side is passed over, and all counted on the other", async () => {
  const [least, most] = [starts[1]![0]!, starts[1]!.at(-1)!];
  const request = requestOf(1, "{} | count_over_time()", 60, {});
  const counted = async (more: Partial<MetricsRequest>) =>
    (await query({ ...request, ...more }, block.view(0), signal)).inspectedSpans;
  assert.deepEqual(
    await Promise.all([
      counted({ spansFromNano: least }),
      counted({ spansFromNano: most }),
      counted({ spansFromNano: most + 1n }),
      counted({ spansToNano: least }),
      counted({ spansToNano: least + 1n }),
      counted({ spansToNano: most + 1n }),
    ]),
    [3_000, 1, 0, 0, 1, 3_000],
  );
});
