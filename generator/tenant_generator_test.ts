import assert from "node:assert/strict";

import { defaultSettings } from "../tests/support/generator_settings.ts";
import {
  NOW_MS,
  type PlainSpan,
  plainSpan,
  recordOfSpans,
} from "../tests/support/generator_spans.ts";
import { seriesKey } from "../tests/support/slow_generator.ts";
import { RecordColumns } from "./record_columns.ts";
import type { SeriesPoints } from "./series.ts";
import { type GeneratorSettings, PROCESSORS } from "./settings.ts";
import { TenantGenerator } from "./tenant_generator.ts";

function valuesOf(series: readonly SeriesPoints[]): Map<string, number> {
  return new Map(series.map(({ labels, points }) => {
    const { __name__: name, ...others } = Object.fromEntries(labels);
    return [seriesKey(name!, others), points.at(-1)!.value as number];
  }));
}

const call = (client: Partial<PlainSpan>, server: Partial<PlainSpan>): PlainSpan[] => [
  plainSpan({ span: 2, parent: 1, kind: 3, durationMs: 250, ...client }),
  plainSpan({
    span: 3,
    parent: 2,
    kind: 2,
    durationMs: 200,
    resource: { "service.name": "cart" },
    ...server,
  }),
];

function generatorOf(changes: Partial<GeneratorSettings> = {}): TenantGenerator {
  const base = defaultSettings();
  const registry = { ...base.registry, commonLabels: [] };
  return new TenantGenerator({ ...base, registry, ...changes }, new RecordColumns(), NOW_MS);
}

function pushed(generator: TenantGenerator, spans: readonly PlainSpan[], nowMs = NOW_MS): void {
  generator.push(recordOfSpans(spans), nowMs);
}

function collected(generator: TenantGenerator, nowMs: number, ...names: string[]): string[] {
  return [...valuesOf(generator.collect(nowMs))].map(([key, value]) => `${key} ${value}`)
    .filter((one) => names.some((name) => one.startsWith(`${name} `))).sort();
}

Deno.test("a call is an edge when both sides are there, whichever comes first", () => {
  const spans = call({}, { status: 2 });
  for (const order of [spans, spans.toReversed()]) {
    const generator = generatorOf();
    for (const span of order) pushed(generator, [span]);
    const names = [
      "traces_service_graph_request_total",
      "traces_service_graph_request_failed_total",
    ];
    assert.deepEqual(collected(generator, NOW_MS + 1, ...names), [
      'traces_service_graph_request_failed_total [["client","shop"],["server","cart"]] 1',
      'traces_service_graph_request_total [["client","shop"],["server","cart"]] 1',
    ]);
    assert.deepEqual(generator.stats().graph, {
      edges: 1,
      droppedSpans: 0,
      droppedEdges: 0,
      expired: [],
    });
  }
});

Deno.test("what waits in vain is an edge to a node that does not show, or is counted", () => {
  const generator = generatorOf();
  pushed(generator, [
    plainSpan({ span: 1, parent: 0, kind: 2 }),
    plainSpan({ span: 2, parent: 7, kind: 2 }),
    plainSpan({ span: 4, kind: 3, attributes: { "peer.service": "mail" } }),
    plainSpan({ span: 5, kind: 4 }),
  ]);
  const name = "traces_service_graph_request_total";
  assert.deepEqual(collected(generator, NOW_MS + 10_000, name), []);
  assert.deepEqual(collected(generator, NOW_MS + 10_001, name), [
    `${name} [["client","shop"],["connection_type","virtual_node"],["server","mail"]] 1`,
    `${name} [["client","user"],["connection_type","virtual_node"],["server","shop"]] 1`,
  ]);
  assert.deepEqual(generator.stats().graph!.expired, [
    ["SPAN_KIND_SERVER", 1],
    ["SPAN_KIND_PRODUCER", 1],
  ]);
});

