import assert from "node:assert/strict";
import fc from "fast-check";
import { finishCompare } from "./finish_compare.ts";
import type { ComparedAttribute } from "./metrics_answer.ts";
import { compareLabels } from "./point_series.ts";

const WIDTH = 3;

const attributes = fc.array(fc.record({ value: fc.nat({ max: 30 }), isText: fc.boolean() }), {
  minLength: 1,
  maxLength: 40,
}).chain((values) => {
  const labels = [
    ...new Map(values.map(({ value, isText }) => {
      const label = isText ? { stringValue: `v${value}` } : { intValue: String(value) };
      return [JSON.stringify(label), label] as const;
    })).values(),
  ];
  const size = labels.length * WIDTH * 2;
  return fc.array(fc.nat({ max: 2 }), { minLength: size, maxLength: size })
    .map((cells): ComparedAttribute => ({
      attribute: "span.a",
      labels,
      cells: Float64Array.from(cells),
    }));
});

/** Series for all values, put in order whole. */
function slowly({ attribute, labels, cells }: ComparedAttribute, top: number) {
  return ["baseline", "selection"].flatMap((side, s) => {
    const type = { key: "__meta_type", value: { stringValue: side } };
    const all = labels.map((value, code) => ({
      labels: [type, { key: attribute, value }],
      values: Array.from({ length: WIDTH }, (_, i) => cells[(code * WIDTH + i) * 2 + s]!),
    })).map((series) => ({ ...series, size: series.values.reduce((a, b) => a + b, 0) }))
      .filter(({ size }) => size > 0)
      .sort((a, b) => b.size - a.size || compareLabels(a.labels, b.labels));
    if (all.length === 0) return [];
    const total = Array.from(
      { length: WIDTH },
      (_, i) => all.reduce((sum, { values }) => sum + values[i]!, 0),
    );
    return [...all.slice(0, top).map(({ values }) => values), total];
  });
}

Deno.test("the most frequent values of both sides are told in their order, and all of them in sum", () => {
  fc.assert(fc.property(attributes, fc.integer({ min: 1, max: 12 }), (attribute, top) => {
    const answer = { series: [], exemplars: [], compared: [attribute], crowded: [] };
    const grid = { startNano: 0n, spanNano: 3, stepNano: 1, count: WIDTH };
    const told = finishCompare(answer, grid as never, top);
    assert.deepEqual(told.map(({ values }) => [...values]), slowly(attribute, top));
    const names = told.map(({ labels }) => labels[0]!.value);
    const sides = ["baseline", "baseline_total", "selection", "selection_total"];
    assert.deepEqual(
      [...new Set(names.map((name) => JSON.stringify(name)))],
      sides.map((stringValue) => JSON.stringify({ stringValue }))
        .filter((name) => names.some((one) => JSON.stringify(one) === name)),
    );
  }));
});

Deno.test("an attribute with too many values is told as that", () => {
  const answer = { series: [], exemplars: [], compared: [], crowded: ["span.user"] };
  const [only] = finishCompare(answer, { count: 1 } as never, 10);
  assert.deepEqual(only!.labels, [
    { key: "__meta_error", value: { stringValue: "__too_many_values__" } },
    { key: "span.user", value: undefined },
  ]);
});
