// Points of a series go out in the order of time, over crashes too: who receives them refuses what is not newer.
// Rules: the zero that a new counter begins with says that it does not go on from the one before, so one that is late
// is put behind the newest point; the sum of a histogram begins without one, and gets it where a former life has
// written the series; any other late point is left out and counted.
import type { Label, Point, SeriesPoints } from "../series.ts";
import type { SeriesEntry, SeriesIndex } from "./series_index.ts";

export interface Ordered {
  readonly series: readonly SeriesPoints[];
  /** How many points were left out. */
  readonly lateCount: number;
}

export function inTimeOrder(series: readonly SeriesPoints[], index: SeriesIndex): Ordered {
  let lateCount = 0;
  const ordered: SeriesPoints[] = [];
  for (const one of series) {
    const entry = index.of(one.labels);
    const given = begunAnew(one, entry);
    const points = pointsAfter(given, entry.newestMs);
    lateCount += given.length - points.length;
    if (points === one.points) ordered.push(one);
    else if (points.length > 0 || one.exemplars.length > 0) ordered.push({ ...one, points });
  }
  return { series: ordered, lateCount };
}

/** To be called when they are on the disk. */
export function noteTimes(ordered: readonly SeriesPoints[], index: SeriesIndex): void {
  for (const { labels, points } of ordered) {
    const newest = points.at(-1);
    if (newest === undefined) continue;
    const entry = index.of(labels);
    entry.newestMs = newest.timeMs;
    entry.isFormer = false;
  }
}

function begunAnew({ labels, points }: SeriesPoints, entry: SeriesEntry): readonly Point[] {
  const first = points[0]?.value;
  if (!entry.isFormer || typeof first !== "number" || !(first > 0) || !isSum(labels)) return points;
  return [{ timeMs: entry.newestMs, value: 0 }, ...points];
}

function isSum(labels: readonly Label[]): boolean {
  return labels.some(([name, value]) => name === "__name__" && value.endsWith("_sum"));
}

function pointsAfter(points: readonly Point[], newestMs: number): readonly Point[] {
  if (isInOrder(points, newestMs)) return points;
  const kept: Point[] = [];
  for (const [i, point] of points.entries()) {
    const floorMs = kept.at(-1)?.timeMs ?? newestMs;
    const nextMs = points[i + 1]?.timeMs ?? -Infinity;
    if (point.timeMs > floorMs) kept.push(point);
    else if (point.value === 0 && floorMs + 1 < nextMs) {
      kept.push({ ...point, timeMs: floorMs + 1 });
    }
  }
  return kept;
}

function isInOrder(points: readonly Point[], newestMs: number): boolean {
  let beforeMs = newestMs;
  for (const { timeMs } of points) {
    if (timeMs <= beforeMs) return false;
    beforeMs = timeMs;
  }
  return true;
}
