// What a tenant's generator does, in its own words: cmd/ makes it of configuration and overrides.
// Rule: plain data that can be compared and sent to a thread; whatever of it changes takes effect at the
// next record.

import type { Label } from "./series.ts";

export const PROCESSORS = [
  "span-metrics-count",
  "span-metrics-latency",
  "span-metrics-size",
  "service-graphs-request",
  "service-graphs-latency",
  "service-graphs-connection-info",
  "host-info",
] as const;

/** The processors there are; `span-metrics` and `service-graphs` are names for several of them. */
export type ProcessorName = typeof PROCESSORS[number];

export interface GeneratorSettings {
  readonly processors: readonly ProcessorName[];
  readonly spanMetrics: SpanMetricsSettings;
  readonly serviceGraphs: ServiceGraphSettings;
  readonly hostInfo: HostInfoSettings;
  readonly registry: RegistrySettings;
  /** How far the end of a span may lie from now. */
  readonly slackMs: number;
  readonly spanNames: "disabled" | "dry_run" | "enabled";
}

export interface SpanMetricsSettings {
  /** Upper bounds in seconds, ascending. */
  readonly buckets: readonly number[];
  readonly intrinsics: {
    readonly service: boolean;
    readonly span_name: boolean;
    readonly span_kind: boolean;
    readonly status_code: boolean;
    readonly status_message: boolean;
  };
  readonly dimensions: readonly string[];
  readonly mappings: readonly DimensionMapping[];
  readonly hasTargetInfo: boolean;
  readonly targetInfoExcluded: readonly string[];
  readonly hasInstanceLabel: boolean;
  readonly multiplier: MultiplierSettings;
  readonly policies: readonly FilterPolicy[];
}

/** A label made of several attributes. */
export interface DimensionMapping {
  readonly name: string;
  readonly attributes: readonly string[];
  readonly join: string;
}

/** How one learns for how many spans a sampled one stands. */
export interface MultiplierSettings {
  /** The attribute that holds the ratio; empty: none. */
  readonly ratioAttribute: string;
  readonly fromTraceState: boolean;
}

export interface FilterPolicy {
  /** All of them match. */
  readonly include: readonly AttributeMatch[] | undefined;
  readonly includeAny: readonly AttributeMatch[] | undefined;
  /** Not all of them match. */
  readonly exclude: readonly AttributeMatch[] | undefined;
}

export interface AttributeMatch {
  /** `resource.x`, `span.x`, `kind`, `status` or `name`. */
  readonly key: string;
  readonly value: string;
  readonly isRegex: boolean;
}

export interface ServiceGraphSettings {
  readonly buckets: readonly number[];
  readonly dimensions: readonly string[];
  readonly hasPrefixes: boolean;
  readonly hasMessagingLatency: boolean;
  readonly hasVirtualNodeLabel: boolean;
  readonly peerAttributes: readonly string[];
  readonly databaseAttributes: readonly string[];
  readonly waitMs: number;
  readonly edgesMax: number;
  readonly multiplier: MultiplierSettings;
  readonly policies: readonly FilterPolicy[];
}

export interface HostInfoSettings {
  readonly identifiers: readonly string[];
  readonly metric: string;
}

export type HistogramKind = "classic" | "native" | "both";

export interface RegistrySettings {
  readonly collectEveryMs: number;
  readonly isCollectionDisabled: boolean;
  /** A series that was not touched for so long has ended. */
  readonly staleMs: number;
  /** Of all series: what operators add, the instance, and the tenant where it is wanted. */
  readonly commonLabels: readonly Label[];
  readonly labelNameBytesMax: number;
  readonly labelValueBytesMax: number;
  readonly limitBy: "series" | "entity";
  /** Of series or of entities; 0: no limit, here and below. */
  readonly activeMax: number;
  readonly labelValuesMax: number;
  readonly histograms: HistogramKind;
  readonly native: NativeSettings;
  readonly traceIdLabel: string;
}

export interface NativeSettings {
  /** A bucket is at most so many times as wide as the one before. */
  readonly factor: number;
  /** 0: no limit. */
  readonly bucketsMax: number;
  /** Too many buckets make it start anew if it is at least so old, and coarser otherwise. */
  readonly resetMinMs: number;
}
