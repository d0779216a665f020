// Runs a metrics query over a view: for each leaf the spans that its pipeline leaves, in their
// intervals, by group, added up.
// Rule: spans are counted as often as they are stored. A client that sends one twice has it counted
// twice, as the peer does: to tell, every id would have to be looked at, and ids of other blocks too.

import type { SpanView } from "../../../model/span_view.ts";
import { printReference } from "../../traceql/mod.ts";
import { runStages } from "../pipeline.ts";
import type { Rows } from "../row_lists.ts";
import { rowsOf } from "../spansets.ts";
import { checkCells } from "./cells_limit.ts";
import { runCompare } from "./compare.ts";
import { chooseExemplars } from "./exemplar_choice.ts";
import type { Positions } from "./label_column.ts";
import { type Groups, groupsOf } from "./groups.ts";
import {
  type MetricsAnswer,
  type MetricsLabel,
  type MetricsLeafAnswer,
  type MetricsSeries,
  seriesKey,
} from "./metrics_answer.ts";
import { bucketGroups, countInto, extremeInto, intervalsOf, sumInto } from "./metrics_loops.ts";
import type { MetricsLeaf, MetricsPlan } from "./metrics_plan.ts";
import { numberColumn } from "./number_column.ts";

const NOTHING: MetricsLeafAnswer = { series: [], exemplars: [], crowded: [] };

export async function runMetrics(
  plan: MetricsPlan,
  view: SpanView,
  signal: AbortSignal,
): Promise<MetricsAnswer> {
  const leaves: MetricsLeafAnswer[] = [];
  let inspectedSpans = 0;
  for (const leaf of plan.leaves) {
    signal.throwIfAborted();
    const spans = await spansInTime(plan, leaf, view, signal);
    inspectedSpans += spans.count;
    leaves.push(spans.count === 0 ? NOTHING : await runLeaf(plan, leaf, view, spans, signal));
  }
  return {
    kind: "metrics",
    leaves,
    coveredBlocks: [],
    inspectedTraces: 0,
    inspectedSpans,
    inspectedBytes: view.inspectedBytes,
  };
}

export interface SpansInTime extends Positions {
  /** By position, none of them -1. */
  readonly intervals: Int32Array;
}

async function spansInTime(
  { grid }: MetricsPlan,
  leaf: MetricsLeaf,
  view: SpanView,
  signal: AbortSignal,
): Promise<SpansInTime> {
  const sets = await runStages(view, leaf.stages, { node: "plain", rows: undefined }, signal);
  const left = sets.node === "grouped" ? rowsOf(sets) : sets.rows;
  const rows = left?.length === view.spanCount ? undefined : left;
  const count = rows === undefined ? view.spanCount : rows.length;
  if (count === 0) return { rows, count, intervals: new Int32Array(0) };
  const intervals = intervalsOf(await view.startUnixNano(), rows, count, grid);
  return inside(rows, count, intervals);
}

/** Without what lies outside of the query's time. */
function inside(rows: Rows | undefined, count: number, intervals: Int32Array): SpansInTime {
  let length = 0;
  for (let i = 0; i < count; i++) length += intervals[i]! >= 0 ? 1 : 0;
  if (length === count) return { rows, count, intervals };
  const keptRows = new Int32Array(length);
  const kept = new Int32Array(length);
  for (let i = 0, at = 0; at < length; i++) {
    if (intervals[i]! < 0) continue;
    keptRows[at] = rows === undefined ? i : rows[i]!;
    kept[at++] = intervals[i]!;
  }
  return { rows: keptRows, count: length, intervals: kept };
}

