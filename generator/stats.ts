// What a tenant's generator tells an operator: plain numbers, so that they can cross threads. cmd/ puts
// them on /metrics.

import type { Processor } from "./processor.ts";
import { type ProcessorName, PROCESSORS } from "./settings.ts";
import type { TenantGenerator } from "./tenant_generator.ts";

export interface GeneratorStats {
  readonly spansReceived: number;
  readonly bytesReceived: number;
  readonly discarded: readonly DiscardedSpans[];
  readonly activeProcessors: readonly ProcessorName[];
  /** Processors that could not be as they were wanted. */
  readonly updateFailures: number;
  readonly graph: GraphStats | undefined;
  readonly registry: RegistryStats;
}

export interface DiscardedSpans {
  readonly reason: string;
  readonly processor: string;
  readonly spans: number;
}

export interface GraphStats {
  readonly edges: number;
  readonly droppedSpans: number;
  readonly droppedEdges: number;
  readonly expired: readonly (readonly [spanKind: string, edges: number])[];
}

export interface RegistryStats {
  readonly limitBy: "series" | "entity";
  /** Of what is limited; 0: no limit. */
  readonly activeMax: number;
  readonly activeSeries: number;
  readonly activeEntities: number;
  readonly seriesDemand: number;
  readonly entityDemand: number;
  readonly sanitizedDemand: number;
  readonly seriesAdded: number;
  readonly seriesRemoved: number;
  readonly seriesLimited: number;
  readonly entitiesAdded: number;
  readonly entitiesRemoved: number;
  readonly entitiesLimited: number;
  readonly collections: number;
  readonly spansSanitized: number;
  readonly namePatterns: number;
  readonly namePatternsEvicted: number;
  readonly namesWithoutIds: number;
  readonly namesTooLong: number;
  readonly labels: readonly LabelStats[];
}

export interface LabelStats {
  readonly name: string;
  readonly valuesLimited: number;
  readonly demand: number;
}

export function statsOf(
  { names, processors, received, registry, settings }: TenantGenerator,
): GeneratorStats {
  const { spanMetrics, serviceGraphs, hostInfo } = processors;
  return {
    spansReceived: received.spans,
    bytesReceived: received.bytes,
    discarded: [
      { reason: "outside_metrics_ingestion_slack", processor: "all", spans: received.outsideSlack },
      ...discardedBy("span-metrics", "span_metrics_filtered", spanMetrics),
      ...discardedBy("service-graphs", "service_graphs_filtered", serviceGraphs),
      ...discardedBy("host-info", undefined, hostInfo),
    ],
    activeProcessors: PROCESSORS.filter((name) => settings.processors.includes(name)),
    updateFailures: processors.failures,
    graph: serviceGraphs === undefined ? undefined : {
      ...serviceGraphs.counts,
      droppedEdges: processors.droppedEdges,
      expired: [...serviceGraphs.expired],
    },
    registry: registryStats(),
  };

  function registryStats(): RegistryStats {
    const { counts, sets } = registry;
    const { limitBy, activeMax } = settings.registry;
    const demands = processors.all.map(({ demand }) => demand);
    const sum = (of: (demand: typeof demands[number]) => number) =>
      demands.reduce((total, demand) => total + of(demand), 0);
    return {
      limitBy,
      activeMax,
      activeSeries: counts.active,
      activeEntities: sets.active,
      seriesDemand: sum((demand) => demand.entities() * demand.seriesOfEntity),
      entityDemand: sum((demand) => demand.entities()),
      sanitizedDemand: sum((demand) => demand.sanitizedEntities()),
      seriesAdded: counts.added,
      seriesRemoved: counts.removed,
      seriesLimited: counts.limited,
      entitiesAdded: sets.added,
      entitiesRemoved: sets.removed,
      entitiesLimited: sets.limited,
      collections: registry.collections,
      spansSanitized: spanMetrics?.sanitized ?? 0,
      namePatterns: names.counts.detected,
      namePatternsEvicted: names.counts.evicted,
      namesWithoutIds: names.counts.tooFewParts,
      namesTooLong: names.counts.tooManyParts,
      labels: sets.labelStats(),
    };
  }
}

function discardedBy(
  processor: string,
  filteredReason: string | undefined,
  made: Processor | undefined,
): DiscardedSpans[] {
  if (made === undefined) return [];
  const { filtered, invalidText } = made.discarded;
  return [
    ...filteredReason === undefined ? [] : [{ reason: filteredReason, processor, spans: filtered }],
    { reason: "invalid_utf8", processor, spans: invalidText },
  ];
}
