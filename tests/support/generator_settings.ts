// Settings of a generator as tests and benches begin with: the defaults of the configuration.
import { ConfigSchema } from "../../cmd/config/mod.ts";
import { generatorSettings } from "../../cmd/generator_settings.ts";
import type { GeneratorSettings, ProcessorName } from "../../generator/mod.ts";

const SPAN_METRICS = ["span-metrics-count", "span-metrics-latency", "span-metrics-size"] as const;
const SERVICE_GRAPHS = ["service-graphs-request", "service-graphs-latency"] as const;

export const ALL_OF: Readonly<Record<"spanMetrics" | "serviceGraphs", readonly ProcessorName[]>> = {
  spanMetrics: SPAN_METRICS,
  serviceGraphs: SERVICE_GRAPHS,
};

export function defaultSettings(changes: Partial<GeneratorSettings> = {}): GeneratorSettings {
  const config = ConfigSchema.parse({});
  const whose = { instance: "host-1", tenant: "acme" };
  return {
    ...generatorSettings(config, config.overrides.defaults, whose).settings,
    processors: [...SPAN_METRICS, ...SERVICE_GRAPHS],
    ...changes,
  };
}
