// Metrics over the golden traces: against a slow twin that looks at each span by itself, and parts
// against the whole.

import assert from "node:assert/strict";
import fc from "fast-check";
import { InputError } from "../../../lib/errors.ts";
import { defaultDedicated } from "../../../model/dedicated_attributes.ts";
import { LiveView } from "../../../model/live_view.ts";
import { OtlpDecoder } from "../../../model/otlp_decode.ts";
import { SpanColumns } from "../../../model/span_columns.ts";
import type { SpanView } from "../../../model/span_view.ts";
import { goldenSpans, goldenTraces } from "../../../tests/support/golden_spans.ts";
import {
  type MetricsPipeline,
  parse,
  type Reference,
  type StaticValue,
} from "../../traceql/mod.ts";
import { query } from "../execute.ts";
import { fieldReader } from "../field_values.ts";
import { mergeAnswers } from "../merge_answers.ts";
import { finishMetrics } from "./finish_metrics.ts";
import type { MetricsAnswer, MetricsRequest } from "./metrics_answer.ts";
import { alignedTo } from "./time_grid.ts";

const signal = new AbortController().signal;
const SECOND = 1_000_000_000n;
const T0 = 1_767_268_800n * SECOND;

function requestOf(text: string, stepSeconds = 600, over: Partial<MetricsRequest> = {}) {
  const stepNano = BigInt(stepSeconds) * SECOND;
  return {
    kind: "metrics",
    tenant: "t",
    query: text,
    ...alignedTo({ startNano: T0, endNano: T0 + 7200n * SECOND }, stepNano),
    stepNano,
    isInstant: false,
    startSeconds: 0,
    endSeconds: 0,
    exemplars: 0,
    maxSeries: 0,
    ...over,
  } satisfies MetricsRequest as MetricsRequest;
}

const FILTERS = [
  "{}",
  '{ resource.service.name = "cart" }',
  "{ status = error }",
  "{ duration > 100ms }",
  '{ resource.service.name = "gateway" } >> { kind = client }',
];
const BY = [
  "resource.service.name",
  "name",
  "kind",
  "status",
  "span.http.status_code",
  "span.retry",
  ".http.method",
  "rootServiceName",
  "instrumentation:name",
  "resource.k8s.pod.name",
  "span.amount",
  "span.nosuch",
];
const FUNCTIONS = [
  ...["rate()", "count_over_time()"],
  ...["min", "max", "sum", "avg"].flatMap((fn) =>
    ["duration", "span.db.rows", "span.amount", ".http.status_code"].map((field) =>
      `${fn}_over_time(${field})`
    )
  ),
  ...["quantile_over_time(duration, 0.5, 0.9)", "histogram_over_time(duration)"],
  ...["quantile_over_time(span.db.rows, 0.1)", "histogram_over_time(span.db.rows)"],
];

const anyQuery = fc.record({
  filter: fc.constantFrom(...FILTERS),
  fn: fc.constantFrom(...FUNCTIONS),
  by: fc.subarray(BY, { maxLength: 3 }),
  stepSeconds: fc.constantFrom(15, 60, 600, 3600),
});
type AnyQuery = { filter: string; fn: string; by: string[]; stepSeconds: number };

const textOf = ({ filter, fn, by }: AnyQuery) =>
  `${filter} | ${fn}${by.length === 0 ? "" : ` by (${by.join(", ")})`}`;

type Points = Record<string, Record<number, number>>;

async function pointsOf(view: SpanView, request: MetricsRequest): Promise<Points> {
  return told(request, await query(request, view, signal));
}

function told(request: MetricsRequest, answer: MetricsAnswer): Points {
  return Object.fromEntries(
    finishMetrics(request, answer).series.map(({ labels, samples }) => [
      JSON.stringify(labels),
      Object.fromEntries(samples.map(({ timestampMs, value }) => [timestampMs, value])),
    ]),
  );
}

function sameWithin(a: Points, b: Points): void {
  assert.deepEqual(Object.keys(a).sort(), Object.keys(b).sort());
  for (const [labels, points] of Object.entries(a)) {
    const others = b[labels]!;
    assert.deepEqual(Object.keys(points), Object.keys(others), labels);
    for (const [at, value] of Object.entries(points)) {
      const other = others[Number(at)]!;
      const isNear = value === other || Math.abs(value - other) <= 1e-9 * Math.abs(value);
      assert.ok(isNear, `${labels} at ${at}: ${value} and ${other}`);
    }
  }
}

