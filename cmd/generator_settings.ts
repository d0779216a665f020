// What a tenant's metrics-generator does, from the configuration and the tenant's overrides.
// Rules: what an override leaves out or sets to nothing is the process's own; a name or a policy that makes
// no sense is told once and passed over, because a tenant's mistake must not end the metrics of others;
// settings are made anew at most every RECONCILE_MS, and are the same object while nothing changes.

import type {
  AttributeMatch,
  FilterPolicy,
  GeneratorSettings,
  Label,
  ProcessorName,
} from "../generator/mod.ts";
import { PROCESSORS } from "../generator/mod.ts";
import type { Logger } from "../lib/log.ts";
import type { Config, LimitValues } from "./config/mod.ts";

const RECONCILE_MS = 10_000;
/** Tenants may set how often they are collected, and a collection is a turn of the thread. */
const COLLECT_EVERY_MIN_MS = 1_000;
const INSTANCE_LABEL = "__metrics_gen_instance";
const GROUPS: Readonly<Record<string, readonly ProcessorName[]>> = {
  "span-metrics": ["span-metrics-count", "span-metrics-latency", "span-metrics-size"],
  "service-graphs": ["service-graphs-request", "service-graphs-latency"],
};

export interface GeneratorSettingsOptions {
  readonly config: Config;
  /** Of this process, on all its series. */
  readonly instance: string;
  readonly valuesOf: (tenant: string) => LimitValues;
}

/** The settings of all tenants of a process. */
export class GeneratorSettingsOf {
  readonly #known = new Map<string, KnownSettings>();

  constructor(readonly log: Logger, readonly options: GeneratorSettingsOptions) {}

  of(tenant: string, nowMs: number): GeneratorSettings {
    const known = this.#known.get(tenant);
    if (known !== undefined && nowMs - known.madeMs < RECONCILE_MS) return known.settings;
    const { config, instance, valuesOf } = this.options;
    const made = generatorSettings(config, valuesOf(tenant), { instance, tenant });
    for (const problem of made.problems) {
      if (known?.problems.includes(problem)) continue;
      this.log.warn("a setting of the metrics-generator makes no sense", { tenant, problem });
    }
    const isSame = JSON.stringify(made.settings) === JSON.stringify(known?.settings);
    const settings = isSame ? known!.settings : made.settings;
    this.#known.set(tenant, { settings, madeMs: nowMs, problems: made.problems });
    return settings;
  }

  /** Of a tenant that nothing is heard of any more. */
  forget(tenant: string): void {
    this.#known.delete(tenant);
  }
}

interface KnownSettings {
  readonly settings: GeneratorSettings;
  readonly madeMs: number;
  readonly problems: readonly string[];
}

export interface MadeSettings {
  readonly settings: GeneratorSettings;
  readonly problems: readonly string[];
}

export function generatorSettings(
  { metrics_generator: process }: Config,
  { metrics_generator: own }: LimitValues,
  { instance, tenant }: { instance: string; tenant: string },
): MadeSettings {
  const problems: string[] = [];
  const graphs = withOwn(process.processor.service_graphs, own.processor.service_graphs);
  const spans = withOwn(process.processor.span_metrics, own.processor.span_metrics);
  const host = withOwn(process.processor.host_info, own.processor.host_info);
  const settings: GeneratorSettings = {
    processors: processorsOf(own.processors, problems),
    spanMetrics: {
      buckets: ascending(spans.histogram_buckets),
      intrinsics: withOwn(
        process.processor.span_metrics.intrinsic_dimensions,
        own.processor.span_metrics?.intrinsic_dimensions,
      ),
      dimensions: spans.dimensions,
      mappings: spans.dimension_mappings.map(({ name, source_labels, join }) => ({
        name,
        attributes: source_labels,
        join,
      })),
      hasTargetInfo: spans.enable_target_info,
      targetInfoExcluded: spans.target_info_excluded_dimensions,
      hasInstanceLabel: spans.enable_instance_label,
      multiplier: multiplierOf(spans),
      policies: policiesOf(spans.filter_policies, "span_metrics", problems),
    },
    serviceGraphs: {
      buckets: ascending(graphs.histogram_buckets),
      dimensions: graphs.dimensions,
      hasPrefixes: graphs.enable_client_server_prefix,
      hasMessagingLatency: graphs.enable_messaging_system_latency_histogram,
      hasVirtualNodeLabel: graphs.enable_virtual_node_label,
      peerAttributes: graphs.peer_attributes,
      databaseAttributes: graphs.database_name_attributes,
      waitMs: graphs.wait,
      edgesMax: graphs.max_items,
      multiplier: multiplierOf(graphs),
      policies: policiesOf(graphs.filter_policies, "service_graphs", problems),
    },
    hostInfo: { identifiers: host.host_identifiers, metric: host.metric_name },
    registry: {
      collectEveryMs: Math.max(
        COLLECT_EVERY_MIN_MS,
        own.collection_interval || process.registry.collection_interval,
      ),
      isCollectionDisabled: own.disable_collection,
      staleMs: process.registry.stale_duration,
      commonLabels: commonLabels(process.registry, instance, tenant),
      labelNameBytesMax: process.registry.max_label_name_length,
      labelValueBytesMax: process.registry.max_label_value_length,
      limitBy: process.limiter_type,
      activeMax: process.limiter_type === "series"
        ? own.max_active_series
        : own.max_active_entities,
      labelValuesMax: own.max_cardinality_per_label,
      histograms: own.generate_native_histograms || "classic",
      native: {
        factor: own.native_histogram_bucket_factor || 1.1,
        bucketsMax: own.native_histogram_max_bucket_number || 100,
        resetMinMs: own.native_histogram_min_reset_duration || 900_000,
      },
      traceIdLabel: own.trace_id_label_name || "traceID",
    },
    slackMs: own.ingestion_time_range_slack || process.metrics_ingestion_time_range_slack,
    spanNames: spanNamesOf(own.span_name_sanitization, problems),
  };
  return { settings, problems };
}

