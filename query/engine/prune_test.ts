import assert from "node:assert/strict";
import fc from "fast-check";
import { askRun, placesOf } from "../../tests/support/places.ts";
import { realisticTraces } from "../../tests/support/realistic.ts";
import type { SpanView } from "../../model/span_view.ts";
import { compile, type MetricsRequest, type SearchRequest } from "./mod.ts";
import { prunedBecause } from "./prune.ts";

const SECOND = 1_000_000_000n;
const T0 = 1_767_268_800;

const search = (query: string, changes: Partial<SearchRequest> = {}): SearchRequest => ({
  kind: "search",
  tenant: "t",
  query,
  limit: 0,
  spansPerSpanSet: 0,
  startSeconds: 0,
  endSeconds: 0,
  mostRecent: false,
  ...changes,
});
const metrics = (query: string, start: number, end: number): MetricsRequest => ({
  kind: "metrics",
  tenant: "t",
  query,
  startNano: BigInt(start) * SECOND,
  endNano: BigInt(end) * SECOND,
  stepNano: SECOND,
  isInstant: false,
  startSeconds: 0,
  endSeconds: 0,
  exemplars: 0,
  maxSeries: 0,
});

const { "many blocks": views } = await placesOf(realisticTraces(400, 3), 2);
const [view] = views!;
const why = (request: SearchRequest | MetricsRequest) => prunedBecause(compile(request), view!);

Deno.test("a row group is passed over for its time or its values, and says why", () => {
  const reasons: [SearchRequest | MetricsRequest, RegExp | undefined][] = [
    [search("{}"), undefined],
    [search("{}", { startSeconds: T0 - 10, endSeconds: T0 + 100 }), undefined],
    [search("{}", { endSeconds: T0 - 10 }), /all traces start after/],
    [search("{}", { startSeconds: T0 + 1_000, endSeconds: T0 + 2_000 }), /all traces end before/],
    [search("{ duration > 10s }"), /^duration > 10000000000: values are \d+ to \d+$/],
    [search("{ duration > 10s || status = unset }"), undefined],
    [search("{ duration > 10s || duration < 1ns }"), /duration > .*; duration < 1:/],
    [search("{ duration > 10s && .a = 1 }"), /duration > 10/],
    [search("{ !(duration > 10s) }"), undefined],
    [search("{ .a = 1 } >> { duration > 10s }"), /duration > 10/],
    [search("{ duration > 10s } | count() > 2"), /duration > 10/],
    [search("{} | count() > 2"), undefined],
    [search("{ false }"), /met by no span/],
    [metrics("{} | rate()", T0 - 10, T0 + 100), undefined],
    [metrics("{} | rate()", T0 + 1_000, T0 + 1_100), /no span starts/],
    [metrics("{ duration > 10s } | rate()", T0 - 10, T0 + 100), /duration > 10/],
    [metrics("({ duration > 10s } | rate()) / ({} | rate())", T0 - 10, T0 + 100), undefined],
  ];
  for (const [request, expected] of reasons) {
    const reason = why(request);
    if (expected === undefined) assert.equal(reason, undefined, request.query);
    else assert.match(reason ?? "", expected, request.query);
  }
});

/** The same spans, of which nothing is known before. */
function unbounded(view: SpanView): SpanView {
  return new Proxy(view, {
    get: (target, name) => {
      if (name === "bounds") return undefined;
      const value = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

Deno.test("what is passed over has no part in the answer", async () => {
  const nanos = fc.integer({ min: 0, max: 60_000_000 });
  const part = fc.tuple(fc.constantFrom("<", "<=", "=", "!=", ">", ">="), nanos)
    .map(([op, value]) => `duration ${op} ${value}`);
  const status = fc.constantFrom(
    "status = error",
    "status != ok",
    "kind = client",
    "kind = server",
  );
  const condition = fc.tuple(
    fc.oneof(part, status),
    fc.constantFrom("&&", "||"),
    fc.oneof(part, status),
  ).map(([a, op, b]) => `{ ${a} ${op} ${b} }`);
  const window = fc.integer({ min: -3, max: 3 });
  await fc.assert(
    fc.asyncProperty(condition, window, window, async (query, from, length) => {
      const request = search(query, {
        startSeconds: T0 + from,
        endSeconds: T0 + from + Math.abs(length),
      });
      const { traces } = await askRun(views!, request);
      const all = await askRun(views!.map(unbounded), request);
      assert.deepEqual(traces, all.traces);
    }),
    { numRuns: 60 },
  );
});
