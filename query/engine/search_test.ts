import assert from "node:assert/strict";
import { InputError } from "../../lib/errors.ts";
import { defaultDedicated } from "../../model/dedicated_attributes.ts";
import { LiveView } from "../../model/live_view.ts";
import { OtlpDecoder } from "../../model/otlp_decode.ts";
import { SpanColumns } from "../../model/span_columns.ts";
import { seededRandom } from "../../lib/random.ts";
import { encodeOtlp } from "../../tests/support/otlp.ts";
import { query } from "./execute.ts";
import type { SearchAnswer, SearchRequest } from "./query_request.ts";

const signal = new AbortController().signal;
const SECOND = 1_000_000_000n;

interface Told {
  readonly trace: number;
  readonly span?: number;
  readonly parent?: number;
  readonly startSeconds?: number;
  readonly endSeconds?: number;
  readonly kind?: number;
  readonly status?: number;
  readonly name?: string;
  readonly attributes?: Record<string, object>;
}

const id = (length: number, n: number) => new Uint8Array(length).fill(n);

/** A view of spans of service "shop", each pushed by itself. */
function viewOf(...spans: Told[]): LiveView {
  const columns = new SpanColumns(defaultDedicated);
  const decoder = new OtlpDecoder(columns);
  spans.forEach((span, i) => {
    const start = BigInt(span.startSeconds ?? 100) * SECOND;
    const end = span.endSeconds === undefined ? start + SECOND : BigInt(span.endSeconds) * SECOND;
    decoder.decode(encodeOtlp({
      resourceSpans: [{
        resource: { attributes: [{ key: "service.name", value: { stringValue: "shop" } }] },
        scopeSpans: [{
          spans: [{
            traceId: id(16, span.trace),
            spanId: id(8, span.span ?? i + 1),
            parentSpanId: span.parent === undefined ? new Uint8Array(0) : id(8, span.parent),
            name: span.name ?? `span ${i}`,
            kind: span.kind ?? 1,
            status: { code: span.status ?? 0 },
            startTimeUnixNano: String(start),
            endTimeUnixNano: String(end),
            attributes: Object.entries(span.attributes ?? {}).map(([key, value]) => ({
              key,
              value,
            })),
          }],
        }],
      }],
    }));
  });
  return LiveView.of(columns);
}

async function search(
  view: LiveView,
  text: string,
  of: Partial<SearchRequest> = {},
): Promise<SearchAnswer> {
  const request: SearchRequest = {
    kind: "search",
    tenant: "t",
    query: text,
    limit: 20,
    spansPerSpanSet: 3,
    startSeconds: 0,
    endSeconds: 0,
    mostRecent: false,
    ...of,
  };
  return await query(request, view, signal);
}

Deno.test("a search tells traces with their matching spans and what was asked about them", async () => {
  const view = viewOf(
    { trace: 1, span: 1, name: "GET /", status: 2, attributes: { a: { intValue: "7" } } },
    { trace: 1, span: 2, parent: 1, startSeconds: 99, attributes: { a: { intValue: "1" } } },
    { trace: 2, span: 3, parent: 9 },
  );
  assert.deepEqual(await search(view, "{ .a > 5 } | select(status, duration, name)"), {
    kind: "search",
    traces: [{
      traceId: "01".repeat(16),
      rootServiceName: "shop",
      rootTraceName: "GET /",
      startUnixNano: 99n * SECOND,
      durationNano: 2n * SECOND,
      spanSets: [{
        spans: [{
          spanId: "01".repeat(8),
          name: "GET /",
          startUnixNano: 100n * SECOND,
          durationNano: SECOND,
          attributes: [
            { key: "a", value: { intValue: "7" } },
            { key: "status", value: { stringValue: "error" } },
          ],
        }],
        matched: 1,
        attributes: [],
      }],
      serviceStats: { shop: { spanCount: 2, errorCount: 1 } },
    }],
    inspectedTraces: 2,
    inspectedSpans: 3,
    inspectedBytes: 0,
  });
});

Deno.test("a trace without a root has no root names", async () => {
  const [trace] = (await search(viewOf({ trace: 1, parent: 9 }), "{}")).traces;
  assert.deepEqual([trace!.rootServiceName, trace!.rootTraceName], ["", ""]);
});

Deno.test("only so many spans are told, and all that matched are counted", async () => {
  const view = viewOf(...Array.from({ length: 5 }, () => ({ trace: 1 })));
  const counts = async (spansPerSpanSet: number) => {
    const [set] = (await search(view, "{}", { spansPerSpanSet })).traces[0]!.spanSets;
    return [set!.spans.length, set!.matched];
  };
  assert.deepEqual(await counts(2), [2, 5]);
  assert.deepEqual(await counts(0), [5, 5]);
});

Deno.test("a span that was sent twice counts once; one of another kind does not", async () => {
  const view = viewOf(
    { trace: 1, span: 1, status: 2 },
    { trace: 1, span: 1, status: 2 },
    { trace: 1, span: 1, kind: 3 },
    { trace: 1, span: 2, parent: 1 },
  );
  const [trace] = (await search(view, "{}")).traces;
  assert.equal(trace!.spanSets[0]!.matched, 3);
  assert.equal(trace!.spanSets[0]!.spans.length, 3);
  assert.deepEqual(trace!.serviceStats, { shop: { spanCount: 3, errorCount: 1 } });
});

