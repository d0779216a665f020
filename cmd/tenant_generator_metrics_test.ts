import assert from "node:assert/strict";

import { RecordColumns, TenantGenerator } from "../generator/mod.ts";
import { Metrics } from "../lib/metrics.ts";
import { defaultSettings } from "../tests/support/generator_settings.ts";
import { NOW_MS, plainSpan, recordOfSpans } from "../tests/support/generator_spans.ts";
import { TenantGeneratorMetrics } from "./tenant_generator_metrics.ts";

const golden = JSON.parse(
  Deno.readTextFileSync(
    new URL("../tests/golden/metrics/exposition-generator.json", import.meta.url),
  ),
);

/** What the process tells of itself, and is no tenant's count. */
const OF_PROCESS = ["assigned_partitions", "enqueue_time_seconds_total"];
/** Patterns of names do not expire, and how many parts names have is nobody's concern. */
const NOT_HERE = ["registry_drain_patterns_expired_total", "registry_drain_tokens_per_line"];

function generatorOf(changes: Parameters<typeof defaultSettings>[0] = {}) {
  const settings = defaultSettings({ spanNames: "enabled", ...changes });
  return new TenantGenerator(settings, new RecordColumns(), NOW_MS);
}

const families = async (metrics: Metrics) =>
  new Map((await metrics.snapshot() as unknown as Family[]).map((one) => [one.name, one]));

interface Family {
  readonly name: string;
  readonly type: string;
  readonly values: { labels: Record<string, string>; value: number }[];
}

Deno.test("families, types and labels are those that were recorded", async () => {
  const metrics = new Metrics();
  const told = new TenantGeneratorMetrics(metrics);
  const generator = generatorOf({ processors: [...defaultSettings().processors, "host-info"] });
  generator.push(
    recordOfSpans([plainSpan({ kind: 2, parent: 5 }), plainSpan({ span: 4, kind: 3 })]),
    NOW_MS,
  );
  generator.collect(NOW_MS + 60_000);
  told.tell("acme", generator.stats());
  const made = await families(metrics);
  const prefix = "tempo_metrics_generator_";
  for (const { name, type, labels } of golden.families) {
    if (!name.startsWith(prefix)) continue;
    const short = name.slice(prefix.length);
    if (OF_PROCESS.includes(short) || NOT_HERE.includes(short)) continue;
    const family = made.get(name);
    assert.ok(family !== undefined, name);
    assert.equal(family.type, type, name);
    assert.ok(family.values.length > 0, name);
    for (const [label, values] of Object.entries<string[]>(labels)) {
      if (label === "tenant") continue;
      const seen = new Set(family.values.map(({ labels }) => labels[label]));
      for (const value of seen) assert.ok(values.includes(value!), `${name}: ${label}=${value}`);
    }
    for (const { labels: own } of family.values) {
      assert.deepEqual(Object.keys(own).sort(), Object.keys(labels).sort(), name);
    }
  }
});

Deno.test("counters grow by what is new, over a generator that begins anew, and gauges go with it", async () => {
  const metrics = new Metrics();
  const told = new TenantGeneratorMetrics(metrics);
  const first = generatorOf();
  const record = recordOfSpans([plainSpan(), plainSpan({ span: 2 })]);
  first.push(record, NOW_MS);
  told.tell("acme", first.stats());
  told.tell("acme", first.stats());
  first.push(record, NOW_MS);
  told.tell("acme", first.stats());
  const second = generatorOf();
  second.push(record, NOW_MS);
  told.tell("acme", second.stats());
  const value = async (name: string) =>
    (await families(metrics)).get(`tempo_metrics_generator_${name}`)!.values
      .map(({ value }) => value);
  assert.deepEqual(await value("spans_received_total"), [6]);
  assert.deepEqual(await value("registry_max_active_series"), [0]);
  told.forget("acme", second.stats());
  assert.deepEqual(await value("registry_max_active_series"), []);
  assert.deepEqual(await value("active_processors"), []);
  assert.deepEqual(await value("spans_received_total"), [6]);
});

Deno.test("limits by entity and by label have families of their own", async () => {
  const metrics = new Metrics();
  const { registry } = defaultSettings();
  const generator = generatorOf({
    registry: { ...registry, limitBy: "entity", activeMax: 2, labelValuesMax: 1 },
  });
  const names = ["a", "b", "c"].map((name, span) => plainSpan({ name, span: span + 1 }));
  generator.push(recordOfSpans(names), NOW_MS);
  new TenantGeneratorMetrics(metrics).tell("acme", generator.stats());
  const made = await families(metrics);
  const of = (name: string) => made.get(`tempo_metrics_generator_registry_${name}`)!.values;
  assert.equal(of("max_active_entities")[0]!.value, 2);
  assert.equal(of("active_entities")[0]!.value, 2);
  assert.deepEqual(of("max_active_series"), []);
  const limited = of("label_values_limited_total")
    .find(({ labels }) => labels["label_name"] === "span_name")!;
  assert.deepEqual(limited, { labels: { tenant: "acme", label_name: "span_name" }, value: 2 });
});
