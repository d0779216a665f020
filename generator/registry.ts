// All metrics of a tenant: made by name, collected together, ended when nobody touches them.
// Rules: a metric whose layout changes ends, and another begins; an end is told once, at the next
// collection, unless its series was never told at all; sweeps come every SWEEP_MS.

import { HistogramMetric } from "./histogram_metric.ts";
import { labelName } from "./label_names.ts";
import { LabelSets } from "./label_sets.ts";
import { collectionTime, type Metric } from "./metric.ts";
import type { SeriesPoints } from "./series.ts";
import { SeriesCounts } from "./series_counts.ts";
import type { RegistrySettings } from "./settings.ts";
import { ValueMetric } from "./value_metric.ts";

const SWEEP_MS = 300_000;
/** A window of demand; three of them are as long as series last by default. */
const WINDOW_MS = 300_000;
const NEVER_TOUCHED_SINCE = Number.POSITIVE_INFINITY;

export class Registry {
  readonly sets: LabelSets;
  readonly counts: SeriesCounts;
  collections = 0;
  #settings: RegistrySettings;
  readonly #metrics = new Map<string, MadeMetric>();
  /** Ends that were not told yet. */
  #ended: SeriesPoints[] = [];
  #sweptMs: number;
  #turnedMs: number;
  /** Told when a window of demand is over. */
  readonly onTurn = new Set<() => void>();

  constructor(settings: RegistrySettings, nowMs: number) {
    this.#settings = settings;
    this.sets = new LabelSets(settings);
    this.counts = new SeriesCounts(seriesMax(settings));
    this.#sweptMs = nowMs;
    this.#turnedMs = nowMs;
  }

  configure(settings: RegistrySettings): void {
    if (JSON.stringify(settings) === JSON.stringify(this.#settings)) return;
    this.#settings = settings;
    this.counts.max = seriesMax(settings);
    this.sets.configure(settings);
    for (const { metric } of this.#metrics.values()) metric.askAnew();
  }

  counter(name: string, nowMs: number): ValueMetric {
    return this.#value(name, true, nowMs);
  }

  /** Its series say that something is there. */
  gauge(name: string, nowMs: number): ValueMetric {
    return this.#value(name, false, nowMs);
  }

  histogram(name: string, bounds: readonly number[], nowMs: number): HistogramMetric {
    const { commonLabels, histograms: kind, native } = this.#settings;
    const traceIdLabel = labelName(this.#settings.traceIdLabel);
    const options = { name, bounds, kind, native, traceIdLabel, commonLabels };
    return this.#made(
      name,
      options,
      nowMs,
      () => new HistogramMetric(this.sets, this.counts, options),
    );
  }

  /** How many series of Prometheus a histogram of so many bounds is, for one entity. */
  seriesOfHistogram(bounds: readonly number[]): number {
    const { histograms } = this.#settings;
    return (histograms === "native" ? 0 : bounds.length + 3) + (histograms === "classic" ? 0 : 1);
  }

  /** Ends a metric with all its series, if it is there. */
  remove(name: string, nowMs: number): void {
    const made = this.#metrics.get(name);
    if (made === undefined) return;
    made.metric.sweep(NEVER_TOUCHED_SINCE, nowMs, this.#ended);
    this.#metrics.delete(name);
  }

  /** Ends all metrics but those named. */
  keepOnly(names: readonly string[], nowMs: number): void {
    for (const name of [...this.#metrics.keys()]) {
      if (!names.includes(name)) this.remove(name, nowMs);
    }
  }

  collect(nowMs: number): SeriesPoints[] {
    if (nowMs - this.#turnedMs >= WINDOW_MS) this.#turn(nowMs);
    const isDisabled = this.#settings.isCollectionDisabled;
    const out = isDisabled ? [] : this.#ended;
    this.#ended = [];
    if (nowMs - this.#sweptMs >= SWEEP_MS) this.#sweep(nowMs, isDisabled ? [] : out);
    if (isDisabled) {
      for (const { metric } of this.#metrics.values()) {
        if (metric instanceof HistogramMetric) metric.forgetExemplars();
      }
      return [];
    }
    const time = collectionTime(nowMs);
    for (const { metric } of this.#metrics.values()) metric.collect(time, out);
    this.collections++;
    return out;
  }

  #value(name: string, isCounter: boolean, nowMs: number): ValueMetric {
    const options = { name, isCounter, commonLabels: this.#settings.commonLabels };
    return this.#made(name, options, nowMs, () => new ValueMetric(this.sets, this.counts, options));
  }

  #made<M extends ValueMetric | HistogramMetric>(
    name: string,
    options: unknown,
    nowMs: number,
    make: () => M,
  ): M {
    const layout = JSON.stringify(options);
    const made = this.#metrics.get(name);
    if (made?.layout === layout) return made.metric as M;
    this.remove(name, nowMs);
    const metric = make();
    this.#metrics.set(name, { layout, metric });
    return metric;
  }

  #sweep(nowMs: number, out: SeriesPoints[]): void {
    this.#sweptMs = nowMs;
    const sinceMs = nowMs - this.#settings.staleMs;
    const { removed } = this.counts;
    for (const { metric } of this.#metrics.values()) metric.sweep(sinceMs, nowMs, out);
    this.sets.endUnused();
    if (this.counts.removed === removed) return;
    // There is room again, perhaps for what other metrics had to turn away.
    for (const { metric } of this.#metrics.values()) metric.askAnew();
  }

  #turn(nowMs: number): void {
    this.#turnedMs = nowMs;
    for (const turn of this.onTurn) turn();
    this.sets.turn(); // what is still there is then counted again
  }
}

interface MadeMetric {
  /** What two metrics of one name differ by. */
  readonly layout: string;
  readonly metric: (ValueMetric | HistogramMetric) & Metric;
}

function seriesMax({ limitBy, activeMax }: RegistrySettings): number {
  return limitBy === "series" ? activeMax : 0;
}
