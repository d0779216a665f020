// One series for each host that spans come from: the first of its identifiers that the resource has.

import { InputError } from "../lib/errors.ts";
import type { SpanColumns } from "../model/span_columns.ts";
import { resourceText } from "./attributes.ts";
import { Demand } from "./demand.ts";
import {
  type Discarded,
  FILTERED,
  INVALID_TEXT,
  type PassedSpans,
  type Processor,
} from "./processor.ts";
import type { Registry } from "./registry.ts";
import type { Label } from "./series.ts";
import type { HostInfoSettings } from "./settings.ts";
import { isValidText } from "./valid_text.ts";
import type { ValueMetric } from "./value_metric.ts";

const METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
/** Other processors' metrics. */
const TAKEN = /^traces_(spanmetrics|service_graph|target_info)/;

export class HostInfo implements Processor {
  readonly metrics: readonly string[];
  readonly demand: Demand;
  readonly fields = { attributes: [], hasTraceState: false, hasStatusMessage: false };
  readonly discarded: Discarded = { filtered: 0, invalidText: 0 };
  readonly #registry: Registry;
  readonly #settings: HostInfoSettings;
  readonly #hosts: ValueMetric;
  /** By resource. */
  readonly #entity: number[] = [];
  #epoch = -1;
  #generation = -1;

  constructor(registry: Registry, settings: HostInfoSettings, nowMs: number) {
    if (!METRIC_NAME.test(settings.metric) || TAKEN.test(settings.metric)) {
      throw new InputError("invalid_argument", `host_info: ${settings.metric} names no new metric`);
    }
    this.#registry = registry;
    this.#settings = settings;
    this.#hosts = registry.gauge(settings.metric, nowMs);
    this.metrics = [settings.metric];
    this.demand = new Demand(registry, 1);
  }

  push({ spans, rows, length }: PassedSpans, nowMs: number): void {
    if (this.#epoch !== this.#registry.sets.epoch || this.#generation !== spans.generation) {
      this.#entity.length = 0;
      this.#epoch = this.#registry.sets.epoch;
      this.#generation = spans.generation;
    }
    let before = -1;
    for (let i = 0; i < length; i++) {
      const resource = spans.resource[rows[i]!]!;
      if (resource === before) continue;
      before = resource;
      const entity = this.#entity[resource] ??= this.#learn(spans, resource);
      if (entity >= 0) this.#hosts.set(entity, 1, nowMs);
      else if (entity === INVALID_TEXT) this.discarded.invalidText++;
    }
  }

  tick(): void {}

  [Symbol.dispose](): void {
    this.demand[Symbol.dispose]();
  }

  #learn(spans: SpanColumns, resource: number): number {
    for (const source of this.#settings.identifiers) {
      const host = resourceText(spans, resource, source) ?? "";
      if (host === "") continue;
      if (!isValidText(spans.strings, host)) return INVALID_TEXT;
      const labels: Label[] = [["grafana_host_id", host], ["host_source", source]];
      this.demand.want(labels);
      return this.#registry.sets.intern(labels);
    }
    return FILTERED;
  }
}
