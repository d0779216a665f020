import assert from "node:assert/strict";

import { rootLogger } from "../lib/log.ts";
import { ConfigSchema, inPlaceOf, type LimitValues } from "./config/mod.ts";
import { generatorSettings, GeneratorSettingsOf } from "./generator_settings.ts";
import { parseRuntimeFile } from "./overrides/runtime_file.ts";

const PROCESS = {
  registry: { external_labels: { cluster: "c" }, inject_tenant_id_as: "tenant" },
  processor: {
    service_graphs: { wait: "6s", dimensions: ["zone"] },
    span_metrics: { intrinsic_dimensions: { span_kind: false }, dimensions: ["a"] },
  },
};

function made(own: string, process: unknown = PROCESS) {
  const config = ConfigSchema.parse({ metrics_generator: process });
  return generatorSettings(config, valuesOf(own), { instance: "host-1", tenant: "acme" });
}

function valuesOf(own: string): LimitValues {
  const text = `overrides: {acme: {metrics_generator: {${own}}}}`;
  const entry = parseRuntimeFile("overrides", text, false).get("acme")!;
  return inPlaceOf(ConfigSchema.parse({}).overrides.defaults, entry.values);
}

Deno.test("what a tenant leaves out is the process's own, key by key", () => {
  const { settings, problems } = made(
    "processors: [service-graphs], processor: {service_graphs: {max_items: 5}, " +
      "span_metrics: {intrinsic_dimensions: {status_message: true}}}",
  );
  assert.deepEqual(problems, []);
  const { waitMs, edgesMax, dimensions, peerAttributes } = settings.serviceGraphs;
  assert.deepEqual({ waitMs, edgesMax, dimensions, peers: peerAttributes.length }, {
    waitMs: 6_000,
    edgesMax: 5,
    dimensions: ["zone"],
    peers: 4,
  });
  assert.deepEqual(settings.spanMetrics.intrinsics, {
    service: true,
    span_name: true,
    span_kind: false,
    status_code: true,
    status_message: true,
  });
  assert.deepEqual(settings.spanMetrics.dimensions, ["a"]);
  assert.equal(settings.slackMs, 30_000);
  const { collectEveryMs, histograms, native, staleMs, traceIdLabel } = settings.registry;
  assert.deepEqual({ collectEveryMs, histograms, native, staleMs, traceIdLabel }, {
    collectEveryMs: 15_000,
    histograms: "classic",
    native: { factor: 1.1, bucketsMax: 100, resetMinMs: 900_000 },
    staleMs: 900_000,
    traceIdLabel: "traceID",
  });
});

Deno.test("what a tenant sets takes its place", () => {
  const { settings } = made(
    "collection_interval: 5s, ingestion_time_range_slack: 1m, trace_id_label_name: tid, " +
      "generate_native_histograms: both, native_histogram_bucket_factor: 2, " +
      "native_histogram_max_bucket_number: 7, native_histogram_min_reset_duration: 1m, " +
      "span_name_sanitization: dry_run, max_active_series: 9, max_active_entities: 8, " +
      "max_cardinality_per_label: 3, disable_collection: true, processor: {span_metrics: " +
      "{histogram_buckets: [1, 0.5, 1], dimension_mappings: [{name: m, source_labels: [x, y], join: /}]}}",
  );
  assert.deepEqual(settings.registry, {
    ...settings.registry,
    collectEveryMs: 5_000,
    isCollectionDisabled: true,
    limitBy: "series",
    activeMax: 9,
    labelValuesMax: 3,
    histograms: "both",
    native: { factor: 2, bucketsMax: 7, resetMinMs: 60_000 },
    traceIdLabel: "tid",
  });
  assert.equal(settings.slackMs, 60_000);
  assert.equal(settings.spanNames, "dry_run");
  assert.deepEqual(settings.spanMetrics.buckets, [0.5, 1]);
  assert.deepEqual(settings.spanMetrics.mappings, [
    { name: "m", attributes: ["x", "y"], join: "/" },
  ]);
  const byEntity = made("max_active_series: 9, max_active_entities: 8", { limiter_type: "entity" });
  assert.equal(byEntity.settings.registry.activeMax, 8);
});

Deno.test("nobody is collected more often than every second", () => {
  assert.equal(made("collection_interval: 1ms").settings.registry.collectEveryMs, 1_000);
});

Deno.test("every series says where it comes from", () => {
  assert.deepEqual(made("").settings.registry.commonLabels, [
    ["cluster", "c"],
    ["__metrics_gen_instance", "host-1"],
    ["tenant", "acme"],
  ]);
});

Deno.test("names of groups are names of processors, and an unknown one is told and passed over", () => {
  const { settings, problems } = made("processors: [span-metrics, local-blocks, host-info]");
  assert.deepEqual(settings.processors, [
    "span-metrics-count",
    "span-metrics-latency",
    "span-metrics-size",
    "host-info",
  ]);
  assert.deepEqual(problems, ["there is no processor local-blocks"]);
});

Deno.test("policies are read, and one that makes no sense is not one that lets all pass", () => {
  const policy = (text: string) => made(`processor: {span_metrics: {filter_policies: [${text}]}}`);
  const { settings, problems } = policy(
    "{include: {match_type: regex, attributes: [{key: span.n, value: 5}]}, exclude: {attributes: []}}",
  );
  assert.deepEqual(problems, []);
  assert.deepEqual(settings.spanMetrics.policies, [{
    include: [{ key: "span.n", value: "5", isRegex: true }],
    includeAny: undefined,
    exclude: [],
  }]);
  for (const text of ["{include: {match_type: glob}}", "{include_any: {attributes: 5}}"]) {
    const wrong = policy(text);
    assert.equal(wrong.problems.length, 1);
    const [one] = wrong.settings.spanMetrics.policies;
    assert.deepEqual((one!.include ?? one!.includeAny)![0]!.key, "");
  }
  assert.match(String(policy("{excludes: {}}").problems), /has no excludes/);
});

Deno.test("settings are made anew every ten seconds, are the same while they are, and problems told once", () => {
  let own = "processors: [host-info, nonsense]";
  let asked = 0;
  const warnings: unknown[] = [];
  const log = { ...rootLogger(), warn: (...told: unknown[]) => void warnings.push(told[1]) };
  const all = new GeneratorSettingsOf(log as never, {
    config: ConfigSchema.parse({}),
    instance: "host-1",
    valuesOf: () => (asked++, valuesOf(own)),
  });
  const first = all.of("acme", 0);
  assert.equal(all.of("acme", 9_999), first);
  assert.equal(asked, 1);
  assert.equal(all.of("acme", 10_000), first);
  assert.equal(asked, 2);
  own = "processors: [span-metrics-count, nonsense]";
  assert.equal(all.of("acme", 15_000), first);
  assert.deepEqual(all.of("acme", 20_000).processors, ["span-metrics-count"]);
  assert.deepEqual(warnings, [{ tenant: "acme", problem: "there is no processor nonsense" }]);
});
