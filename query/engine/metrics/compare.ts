// `compare()`: of every attribute, how often each value occurs among the selected spans and among the
// rest. Which values are told is decided when all parts are together.
// Rule: a span counts once per attribute, under the one value it has; without one it does not count.

import type { SpanView } from "../../../model/span_view.ts";
import {
  type AttributeScope,
  type IntrinsicName,
  type MetricsAggregate,
  printReference,
  type Reference,
} from "../../traceql/mod.ts";
import { filterRows } from "../filter.ts";
import type { Predicate } from "../predicate.ts";
import { allRows } from "../row_lists.ts";
import { checkCells } from "./cells_limit.ts";
import { groupColumn } from "./group_column.ts";
import { eachPosition } from "./label_column.ts";
import type { MetricsLeafAnswer, MetricsSeries } from "./metrics_answer.ts";
import { countInto, intervalsOf } from "./metrics_loops.ts";
import type { SpansInTime } from "./run_metrics.ts";

export const META_TYPE = "__meta_type";

/** Of one attribute, in all parts together; more are not worth comparing. */
export const VALUES_MAX = 1000;

const AT = { line: 0, column: 0 };

/** Not those that differ from span to span: ids, durations, places in the tree. */
const INTRINSICS: readonly IntrinsicName[] = [
  "name",
  "status",
  "statusMessage",
  "kind",
  "rootName",
  "rootServiceName",
  "span:childCount",
  "instrumentation:name",
  "instrumentation:version",
];
/** Events and links are many a span, and have no one value to count it under. */
const SCOPES = ["resource", "span", "instrumentation"] as const;

type Compare = Extract<MetricsAggregate, { fn: "compare" }>;

export async function runCompare(
  view: SpanView,
  selection: Predicate,
  compare: Compare,
  spans: SpansInTime,
  width: number,
  signal: AbortSignal,
): Promise<Pick<MetricsLeafAnswer, "series" | "crowded">> {
  const isSelected = await selected(view, selection, compare, spans, signal);
  const series: MetricsSeries[] = [];
  const crowded: string[] = [];
  let groups = 0;
  for (const ref of await comparedReferences(view)) {
    signal.throwIfAborted();
    const { codes, size, label } = await groupColumn(view, ref, spans);
    const key = printReference(ref);
    if (size > VALUES_MAX + 1) {
      crowded.push(key);
      continue;
    }
    groups += 2 * size;
    checkCells(groups, width);
    const cells = new Float64Array(2 * size * width);
    const bySide = codes.map((code, i) => code * 2 + isSelected[i]!);
    countInto(cells, bySide, spans.intervals, width);
    for (let group = 0; group < 2 * size; group++) {
      const value = label(group >> 1);
      const values = cells.subarray(group * width, (group + 1) * width);
      if (value === undefined || !values.some((count) => count > 0)) continue;
      const side = { stringValue: group % 2 === 1 ? "selection" : "baseline" };
      const labelled = [{ key: META_TYPE, value: side }, { key, value }];
      series.push({ labels: labelled, bucket: -1, values, weights: undefined });
    }
  }
  return { series, crowded };
}

/** By position, 1 where the span is selected. */
async function selected(
  view: SpanView,
  selection: Predicate,
  { startNano, endNano }: Compare,
  spans: SpansInTime,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const marks = new Uint8Array(spans.count);
  const from = spans.rows ?? allRows(spans.count);
  const rows = await filterRows(view, selection, from, signal);
  eachPosition(rows, rows.length, spans, (i) => marks[i] = 1);
  if (startNano === 0n && endNano === 0n) return marks;
  const afterNano = startNano - 1n; // the start itself belongs to it
  const spanNano = Number(endNano - afterNano);
  const within = { startNano: afterNano, spanNano, stepNano: spanNano, count: 1 };
  const inTime = intervalsOf(await view.startUnixNano(), spans.rows, spans.count, within);
  return marks.map((mark, i) => inTime[i] === 0 ? mark : 0);
}

async function comparedReferences(view: SpanView): Promise<Reference[]> {
  const refs: Reference[] = INTRINSICS.map((name) => ({ node: "intrinsic", name, at: AT }));
  for (const scope of SCOPES) {
    for (const name of (await view.attributeKeys(scope)).sort()) {
      refs.push({ node: "attribute", scope: scope satisfies AttributeScope, name, at: AT });
    }
  }
  return refs;
}
