import assert from "node:assert/strict";

import { defaultSettings } from "../tests/support/generator_settings.ts";
import { OVERFLOW } from "./label_sets.ts";
import { Registry } from "./registry.ts";
import type { Label, SeriesPoints } from "./series.ts";
import type { RegistrySettings } from "./settings.ts";

const T0 = 1_767_268_800_000; // a whole minute
const MINUTE = 60_000;
const ID = new Uint32Array([1, 2, 3, 4]);

function open(changes: Partial<RegistrySettings> = {}): Registry {
  return new Registry(settingsWith(changes), T0);
}

function settingsWith(changes: Partial<RegistrySettings> = {}): RegistrySettings {
  return { ...defaultSettings().registry, commonLabels: [], ...changes };
}

const entity = (registry: Registry, ...labels: Label[]) => registry.sets.intern(labels);

/** `name{labels} time:value …`, sorted. */
function told(series: readonly SeriesPoints[]): string[] {
  return series.map(({ labels, points }) => {
    const [[, name], others] = [
      labels.find(([label]) => label === "__name__")!,
      labels.filter(([label]) => label !== "__name__"),
    ];
    const values = points.map(({ timeMs, value }) => `${(timeMs - T0) / 1000}:${value}`);
    return `${name}{${others.map((pair) => pair.join("="))}} ${values.join(" ")}`;
  }).sort();
}

Deno.test("a counter that is new was 0 in the last second of the minute before", () => {
  const registry = open();
  const calls = registry.counter("calls", T0);
  const a = entity(registry, ["service", "a"]);
  calls.add(a, 2, T0 + 1_000);
  assert.deepEqual(told(registry.collect(T0 + 15_000)), ["calls{service=a} -1:0 15:2"]);
  calls.add(a, 0.5, T0 + 16_000);
  assert.deepEqual(told(registry.collect(T0 + 30_000)), ["calls{service=a} 30:2.5"]);
  assert.deepEqual(told(registry.collect(T0 + 45_000)), ["calls{service=a} 45:2.5"]);
});

Deno.test("a gauge has no such beginning", () => {
  const registry = open();
  registry.gauge("info", T0).set(entity(registry, ["host", "h"]), 1, T0);
  assert.deepEqual(told(registry.collect(T0 + 15_000)), ["info{host=h} 15:1"]);
});

Deno.test("a histogram adds up its buckets, and its sum has no beginning", () => {
  const registry = open();
  const latency = registry.histogram("s", [0.1, 1], T0);
  const a = entity(registry, ["x", "a"]);
  for (const [seconds, weight] of [[0.1, 1], [0.10001, 2], [5, 1]] as const) {
    latency.observe(a, seconds, weight, ID, 0, T0);
  }
  assert.deepEqual(told(registry.collect(T0 + 15_000)), [
    "s_bucket{le=+Inf,x=a} -1:0 15:4",
    "s_bucket{le=0.1,x=a} -1:0 15:1",
    "s_bucket{le=1,x=a} -1:0 15:3",
    "s_count{x=a} -1:0 15:4",
    "s_sum{x=a} 15:5.30002",
  ]);
});

Deno.test("exemplars are the last of each bucket since the collection before", () => {
  const registry = open({ traceIdLabel: "tid" });
  const latency = registry.histogram("s", [0.1, 1], T0);
  const a = entity(registry, ["x", "a"]);
  const ids = new Uint32Array(new Uint8Array(32).map((_, i) => i).buffer);
  latency.observe(a, 0.05, 1, ids, 0, T0 + 1);
  latency.observe(a, 0.06, 1, ids, 4, T0 + 2);
  latency.observe(a, 3, 1, ids, 0, T0 + 3);
  const exemplars = registry.collect(T0 + 15_000).flatMap(({ labels, exemplars }) =>
    exemplars.map((one) => ({ le: new Map(labels).get("le"), ...one }))
  );
  assert.deepEqual(exemplars, [
    {
      le: "0.1",
      labels: [["tid", "101112131415161718191a1b1c1d1e1f"]],
      value: 0.06,
      timeMs: T0 + 2,
    },
    {
      le: "+Inf",
      labels: [["tid", "000102030405060708090a0b0c0d0e0f"]],
      value: 3,
      timeMs: T0 + 3,
    },
  ]);
  assert.ok(registry.collect(T0 + 30_000).every(({ exemplars }) => exemplars.length === 0));
});

