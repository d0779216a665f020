// Runs a metrics query over views, one after the other: for each leaf the spans that its pipeline
// leaves, in their intervals, by group, added up.
// Rule: spans are counted as often as they are stored. A client that sends one twice has it counted
// twice, as the peer does: to tell, every id would have to be looked at, and ids of other blocks too.

import type { SpanView } from "../../../model/span_view.ts";
import { invariant } from "../../../lib/invariant.ts";
import { printReference } from "../../traceql/mod.ts";
import { QueryMemory } from "../query_memory.ts";
import type { QueryAnswer } from "../query_request.ts";
import type { Progress } from "../run.ts";
import { checkCells } from "./cells_limit.ts";
import { CompareSums } from "./compare.ts";
import { ExemplarChoice } from "./exemplar_choice.ts";
import { type Groups, groupsOf } from "./groups.ts";
import type { GroupColumn } from "./label_column.ts";
import {
  type MetricsAnswer,
  type MetricsLabel,
  type MetricsLeafAnswer,
  seriesKey,
} from "./metrics_answer.ts";
import {
  bucketGroups,
  BUCKETS,
  countBucketsInto,
  countInto,
  extremeInto,
  type Intervals,
  NO_BUCKET,
  sumInto,
} from "./metrics_loops.ts";
import type { MetricsLeaf, MetricsPlan } from "./metrics_plan.ts";
import { bucketColumn, numberColumn } from "./number_column.ts";
import { greatest, least, type Merge, SeriesSums, sum } from "./series_sums.ts";
import { type SpansInTime, spansInTime } from "./spans_in_time.ts";

export class MetricsRun {
  readonly #leaves: readonly LeafRun[];
  #inspectedSpans = 0;
  #inspectedBytes = 0;

  constructor(readonly plan: MetricsPlan) {
    const memory = new QueryMemory(plan.request.memoryBytesMax);
    this.#leaves = plan.leaves.map((leaf) =>
      leaf.aggregate.fn === "compare"
        ? new CompareRun(plan, leaf, memory)
        : new SeriesRun(plan, leaf, memory)
    );
  }

  async add(view: SpanView, signal: AbortSignal): Promise<void> {
    const { grid, request } = this.plan;
    for (const leaf of this.#leaves) {
      signal.throwIfAborted();
      const spans = await spansInTime(grid, request, leaf.leaf, view, signal);
      this.#inspectedSpans += spans.count;
      if (spans.count > 0) await leaf.add(view, spans, signal);
    }
    this.#inspectedBytes += view.inspectedBytes;
  }

  addAnswer(part: QueryAnswer): void {
    invariant(part.kind === "metrics", "QE-2: a part answers the question");
    this.#leaves.forEach((leaf, i) => leaf.addAnswer(part.leaves[i]!));
    this.#inspectedSpans += part.inspectedSpans;
    this.#inspectedBytes += part.inspectedBytes;
  }

  /** Counts are never enough. */
  progress(): Progress {
    return { found: 0, oldestNano: undefined };
  }

  answer(): MetricsAnswer {
    return {
      kind: "metrics",
      leaves: this.#leaves.map((leaf) => leaf.answer()),
      coveredBlocks: [],
      inspectedTraces: 0,
      inspectedSpans: this.#inspectedSpans,
      inspectedBytes: this.#inspectedBytes,
    };
  }
}

/** Of one view, while it is added. */
const CELL_BYTES = 8;

interface LeafRun {
  readonly leaf: MetricsLeaf;
  add(view: SpanView, spans: SpansInTime, signal: AbortSignal): Promise<void>;
  addAnswer(part: MetricsLeafAnswer): void;
  answer(): MetricsLeafAnswer;
}

class CompareRun implements LeafRun {
  readonly #sums: CompareSums;

  constructor({ grid }: MetricsPlan, readonly leaf: MetricsLeaf, memory: QueryMemory) {
    this.#sums = new CompareSums(grid.count, memory);
  }

  async add(view: SpanView, spans: SpansInTime, signal: AbortSignal): Promise<void> {
    const { aggregate, selection } = this.leaf;
    if (aggregate.fn !== "compare") return;
    await this.#sums.add(view, selection!, aggregate, spans, signal);
  }

  addAnswer({ compared, crowded }: MetricsLeafAnswer): void {
    this.#sums.addAnswer(compared, crowded);
  }

  answer(): MetricsLeafAnswer {
    const { compared, crowded } = this.#sums;
    return { series: [], exemplars: [], compared, crowded };
  }
}

/** How the cells of a function become one. */
export function mergeOf({ aggregate }: MetricsLeaf): Merge {
  if (aggregate.fn === "min_over_time") return least;
  return aggregate.fn === "max_over_time" ? greatest : sum;
}

class SeriesRun implements LeafRun {
  readonly #sums: SeriesSums;
  readonly #exemplars: ExemplarChoice;
  readonly #keys: readonly string[];
  readonly #hasBuckets: boolean;

