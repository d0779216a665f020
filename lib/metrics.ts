// Metrics of one runtime: a registry of its own, so that a simulation can run ten nodes in a process.
// Rule: children are bound once (`counter.labels("a")`), because a label lookup per span costs more
// than the span. The home of prom-client.
import {
  AggregatorRegistry,
  Counter,
  type CounterConfiguration,
  Gauge,
  type GaugeConfiguration,
  Histogram,
  type HistogramConfiguration,
  Registry,
} from "prom-client";

export type { Counter, Gauge, Histogram };

export class Metrics {
  readonly registry = new Registry();

  counter<T extends string = string>(name: string, help: string, labelNames: T[] = []): Counter<T> {
    return this.#once(name, () => {
      const config: CounterConfiguration<T> = {
        name,
        help,
        labelNames,
        registers: [this.registry],
      };
      return new Counter(config);
    });
  }

  gauge<T extends string = string>(name: string, help: string, labelNames: T[] = []): Gauge<T> {
    return this.#once(name, () => {
      const config: GaugeConfiguration<T> = { name, help, labelNames, registers: [this.registry] };
      return new Gauge(config);
    });
  }

  histogram<T extends string = string>(
    name: string,
    help: string,
    buckets: number[],
    labelNames: T[] = [],
  ): Histogram<T> {
    return this.#once(name, () => {
      const registers = [this.registry];
      const config: HistogramConfiguration<T> = { name, help, labelNames, buckets, registers };
      return new Histogram(config);
    });
  }

  /** What a worker sends to the thread that answers `/metrics`. */
  snapshot(): Promise<MetricsSnapshot> {
    return this.registry.getMetricsAsJSON() as Promise<MetricsSnapshot>;
  }

  /** The Prometheus text of this registry and of the snapshots of others, summed by name and labels. */
  async text(others: readonly MetricsSnapshot[] = []): Promise<string> {
    const all = [await this.snapshot(), ...others];
    return await AggregatorRegistry.aggregate(all).metrics();
  }

  /** Two owners may ask for the same metric; both get the one that exists. */
  #once<M>(name: string, create: () => M): M {
    return this.registry.getSingleMetric(name) as M | undefined ?? create();
  }
}

// The shape is prom-client's own and is not looked into here.
export type MetricsSnapshot = Parameters<typeof AggregatorRegistry.aggregate>[0][number];

/** Seconds, as client libraries use by default. */
export const SECONDS_BUCKETS = [.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10];

/** `count` buckets from `start`, each `factor` times the one before. */
export function exponentialBuckets(start: number, factor: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => start * factor ** i);
}
