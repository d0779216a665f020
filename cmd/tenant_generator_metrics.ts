// What the metrics-generators of tenants count, on /metrics; the process's own counts are its own.
// Rules: the names are those that dashboards and alerts of the peer know; a counter goes on where its
// generator began anew (a processor was switched off, a tenant came back), because only what was added is
// passed on; a tenant that is forgotten takes its gauges with it.

import { type GeneratorStats, PROCESSORS } from "../generator/mod.ts";
import type { Counter, Gauge, Metrics } from "../lib/metrics.ts";

const PREFIX = "tempo_metrics_generator_";

interface Figure {
  readonly name: string;
  readonly help: string;
  readonly of: (stats: GeneratorStats) => number | undefined;
}

const COUNTERS: readonly Figure[] = [
  { name: "spans_received_total", help: "Spans received.", of: (stats) => stats.spansReceived },
  { name: "bytes_received_total", help: "Bytes received.", of: (stats) => stats.bytesReceived },
  {
    name: "active_processors_update_failed_total",
    help: "Processors whose settings make no sense, each time that they were changed.",
    of: (stats) => stats.updateFailures,
  },
  {
    name: "processor_service_graphs_edges",
    help: "Edges of service graphs that were begun.",
    of: ({ graph }) => graph?.edges,
  },
  {
    name: "processor_service_graphs_dropped_spans",
    help: "Spans that the store of edges had no room for.",
    of: ({ graph }) => graph?.droppedSpans,
  },
  {
    name: "processor_service_graphs_dropped_edges_total",
    help: "Edges that waited for their other half when settings were changed.",
    of: ({ graph }) => graph?.droppedEdges,
  },
  {
    name: "processor_service_graphs_dropped_span_side_cache_overflow_total",
    help: "Always 0: sides of edges are forgotten and learnt again, not dropped.",
    of: ({ graph }) => graph && 0,
  },
  {
    name: "registry_series_added_total",
    help: "Series that began.",
    of: ({ registry }) => registry.seriesAdded,
  },
  {
    name: "registry_series_removed_total",
    help: "Series that ended.",
    of: ({ registry }) => registry.seriesRemoved,
  },
  {
    name: "registry_series_limited_total",
    help: "Updates of series that there was no room for.",
    of: ({ registry }) => registry.seriesLimited,
  },
  {
    name: "registry_entities_added_total",
    help: "Sets of labels that began.",
    of: ({ registry }) => ofEntities(registry, registry.entitiesAdded),
  },
  {
    name: "registry_entities_removed_total",
    help: "Sets of labels that ended.",
    of: ({ registry }) => ofEntities(registry, registry.entitiesRemoved),
  },
  {
    name: "registry_entities_limited_total",
    help: "Sets of labels that there was no room for.",
    of: ({ registry }) => ofEntities(registry, registry.entitiesLimited),
  },
  {
    name: "registry_collections_total",
    help: "Collections of all series.",
    of: ({ registry }) => registry.collections,
  },
  {
    name: "registry_spans_sanitized_total",
    help: "Spans whose name had an id taken out, or would have had.",
    of: ({ registry }) => registry.spansSanitized,
  },
  {
    name: "registry_drain_patterns_detected_total",
    help: "Patterns of span names with ids.",
    of: ({ registry }) => registry.namePatterns,
  },
  {
    name: "registry_drain_patterns_evicted_total",
    help: "Patterns of span names that were forgotten for want of room.",
    of: ({ registry }) => registry.namePatternsEvicted,
  },
];

const GAUGES: readonly Figure[] = [
  {
    name: "registry_active_series",
    help: "Series there are.",
    of: ({ registry }) => registry.activeSeries,
  },
  {
    name: "registry_max_active_series",
    help: "Series there may be; 0: no limit.",
    of: ({ registry }) => registry.limitBy === "series" ? registry.activeMax : undefined,
  },
  {
    name: "registry_active_entities",
    help: "Sets of labels there are.",
    of: ({ registry }) => ofEntities(registry, registry.activeEntities),
  },
  {
    name: "registry_max_active_entities",
    help: "Sets of labels there may be; 0: no limit.",
    of: ({ registry }) => ofEntities(registry, registry.activeMax),
  },
  {
    name: "registry_active_series_demand_estimate",
    help: "Series there would be without limits, estimated.",
    of: ({ registry }) => registry.seriesDemand,
  },
  {
    name: "registry_entity_demand_estimate",
    help: "Sets of labels there would be without limits, estimated.",
    of: ({ registry }) => registry.entityDemand,
  },
  {
    name: "registry_post_sanitization_demand_estimate",
    help: "Sets of labels there would be with ids taken out of span names, estimated.",
    of: ({ registry }) => registry.sanitizedDemand,
  },
];

function ofEntities({ limitBy }: GeneratorStats["registry"], value: number): number | undefined {
  return limitBy === "entity" ? value : undefined;
}

