// Laws of queries, whatever the query and wherever the spans are: the answer is the same from memory, from
// one block, from many, and after they were merged; counts are what searches match; pages are the whole.

import assert from "node:assert/strict";
import fc from "fast-check";
import {
  finishMetrics,
  mergeAnswers,
  type MetricsRequest,
  type ResultTrace,
  type SearchAnswer,
  type SearchRequest,
  type TagValuesRequest,
} from "../../query/engine/mod.ts";
import { askRun, type Places, placesOf } from "../support/places.ts";
import { decodeOtlp, encodeOtlp, type Plain } from "../support/otlp.ts";
import { realisticTraces } from "../support/realistic.ts";

const SECOND = 1_000_000_000n;
const T0 = 1_767_268_800n * SECOND;
const RUNS = { numRuns: 25 };

const comparison = fc.constantFrom(
  'resource.service.name = "service-3"',
  'resource.k8s.namespace.name =~ "team-[12]"',
  "status = error",
  "kind = server",
  "span.http.status_code >= 400",
  "span.http.status_code = 204",
  'span.http.url =~ ".*orders/1.*"',
  '.db.system != "redis"',
  'span.user.id < "user-2"',
  "span.retry = true",
  "span.queue.wait > 60.5",
  "duration > 30ms",
  "span.nosuch = nil",
  'event.exception.type = "TimeoutError"',
  "nestedSetParent < 0",
  "duration * 2 > span.thread.id * 1ms",
);
const filter = fc.oneof(
  fc.constant("{}"),
  comparison.map((one) => `{ ${one} }`),
  fc.tuple(comparison, fc.constantFrom("&&", "||"), comparison)
    .map(([a, op, b]) => `{ ${a} ${op} ${b} }`),
  fc.tuple(comparison, comparison).map(([a, b]) => `{ ${a} && !(${b}) }`),
);
const spansets = fc.oneof(
  filter,
  fc.tuple(
    filter,
    fc.constantFrom(">", ">>", "<", "<<", "~", "!>>", "!~", "&>>", "&<", "&&", "||"),
    filter,
  ).map(([a, op, b]) => `${a} ${op} ${b}`),
);
const pipeline = fc.tuple(
  spansets,
  fc.constantFrom(
    "",
    " | count() > 2",
    " | by(resource.service.name) | count() > 1",
    " | by(span.http.route)",
    " | avg(duration) > 20ms",
    " | by(kind) | max(duration) > 10ms | coalesce()",
    " | select(span.thread.name, resource.host.name)",
  ),
).map(([a, rest]) => a + rest);
const metric = fc.tuple(
  fc.constantFrom(
    "rate()",
    "count_over_time()",
    "quantile_over_time(duration, .5, .9)",
    "histogram_over_time(duration)",
    "avg_over_time(span.queue.wait)",
    "max_over_time(duration)",
    "min_over_time(span.http.status_code)",
    "compare({ status = error })",
  ),
  fc.constantFrom(
    "",
    " by (resource.service.name)",
    " by (name, span.retry)",
    " by (span.user.id)",
  ),
).map(([fn, by]) => fn + (fn.startsWith("compare") ? "" : by));

function search(query: string, changes: Partial<SearchRequest> = {}): SearchRequest {
  return {
    kind: "search",
    tenant: "t",
    query,
    limit: 0,
    spansPerSpanSet: 0,
    startSeconds: 0,
    endSeconds: 0,
    mostRecent: false,
    ...changes,
  };
}

function metrics(query: string, stepSeconds: bigint): MetricsRequest {
  return {
    kind: "metrics",
    tenant: "t",
    query,
    startNano: T0 - 60n * SECOND,
    endNano: T0 + 60n * SECOND,
    stepNano: stepSeconds * SECOND,
    isInstant: false,
    startSeconds: 0,
    endSeconds: 0,
    exemplars: 0,
    maxSeries: 0,
  };
}

/** Spans lie in another order in a block. */
function inAnyOrder({ traces }: SearchAnswer): unknown {
  const told = (value: unknown) =>
    JSON.stringify(value, (_, v) => typeof v === "bigint" ? String(v) : v);
  const sorted = <T>(list: readonly T[]) => list.map(told).sort();
  return traces.map((trace) => ({
    ...trace,
    spanSets: sorted(trace.spanSets.map(({ spans, ...rest }) => ({
      ...rest,
      spans: sorted(spans.map((span) => ({ ...span, attributes: sorted(span.attributes) }))),
    }))),
  }));
}

let shared: Promise<Places> | undefined;
/** Whole traces in each place. */
const places = () => shared ??= placesOf(realisticTraces(600, 5), 3);

Deno.test("searches are answered alike from memory, blocks, many blocks and merged ones", async () => {
  const { memory, ...others } = await places();
  await fc.assert(
    fc.asyncProperty(pipeline, fc.constantFrom(0, 5), async (query, limit) => {
      const request = search(query, { limit });
      const expected = inAnyOrder(await askRun(memory!, request));
      for (const [place, views] of Object.entries(others)) {
        assert.deepEqual(
          inAnyOrder(await askRun(views, request)),
          expected,
          `${query} in ${place}`,
        );
      }
    }),
    RUNS,
  );
});