async function runLeaf(
  plan: MetricsPlan,
  leaf: MetricsLeaf,
  view: SpanView,
  spans: SpansInTime,
  signal: AbortSignal,
): Promise<MetricsLeafAnswer> {
  const { aggregate } = leaf;
  const width = plan.grid.count;
  if (aggregate.fn === "compare") {
    const found = await runCompare(view, leaf.selection!, aggregate, spans, width, signal);
    checkCells(found.series.length, width);
    return { ...found, exemplars: [] };
  }
  const groups = await groupsOf(view, aggregate.by, spans);
  signal.throwIfAborted();
  const keys = aggregate.by.map(printReference);
  const labelsOf = (group: number): MetricsLabel[] =>
    groups.labels(group).map((value, i) => ({ key: keys[i]!, value }));
  const hasBuckets = aggregate.fn === "quantile_over_time" ||
    aggregate.fn === "histogram_over_time";
  const values = "field" in aggregate
    ? await numberColumn(view, aggregate.field, spans, hasBuckets)
    : undefined;
  const added = hasBuckets
    ? addBuckets(groups, values!, spans.intervals, width)
    : add(aggregate.fn, groups, values, spans.intervals, width);
  const series = added.series.map(({ group, ...rest }) => ({ labels: labelsOf(group), ...rest }));
  const { exemplars } = plan.request;
  return {
    series,
    crowded: [],
    exemplars: exemplars === 0 ? [] : await chooseExemplars({
      view,
      at: spans,
      intervals: added.intervals,
      intervalCount: width,
      values,
      exemplars,
      references: leaf.references,
      seriesOf: (position) => {
        const { group, bucket } = added.seriesOf(position);
        return seriesKey({ labels: labelsOf(group), bucket });
      },
    }),
  };
}

interface GroupSeries extends Omit<MetricsSeries, "labels"> {
  readonly group: number;
}

interface Added {
  readonly series: readonly GroupSeries[];
  /** -1 where the span has no part in it. */
  readonly intervals: Int32Array;
  seriesOf(position: number): { readonly group: number; readonly bucket: number };
}

function add(
  fn: string,
  groups: Groups,
  values: Float64Array | undefined,
  all: Int32Array,
  width: number,
): Added {
  const size = checkCells(groups.count, width);
  const cells = new Float64Array(size);
  let weights: Float64Array | undefined;
  let intervals = all;
  const { codes } = groups;
  if (values === undefined) countInto(cells, codes, intervals, width);
  else {
    intervals = all.map((interval, i) => Number.isNaN(values[i]!) ? -1 : interval);
    cells.fill(NaN);
    switch (fn) {
      case "min_over_time":
        extremeInto(cells, values, codes, intervals, width, -1);
        break;
      case "max_over_time":
        extremeInto(cells, values, codes, intervals, width, 1);
        break;
      default:
        sumInto(cells, values, codes, intervals, width);
    }
    if (fn === "avg_over_time") {
      weights = new Float64Array(size);
      countInto(weights, codes, intervals, width);
    }
  }
  const series: GroupSeries[] = [];
  for (let group = 0; group < groups.count; group++) {
    const own = cells.subarray(group * width, (group + 1) * width);
    const isTouched = values === undefined
      ? own.some((count) => count > 0)
      : own.some((value) => !Number.isNaN(value));
    if (!isTouched) continue;
    const weightsOf = weights?.subarray(group * width, (group + 1) * width);
    series.push({ group, bucket: -1, values: own, weights: weightsOf });
  }
  const seriesOf = (i: number) => ({ group: codes === undefined ? 0 : codes[i]!, bucket: -1 });
  return { series, intervals, seriesOf };
}

function addBuckets(
  groups: Groups,
  values: Float64Array,
  all: Int32Array,
  width: number,
): Added {
  checkCells(groups.count, 1);
  const intervals = all.slice();
  const { codes, groupOf, bucketOf } = bucketGroups(values, groups.codes, groups.count, intervals);
  const cells = new Float64Array(checkCells(groupOf.length, width));
  countInto(cells, codes, intervals, width);
  const series = groupOf.map((group, code) => ({
    group,
    bucket: bucketOf[code]!,
    values: cells.subarray(code * width, (code + 1) * width),
    weights: undefined,
  }));
  const seriesOf = (i: number) => ({ group: groupOf[codes[i]!]!, bucket: bucketOf[codes[i]!]! });
  return { series, intervals, seriesOf };
}