Deno.test("halves that there is no room for are dropped and counted", () => {
  const { serviceGraphs } = defaultSettings();
  const generator = generatorOf({ serviceGraphs: { ...serviceGraphs, edgesMax: 1 } });
  pushed(generator, [plainSpan({ span: 4, kind: 3 }), plainSpan({ span: 5, kind: 3 })]);
  assert.equal(generator.stats().graph!.droppedSpans, 1);
});

Deno.test("spans that ended too far from now are turned away and counted", () => {
  const generator = generatorOf();
  const spans = [-30_000, -29_990, 29_990, 29_991].map((ms) => plainSpan({ startMs: NOW_MS + ms }));
  pushed(generator, spans);
  const calls = collected(generator, NOW_MS, "traces_spanmetrics_calls_total");
  assert.ok(calls[0]!.endsWith(" 3"), calls[0]);
  const { discarded, spansReceived } = generator.stats();
  assert.equal(spansReceived, 4);
  assert.deepEqual(discarded[0], {
    reason: "outside_metrics_ingestion_slack",
    processor: "all",
    spans: 1,
  });
});

Deno.test("text that is not UTF-8 makes no series, and is told by each processor", () => {
  const generator = generatorOf({ processors: [...PROCESSORS] });
  const record = recordOfSpans(call({ name: "bad?", resource: { "service.name": "shop" } }, {}));
  for (const text of ["bad?", "cart"]) {
    const at = indexOf(record, text);
    record[at + 3] = 0xff;
  }
  generator.push(record, NOW_MS);
  const { discarded } = generator.stats();
  const invalid = discarded.filter(({ reason }) => reason === "invalid_utf8");
  assert.deepEqual(invalid, [
    { reason: "invalid_utf8", processor: "span-metrics", spans: 2 },
    { reason: "invalid_utf8", processor: "service-graphs", spans: 1 },
    { reason: "invalid_utf8", processor: "host-info", spans: 0 },
  ]);
  assert.deepEqual(collected(generator, NOW_MS, "traces_spanmetrics_calls_total"), []);
});

Deno.test("a malformed record is refused, and the next one is not the worse for it", () => {
  const generator = generatorOf();
  const record = recordOfSpans([plainSpan()]);
  assert.throws(() => generator.push(record.subarray(0, 40), NOW_MS), { name: "ProtobufError" });
  assert.equal(generator.received.spans, 0);
  pushed(generator, [plainSpan()]);
  const calls = collected(generator, NOW_MS, "traces_spanmetrics_calls_total");
  assert.ok(calls[0]!.endsWith(" 1"));
});

Deno.test("settings that change leave what they do not concern", () => {
  const generator = generatorOf();
  const { settings } = generator;
  pushed(generator, [call({}, {})[0]!, plainSpan({ span: 9 })]);
  generator.collect(NOW_MS);
  const spanMetrics = { ...settings.spanMetrics, dimensions: ["zone"] };
  generator.configure({ ...settings, spanMetrics }, NOW_MS + 1_000);
  pushed(generator, [{ ...call({}, {})[1]!, attributes: { zone: "a" } }], NOW_MS + 1_000);
  const calls = "traces_spanmetrics_calls_total";
  const edges = "traces_service_graph_request_total";
  const told = collected(generator, NOW_MS + 2_000, calls, edges);
  assert.equal(told.length, 4); // the call waited over the change, and old series went on
  assert.ok(told.some((one) => one.includes('["zone","a"]')));
  generator.configure({ ...settings, processors: ["span-metrics-count"] }, NOW_MS + 3_000);
  const after = generator.collect(NOW_MS + 3_000);
  const ended = after.filter(({ points }) => Number.isNaN(points[0]!.value));
  assert.ok(ended.every(({ labels }) => !labels.some(([, value]) => value === calls)));
  assert.equal(after.length - ended.length, 3);
  generator.configure({ ...settings, processors: [] }, NOW_MS + 4_000);
  generator.collect(NOW_MS + 4_000);
  assert.deepEqual(generator.collect(NOW_MS + 5_000), []);
  assert.equal(generator.stats().registry.activeSeries, 0);
});

