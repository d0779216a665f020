import assert from "node:assert/strict";
import { hasLegacyKeys, moveLegacyKeys, placeOfLegacyKey } from "./legacy_keys.ts";
import { loadConfig } from "./load.ts";
import { keyAt } from "./tree.ts";

const load = (yaml: string) =>
  loadConfig({ args: ["-config.file=s.yaml"], env: {}, readFile: () => yaml });

Deno.test("flat limits are put into their groups, others stay", () => {
  const limits = {
    ingestion_rate_limit_bytes: 1,
    max_bytes_per_trace: 2,
    metrics_generator_processor_span_metrics_dimensions: ["a"],
    metrics_generator: { ring_size: 3 },
    forwarders: ["f"],
  };
  assert.equal(hasLegacyKeys(limits), true);
  const moved = moveLegacyKeys(limits, "overrides.a");
  assert.deepEqual(moved, {
    ingestion: { rate_limit_bytes: 1 },
    global: { max_bytes_per_trace: 2 },
    metrics_generator: { ring_size: 3, processor: { span_metrics: { dimensions: ["a"] } } },
    forwarders: ["f"],
  });
  assert.equal(hasLegacyKeys(moved), false);
  assert.equal("ingestion" in limits, false, "what was given is as it was");
});

Deno.test("a limit that is written both ways is refused", () => {
  const limits = { max_bytes_per_trace: 2, global: { max_bytes_per_trace: 2 } };
  assert.throws(() => moveLegacyKeys(limits, "overrides.a"), {
    name: "InputError",
    message: "overrides.a.max_bytes_per_trace: written a second time as " +
      "overrides.a.global.max_bytes_per_trace",
  });
});

Deno.test("every flat key has a place that there is", () => {
  const names = [
    ...["ingestion_rate_strategy", "block_retention", "parquet_dedicated_columns"],
    ...["metrics_generator_processors", "metrics_generator_forwarder_workers"],
    ...["metrics_generator_processor_host_info_metric_name", "cost_attribution_dimensions"],
  ];
  for (const name of names) {
    const place = placeOfLegacyKey(name)!;
    assert.notEqual(keyAt(["overrides", "defaults", ...place.split(".")]), undefined, place);
  }
  assert.equal(placeOfLegacyKey("constructor"), undefined);
});

Deno.test("flat limits in the configuration are defaults, where that is allowed", () => {
  const { config, warnings } = load(
    "overrides: {enable_legacy_overrides: true, ingestion_rate_limit_bytes: 7, defaults: {global: {max_bytes_per_trace: 8}}}",
  );
  assert.equal(config.overrides.defaults.ingestion.rate_limit_bytes, 7);
  assert.equal(config.overrides.defaults.ingestion.burst_size_bytes, 30_000_000);
  assert.equal(config.overrides.defaults.global.max_bytes_per_trace, 8);
  assert.ok(warnings.some((warning) => warning.includes("enable_legacy_overrides")));
  assert.throws(
    () => load("overrides:\n  ingestion_rate_limit_bytes: 7\n"),
    /s\.yaml:2:3: overrides\.ingestion_rate_limit_bytes: unknown key \(now ingestion\.rate_limit_bytes; or set/,
  );
});
