// Calls, latencies and bytes of spans, by service, name, kind, status and what else is asked for.
// Rules: every span counts, whatever its kind; a span that ends before it began took no time; what can be
// learnt of a kind of span (its labels, whether it passes, its weight) is learnt once, see SpanKeys.

import { grown } from "../lib/growable.ts";
import type { SpanColumns } from "../model/span_columns.ts";
import { ABSENT } from "../model/string_table.ts";
import { attributeNames, type SpanFilter, spanFilter } from "./filter_policies.ts";
import { Demand } from "./demand.ts";
import type { HistogramMetric } from "./histogram_metric.ts";
import { weightOfRatio, weightOfTraceState } from "./multiplier.ts";
import {
  type Discarded,
  FILTERED,
  INVALID_TEXT,
  type PassedSpans,
  type Processor,
} from "./processor.ts";
import type { FieldsOfSpans } from "./record_columns.ts";
import type { Registry } from "./registry.ts";
import type { ProcessorName, SpanMetricsSettings } from "./settings.ts";
import { SpanKeys } from "./span_keys.ts";
import { SpanLabels } from "./span_labels.ts";
import type { SpanNames } from "./span_names.ts";
import { targetLabels } from "./target_info.ts";
import type { ValueMetric } from "./value_metric.ts";

const CALLS = "traces_spanmetrics_calls_total";
const LATENCY = "traces_spanmetrics_latency";
const SIZE = "traces_spanmetrics_size_total";
const TARGET_INFO = "traces_target_info";

const NO_TARGET = -1;
/** No ratio is known of the kind: the trace state may tell. */
const NO_RATIO = 0;

export interface SpanMetricsOptions {
  readonly settings: SpanMetricsSettings;
  readonly parts: ReadonlySet<ProcessorName>;
  readonly names: SpanNames;
  readonly spanNames: "disabled" | "dry_run" | "enabled";
}

export class SpanMetrics implements Processor {
  readonly metrics: readonly string[];
  readonly demand: Demand;
  readonly fields: FieldsOfSpans;
  readonly discarded: Discarded = { filtered: 0, invalidText: 0 };
  /** Spans whose name was, or would have been, made another. */
  sanitized = 0;

  readonly #settings: SpanMetricsSettings;
  readonly #registry: Registry;
  readonly #names: SpanNames;
  readonly #calls: ValueMetric | undefined;
  readonly #latency: HistogramMetric | undefined;
  readonly #size: ValueMetric | undefined;
  readonly #targetInfo: ValueMetric | undefined;
  readonly #passes: SpanFilter;
  readonly #labels: SpanLabels;

  readonly #keys: SpanKeys;
  /** Kinds of spans that something is known of: columns by their number. */
  #known = 0;
  #entity = new Int32Array(64);
  #weight = new Float64Array(64);
  #target = new Int32Array(64);
  #isSanitized = new Uint8Array(64);
  #epoch = -1;
  #namesVersion = -1;