Deno.test("native histograms stand alone or beside classic ones", () => {
  for (const histograms of ["native", "both"] as const) {
    const registry = open({ histograms });
    registry.histogram("s", [1], T0).observe(entity(registry), 0.5, 1, ID, 0, T0);
    const series = registry.collect(T0 + 15_000);
    const names = series.map(({ labels }) => new Map(labels).get("__name__"));
    const classic = ["s_bucket", "s_bucket", "s_count", "s_sum"];
    assert.deepEqual(names, histograms === "native" ? ["s"] : ["s", ...classic]);
    assert.equal(registry.counts.active, histograms === "native" ? 1 : 5);
    assert.equal(series[0]!.exemplars.length, histograms === "native" ? 1 : 0);
    const { value } = series[0]!.points[0]!;
    assert.equal(typeof value === "object" && value.count, 1);
  }
});

Deno.test("labels are sorted, without a value are none, and nobody speaks for the operator", () => {
  const commonLabels: Label[] = [["zone", "z"], ["cluster", "c"], ["service", "common"]];
  const registry = open({ commonLabels });
  const calls = registry.counter("calls", T0);
  calls.add(entity(registry, ["service", "a"], ["empty", ""], ["b", "1"]), 1, T0);
  const { labels } = registry.collect(T0)[0]!;
  assert.deepEqual(labels, [
    ["__name__", "calls"],
    ["b", "1"],
    ["cluster", "c"],
    ["service", "common"],
    ["zone", "z"],
  ]);
  assert.equal(registry.collect(T0)[0]!.labels, labels); // whoever writes them once may know them again
});

Deno.test("names and values are cut to whole characters", () => {
  const registry = open({ labelNameBytesMax: 3, labelValueBytesMax: 4 });
  const calls = registry.counter("calls", T0);
  calls.add(entity(registry, ["name", "äöü"], ["names", "b"]), 1, T0);
  assert.deepEqual(told(registry.collect(T0)), ["calls{nam=äö} -1:0 0:1"]);
});

Deno.test("a series ends when nobody touched it for long, and may begin again", () => {
  const registry = open();
  const calls = registry.counter("calls", T0);
  const a = entity(registry, ["service", "a"]);
  const b = entity(registry, ["service", "b"]);
  calls.add(a, 1, T0);
  calls.add(b, 1, T0);
  registry.collect(T0 + 15_000);
  calls.add(b, 1, T0 + 10 * MINUTE);
  const { epoch } = registry.sets;
  assert.equal(registry.collect(T0 + 14 * MINUTE).length, 2);
  assert.deepEqual(told(registry.collect(T0 + 20 * MINUTE)), [
    "calls{service=a} 1200:NaN",
    "calls{service=b} 1200:2",
  ]);
  assert.ok(registry.sets.epoch > epoch, "numbers of entities mean something else now");
  const { active, added, removed, limited } = registry.counts;
  assert.deepEqual({ active, added, removed, limited }, {
    active: 1,
    added: 2,
    removed: 1,
    limited: 0,
  });
  assert.equal(registry.sets.active, 1);
  calls.add(entity(registry, ["service", "a"]), 7, T0 + 21 * MINUTE);
  assert.deepEqual(told(registry.collect(T0 + 21 * MINUTE)), [
    "calls{service=a} 1259:0 1260:7",
    "calls{service=b} 1260:2",
  ]);
});

Deno.test("sweeps come every five minutes, not at each collection", () => {
  const registry = open({ staleMs: MINUTE });
  registry.counter("calls", T0).add(entity(registry), 1, T0);
  assert.equal(registry.collect(T0 + 4 * MINUTE).length, 1);
  assert.deepEqual(told(registry.collect(T0 + 5 * MINUTE)), ["calls{} 300:NaN"]);
});