Deno.test("a policy that makes no sense leaves its processor as it was, and the others change", () => {
  const generator = generatorOf();
  const { settings } = generator;
  const match = { key: "name", value: "(", isRegex: true };
  const policies = [{ include: [match], includeAny: undefined, exclude: undefined }];
  const wrong: GeneratorSettings = {
    ...settings,
    spanMetrics: { ...settings.spanMetrics, policies },
    serviceGraphs: { ...settings.serviceGraphs, dimensions: ["zone"] },
  };
  generator.configure(wrong, NOW_MS);
  assert.match(String(generator.problems), /regex/);
  assert.equal(generator.stats().updateFailures, 1);
  pushed(generator, call({ attributes: { zone: "a" } }, {}));
  const names = ["traces_spanmetrics_calls_total", "traces_service_graph_request_total"];
  const told = collected(generator, NOW_MS, ...names);
  assert.equal(told.length, 3);
  assert.ok(told[0]!.includes('["zone","a"]'));
  const fresh = new TenantGenerator(wrong, new RecordColumns(), NOW_MS);
  assert.match(String(fresh.problems), /regex/);
});

Deno.test("series of spans end, and begin again with the next span of their kind", () => {
  const base = defaultSettings();
  const registry = { ...base.registry, commonLabels: [], staleMs: 60_000 };
  const generator = generatorOf({ registry, slackMs: 1e9, processors: [...PROCESSORS] });
  const resource = { "service.name": "shop", "host.id": "h1" };
  const spans = call({ resource }, {});
  pushed(generator, spans);
  const before = [...valuesOf(generator.collect(NOW_MS + 1)).keys()];
  const ended = generator.collect(NOW_MS + 600_000);
  assert.ok(ended.every(({ points }) => Number.isNaN(points[0]!.value)));
  // Others come first, so that numbers of entities mean something else now.
  const others = [1, 2, 3, 4].map((n) => plainSpan({ name: `other ${n}`, kind: 1 }));
  pushed(generator, [...others, ...spans], NOW_MS + 700_000);
  const again = valuesOf(generator.collect(NOW_MS + 700_001));
  for (const key of before) assert.ok(again.has(key), key);
  const calls = [...again].filter(([key]) => key.startsWith("traces_spanmetrics_calls_total"));
  assert.deepEqual(calls.map(([, value]) => value), [1, 1, 1, 1, 1, 1]);
});

Deno.test("when strings are forgotten series go on", () => {
  const { settings } = generatorOf({ processors: [...PROCESSORS] });
  const generator = new TenantGenerator(settings, new RecordColumns(0), NOW_MS);
  const spans = ["a", "b", "c"].flatMap((service, n) => {
    const resource = { "service.name": service, "host.id": `host of ${service}` };
    return call({ trace: n + 1, name: `GET /${service}`, resource }, { trace: n + 1 });
  });
  pushed(generator, spans);
  pushed(generator, spans.toReversed());
  const values = valuesOf(generator.collect(NOW_MS));
  const counts = (name: string) =>
    [...values].filter(([key]) => key.startsWith(`${name} `)).map(([, value]) => value).sort();
  assert.deepEqual(counts("traces_spanmetrics_calls_total"), [2, 2, 2, 6]);
  assert.deepEqual(counts("traces_service_graph_request_total"), [2, 2, 2]);
  assert.deepEqual(counts("traces_host_info"), [1, 1, 1]);
});

Deno.test("halves that wait when their graph is switched off are counted as dropped", () => {
  const generator = generatorOf();
  const { settings } = generator;
  pushed(generator, call({}, {}).slice(0, 1));
  generator.configure({ ...settings, processors: ["host-info"] }, NOW_MS);
  generator.configure(settings, NOW_MS);
  assert.equal(generator.stats().graph!.droppedEdges, 1);
});

