// The generator is the one that keeps nothing for speed, whatever spans, settings and pauses it is given, and
// however often it forgets the strings it has met.
import assert from "node:assert/strict";
import fc from "fast-check";

import {
  type GeneratorSettings,
  PROCESSORS,
  RecordColumns,
  type SeriesPoints,
  TenantGenerator,
} from "../../generator/mod.ts";
import { defaultSettings } from "../support/generator_settings.ts";
import { NOW_MS, plainSpans, recordOfSpans } from "../support/generator_spans.ts";
import { seriesKey, type SlowPush, slowSeries } from "../support/slow_generator.ts";

const often = () => fc.constantFrom(true, true, false);

/** Few of each, so that they meet in one run. */
const settings: fc.Arbitrary<GeneratorSettings> = fc.record({
  processors: fc.oneof(
    fc.constant([...PROCESSORS]),
    fc.constant([...PROCESSORS]),
    fc.subarray([...PROCESSORS], { minLength: 1 }),
  ),
  dimensions: fc.subarray(["zone", "rate", "http.status", "service", "kind", "service.name"]),
  hasTargetInfo: fc.boolean(),
  hasPrefixes: fc.boolean(),
  flags: fc.record({ messaging: fc.boolean(), virtual: fc.boolean(), traceState: fc.boolean() }),
  intrinsics: fc.record({
    service: often(),
    span_name: often(),
    span_kind: often(),
    status_code: often(),
    status_message: often(),
  }),
  ratioAttribute: fc.constantFrom("", "rate"),
  mapping: fc.boolean(),
  policies: fc.constantFrom(
    [],
    [{ include: [{ key: "kind", value: "SERVER|CLIENT", isRegex: true }] }],
    [
      { exclude: [{ key: "span.zone", value: "p1", isRegex: false }] },
      {
        includeAny: [
          { key: "resource.service.name", value: "shop", isRegex: false },
          { key: "name", value: "^GET", isRegex: true },
          { key: "status", value: "STATUS_CODE_ERROR", isRegex: false },
        ],
      },
    ],
  ),
  edgesMax: fc.constantFrom(3, 10_000),
}).map((parts) => {
  const base = defaultSettings();
  const multiplier = {
    ratioAttribute: parts.ratioAttribute,
    fromTraceState: parts.flags.traceState,
  };
  const policies = parts.policies.map((policy) => ({
    include: undefined,
    includeAny: undefined,
    exclude: undefined,
    ...policy,
  }));
  return {
    ...base,
    processors: parts.processors,
    spanMetrics: {
      ...base.spanMetrics,
      intrinsics: parts.intrinsics,
      dimensions: parts.dimensions,
      mappings: parts.mapping
        ? [{ name: "both", attributes: ["zone", "http.status"], join: "-" }]
        : [],
      hasTargetInfo: parts.hasTargetInfo,
      targetInfoExcluded: ["rate"],
      multiplier,
      policies,
    },
    serviceGraphs: {
      ...base.serviceGraphs,
      dimensions: parts.dimensions.filter((key) => key !== "service"),
      hasPrefixes: parts.hasPrefixes,
      hasMessagingLatency: parts.flags.messaging,
      hasVirtualNodeLabel: parts.flags.virtual,
      edgesMax: parts.edgesMax,
      multiplier,
      policies,
    },
    registry: { ...base.registry, commonLabels: [] },
  };
});

const pushes: fc.Arbitrary<SlowPush[]> = fc.array(
  fc.record({ waitMs: fc.constantFrom(0, 3_000, 11_000), spans: plainSpans }),
  { minLength: 1, maxLength: 4, size: "max" },
).map((all) => {
  let nowMs = NOW_MS;
  return all.map(({ waitMs, spans }) => ({ nowMs: nowMs += waitMs, spans }));
});

Deno.test("series are those of the generator that keeps nothing for speed", () => {
  fc.assert(
    fc.property(
      settings,
      pushes,
      fc.constantFrom(0, 16 << 20),
      fc.constantFrom(1_000, 20_000),
      (settings, pushes, bytesMax, waitMs) => {
        const generator = new TenantGenerator(settings, new RecordColumns(bytesMax), NOW_MS);
        for (const { nowMs, spans } of pushes) generator.push(recordOfSpans(spans), nowMs);
        const collectMs = pushes.at(-1)!.nowMs + waitMs;
        const made = valuesOf(generator.collect(collectMs));
        const wanted = slowSeries(settings, pushes, collectMs);
        assert.deepEqual([...made.keys()].sort(), [...wanted.keys()].sort());
        for (const [key, value] of wanted) {
          const isNear = Math.abs(made.get(key)! - value) <= 1e-6 * Math.max(1, value);
          assert.ok(isNear, `${key}: ${made.get(key)} is not ${value}`);
        }
      },
    ),
    { numRuns: 300 },
  );
});

function valuesOf(series: readonly SeriesPoints[]): Map<string, number> {
  return new Map(series.map(({ labels, points }) => {
    const { __name__: name, ...others } = Object.fromEntries(labels);
    return [seriesKey(name!, others), points.at(-1)!.value as number];
  }));
}
