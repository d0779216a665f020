// The spans that a leaf counts, and in which intervals.
// A lasting view remembers in which step of the clock each span starts, for every length of step that it
// is asked with: grids of whole steps differ by where they begin only.

import type { SpanView } from "../../../model/span_view.ts";
import { runStages } from "../pipeline.ts";
import type { Rows } from "../row_lists.ts";
import { rowsOf } from "../spansets.ts";
import type { Positions } from "./label_column.ts";
import { intervalsOf, leaveOut, shiftedSteps, stepsOf } from "./metrics_loops.ts";
import type { MetricsRequest } from "./metrics_answer.ts";
import type { MetricsLeaf } from "./metrics_plan.ts";
import type { TimeGrid } from "./time_grid.ts";

/** Of what is counted, by when spans start. */
export type StartBounds = Pick<MetricsRequest, "spansFromNano" | "spansToNano">;

export interface SpansInTime extends Positions {
  /** By position, counted from `first`; none of them -1. */
  readonly intervals: Int32Array;
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
  const intervals = await intervalsIn(grid, view, rows, count);
  await leaveOutOf(intervals, bounds, view, rows);
  return counted(inside(rows, count, intervals));
}

/** How many steps a row group may be long for each span's to be remembered. */
const STEPS_MAX = 65_536;

async function intervalsIn(
  grid: TimeGrid,
  view: SpanView,
  rows: Rows | undefined,
  count: number,
): Promise<Int32Array> {
  const { startNano, stepNano, spanNano } = grid;
  const step = BigInt(stepNano);
  const isWhole = startNano % step === 0n && BigInt(spanNano) % step === 0n;
  if (view.isLasting && isWhole) {
    const steps = await view.derived(`steps ${stepNano}`, async () => {
      const value = stepsOf(await view.startUnixNano(), view.spanCount, step, STEPS_MAX);
      return { value, sizeBytes: (value?.steps.byteLength ?? 0) + 64 };
    });
    if (steps !== undefined) {
      const offset = Number(steps.first - startNano / step);
      return shiftedSteps(steps.steps, rows, count, offset, grid.count);
    }
  }
  return intervalsOf(await view.startUnixNano(), rows, count, grid);
}

/** The intervals are the question's own, so that what is remembered of a view stays as it is. */
async function leaveOutOf(
  intervals: Int32Array,
  { spansFromNano: from = 0n, spansToNano: to = ALL_NANO }: StartBounds,
  view: SpanView,
  rows: Rows | undefined,
): Promise<void> {
  if (from <= 0n && to >= ALL_NANO) return;
  const starts = view.bounds?.("spanStart");
  if (starts !== undefined && starts.min >= from && starts.max < to) return;
  leaveOut(await view.startUnixNano(), rows, intervals, from, to);
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