Deno.test("a histogram ends with all its series", () => {
  for (const histograms of ["classic", "both"] as const) {
    const registry = open({ histograms, staleMs: MINUTE });
    const latency = registry.histogram("s", [1], T0);
    latency.observe(entity(registry), 0.5, 1, ID, 0, T0);
    const before = registry.collect(T0 + MINUTE).map(({ labels }) => labels);
    const after = registry.collect(T0 + 6 * MINUTE);
    assert.deepEqual(after.map(({ labels }) => labels), before);
    assert.ok(after.every(({ points }) => Number.isNaN(points[0]!.value)));
    latency.observe(entity(registry), 0.25, 1, ID, 0, T0 + 7 * MINUTE);
    const again = registry.collect(T0 + 7 * MINUTE);
    assert.equal(again.at(-1)!.points[0]!.value, 0.25); // the row was empty again
    const { value } = again[0]!.points[0]!;
    assert.ok(typeof value === "number" || value.count === 1);
  }
});

Deno.test("beyond the limit of series everything goes to one, until there is room", () => {
  const registry = open({ activeMax: 2, staleMs: MINUTE });
  const calls = registry.counter("calls", T0);
  const add = (service: string, nowMs: number) =>
    calls.add(entity(registry, ["service", service]), 1, nowMs);
  for (const service of ["a", "b", "c", "d", "a"]) add(service, T0);
  assert.deepEqual(told(registry.collect(T0)), [
    "calls{metric_overflow=true} -1:0 0:2",
    "calls{service=a} -1:0 0:2",
    "calls{service=b} -1:0 0:1",
  ]);
  assert.equal(registry.counts.limited, 2);
  add("a", T0 + 5 * MINUTE);
  add("c", T0 + 5 * MINUTE);
  registry.collect(T0 + 5 * MINUTE); // b ends
  add("c", T0 + 5 * MINUTE);
  assert.deepEqual(told(registry.collect(T0 + 5 * MINUTE)), [
    "calls{metric_overflow=true} 300:3",
    "calls{service=a} 300:3",
    "calls{service=c} 299:0 300:1",
  ]);
});

Deno.test("a histogram that has no room whole has none, and a counter beside it may", () => {
  const registry = open({ activeMax: 3 });
  const calls = registry.counter("calls", T0);
  const latency = registry.histogram("s", [1], T0); // four series
  const a = entity(registry, ["service", "a"]);
  calls.add(a, 1, T0);
  latency.observe(a, 0.5, 1, ID, 0, T0);
  latency.observe(a, 0.5, 1, ID, 0, T0);
  const series = told(registry.collect(T0));
  assert.deepEqual(series.filter((one) => one.includes("_count")), [
    "s_count{metric_overflow=true} -1:0 0:2",
  ]);
  assert.ok(series.includes("calls{service=a} -1:0 0:1"));
  assert.equal(registry.counts.limited, 8);
  registry.configure(settingsWith({ activeMax: 0 }));
  latency.observe(a, 0.5, 1, ID, 0, T0);
  assert.ok(told(registry.collect(T0)).includes("s_count{service=a} -1:0 0:1"));
});

Deno.test("room that one metric leaves is there for another", () => {
  const registry = open({ activeMax: 2, staleMs: MINUTE });
  const [calls, size] = [registry.counter("calls", T0), registry.counter("size", T0)];
  const [a, b] = [entity(registry, ["x", "a"]), entity(registry, ["x", "b"])];
  calls.add(a, 1, T0);
  calls.add(b, 1, T0);
  size.add(a, 1, T0);
  for (const metric of [calls, size]) metric.add(a, 1, T0 + 5 * MINUTE);
  registry.collect(T0 + 5 * MINUTE); // calls of b end
  size.add(a, 1, T0 + 5 * MINUTE);
  const series = told(registry.collect(T0 + 5 * MINUTE));
  assert.ok(series.includes("size{x=a} 299:0 300:1"), String(series));
});