Deno.test("what clients and tenants call things does no harm to names", () => {
  const base = defaultSettings();
  const { spanMetrics, serviceGraphs } = base;
  const dimensions = ["", "1st", "le"];
  const generator = generatorOf({
    registry: { ...base.registry, commonLabels: [["tenant", "acme"]] },
    spanMetrics: {
      ...spanMetrics,
      hasTargetInfo: true,
      dimensions,
      mappings: [{ name: "", attributes: ["1st"], join: "" }],
    },
    serviceGraphs: { ...serviceGraphs, dimensions },
  });
  const attributes = { "": "x", "1st": "y", "le": "z", "tenant": "wile" };
  const resource = { "service.name": "shop", ...attributes };
  pushed(generator, call({ attributes, resource }, {}));
  for (const { labels } of generator.collect(NOW_MS)) {
    const names = labels.map(([name]) => name);
    assert.ok(names.every((name) => /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name)), String(names));
    assert.equal(new Set(names).size, names.length, String(names));
    assert.equal(new Map(labels).get("tenant"), "acme");
  }
});

Deno.test("hosts are no metric of another's name, or of none", () => {
  for (const metric of ["", "a b", "traces_spanmetrics_calls_total"]) {
    const { problems } = generatorOf({
      processors: ["host-info"],
      hostInfo: { identifiers: [], metric },
    });
    assert.match(String(problems), /names no new metric/);
  }
});

Deno.test("names with ids are counted under one, told, or let be", () => {
  const made = (spanNames: GeneratorSettings["spanNames"]) => {
    const generator = generatorOf({ spanNames, processors: ["span-metrics-count"] });
    for (const n of [1, 2, 3]) pushed(generator, [plainSpan({ name: `GET /users/${n}` })]);
    const { registry } = generator.stats();
    const told = [...valuesOf(generator.collect(NOW_MS))].map(([key, value]) =>
      `${/users.([^"]*)/.exec(key)![1]}: ${value}`
    );
    const { spansSanitized, entityDemand, sanitizedDemand } = registry;
    return { told, spansSanitized, entityDemand, sanitizedDemand };
  };
  assert.deepEqual(made("enabled"), {
    told: ["1: 1", "<_>: 2"],
    spansSanitized: 2,
    entityDemand: 2,
    sanitizedDemand: 2,
  });
  assert.deepEqual(made("dry_run"), {
    told: ["1: 1", "2: 1", "3: 1"],
    spansSanitized: 2,
    entityDemand: 3,
    sanitizedDemand: 2,
  });
  assert.deepEqual(made("disabled"), {
    told: ["1: 1", "2: 1", "3: 1"],
    spansSanitized: 0,
    entityDemand: 3,
    sanitizedDemand: 3,
  });
});

Deno.test("demand is what there would be without limits", () => {
  const base = defaultSettings();
  const generator = generatorOf({
    processors: ["span-metrics-count", "span-metrics-latency"],
    registry: { ...base.registry, activeMax: 20 },
  });
  for (let n = 0; n < 50; n++) pushed(generator, [plainSpan({ name: `n${n}` })]);
  const { registry } = generator.stats();
  assert.equal(registry.activeMax, 20);
  // The limit and the series of what overflows: a counter and a histogram of 17.
  assert.ok(registry.activeSeries <= 20 + 18, String(registry.activeSeries));
  assert.ok(Math.abs(registry.entityDemand - 50) <= 3, String(registry.entityDemand));
  assert.equal(registry.seriesDemand, registry.entityDemand * 18);
  assert.ok(registry.seriesLimited > 0);
});

function indexOf(bytes: Uint8Array, text: string): number {
  const wanted = new TextEncoder().encode(text);
  return bytes.findIndex((_, at) => wanted.every((byte, i) => bytes[at + i] === byte));
}
