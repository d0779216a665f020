import assert from "node:assert/strict";
import fc from "fast-check";
import { defaultConfig } from "../config/mod.ts";
import {
  checkDocument,
  conflicts,
  mergedDocument,
  mergePatch,
  parseDocument,
  withDocument,
} from "./user_document.ts";

const WHOLE = {
  forwarders: ["name"],
  cost_attribution: { dimensions: { "resource.team": "team" } },
  metrics_generator: {
    processors: ["service-graphs", "span-metrics"],
    disable_collection: false,
    collection_interval: "30s",
    trace_id_label_name: "traceID",
    ingestion_time_range_slack: "2m",
    generate_native_histograms: "both",
    native_histogram_bucket_factor: 1.1,
    native_histogram_max_bucket_number: 100,
    native_histogram_min_reset_duration: "15m",
    span_name_sanitization: "x",
    processor: {
      service_graphs: {
        histogram_buckets: [1],
        dimensions: ["a"],
        peer_attributes: ["p"],
        enable_client_server_prefix: true,
        enable_messaging_system_latency_histogram: true,
        enable_virtual_node_label: true,
        span_multiplier_key: "m",
        filter_policies: [{ include: {} }],
      },
      span_metrics: {
        histogram_buckets: [1, 2],
        dimensions: [],
        intrinsic_dimensions: { service: true },
        dimension_mappings: [{ name: "n", source_labels: ["a"], join: "/" }],
        enable_target_info: true,
        target_info_excluded_dimensions: ["e"],
        enable_instance_label: false,
        filter_policies: [],
        span_multiplier_key: "",
      },
      host_info: { host_identifiers: ["host.id"], metric_name: "m" },
    },
  },
};

const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

Deno.test("a document may have every field of the API, and is kept as it was given", () => {
  const { written, values } = parseDocument(bytes(WHOLE));
  assert.deepEqual(written, WHOLE);
  assert.equal(values.metrics_generator!.collection_interval, 30_000);
  assert.deepEqual(parseDocument(bytes({})).written, {});
});

Deno.test("what a document may not say is told with its path", () => {
  const wrong: [unknown, RegExp][] = [
    [{ ingestion: {} }, /^overrides: ingestion: unknown key$/],
    [{ metrics_generator: { ring_size: 1 } }, /metrics_generator\.ring_size: unknown key/],
    [
      { metrics_generator: { processors: ["local-blocks"] } },
      /metrics_generator\.processors\[0\]: .*, not "local-blocks"/,
    ],
    [
      { metrics_generator: { collection_interval: 30 } },
      /collection_interval: expected a duration/,
    ],
    [{ metrics_generator: { generate_native_histograms: "some" } }, /generate_native_histograms/],
    [{ forwarders: "f" }, /^overrides: forwarders: expected array, not "f"$/],
    [[], /expected object/],
  ];
  for (const [value, message] of wrong) {
    assert.throws(() => parseDocument(bytes(value)), { name: "InputError", message });
  }
  assert.throws(() => parseDocument(bytes(WHOLE).subarray(1)), /not JSON/);
});

Deno.test("what a user sets comes first, lists as a whole, the rest stays", () => {
  const limits = structuredClone(defaultConfig().overrides.defaults);
  limits.metrics_generator.processors = ["host-info"];
  limits.metrics_generator.max_active_series = 7;
  limits.cost_attribution = { max_cardinality: 3, dimensions: { old: "old" } };
  const own = withDocument(limits, checkDocument(WHOLE));
  assert.deepEqual(own.metrics_generator.processors, ["service-graphs", "span-metrics"]);
  assert.equal(own.metrics_generator.max_active_series, 7);
  assert.equal(own.metrics_generator.collection_interval, 30_000);
  assert.deepEqual(own.cost_attribution, {
    max_cardinality: 3,
    dimensions: { "resource.team": "team" },
  });
  assert.deepEqual(own.ingestion, limits.ingestion);
  const none = withDocument(limits, checkDocument({ metrics_generator: { processors: [] } }));
  assert.deepEqual(none.metrics_generator.processors, []);
  assert.deepEqual(limits.metrics_generator.processors, ["host-info"], "as it was");
});

Deno.test("the merged document is the part of the limits that a user may set", () => {
  const limits = {
    ingestion: { rate_limit_bytes: 1 },
    forwarders: ["f"],
    metrics_generator: { ring_size: 2, processors: ["host-info"], collection_interval: "15s" },
  };
  const document = checkDocument({ metrics_generator: { collection_interval: "30s" } });
  assert.deepEqual(mergedDocument(limits, document), {
    forwarders: ["f"],
    metrics_generator: { processors: ["host-info"], collection_interval: "30s" },
  });
});

Deno.test("fields conflict that both set", () => {
  const document = checkDocument({
    forwarders: [],
    metrics_generator: { processors: [], processor: { span_metrics: { dimensions: ["a"] } } },
  });
  assert.deepEqual(conflicts(document, undefined), []);
  assert.deepEqual(conflicts(document, { ingestion: {}, metrics_generator: { ring_size: 1 } }), []);
  assert.deepEqual(
    conflicts(document, {
      metrics_generator: {
        processors: ["host-info"],
        processor: { span_metrics: { dimensions: [] } },
      },
    }),
    ["metrics_generator.processors", "metrics_generator.processor.span_metrics.dimensions"],
  );
});

Deno.test("a merge patch does what RFC 7396 says", () => {
  // Its appendix A.
  const examples: [unknown, unknown, unknown][] = [
    [{ a: "b" }, { a: "c" }, { a: "c" }],
    [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
    [{ a: "b" }, { a: null }, {}],
    [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
    [{ a: ["b"] }, { a: "c" }, { a: "c" }],
    [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
    [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
    [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
    [["a", "b"], ["c", "d"], ["c", "d"]],
    [{ a: "b" }, ["c"], ["c"]],
    [{ a: "foo" }, null, null],
    [{ a: "foo" }, "bar", "bar"],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: "b", c: null }, { a: "b" }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ];
  for (const [target, patch, expected] of examples) {
    assert.deepEqual(mergePatch(target, patch), expected);
  }
  fc.assert(fc.property(fc.jsonValue(), fc.jsonValue(), (target, patch) => {
    const once = mergePatch(target, patch);
    assert.deepEqual(mergePatch(once, patch), once, "twice is once");
  }));
});
