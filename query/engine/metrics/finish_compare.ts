// What `compare()` tells: of every attribute and side the values that occur most, and how often in all.
// Rule: the most frequent first, and of equally frequent ones those that come first as labels. Of values that
// are not told nothing is made, for there are hundreds of each that is.
import { META_TYPE } from "./compare.ts";
import type { ComparedAttribute, MetricsLabel, MetricsLeafAnswer } from "./metrics_answer.ts";
import { compareValues, type PointSeries } from "./point_series.ts";
import type { TimeGrid } from "./time_grid.ts";

const SIDES = ["baseline", "selection"] as const;

export function finishCompare(
  { compared, crowded }: MetricsLeafAnswer,
  { count: width }: TimeGrid,
  top: number,
): PointSeries[] {
  const told: PointSeries[] = [];
  for (const one of compared) {
    for (const side of SIDES.keys()) told.push(...sideOf(one, side, width, top));
  }
  for (const key of crowded) {
    told.push({
      labels: [
        { key: "__meta_error", value: { stringValue: "__too_many_values__" } },
        { key, value: undefined },
      ],
      values: new Float64Array(width),
      exemplars: [],
    });
  }
  return told;
}

function* sideOf(
  { attribute, labels, cells }: ComparedAttribute,
  side: number,
  width: number,
  top: number,
): Generator<PointSeries> {
  const sizes = new Float64Array(labels.length);
  const total = new Float64Array(width);
  for (let code = 0, at = side; code < labels.length; code++) {
    for (let i = 0; i < width; i++, at += 2) {
      total[i]! += cells[at]!;
      sizes[code]! += cells[at]!;
    }
  }
  const codes = mostFrequent(sizes, labels, top);
  if (codes.length === 0) return;
  const type = (name: string): MetricsLabel => ({ key: META_TYPE, value: { stringValue: name } });
  for (const code of codes) {
    const values = Float64Array.from(
      { length: width },
      (_, i) => cells[(code * width + i) * 2 + side]!,
    );
    const label = { key: attribute, value: labels[code]! };
    yield { labels: [type(SIDES[side]!), label], values, exemplars: [] };
  }
  const all = { key: attribute, value: undefined };
  yield { labels: [type(`${SIDES[side]!}_total`), all], values: total, exemplars: [] };
}

/** At most `top` codes that occur, the first first: each is put in its place among those kept so far. */
function mostFrequent(
  sizes: Float64Array,
  labels: ComparedAttribute["labels"],
  top: number,
): number[] {
  const kept: number[] = [];
  const isBefore = (a: number, b: number) =>
    sizes[a] !== sizes[b] ? sizes[a]! > sizes[b]! : compareValues(labels[a], labels[b]) < 0;
  for (let code = 0; code < sizes.length; code++) {
    if (sizes[code] === 0) continue;
    if (kept.length === top && !isBefore(code, kept[top - 1]!)) continue;
    let at = kept.length === top ? top - 1 : kept.length;
    for (; at > 0 && isBefore(code, kept[at - 1]!); at--) kept[at] = kept[at - 1]!;
    kept[at] = code;
  }
  return kept;
}