Deno.test("traces are told newest first, as many as the limit, those that overlap the window", async () => {
  const view = viewOf(
    ...[30, 10, 50, 20, 40].map((startSeconds, i) => ({ trace: i + 1, startSeconds })),
  );
  const starts = async (of: Partial<SearchRequest>) =>
    (await search(view, "{}", of)).traces.map(({ startUnixNano }) =>
      Number(startUnixNano / SECOND)
    );
  assert.deepEqual(await starts({}), [50, 40, 30, 20, 10]);
  assert.deepEqual(await starts({ limit: 2 }), [50, 40]);
  assert.deepEqual(await starts({ limit: 1, mostRecent: true }), [50]);
  assert.deepEqual(await starts({ startSeconds: 21, endSeconds: 40 }), [40, 30, 20]);
  assert.deepEqual(await starts({ startSeconds: 22, endSeconds: 39 }), [30]);
  assert.deepEqual(await starts({ endSeconds: 10 }), [10]);
});

Deno.test("groups and aggregates are told with their spanset", async () => {
  const view = viewOf(
    { trace: 1, attributes: { a: { stringValue: "x" } } },
    { trace: 1, attributes: { a: { stringValue: "x" } } },
    { trace: 1 },
  );
  const sets = async (text: string) =>
    (await search(view, text)).traces.flatMap(({ spanSets }) =>
      spanSets.map(({ matched, attributes }) => [matched, JSON.stringify(attributes)])
    );
  const x = '{"key":"by(.a)","value":{"stringValue":"x"}}';
  const nil = '{"key":"by(.a)","value":{"stringValue":"nil"}}';
  const two = '{"key":"count()","value":{"intValue":"2"}}';
  assert.deepEqual(await sets("by(.a)"), [[2, `[${x}]`], [1, `[${nil}]`]]);
  assert.deepEqual(await sets("by(.a) | count() > 1"), [[2, `[${x},${two}]`]]);
  assert.deepEqual(await sets("by(.a) | coalesce()"), [[3, "[]"]]);
  assert.deepEqual(await sets("count() > 3"), []);
  assert.deepEqual(await sets("avg(duration) = 1s"), [[
    3,
    '[{"key":"avg(duration)","value":{"stringValue":"1s"}}]',
  ]]);
  await assert.rejects(
    search(view, "by(.a) | { true } && { true }"),
    /multiple spansets per trace\. consider using coalesce\(\) \(line 1, col \d+\)$/,
  );
});

Deno.test("what makes no sense or cannot be done is refused", async () => {
  const view = viewOf({ trace: 1 });
  for (
    const text of ["{", "{ .a =~ `[` }", "{ status > ok }", "{} | rate()", "{ parent.a = 1 }"]
  ) {
    await assert.rejects(search(view, text), InputError, text);
  }
});

Deno.test("a search over nothing finds nothing", async () => {
  assert.deepEqual((await search(viewOf(), "{}")).traces, []);
});

Deno.test("an aborted search ends with the reason", async () => {
  const reason = new Error("enough");
  const request = { kind: "search", query: "{}", limit: 1 } as SearchRequest;
  await assert.rejects(query(request, viewOf({ trace: 1 }), AbortSignal.abort(reason)), reason);
});

Deno.test("looking at the newest traces first finds what looking at all spans finds", async () => {
  // Spans of a trace lie apart, traces begin in no order, some of them at the same time.
  const random = seededRandom(5);
  const below = (n: number) => Math.floor(random.next() * n);
  const traces = 200;
  const spans = Array.from({ length: 900 }, (_, i): Told => {
    const trace = i < traces ? i : below(traces);
    return {
      trace: trace + 1,
      span: i < traces ? 1 : below(200) + 2,
      ...(i >= traces && { parent: 1 }),
      startSeconds: 100 + (trace * 7) % 150 + below(2),
      status: below(30) === 0 ? 2 : 0,
      name: `name ${below(40)}`,
      attributes: below(3) === 0 ? { a: { intValue: String(below(9)) } } : {},
    };
  });
  const view = viewOf(...spans);
  // A view that lasts has all of its spans looked at.
  const lasting = new Proxy(view, {
    get: (target, name) => {
      const value = name === "isLasting" ? true : Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const queries = [
    "{}",
    "{ status = error }",
    '{ name = "name 7" }',
    "{ .a > 7 } || { status = error }",
    "{ name =~ `name 1.*` && .a = 1 }",
    "{ status = error } >> { .a != nil }",
    "{ .a = nil } | count() > 4",
    "{} | by(.a) | count() > 2",
    "{ .a >= 0 } | select(.a) | { .a > 4 }",
    "{ status = error && .a = 8 && name = `name 1` }",
  ];
  for (const query of queries) {
    for (const limit of [1, 3, 6]) {
      for (const times of [{}, { startSeconds: 120, endSeconds: 180 }, { endSeconds: 130 }]) {
        const all = await search(lasting, query, { limit, ...times });
        const some = await search(view, query, { limit, ...times });
        assert.deepEqual(some, all, `${query}, ${limit}, ${JSON.stringify(times)}`);
      }
    }
  }
});