Deno.test("metrics are answered alike from memory, blocks, many blocks and merged ones", async () => {
  const { memory, ...others } = await places();
  const steps = fc.constantFrom(1n, 7n, 60n);
  await fc.assert(
    fc.asyncProperty(spansets, metric, steps, async (left, fn, step) => {
      const request = metrics(`${left} | ${fn}`, step);
      const pointsOf = async (views: Places[string]) =>
        finishMetrics(request, await askRun(views, request)).series.map(({ labels, samples }) => [
          JSON.stringify(labels),
          // Sums of floats depend on their order in the last digits.
          samples.map(({ timestampMs, value }) => [timestampMs, Number(value.toPrecision(10))]),
        ]);
      const expected = await pointsOf(memory!);
      for (const [place, views] of Object.entries(others)) {
        assert.deepEqual(await pointsOf(views), expected, `${request.query} in ${place}`);
      }
    }),
    RUNS,
  );
});

Deno.test("values of tags are told alike, from what is remembered too", async () => {
  const { memory, ...others } = await places();
  for (
    const tag of [
      "span.user.id",
      "resource.service.name",
      "name",
      ".http.status_code",
      "span.retry",
    ]
  ) {
    for (const query of ["", "{ status = error }"]) {
      const request: TagValuesRequest = {
        ...{ kind: "tag_values", tenant: "t", tag, query, startSeconds: 0, endSeconds: 0 },
        limit: 0,
        bytesMax: 0,
      };
      const { values } = await askRun(memory!, request);
      assert.ok(values.length > 0, tag);
      for (const [place, views] of Object.entries(others)) {
        for (const time of ["at first", "again"]) {
          assert.deepEqual(
            (await askRun(views, request)).values,
            values,
            `${tag} in ${place} ${time}`,
          );
        }
      }
    }
  }
});

Deno.test("a count over time adds up to the spans that a search matches", async () => {
  for (const views of Object.values(await places())) {
    await fc.assert(
      fc.asyncProperty(spansets, fc.constantFrom(1n, 13n), async (left, step) => {
        const { traces } = await askRun(views, search(left));
        const matched = traces.flatMap(({ spanSets }) => spanSets.map((set) => set.matched));
        const request = metrics(`${left} | count_over_time()`, step);
        const { series } = finishMetrics(request, await askRun(views, request));
        const counted = series.flatMap(({ samples }) => samples.map(({ value }) => value));
        const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);
        assert.equal(sum(counted), sum(matched), left);
        const rate = metrics(`${left} | rate()`, step);
        const rates = finishMetrics(rate, await askRun(views, rate)).series
          .flatMap(({ samples }) => samples.map(({ value }) => value * Number(step)));
        assert.ok(Math.abs(sum(rates) - sum(matched)) < 1e-6, left);
      }),
      { numRuns: 10 },
    );
  }
});

Deno.test("pages are the whole answer in its order, wherever the spans are, also when they move", async () => {
  const all = Object.entries(await places());
  const { traces } = await askRun(all[0]![1], search("{}"));
  const expected = traces.map(({ traceId }) => traceId);
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 20 }),
      fc.array(fc.nat({ max: all.length - 1 }), { minLength: 1 }),
      async (limit, moves) => {
        const found: string[] = [];
        let after: ResultTrace | undefined;
        for (let page = 0;; page++) {
          const [, views] = all[moves[page % moves.length]!]!;
          const place = after && { startUnixNano: after.orderUnixNano!, traceId: after.traceId };
          const request = search("{}", { limit, mostRecent: true, page: { after: place } });
          const { traces } = await askRun(views, request);
          found.push(...traces.map(({ traceId }) => traceId));
          after = traces.at(-1);
          if (traces.length < limit) break;
        }
        assert.deepEqual(found, expected);
      },
    ),
    RUNS,
  );
});

Deno.test("no page leaves out a trace whose parts lie in several places", async () => {
  const whole = realisticTraces(400, 6).map((message) =>
    decodeOtlp(message).resourceSpans as Plain[]
  );
  // Of every other trace a part lies elsewhere, and that is the part which starts first, long before.
  const isSplit = (trace: number) => trace % 2 === 0;
  const first = whole.map((parts, trace) =>
    encodeOtlp({ resourceSpans: isSplit(trace) ? parts.slice(1) : parts })
  );
  const second = whole.flatMap((parts, trace) =>
    isSplit(trace) ? [encodeOtlp({ resourceSpans: parts.slice(0, 1).map(muchEarlier) })] : []
  );
  const both = [
    ...(await placesOf(first, 2))["many blocks"]!,
    ...(await placesOf(second, 1)).memory!,
  ];
  const parts = (await askRun(both, search("{}"))).traces.map(({ traceId }) => traceId);
  assert.equal(parts.length, whole.length);
  const found = new Set<string>();
  let after: ResultTrace | undefined;
  do {
    const place = after && { startUnixNano: after.orderUnixNano!, traceId: after.traceId };
    const request = search("{}", { limit: 3, mostRecent: true, page: { after: place } });
    const { traces } = mergeAnswers(request, [await askRun(both, request)]);
    for (const { traceId } of traces) found.add(traceId);
    after = traces.at(-1);
  } while (after !== undefined);
  assert.deepEqual([...found].sort(), parts.sort());
});

const EARLIER = 10n * SECOND;

function muchEarlier(resourceSpans: Plain): Plain {
  for (const span of resourceSpans.scopeSpans.flatMap(({ spans }: Plain) => spans)) {
    span.startTimeUnixNano = String(BigInt(span.startTimeUnixNano) - EARLIER);
  }
  return resourceSpans;
}