  constructor(
    readonly plan: MetricsPlan,
    readonly leaf: MetricsLeaf,
    readonly memory: QueryMemory,
  ) {
    const { aggregate } = leaf;
    this.#hasBuckets = aggregate.fn === "quantile_over_time" ||
      aggregate.fn === "histogram_over_time";
    const isCount = this.#hasBuckets || !("field" in aggregate);
    this.#sums = new SeriesSums(
      plan.grid.count,
      mergeOf(leaf),
      this.#hasBuckets,
      isCount,
      memory,
    );
    this.#exemplars = new ExemplarChoice(plan.request.exemplars, plan.grid.count, leaf.references);
    this.#keys = aggregate.by.map(printReference);
  }

  async add(view: SpanView, spans: SpansInTime, signal: AbortSignal): Promise<void> {
    const { aggregate } = this.leaf;
    const groups = await groupsOf(view, aggregate.by, spans);
    signal.throwIfAborted();
    const values = "field" in aggregate
      ? await numberColumn(view, aggregate.field, spans, this.#hasBuckets)
      : undefined;
    const buckets = this.#hasBuckets && "field" in aggregate
      ? await bucketColumn(view, aggregate.field, spans, values!)
      : undefined;
    const labels = (group: number): MetricsLabel[] =>
      groups.labels(group).map((value, i) => ({ key: this.#keys[i]!, value }));
    const named = { key: groups.key, labels };
    const added = buckets !== undefined
      ? this.#addBuckets(groups, named, buckets, spans)
      : this.#addNumbers(groups, named, values, spans);
    await this.#exemplars.add({
      view,
      at: spans,
      intervals: added.intervals,
      firstInterval: spans.first,
      width: spans.width,
      values,
      seriesOf: (position) => {
        const { group, bucket } = added.seriesOf(position);
        return seriesKey({ labels: labels(group), bucket });
      },
    });
  }

  addAnswer({ series, exemplars }: MetricsLeafAnswer): void {
    for (const one of series) this.#sums.addSeries(one);
    this.#exemplars.addChosen(exemplars);
  }

  answer(): MetricsLeafAnswer {
    return {
      series: this.#sums.series,
      exemplars: this.#exemplars.chosen,
      compared: [],
      crowded: [],
    };
  }

  #addNumbers(
    { codes, count }: Groups,
    named: Named,
    numbers: Float64Array | undefined,
    { intervals: all, first, width }: SpansInTime,
  ): Added {
    const size = checkCells(count, width, this.#sums.width);
    this.memory.check(size * CELL_BYTES);
    const values = new Float64Array(size);
    const cells = { values, first, width };
    const seriesOf = (i: number) => ({ group: codes === undefined ? 0 : codes[i]!, bucket: -1 });
    if (numbers === undefined) {
      countInto(values, codes, all, width);
      this.#sums.add(named, count, cells);
      return { intervals: all, seriesOf };
    }
    const intervals = withValue(all, numbers);
    values.fill(NaN);
    let weights: Float64Array | undefined;
    switch (this.leaf.aggregate.fn) {
      case "min_over_time":
        extremeInto(values, numbers, codes, intervals, width, -1);
        break;
      case "max_over_time":
        extremeInto(values, numbers, codes, intervals, width, 1);
        break;
      case "avg_over_time":
        weights = new Float64Array(size);
        countInto(weights, codes, intervals, width);
        sumInto(values, numbers, codes, intervals, width);
        break;
      default:
        sumInto(values, numbers, codes, intervals, width);
    }
    this.#sums.add(named, count, cells, weights);
    return { intervals, seriesOf };
  }

  #addBuckets(groups: Groups, named: Named, buckets: Uint8Array, spans: SpansInTime): Added {
    const { first, width } = spans;
    checkCells(groups.count, 1);
    if (groups.count * BUCKETS * width <= TABLE_MAX) {
      return this.#addTable(groups, named, buckets, spans);
    }
    const intervals = Int32Array.from(spans.intervals);
    const found = bucketGroups(buckets, groups.codes, groups.count, intervals);
    const { codes, groupOf, bucketOf } = found;
    const size = checkCells(groupOf.length, width, this.#sums.width);
    this.memory.check(size * CELL_BYTES);
    const values = new Float64Array(size);
    countInto(values, codes, intervals, width);
    this.#sums.addBuckets(named, groupOf, bucketOf, { values, first, width });
    const seriesOf = (i: number) => ({ group: groupOf[codes[i]!]!, bucket: bucketOf[codes[i]!]! });
    return { intervals, seriesOf };
  }

  /** Of few groups: each span is counted at once. */
  #addTable(groups: Groups, named: Named, buckets: Uint8Array, spans: SpansInTime): Added {
    const { intervals, first, width } = spans;
    const { codes, count } = groups;
    const values = new Float64Array(count * BUCKETS * width);
    const without = countBucketsInto(values, buckets, codes, intervals, width);
    const groupOf: number[] = [];
    const bucketOf: number[] = [];
    for (let row = 0; row < count * BUCKETS; row++) {
      groupOf.push(Math.floor(row / BUCKETS));
      bucketOf.push(row % BUCKETS);
    }
    this.#sums.addBuckets(named, groupOf, bucketOf, { values, first, width });
    return {
      intervals: without === 0 ? intervals : withBucket(intervals, buckets),
      seriesOf: (i) => ({ group: codes === undefined ? 0 : codes[i]!, bucket: buckets[i]! }),
    };
  }
}

/** Cells of a view that are counted in a table of all groups and buckets: half a megabyte. */
const TABLE_MAX = 1 << 16;

interface Named {
  readonly key: GroupColumn["key"];
  labels(group: number): MetricsLabel[];
}

interface Added {
  /** -1 where the span has no part in it. */
  readonly intervals: Intervals;
  seriesOf(position: number): { readonly group: number; readonly bucket: number };
}

/** Without spans that have no number. */
function withValue(intervals: Intervals, values: Float64Array): Intervals {
  if (!values.some(Number.isNaN)) return intervals;
  const kept = new Int32Array(intervals.length);
  for (let i = 0; i < kept.length; i++) {
    const value = values[i]!;
    kept[i] = value === value ? intervals[i]! : -1;
  }
  return kept;
}

/** Without spans that have no bucket. */
function withBucket(intervals: Intervals, buckets: Uint8Array): Int32Array {
  const kept = Int32Array.from(intervals);
  for (let i = 0; i < kept.length; i++) if (buckets[i] === NO_BUCKET) kept[i] = -1;
  return kept;
}