// ---- The slow twin ----

async function slowly(view: SpanView, request: MetricsRequest): Promise<Points> {
  const { query: tree } = parse(request.query);
  const { aggregate } = tree as MetricsPipeline;
  const filter = request.query.split(" | ")[0]!;
  const left = await spansLeft(view, filter);
  const readers = await Promise.all(aggregate.by.map((ref) => fieldReader(view, ref)));
  const [statuses, kinds] = [await view.statusCodes(), await view.kinds()];
  const unknown = (name: string | undefined, row: number) => {
    if (name === "status" && statuses[row]! > 2) return { stringValue: `status(${statuses[row]})` };
    if (name === "kind" && kinds[row]! > 5) return { stringValue: `kind(${kinds[row]})` };
    return undefined;
  };
  const field = "field" in aggregate ? await fieldReader(view, aggregate.field) : undefined;
  const starts = await view.startUnixNano();
  const names = request.query.split(" by (")[1]?.slice(0, -1).split(", ") ?? [];
  const { startNano, endNano, stepNano } = request;
  const seen = new Map<string, Map<number, number[]>>();
  for (const row of left) {
    const nano = BigInt(starts[row * 2 + 1]!) << 32n | BigInt(starts[row * 2]!);
    if (nano <= startNano || nano > endNano) continue;
    const end = Number((nano - startNano + stepNano - 1n) / stepNano);
    const found = field?.(row) ?? [];
    const value = field === undefined ? 1 : numberOf(found);
    if (value === undefined) continue;
    const labels = readers.map((read, i) => ({
      key: names[i],
      value: unknown(names[i], row) ?? labelOf(aggregate.by[i]!, read(row)),
    }));
    const isFloat = found[0]?.type === "float";
    const isBucketed = /^(quantile|histogram)/.test(aggregate.fn);
    if (isBucketed && (isFloat || value < 2)) continue;
    const key = JSON.stringify(labels);
    if (!seen.has(key)) seen.set(key, new Map());
    const points = seen.get(key)!;
    const at = Number((startNano + BigInt(end) * stepNano) / 1_000_000n);
    points.set(at, [...points.get(at) ?? [], value]);
  }
  const isDuration = field !== undefined && request.query.includes("(duration");
  return finishSlowly(aggregate, request, seen, isDuration ? 1e9 : 1);
}

async function spansLeft(view: SpanView, filter: string): Promise<number[]> {
  const { traces } = await query(
    {
      kind: "search",
      tenant: "t",
      query: filter,
      limit: 0,
      spansPerSpanSet: 0,
      startSeconds: 0,
      endSeconds: 0,
      mostRecent: false,
    },
    view,
    signal,
  );
  const wanted = new Set(
    traces.flatMap(({ traceId, spanSets }) =>
      spanSets.flatMap(({ spans }) => spans.map(({ spanId }) => `${traceId} ${spanId}`))
    ),
  );
  const read = async (name: "trace:id" | "span:id") =>
    await fieldReader(view, { node: "intrinsic", name, at: { line: 0, column: 0 } });
  const [trace, span] = [await read("trace:id"), await read("span:id")];
  const textOf = ([value]: readonly StaticValue[]) => (value as { value: string }).value;
  return Array.from({ length: view.spanCount }, (_, row) => row)
    .filter((row) => wanted.has(`${textOf(trace(row))} ${textOf(span(row))}`));
}

function numberOf(values: readonly StaticValue[]): number | undefined {
  const [value] = values;
  if (values.length !== 1 || value === undefined) return undefined;
  return value.type === "int" || value.type === "float" || value.type === "duration"
    ? Number(value.value)
    : undefined;
}

function labelOf(ref: Reference, values: readonly StaticValue[]): unknown {
  const isText = values.length === 1 && values[0]!.type === "string";
  if (ref.name === "service.name" && !isText) return { stringValue: "" };
  if (values.length !== 1) return undefined;
  const [value] = values as [StaticValue];
  switch (value.type) {
    case "int":
      return { intValue: String(value.value) };
    case "float":
      return { doubleValue: value.value };
    case "bool":
      return { boolValue: value.value };
    default:
      return { stringValue: (value as { value: string }).value };
  }
}

