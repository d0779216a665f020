// The generator makes of the golden load what was recorded of it, for all eight tenants.
import assert from "node:assert/strict";

import { ConfigSchema, inPlaceOf } from "../cmd/config/mod.ts";
import { generatorSettings } from "../cmd/generator_settings.ts";
import { parseRuntimeFile } from "../cmd/overrides/runtime_file.ts";
import { RecordColumns, TenantGenerator } from "../generator/mod.ts";
import { recordSize, writeRecord } from "../model/record.ts";
import {
  assertGolden,
  GOLDEN_METRICS,
  goldenTenants,
  type MadeSeries,
  seriesName,
  T0_MS,
} from "./support/golden_generator.ts";

const SENT_MS = T0_MS + 2_000;
/** Three collections, as they came: pairs are there at the first, what waited in vain at the second. */
const COLLECTED_MS = [T0_MS + 4_800, T0_MS + 9_800, T0_MS + 14_800];

const entries = parseRuntimeFile(
  "overrides",
  Deno.readTextFileSync(new URL("generator-overrides.yaml", GOLDEN_METRICS)),
  false,
);

for (const [tenant, series] of Object.entries(await goldenTenants())) {
  Deno.test(`the series of ${tenant} are those that were recorded`, () => {
    assertGolden(tenant, seriesOf(tenant), series, COLLECTED_MS);
  });
}

function seriesOf(tenant: string): Map<string, MadeSeries> {
  const config = ConfigSchema.parse({
    metrics_generator: {
      registry: { collection_interval: "5s", external_labels: { cluster: "golden" } },
      processor: { service_graphs: { wait: "6s" } },
    },
  });
  const values = inPlaceOf(config.overrides.defaults, entries.get(tenant)!.values);
  const { settings, problems } = generatorSettings(config, values, { instance: "HOST", tenant });
  assert.deepEqual(problems, []);
  const generator = new TenantGenerator(settings, new RecordColumns(), T0_MS - 64_000);
  for (const trace of traces()) generator.push(recordOf(trace), SENT_MS);
  const series = new Map<string, MadeSeries>();
  for (const nowMs of COLLECTED_MS) {
    for (const { labels, points, exemplars } of generator.collect(nowMs)) {
      const { __name__: name, ...others } = Object.fromEntries(labels);
      const key = seriesName(name!, others);
      const made = series.get(key) ?? { values: [], exemplars: [], firstMs: points[0]!.timeMs };
      series.set(key, made);
      made.values.push(...points.map(({ value }) => value));
      for (const { labels, value } of exemplars) {
        const [[traceLabel, traceId]] = [labels[0]!];
        made.exemplars.push({ traceLabel, traceId, value });
      }
    }
  }
  return series;
}

function traces(): Uint8Array[] {
  const bytes = Deno.readFileSync(new URL("generator.otlp.pb", GOLDEN_METRICS));
  const view = new DataView(bytes.buffer);
  const all: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = at + 4 + view.getUint32(at, true);
    all.push(bytes.subarray(at + 4, end));
    at = end;
  }
  return all;
}

function recordOf(trace: Uint8Array): Uint8Array {
  const message = { traceId: new Uint8Array(16), bytes: trace, spanCount: 0 };
  const record = new Uint8Array(recordSize([message]));
  writeRecord([message], record, 0);
  return record;
}