  constructor(registry: Registry, options: SpanMetricsOptions, nowMs: number) {
    const { parts, settings } = options;
    this.#settings = settings;
    this.#registry = registry;
    this.#names = options.names;
    this.#passes = spanFilter(settings.policies);
    this.#labels = new SpanLabels(settings, options.names, options.spanNames);
    this.fields = {
      attributes: wantedAttributes(settings),
      hasTraceState: settings.multiplier.fromTraceState,
      hasStatusMessage: settings.intrinsics.status_message,
    };
    this.#keys = new SpanKeys({ ...this.fields, hasName: true });
    const counter = (part: ProcessorName, name: string) =>
      parts.has(part) ? registry.counter(name, nowMs) : undefined;
    this.#calls = counter("span-metrics-count", CALLS);
    this.#size = counter("span-metrics-size", SIZE);
    this.#latency = parts.has("span-metrics-latency")
      ? registry.histogram(LATENCY, settings.buckets, nowMs)
      : undefined;
    this.#targetInfo = settings.hasTargetInfo ? registry.gauge(TARGET_INFO, nowMs) : undefined;
    const made = [this.#calls, this.#latency, this.#size, this.#targetInfo];
    this.metrics = made.flatMap((metric) => metric === undefined ? [] : [metric.name]);
    const series = (this.#calls ? 1 : 0) + (this.#size ? 1 : 0) +
      (this.#latency ? registry.seriesOfHistogram(settings.buckets) : 0);
    this.demand = new Demand(registry, series, options.spanNames !== "disabled");
  }

  push({ spans, spanBytes, rows, length }: PassedSpans, nowMs: number): void {
    this.#refresh(spans);
    const { multiplier } = this.#settings;
    const traceIds = spans.traces.words;
    for (let i = 0; i < length; i++) {
      const row = rows[i]!;
      const kind = this.#keys.of(spans, row);
      if (kind === this.#known) this.#learn(spans, row);
      const entity = this.#entity[kind]!;
      if (entity < 0) {
        this.#discard(entity);
        continue;
      }
      let weight = this.#weight[kind]!;
      if (weight === NO_RATIO) {
        weight = multiplier.fromTraceState ? traceStateWeight(spans, row) : 1;
      }
      this.sanitized += this.#isSanitized[kind]!;
      this.#calls?.add(entity, weight, nowMs);
      this.#size?.add(entity, spanBytes[row]!, nowMs);
      if (this.#latency !== undefined) {
        const seconds = Math.max(0, spans.durationNano[row]!) / 1e9;
        this.#latency.observe(entity, seconds, weight, traceIds, spans.trace[row]! * 4, nowMs);
      }
      const target = this.#target[kind]!;
      if (target !== NO_TARGET) this.#targetInfo!.set(target, 1, nowMs);
    }
  }

  tick(): void {}

  [Symbol.dispose](): void {
    this.demand[Symbol.dispose]();
  }

  #refresh(spans: SpanColumns): void {
    const { epoch } = this.#registry.sets;
    const { version } = this.#names;
    const isCurrent = epoch === this.#epoch && version === this.#namesVersion &&
      !this.#keys.isOutdated(spans);
    if (isCurrent) return;
    this.#keys.clear(spans);
    this.#known = 0;
    this.#epoch = epoch;
    this.#namesVersion = version;
  }

  #learn(spans: SpanColumns, row: number): void {
    const kind = this.#known++;
    if (kind === this.#entity.length) {
      this.#entity = grown(this.#entity, 0);
      this.#weight = grown(this.#weight, 0);
      this.#target = grown(this.#target, 0);
      this.#isSanitized = grown(this.#isSanitized, 0);
    }
    this.#target[kind] = NO_TARGET;
    this.#isSanitized[kind] = 0;
    if (!this.#passes(spans, row)) {
      this.#entity[kind] = FILTERED;
      return;
    }
    const labels = this.#labels.of(spans, row);
    if (labels === undefined) {
      this.#entity[kind] = INVALID_TEXT;
      return;
    }
    const { multiplier } = this.#settings;
    this.demand.want(labels.own, labels.sanitized);
    this.#entity[kind] = this.#registry.sets.intern(labels.own);
    this.#isSanitized[kind] = labels.isNameChanged ? 1 : 0;
    this.#weight[kind] = weightOfRatio(spans, row, multiplier.ratioAttribute) ?? NO_RATIO;
    if (this.#targetInfo === undefined) return;
    const target = targetLabels(spans, spans.resource[row]!, this.#settings);
    if (target !== undefined) this.#target[kind] = this.#registry.sets.intern(target);
  }

  #discard(verdict: number): void {
    if (verdict === FILTERED) this.discarded.filtered++;
    else this.discarded.invalidText++;
  }
}

/** Attributes of spans that make a difference. */
function wantedAttributes(settings: SpanMetricsSettings): string[] {
  const { dimensions, mappings, multiplier, policies } = settings;
  const all = [
    ...dimensions,
    ...mappings.flatMap(({ attributes }) => attributes),
    ...attributeNames(policies),
    ...multiplier.ratioAttribute === "" ? [] : [multiplier.ratioAttribute],
  ];
  return [...new Set(all)];
}

function traceStateWeight(spans: SpanColumns, row: number): number {
  const code = spans.traceState[row]!;
  return code === ABSENT ? 1 : weightOfTraceState(spans.strings.text(code));
}