function finishSlowly(
  aggregate: MetricsPipeline["aggregate"],
  request: MetricsRequest,
  seen: Map<string, Map<number, number[]>>,
  unit: number,
): Points {
  const ends = Array.from(
    { length: Number((request.endNano - request.startNano) / request.stepNano) },
    (_, i) => Number((request.startNano + BigInt(i + 1) * request.stepNano) / 1_000_000n),
  );
  const points: Points = {};
  if (seen.size === 0 && aggregate.by.length === 0) {
    if (/^(rate|count)/.test(aggregate.fn)) seen.set("[]", new Map());
  }
  for (const [key, byEnd] of seen) {
    const all: { key: string; value?: unknown }[] = JSON.parse(key);
    const known = all.filter(({ value }) => value !== undefined);
    const labels = known.length > 0 ? known : all.map(({ key }) => ({
      key,
      value: { stringValue: "nil" },
    }));
    const put = (more: { key: string; value: unknown }[], value: (all: number[]) => number) => {
      const line: Record<number, number> = {};
      for (const at of ends) {
        const result = value(byEnd.get(at) ?? []);
        if (!Number.isNaN(result)) line[at] = result;
      }
      const own = labels.length + more.length > 0
        ? [...labels, ...more]
        : [{ key: "__name__", value: { stringValue: aggregate.fn } }];
      points[JSON.stringify(own)] = line;
    };
    const sum = (all: number[]) => all.reduce((a, b) => a + b, 0);
    const some = (fn: (all: number[]) => number) => (all: number[]) =>
      all.length === 0 ? NaN : fn(all) / unit;
    switch (aggregate.fn) {
      case "rate":
        put([], (all) => all.length / (Number(request.stepNano) / 1e9));
        break;
      case "count_over_time":
        put([], (all) => all.length);
        break;
      case "min_over_time":
        put([], some((all) => Math.min(...all)));
        break;
      case "max_over_time":
        put([], some((all) => Math.max(...all)));
        break;
      case "sum_over_time":
        put([], some(sum));
        break;
      case "avg_over_time":
        put([], some((all) => sum(all) / all.length));
        break;
      case "histogram_over_time": {
        const bound = (value: number) => 2 ** Math.ceil(Math.log2(value));
        for (const max of new Set([...byEnd.values()].flat().map(bound))) {
          put(
            [{ key: "__bucket", value: { doubleValue: max / unit } }],
            (all) => all.filter((value) => bound(value) === max).length,
          );
        }
        break;
      }
      case "quantile_over_time":
        for (const p of aggregate.quantiles) {
          put([{ key: "p", value: { doubleValue: p } }], (all) => {
            if (all.length === 0) return 0;
            // Values are told as their buckets' bounds; within one they rise exponentially.
            const bounds = all.map((value) => Math.ceil(Math.log2(value))).sort((a, b) => a - b);
            const need = Math.max(1, Math.ceil(p * all.length));
            const bound = bounds[need - 1]!;
            const before = bounds.filter((other) => other < bound);
            const same = bounds.filter((other) => other === bound).length;
            const low = before.at(-1) ?? bound - 1;
            return 2 ** (low + (bound - low) * (need - before.length) / same) / unit;
          });
        }
    }
  }
  return points;
}

Deno.test("functions answer what a slow twin answers span by span", async () => {
  const view = LiveView.of(goldenSpans());
  await fc.assert(
    fc.asyncProperty(anyQuery, async (drawn) => {
      const request = requestOf(textOf(drawn), drawn.stepSeconds);
      sameWithin(await pointsOf(view, request), await slowly(view, request));
    }),
    { numRuns: 60 },
  );
});

function partsOf(messages: readonly Uint8Array[], count: number, seed: number): SpanView[] {
  const columns = Array.from({ length: count }, () => new SpanColumns(defaultDedicated));
  const decoders = columns.map((one) => new OtlpDecoder(one));
  messages.forEach((message, i) => decoders[(i * 7 + seed) % count]!.decode(message));
  return columns.map((one) => LiveView.of(one));
}

