import assert from "node:assert/strict";
import fc from "fast-check";
import { mergeAnswers } from "./merge_answers.ts";
import type {
  ResultSpanSet,
  ResultTrace,
  SearchAnswer,
  SearchRequest,
  TagsAnswer,
  TagsRequest,
  TagValuesAnswer,
  TagValuesRequest,
} from "./query_request.ts";

const common = { tenant: "t", query: "", startSeconds: 0, endSeconds: 0 };
const request: SearchRequest = {
  ...common,
  kind: "search",
  limit: 3,
  spansPerSpanSet: 3,
  mostRecent: false,
};
const noCost = { inspectedTraces: 0, inspectedSpans: 0, inspectedBytes: 0 };

const spanSet = (group: string, matched: number): ResultSpanSet => ({
  spans: [],
  matched,
  attributes: group === "" ? [] : [{ key: "by(.a)", value: { stringValue: group } }],
});

function trace(id: string, told: Partial<ResultTrace> = {}): ResultTrace {
  return {
    traceId: id,
    rootServiceName: "",
    rootTraceName: "",
    startUnixNano: 1n,
    durationNano: 1n,
    spanSets: [spanSet("", 1)],
    serviceStats: {},
    ...told,
  };
}

const answer = (...traces: ResultTrace[]): SearchAnswer => ({ kind: "search", traces, ...noCost });

Deno.test("a trace that lies in two places is one: earliest, longest, rooted, most matched", () => {
  const a = trace("1", {
    startUnixNano: 5n,
    durationNano: 9n,
    rootServiceName: "shop",
    spanSets: [spanSet("x", 1), spanSet("y", 7)],
    serviceStats: { shop: { spanCount: 2, errorCount: 1 } },
  });
  const b = trace("1", {
    startUnixNano: 3n,
    durationNano: 4n,
    spanSets: [spanSet("x", 2)],
    serviceStats: {
      shop: { spanCount: 3, errorCount: 0 },
      cart: { spanCount: 1, errorCount: 0 },
    },
  });
  assert.deepEqual(
    mergeAnswers(request, [answer(a), answer(b)]).traces,
    [trace("1", {
      startUnixNano: 3n,
      durationNano: 9n,
      rootServiceName: "shop",
      spanSets: [spanSet("x", 2), spanSet("y", 7)],
      serviceStats: {
        shop: { spanCount: 3, errorCount: 1 },
        cart: { spanCount: 1, errorCount: 0 },
      },
    })],
  );
});

Deno.test("the newest traces are kept, at most the limit", () => {
  const parts = [1, 4, 2, 5, 3].map((n) => answer(trace(String(n), { startUnixNano: BigInt(n) })));
  const ids = mergeAnswers(request, parts).traces.map(({ traceId }) => traceId);
  assert.deepEqual(ids, ["5", "4", "3"]);
});

Deno.test("merging searches does not depend on order or grouping, nor on an answer told twice", () => {
  const traces = fc.constantFrom("1", "2", "3", "4").chain((id) =>
    fc.record({
      rootServiceName: fc.constantFrom("", "a"),
      // A trace's start is the same wherever it is told, as that of whole data is.
      startUnixNano: fc.constant(BigInt(id)),
      durationNano: fc.bigInt({ min: 0n, max: 3n }),
      spanSets: fc.uniqueArray(fc.constantFrom("", "x", "y"), { minLength: 1 }).chain((groups) =>
        fc.tuple(...groups.map((group) => fc.nat({ max: 3 }).map((n) => spanSet(group, n))))
      ),
      serviceStats: fc.dictionary(
        fc.constantFrom("a", "__proto__"),
        fc.record({ spanCount: fc.nat({ max: 3 }), errorCount: fc.nat({ max: 3 }) }, {
          noNullPrototype: true,
        }),
        { noNullPrototype: true },
      ),
    }).map((told) => trace(id, told))
  );
  const answers = fc.array(
    fc.uniqueArray(traces, { selector: ({ traceId }) => traceId }).map((list) => answer(...list)),
    { minLength: 1, maxLength: 5 },
  );
  const merge = (list: readonly SearchAnswer[]) => mergeAnswers(request, list);
  fc.assert(fc.property(answers, fc.nat(), (list, seed) => {
    const whole = merge(list);
    const at = seed % list.length;
    assert.deepEqual(merge([...list].reverse()), whole);
    assert.deepEqual(merge([merge(list.slice(0, at)), merge(list.slice(at))]), whole);
    assert.deepEqual(merge([whole, whole]), whole);
    assert.deepEqual(merge([...list, list[at]!]), whole);
  }));
});

Deno.test("tags and values of several places are all told once, in order", () => {
  const tags: TagsRequest = { ...common, kind: "tags", scope: "" };
  const told = (scopes: TagsAnswer["scopes"]): TagsAnswer => ({ kind: "tags", scopes, ...noCost });
  assert.deepEqual(
    mergeAnswers(tags, [told({ span: ["b", "a"] }), told({ span: ["a", "c"], event: ["e"] })]),
    told({ span: ["a", "b", "c"], event: ["e"] }),
  );
  const values: TagValuesRequest = {
    ...common,
    kind: "tag_values",
    tag: ".a",
    limit: 3,
    bytesMax: 0,
  };
  const string = (value: string) => ({ type: "string", value }) as const;
  const some = (...list: string[]): TagValuesAnswer => ({
    kind: "tag_values",
    values: list.map(string),
    ...noCost,
  });
  assert.deepEqual(
    mergeAnswers(values, [some("b", "d"), some("a", "b", "c")]),
    some("a", "b", "c"),
  );
  assert.deepEqual(
    mergeAnswers({ ...values, bytesMax: 15 }, [some("b"), some("a", "c")]),
    some("a", "b"),
  );
});

Deno.test("costs add up", () => {
  const cost = { inspectedTraces: 1, inspectedSpans: 2, inspectedBytes: 3 };
  const { traces, ...told } = mergeAnswers(request, [
    { ...answer(), ...cost },
    { ...answer(), ...cost },
  ]);
  assert.deepEqual(traces, []);
  assert.deepEqual(told, {
    kind: "search",
    inspectedTraces: 2,
    inspectedSpans: 4,
    inspectedBytes: 6,
  });
});