export class TenantGeneratorMetrics {
  readonly #counters: readonly (readonly [Figure, Counter<"tenant">])[];
  readonly #gauges: readonly (readonly [Figure, Gauge<"tenant">])[];
  readonly #active: Gauge<"tenant" | "processor">;
  readonly #discarded: Counter<"tenant" | "reason" | "processor">;
  readonly #expired: Counter<"tenant" | "unmatched_span_kind">;
  readonly #linesSkipped: Counter<"tenant" | "reason">;
  readonly #valuesLimited: Counter<"tenant" | "label_name">;
  readonly #labelDemand: Gauge<"tenant" | "label_name">;
  /** By tenant and series: the count that was told last. */
  readonly #told = new Map<string, Map<string, number>>();

  constructor(metrics: Metrics) {
    const counter = <T extends string>(name: string, help: string, labels: T[]) =>
      metrics.counter(PREFIX + name, help, labels);
    const gauge = <T extends string>(name: string, help: string, labels: T[]) =>
      metrics.gauge(PREFIX + name, help, labels);
    this.#counters = COUNTERS.map((one) => [one, counter(one.name, one.help, ["tenant"])]);
    this.#gauges = GAUGES.map((one) => [one, gauge(one.name, one.help, ["tenant"])]);
    this.#active = gauge("active_processors", "1 for a processor that is on.", [
      "tenant",
      "processor",
    ]);
    this.#discarded = counter("spans_discarded_total", "Spans that were turned away.", [
      "tenant",
      "reason",
      "processor",
    ]);
    this.#expired = counter(
      "processor_service_graphs_expired_edges",
      "Halves of edges that waited in vain and say nothing of the other side.",
      ["tenant", "unmatched_span_kind"],
    );
    this.#linesSkipped = counter(
      "registry_drain_lines_skipped_total",
      "Span names that no pattern was looked for in.",
      ["tenant", "reason"],
    );
    this.#valuesLimited = counter(
      "registry_label_values_limited_total",
      "Values of a label that there was no room for.",
      ["tenant", "label_name"],
    );
    this.#labelDemand = gauge(
      "registry_label_cardinality_demand_estimate",
      "Values a label would have without limits, estimated.",
      ["tenant", "label_name"],
    );
  }

  /** To be called again and again, and before what is told is read. */
  tell(tenant: string, stats: GeneratorStats): void {
    for (const [figure, counter] of this.#counters) {
      this.#add(counter, figure.name, figure.of(stats), { tenant });
    }
    for (const [figure, gauge] of this.#gauges) {
      const value = figure.of(stats);
      if (value !== undefined) gauge.set({ tenant }, value);
    }
    for (const [processor, isActive] of activeProcessors(stats)) {
      this.#active.set({ tenant, processor }, isActive ? 1 : 0);
    }
    for (const { reason, processor, spans } of stats.discarded) {
      this.#add(this.#discarded, "discarded", spans, { tenant, reason, processor });
    }
    for (const [unmatched_span_kind, edges] of stats.graph?.expired ?? []) {
      this.#add(this.#expired, "expired", edges, { tenant, unmatched_span_kind });
    }
    const { namesWithoutIds, namesTooLong, labels } = stats.registry;
    this.#add(this.#linesSkipped, "skipped", namesWithoutIds, { tenant, reason: "too_few_tokens" });
    this.#add(this.#linesSkipped, "skipped", namesTooLong, { tenant, reason: "too_many_tokens" });
    for (const { name, valuesLimited, demand } of labels) {
      this.#add(this.#valuesLimited, "values", valuesLimited, { tenant, label_name: name });
      this.#labelDemand.set({ tenant, label_name: name }, demand);
    }
  }

  forget(tenant: string, stats: GeneratorStats): void {
    this.#told.delete(tenant);
    for (const [, gauge] of this.#gauges) gauge.remove({ tenant });
    for (const [processor] of activeProcessors(stats)) this.#active.remove({ tenant, processor });
    for (const { name } of stats.registry.labels) {
      this.#labelDemand.remove({ tenant, label_name: name });
    }
  }

  /** Only what is new since it was told last. */
  #add<T extends string>(
    counter: Counter<T>,
    name: string,
    now: number | undefined,
    labels: Record<T, string> & { tenant: string },
  ): void {
    if (now === undefined) return;
    const told = this.#told.get(labels.tenant) ?? new Map<string, number>();
    this.#told.set(labels.tenant, told);
    const key = JSON.stringify([name, labels]);
    const before = told.get(key) ?? 0;
    counter.inc(labels as never, now >= before ? now - before : now);
    told.set(key, now);
  }
}

/** With the names of groups, which are on if all of them is. */
function* activeProcessors({ activeProcessors }: GeneratorStats): Generator<[string, boolean]> {
  const isOn = (name: string) => (activeProcessors as readonly string[]).includes(name);
  for (const name of PROCESSORS) yield [name, isOn(name)];
  yield ["span-metrics", SPAN_METRICS.every(isOn)];
  yield ["service-graphs", SERVICE_GRAPHS.every(isOn)];
}

const SPAN_METRICS = PROCESSORS.filter((name) => name.startsWith("span-metrics"));
const SERVICE_GRAPHS = ["service-graphs-request", "service-graphs-latency"];