Deno.test("a dimension has no way to be a bound or a name", () => {
  const registry = open();
  const own: Label[] = [["le", "1"], ["__name__", "x"], ["a", "b"]];
  registry.histogram("s", [1], T0).observe(entity(registry, ...own), 0, 1, ID, 0, T0);
  const [first] = registry.collect(T0);
  assert.deepEqual(first!.labels, [["__name__", "s_bucket"], ["a", "b"], ["le", "1"]]);
});

Deno.test("a limit of entities counts sets of labels, whatever series they have", () => {
  const registry = open({ limitBy: "entity", activeMax: 1 });
  const [calls, size] = [registry.counter("calls", T0), registry.counter("size", T0)];
  const a = entity(registry, ["service", "a"]);
  calls.add(a, 1, T0);
  size.add(a, 1, T0);
  const b = entity(registry, ["service", "b"]);
  assert.equal(b, OVERFLOW);
  calls.add(b, 1, T0);
  assert.deepEqual(told(registry.collect(T0)), [
    "calls{metric_overflow=true} -1:0 0:1",
    "calls{service=a} -1:0 0:1",
    "size{service=a} -1:0 0:1",
  ]);
  assert.equal(registry.sets.limited, 1);
});

Deno.test("a label takes so many values, of those that live, and the other labels stay", () => {
  const registry = open({ labelValuesMax: 2, staleMs: MINUTE });
  const calls = registry.counter("calls", T0);
  const add = (name: string, nowMs: number) =>
    calls.add(entity(registry, ["name", name], ["service", "s"]), 1, nowMs);
  for (const name of ["a", "b", "c", "d", "a"]) add(name, T0);
  assert.deepEqual(told(registry.collect(T0)), [
    "calls{name=__cardinality_overflow__,service=s} -1:0 0:2",
    "calls{name=a,service=s} -1:0 0:2",
    "calls{name=b,service=s} -1:0 0:1",
  ]);
  const stats = registry.sets.labelStats();
  assert.deepEqual(stats.map(({ name, valuesLimited, demand }) => [name, valuesLimited, demand]), [
    ["name", 2, 4],
    ["service", 0, 1],
  ]);
  add("a", T0 + 5 * MINUTE);
  add("e", T0 + 5 * MINUTE); // what overflows lives on, and is no value
  registry.collect(T0 + 5 * MINUTE);
  add("c", T0 + 5 * MINUTE);
  const after = told(registry.collect(T0 + 5 * MINUTE));
  assert.ok(after.some((one) => one.startsWith("calls{name=c")), String(after));
});

Deno.test("a metric whose layout changes ends, and one that is removed too", () => {
  const registry = open();
  const a = entity(registry, ["x", "a"]);
  registry.histogram("s", [1], T0).observe(a, 0.5, 1, ID, 0, T0);
  registry.counter("calls", T0).add(a, 1, T0);
  registry.collect(T0);
  assert.equal(registry.histogram("s", [1], T0), registry.histogram("s", [1], T0));
  registry.histogram("s", [2], T0 + 1_000);
  const { epoch } = registry.sets;
  registry.keepOnly(["s"], T0 + 1_000);
  assert.ok(registry.sets.epoch > epoch, "nobody has the entity any more");
  assert.deepEqual(told(registry.collect(T0 + 15_000)), [
    "calls{x=a} 1:NaN",
    "s_bucket{le=+Inf,x=a} 1:NaN",
    "s_bucket{le=1,x=a} 1:NaN",
    "s_count{x=a} 1:NaN",
    "s_sum{x=a} 1:NaN",
  ]);
  assert.deepEqual(registry.collect(T0 + 30_000), []);
  assert.equal(registry.counts.active, 0);
});

Deno.test("where collections are disabled things are counted and nothing is told", () => {
  const registry = open({ isCollectionDisabled: true });
  const calls = registry.counter("calls", T0);
  const a = entity(registry);
  calls.add(a, 1, T0);
  assert.deepEqual(registry.collect(T0 + 15_000), []);
  registry.configure(settingsWith());
  calls.add(a, 1, T0 + 16_000);
  assert.deepEqual(told(registry.collect(T0 + 30_000)), ["calls{} -1:0 30:2"]);
});
