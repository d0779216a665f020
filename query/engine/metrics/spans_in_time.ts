// The spans that a leaf counts, and in which intervals.
// A lasting view remembers in which step of the clock each span starts, for every length of step that it
// is asked with: grids of whole steps differ by where they begin only.

import type { SpanView } from "../../../model/span_view.ts";
import { runStages } from "../pipeline.ts";
import type { Rows } from "../row_lists.ts";
import { rowsOf } from "../spansets.ts";
import type { Positions } from "./label_column.ts";
import {
  type Intervals,
  intervalsOf,
  leaveOut,
  pickedSteps,
  shiftedSteps,
  stepsOf,
} from "./metrics_loops.ts";
import type { MetricsRequest } from "./metrics_answer.ts";
import type { MetricsLeaf } from "./metrics_plan.ts";
import type { TimeGrid } from "./time_grid.ts";

/** Of what is counted, by when spans start. */
export type StartBounds = Pick<MetricsRequest, "spansFromNano" | "spansToNano">;

export interface SpansInTime extends Positions {
  /** By position, counted from `first`; none of them -1. */
  readonly intervals: Intervals;
  /** The intervals that spans are in: a row group knows few of those that a query has. */
  readonly first: number;
  readonly width: number;
}

const NONE: SpansInTime = {
  rows: undefined,
  count: 0,
  intervals: new Int32Array(0),
  first: 0,
  width: 0,
};

export async function spansInTime(
  grid: TimeGrid,
  bounds: StartBounds,
  leaf: MetricsLeaf,
  view: SpanView,
  signal: AbortSignal,
): Promise<SpansInTime> {
  const sets = await runStages(view, leaf.stages, { node: "plain", rows: undefined }, signal);
  const left = sets.node === "grouped" ? rowsOf(sets) : sets.rows;
  const rows = left?.length === view.spanCount ? undefined : left;
  const count = rows === undefined ? view.spanCount : rows.length;
  if (count === 0) return NONE;
  const known = await knownSteps(grid, view);
  const isAllCounted = isAllWithin(bounds, view);
  if (known !== undefined && isAllCounted) {
    const { steps, offset: first, width } = known;
    if (first >= 0 && first + width <= grid.count) {
      const intervals = rows === undefined ? steps : pickedSteps(steps, rows);
      return { rows, count, intervals, first, width };
    }
  }
  const intervals = known === undefined
    ? intervalsOf(await view.startUnixNano(), rows, count, grid)
    : shiftedSteps(known.steps, rows, count, known.offset, grid.count);
  if (!isAllCounted) {
    const { spansFromNano: from = 0n, spansToNano: to = ALL_NANO } = bounds;
    leaveOut(await view.startUnixNano(), rows, intervals, from, to);
  }
  return counted(inside(rows, count, intervals));
}

/** How many steps a row group may be long for each span's to be remembered. */
const STEPS_MAX = 65_536;

/** Of a view that remembers, if the grid is of whole steps: `offset` is the interval of step 0. */
async function knownSteps(
  { startNano, stepNano, spanNano }: TimeGrid,
  view: SpanView,
): Promise<{ steps: Uint16Array; offset: number; width: number } | undefined> {
  const step = BigInt(stepNano);
  const isWhole = startNano % step === 0n && BigInt(spanNano) % step === 0n;
  if (!view.isLasting || !isWhole) return undefined;
  const known = await view.derived(`steps ${stepNano}`, async () => {
    const value = stepsOf(await view.startUnixNano(), view.spanCount, step, STEPS_MAX);
    return { value, sizeBytes: (value?.steps.byteLength ?? 0) + 64 };
  });
  if (known === undefined) return undefined;
  const { steps, first, count: width } = known;
  return { steps, offset: Number(first - startNano / step), width };
}

/** Whether no span starts outside of what is counted, as far as is known without looking. */
function isAllWithin(
  { spansFromNano: from = 0n, spansToNano: to = ALL_NANO }: StartBounds,
  view: SpanView,
): boolean {
  if (from <= 0n && to >= ALL_NANO) return true;
  const starts = view.bounds?.("spanStart");
  return starts !== undefined && starts.min >= from && starts.max < to;
}

const ALL_NANO = 1n << 64n;

type Placed = Positions & { readonly intervals: Int32Array };

/** Without what lies outside of the query's time. */
function inside(rows: Rows | undefined, count: number, intervals: Int32Array): Placed {
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

/** Counts intervals from the first that has a span. */
function counted({ rows, count, intervals }: Placed): SpansInTime {
  if (count === 0) return NONE;
  let first = intervals[0]!;
  let last = first;
  for (let i = 1; i < count; i++) {
    const interval = intervals[i]!;
    if (interval < first) first = interval;
    else if (interval > last) last = interval;
  }
  if (first > 0) { for (let i = 0; i < count; i++) intervals[i]! -= first; }
  return { rows, count, intervals, first, width: last - first + 1 };
}
