// One engine, two views: every recorded metrics query is answered alike over spans in memory, over the
// block that is written from them, and over that block's many row groups merged.

import assert from "node:assert/strict";
import { LiveView } from "../../model/live_view.ts";
import type { SpanColumns } from "../../model/span_columns.ts";
import type { SpanView } from "../../model/span_view.ts";
import {
  compile,
  execute,
  finishMetrics,
  mergeAnswers,
  type MetricsRequest,
  type ResultAttribute,
} from "../../query/engine/mod.ts";
import { BlockCache, MemoryObjectStore, openBlock, writeBlock } from "../../storage/mod.ts";
import { recordings } from "../support/golden_http.ts";
import { goldenSpans } from "../support/golden_spans.ts";

const signal = new AbortController().signal;
const SECOND = 1_000_000_000n;
const T0 = 1_767_268_800n * SECOND;

async function blockViews(columns: SpanColumns, spansPerRowGroup: number): Promise<SpanView[]> {
  const store = new MemoryObjectStore();
  const meta = await writeBlock(
    store,
    {
      tenant: "t",
      blockId: "00000000-0000-4000-8000-000000000001",
      columns,
      spansPerRowGroup,
      codec: "snappy",
      clampStartMs: 0,
      clampEndMs: 2 ** 42,
      replicationFactor: 1,
      hasNoCompactFlag: false,
    },
    () => Promise.resolve(),
    signal,
  );
  const block = await openBlock(store, meta, new BlockCache(1 << 26));
  return block.rowGroups.map(({ index }) => block.view(index));
}

type Points = readonly (readonly [string, readonly (readonly [number, number])[]])[];

async function pointsOf(views: readonly SpanView[], text: string): Promise<Points> {
  const request: MetricsRequest = {
    kind: "metrics",
    tenant: "t",
    query: text,
    startNano: T0 - 600n * SECOND,
    endNano: T0 + 7200n * SECOND,
    stepNano: 600n * SECOND,
    isInstant: false,
    startSeconds: 0,
    endSeconds: 0,
    exemplars: 10,
    maxSeries: 0,
  };
  const plan = compile(request);
  const answers = [];
  for (const view of views) answers.push(await execute(plan, view, signal));
  const { series } = finishMetrics(request, mergeAnswers(request, answers));
  return series.map(({ labels, samples, exemplars }) =>
    [
      // Which span of a trace stands for it depends on their order; which traces does not.
      JSON.stringify([labels, exemplars.map((one) => traceOf(one.labels)).sort()]),
      // Sums of floats depend on their order in the last digits.
      samples.map(({ timestampMs, value }) =>
        [timestampMs, Number(value.toPrecision(10))] as const
      ),
    ] as const
  );
}

const traceOf = (labels: readonly ResultAttribute[]) =>
  JSON.stringify(labels.find(({ key }) => key === "trace:id"));

Deno.test("metrics: memory, a block, and its row groups answer alike", async () => {
  const columns = goldenSpans();
  const live = LiveView.of(columns);
  const whole = await blockViews(columns, 80_000);
  const parts = await blockViews(columns, 50);
  assert.equal(whole.length, 1);
  assert.ok(parts.length > 2, `${parts.length} row groups`);
  const texts = new Set(
    (await recordings("metrics-queries.jsonl.gz")).filter(({ status }) => status === 200)
      .map(({ path }) => {
        const params = new URL(path, "http://x").searchParams;
        return params.get("q") ?? params.get("query")!;
      }),
  );
  assert.ok(texts.size > 50, `${texts.size} queries`);
  for (const text of texts) {
    const expected = await pointsOf([live], text);
    assert.deepEqual(await pointsOf(whole, text), expected, `${text} over a block`);
    assert.deepEqual(await pointsOf(parts, text), expected, `${text} over row groups`);
  }
});