/** What is written takes the place of what all have, key by key. */
function withOwn<T extends object>(
  all: T,
  own: { readonly [K in keyof T]?: T[K] | undefined } | undefined,
): T {
  const written = Object.entries(own ?? {}).filter(([, value]) => value !== undefined);
  return { ...all, ...Object.fromEntries(written) };
}

function processorsOf(names: readonly string[], problems: string[]): ProcessorName[] {
  const wanted = new Set<string>();
  for (const name of names) {
    const parts = GROUPS[name] ??
      (PROCESSORS as readonly string[]).filter((known) => known === name);
    if (parts.length === 0) problems.push(`there is no processor ${name}`);
    for (const part of parts) wanted.add(part);
  }
  return PROCESSORS.filter((name) => wanted.has(name));
}

function commonLabels(
  { external_labels, inject_tenant_id_as }: Config["metrics_generator"]["registry"],
  instance: string,
  tenant: string,
): Label[] {
  const labels: Record<string, string> = { ...external_labels, [INSTANCE_LABEL]: instance };
  if (inject_tenant_id_as !== "") labels[inject_tenant_id_as] = tenant;
  return Object.entries(labels).filter(([, value]) => value !== "");
}

function multiplierOf(
  keys: { span_multiplier_key: string; enable_tracestate_span_multiplier: boolean },
) {
  return {
    ratioAttribute: keys.span_multiplier_key,
    fromTraceState: keys.enable_tracestate_span_multiplier,
  };
}

function policiesOf(
  written: readonly unknown[],
  section: string,
  problems: string[],
): FilterPolicy[] {
  const path = `processor.${section}.filter_policies`;
  return written.map((policy, i) => {
    const { include, include_any, exclude, ...others } = policy as Record<string, unknown>;
    for (const name of Object.keys(others)) problems.push(`${path}[${i}] has no ${name}`);
    return {
      include: matchesOf(include, `${path}[${i}].include`, problems),
      includeAny: matchesOf(include_any, `${path}[${i}].include_any`, problems),
      exclude: matchesOf(exclude, `${path}[${i}].exclude`, problems),
    };
  });
}

/** The generator refuses it, and its processor stays as it was: to let all pass would be no filter. */
const MEANINGLESS: AttributeMatch[] = [{ key: "", value: "", isRegex: false }];

function matchesOf(
  written: unknown,
  path: string,
  problems: string[],
): AttributeMatch[] | undefined {
  if (written === undefined || written === null) return undefined;
  const { match_type = "strict", attributes = [] } = written as Record<string, unknown>;
  if (match_type !== "strict" && match_type !== "regex") {
    problems.push(`${path}.match_type is neither strict nor regex`);
    return MEANINGLESS;
  }
  if (!Array.isArray(attributes)) {
    problems.push(`${path}.attributes is no list`);
    return MEANINGLESS;
  }
  return attributes.map(({ key, value }) => ({
    key: String(key),
    value: String(value),
    isRegex: match_type === "regex",
  }));
}

function spanNamesOf(word: string, problems: string[]): GeneratorSettings["spanNames"] {
  switch (word) {
    case "dry_run":
    case "enabled":
      return word;
    default:
      if (word !== "" && word !== "disabled") {
        problems.push(`span_name_sanitization is none of disabled, dry_run and enabled: ${word}`);
      }
      return "disabled";
  }
}

const ascending = (bounds: readonly number[]) => [...new Set(bounds)].sort((a, b) => a - b);
