// A counter, or a gauge that says that something is there: one number per entity.
// Rule: a counter that is new was 0 a moment before, so that `increase` sees how it began.

import { grown } from "../lib/growable.ts";
import type { LabelSets } from "./label_sets.ts";
import { type CollectionTime, type Metric, nameLabel, seriesLabels } from "./metric.ts";
import { type Label, type Point, type SeriesPoints, STALE } from "./series.ts";
import type { SeriesCounts } from "./series_counts.ts";
import { ROWS_AT_FIRST, SeriesRows } from "./series_rows.ts";

export interface ValueMetricOptions {
  readonly name: string;
  readonly isCounter: boolean;
  readonly commonLabels: readonly Label[];
}

export class ValueMetric implements Metric {
  readonly name: string;
  readonly #options: ValueMetricOptions;
  readonly #special: readonly Label[];
  readonly #sets: LabelSets;
  readonly #rows: SeriesRows;
  #value = new Float64Array(ROWS_AT_FIRST);
  readonly #labels: (readonly Label[] | undefined)[] = [];

  constructor(sets: LabelSets, counts: SeriesCounts, options: ValueMetricOptions) {
    this.name = options.name;
    this.#options = options;
    this.#special = [nameLabel(options.name)];
    this.#sets = sets;
    this.#rows = new SeriesRows(sets, counts, 1, (capacity) => {
      this.#value = grown(this.#value, capacity);
    });
  }

  add(entity: number, amount: number, nowMs: number): void {
    const row = this.#rows.touch(entity, nowMs);
    this.#value[row] = this.#value[row]! + amount;
  }

  set(entity: number, value: number, nowMs: number): void {
    this.#value[this.#rows.touch(entity, nowMs)] = value;
  }

  collect({ nowMs, beforeMs }: CollectionTime, out: SeriesPoints[]): void {
    const { length, entity, isNew } = this.#rows;
    for (let row = 0; row < length; row++) {
      if (entity[row]! < 0) continue;
      const points: Point[] = [{ timeMs: nowMs, value: this.#value[row]! }];
      if (isNew[row] === 1 && this.#options.isCounter) {
        points.unshift({ timeMs: beforeMs, value: 0 });
      }
      isNew[row] = 0;
      out.push({ labels: this.#labelsOf(row), points, exemplars: [] });
    }
  }

  sweep(sinceMs: number, nowMs: number, out: SeriesPoints[]): void {
    this.#rows.sweep(sinceMs, (row) => {
      if (this.#rows.isNew[row] === 0) {
        const points = [{ timeMs: nowMs, value: STALE }];
        out.push({ labels: this.#labelsOf(row), points, exemplars: [] });
      }
      this.#value[row] = 0;
      this.#labels[row] = undefined;
    });
  }

  askAnew(): void {
    this.#rows.askAnew();
  }

  #labelsOf(row: number): readonly Label[] {
    return this.#labels[row] ??= seriesLabels(
      this.#special,
      this.#sets.labels(this.#rows.entity[row]!),
      this.#options.commonLabels,
    );
  }
}