Deno.test("parts merge to the whole, in any order and any grouping", async () => {
  const messages = goldenTraces();
  const whole = LiveView.of(goldenSpans());
  const more = [
    '{ resource.service.name = "cart" } | compare({ status = error }, 3)',
    "({ status = error } | rate() by (name)) / ({} | rate() by (name)) | topk(3)",
  ];
  const texts = fc.oneof(anyQuery.map(textOf), fc.constantFrom(...more));
  await fc.assert(
    fc.asyncProperty(texts, fc.nat(20), async (text, seed) => {
      const request = requestOf(text, 600, { exemplars: 100 });
      const answers = await Promise.all(
        partsOf(messages, 3, seed).map((view) => query(request, view, signal)),
      );
      const [a, b, c] = answers as [MetricsAnswer, MetricsAnswer, MetricsAnswer];
      const merged = (...parts: MetricsAnswer[]) => mergeAnswers(request, parts);
      const expected = await query(request, whole, signal);
      sameWithin(told(request, merged(a, b, c)), told(request, expected));
      sameWithin(told(request, merged(c, merged(b, a))), told(request, expected));
      const nothing = merged();
      sameWithin(told(request, merged(nothing, merged(a, c), b)), told(request, expected));
      const ids = (answer: MetricsAnswer) =>
        answer.leaves.map(({ exemplars }) => exemplars.map(({ traceId }) => traceId));
      assert.deepEqual(ids(merged(c, merged(b, a))), ids(expected));
    }),
    { numRuns: 40 },
  );
});

Deno.test("counts add up to what a search matches, whatever the step", async () => {
  const view = LiveView.of(goldenSpans());
  for (
    const filter of [
      '{ resource.service.name = "cart" }',
      "{ status = error }",
      "{ name =~ `.*cart.*` }",
    ]
  ) {
    const matched = (await spansLeft(view, filter)).length;
    for (const step of [15, 60, 600]) {
      const points = await pointsOf(view, requestOf(`${filter} | rate() by (name)`, step));
      const sum = Object.values(points).flatMap((line) => Object.values(line))
        .reduce((a, b) => a + b, 0);
      assert.equal(Math.round(sum * step * 1e6) / 1e6, matched, `${filter} by ${step}`);
    }
  }
});

Deno.test("exemplars: valid spans of the query, two a slot, as many as asked for", async () => {
  const view = LiveView.of(goldenSpans());
  const text = '{ resource.service.name = "gateway" } | max_over_time(duration) by (kind)';
  const request = requestOf(text, 600, { exemplars: 6 });
  const answer = await query(request, view, signal);
  const { series } = finishMetrics(request, answer);
  const exemplars = series.flatMap((one) => one.exemplars);
  assert.ok(exemplars.length >= 4 && exemplars.length <= 6, `${exemplars.length} exemplars`);
  for (const { labels, value } of exemplars) {
    const label = (key: string) => labels.find((one) => one.key === key)?.value;
    assert.deepEqual(label("resource.service.name"), { stringValue: "gateway" });
    assert.match((label("trace:id") as { stringValue: string }).stringValue, /^[0-9a-f]{10,32}$/);
    assert.ok(value > 0 && value < 10);
  }
  const none = finishMetrics(requestOf(text), await query(requestOf(text), view, signal));
  assert.deepEqual(none.series.flatMap((one) => one.exemplars), []);
});

Deno.test("rates have their sample's value for exemplars, and the right series", async () => {
  const request = requestOf("{} | count_over_time() by (kind)", 600, { exemplars: 100 });
  const { series } = finishMetrics(
    request,
    await query(request, LiveView.of(goldenSpans()), signal),
  );
  for (const { samples, exemplars } of series) {
    for (const { timestampMs, value } of exemplars) {
      const sample = samples.find((one) => one.timestampMs >= timestampMs)!;
      assert.equal(value, sample.value);
      assert.ok(value > 0, "an exemplar is one of the spans that are counted");
    }
  }
});

Deno.test("a query that makes too many values is refused", async () => {
  const request = requestOf("{} | rate() by (span:id)", 600, {
    startNano: T0,
    endNano: T0 + 7200n * SECOND,
    stepNano: SECOND,
  });
  await assert.rejects(query(request, LiveView.of(goldenSpans()), signal), (error) => {
    assert.ok(error instanceof InputError);
    assert.match(error.message, /series of 7200 intervals/);
    return true;
  });
});

Deno.test("a response of too many series is cut, and says so", async () => {
  const request = requestOf("{} | rate() by (name)", 600, { maxSeries: 3 });
  const result = finishMetrics(request, await query(request, LiveView.of(goldenSpans()), signal));
  assert.equal(result.series.length, 3);
  assert.match(result.partialBecause, /maximum series limit of 3/);
});
