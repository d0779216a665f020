// The processors of a tenant: made of its settings, and made anew where those change.
// Rules: what does not change is left alone, because a service graph would lose the halves that wait; a
// processor whose settings make no sense stays as it was, and the reason is told.

import { InputError } from "../lib/errors.ts";
import { HostInfo } from "./host_info.ts";
import type { Processor } from "./processor.ts";
import type { Registry } from "./registry.ts";
import { ServiceGraphs } from "./service_graphs.ts";
import type { GeneratorSettings, ProcessorName } from "./settings.ts";
import { SpanMetrics } from "./span_metrics.ts";
import type { SpanNames } from "./span_names.ts";

export class Processors {
  spanMetrics: SpanMetrics | undefined;
  serviceGraphs: ServiceGraphs | undefined;
  hostInfo: HostInfo | undefined;
  failures = 0;
  /** What was lost with processors that are gone. */
  droppedEdges = 0;
  readonly #registry: Registry;
  readonly #names: SpanNames;
  /** What each was made of. */
  readonly #madeOf = new Map<Slot, string>();
  readonly #all: Processor[] = [];

  constructor(registry: Registry, names: SpanNames) {
    this.#registry = registry;
    this.#names = names;
  }

  get all(): readonly Processor[] {
    return this.#all;
  }

  /** Returns what is wrong with the settings. */
  configure(settings: GeneratorSettings, nowMs: number): string[] {
    const problems = [
      this.#change("spanMetrics", settings, (parts) => {
        const { spanMetrics, spanNames } = settings;
        const options = { settings: spanMetrics, parts, spanNames, names: this.#names };
        return new SpanMetrics(this.#registry, options, nowMs);
      }),
      this.#change("serviceGraphs", settings, (parts) => {
        return new ServiceGraphs(this.#registry, settings.serviceGraphs, parts, nowMs);
      }),
      this.#change("hostInfo", settings, () => {
        return new HostInfo(this.#registry, settings.hostInfo, nowMs);
      }),
    ].filter((problem) => problem !== undefined);
    const slots = [this.spanMetrics, this.serviceGraphs, this.hostInfo];
    this.#all.splice(0, Infinity, ...slots.filter((processor) => processor !== undefined));
    this.#registry.keepOnly(this.#all.flatMap(({ metrics }) => metrics), nowMs);
    this.failures += problems.length;
    return problems;
  }

  #change<S extends Slot>(
    slot: S,
    settings: GeneratorSettings,
    make: (parts: ReadonlySet<ProcessorName>) => NonNullable<this[S]>,
  ): string | undefined {
    const parts = new Set(settings.processors.filter((name) => name.startsWith(PREFIXES[slot])));
    const wanted = parts.size === 0 ? "" : JSON.stringify([...parts, sourceOf(slot, settings)]);
    if (wanted === (this.#madeOf.get(slot) ?? "")) return undefined;
    try {
      const made = parts.size === 0 ? undefined : make(parts);
      this.#end(this[slot]);
      this[slot] = made as this[S];
      this.#madeOf.set(slot, wanted);
      return undefined;
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      return error.message;
    }
  }

  #end(processor: Processor | undefined): void {
    processor?.[Symbol.dispose]();
    if (processor instanceof ServiceGraphs) this.droppedEdges += processor.counts.droppedEdges;
  }
}

type Slot = "spanMetrics" | "serviceGraphs" | "hostInfo";

const PREFIXES: Readonly<Record<Slot, string>> = {
  spanMetrics: "span-metrics",
  serviceGraphs: "service-graphs",
  hostInfo: "host-info",
};

/** What a processor depends on. */
function sourceOf(slot: Slot, settings: GeneratorSettings): unknown {
  const { commonLabels, histograms, native, traceIdLabel } = settings.registry;
  const names = slot === "spanMetrics" ? settings.spanNames : "";
  return [settings[slot], names, commonLabels, histograms, native, traceIdLabel];
}
