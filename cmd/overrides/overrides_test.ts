import assert from "node:assert/strict";
import fc from "fast-check";
import { dedicatedAttributes, defaultDedicated } from "../../model/dedicated_attributes.ts";
import { createRuntime } from "../../lib/runtime.ts";
import { rulesFrom } from "../backend.ts";
import { ConfigSchema } from "../config/mod.ts";
import { hostLimits } from "../partition_hosts.ts";
import { exposeLimits } from "./limit_metrics.ts";
import { Overrides } from "./overrides.ts";
import { parseRuntimeFile } from "./runtime_file.ts";

const config = ConfigSchema.parse({
  distributor: { max_attribute_bytes: 100 },
  overrides: {
    defaults: {
      ingestion: { rate_strategy: "global", rate_limit_bytes: 11, retry_info_enabled: false },
      read: { max_search_duration: "1h", span_pruning_enabled: true },
      global: { max_bytes_per_trace: 13 },
    },
  },
});

function withFile(text: string): Overrides {
  const overrides = new Overrides(config);
  overrides.replace(parseRuntimeFile("tenants.yaml", text, false));
  return overrides;
}

Deno.test("a tenant has its own entry, else that of any, else the defaults", () => {
  const entry = (bytes: number) => `{global: {max_bytes_per_trace: ${bytes}}}`;
  const bytes = (overrides: Overrides, tenant: string) =>
    overrides.limitsOf(tenant).global.maxBytesPerTrace;
  const both = withFile(`overrides: {"*": ${entry(1)}, acme: ${entry(2)}}`);
  assert.deepEqual([bytes(both, "acme"), bytes(both, "other"), bytes(both, "*")], [2, 1, 1]);
  const one = withFile(`overrides: {acme: ${entry(2)}}`);
  assert.deepEqual([bytes(one, "acme"), bytes(one, "other")], [2, 13]);
  one.replace(new Map());
  assert.equal(bytes(one, "acme"), 13);
});

Deno.test("an entry takes the place of the defaults as a whole, but for what is asked for on its own", () => {
  const overrides = withFile("overrides: {acme: {read: {left_pad_trace_ids: true}}}");
  const { limits, values } = overrides.of("acme");
  assert.equal(limits.global.maxBytesPerTrace, 0, "no limit, not the default");
  assert.equal(limits.ingestion.rateLimitBytes, 0);
  assert.equal(limits.read.maxSearchDurationMs, 0);
  assert.equal(limits.read.maxBytesPerTagValuesQuery, 0);
  assert.equal(limits.read.leftPadTraceIds, true);
  assert.equal(limits.ingestion.maxAttributeBytes, 100, "the distributor's");
  assert.equal(limits.ingestion.rateStrategy, "global");
  assert.equal(limits.ingestion.retryInfoEnabled, false);
  assert.equal(values.read.span_pruning_enabled, true);
});

Deno.test("blocks are merged and kept as their tenant's limits say", () => {
  const overrides = withFile(`
overrides:
  short: { compaction: { block_retention: 2h, compaction_window: 30m } }
  never: { compaction: { compaction_disabled: true } }
`);
  const rulesOf = (tenant: string) => rulesFrom(config, overrides.limitsOf(tenant));
  assert.equal(rulesOf("short")!.retention.liveMs, 7_200_000);
  assert.equal(rulesOf("short")!.compaction.windowMs, 1_800_000);
  assert.equal(rulesOf("short")!.bytesPerTraceMax, 0);
  assert.equal(rulesOf("never"), undefined);
  assert.equal(rulesOf("other")!.retention.liveMs, 336 * 3_600_000);
  assert.equal(rulesOf("other")!.bytesPerTraceMax, 13);
});

Deno.test("hosts have limits of all tenants as plain data, made anew when they change", () => {
  const overrides = withFile(
    "overrides: {acme: {global: {max_bytes_per_trace: 2}, " +
      "storage: {parquet_dedicated_columns: [{scope: event, name: a, type: int}]}}}",
  );
  const ofAcme = dedicatedAttributes([{ s: "event", n: "a", t: "int" }]);
  const limits = hostLimits(overrides);
  let changes = 0;
  const end = limits.onChange(() => {
    changes++;
    assert.equal(limits.current().rest.bytesPerTraceMax, 3, "as they are now");
  });
  const before = limits.current();
  assert.deepEqual(structuredClone(before), before);
  assert.deepEqual(before, {
    rest: { bytesPerTraceMax: 13, dedicated: defaultDedicated },
    named: new Map([["acme", { bytesPerTraceMax: 2, dedicated: ofAcme }]]),
  });
  assert.equal(limits.current(), before);
  overrides.replace(
    parseRuntimeFile("f", 'overrides: {"*": {global: {max_bytes_per_trace: 3}}}', false),
  );
  assert.equal(changes, 1);
  assert.deepEqual(limits.current(), {
    rest: { bytesPerTraceMax: 3, dedicated: defaultDedicated },
    named: new Map(),
  });
  end();
  overrides.replace(new Map());
  assert.equal(changes, 1);
});

Deno.test("limits are exposed: the defaults, and those of each tenant with its own", async () => {
  const { metrics } = createRuntime();
  const overrides = withFile("overrides: {acme: {compaction: {block_retention: 1h}}}");
  exposeLimits(metrics, overrides);
  const lines = async (start: string) =>
    (await metrics.text()).split("\n").filter((line) => line.startsWith(start));
  assert.deepEqual(await lines('tempo_limits_defaults{limit_name="max_bytes_per_trace"}'), [
    'tempo_limits_defaults{limit_name="max_bytes_per_trace"} 13',
  ]);
  assert.equal((await lines("tempo_limits_defaults{")).length, 9);
  assert.deepEqual(await lines('tempo_limits_overrides{limit_name="block_retention"'), [
    'tempo_limits_overrides{limit_name="block_retention",user="acme"} 3600',
  ]);
  assert.equal((await lines("tempo_limits_overrides{")).length, 7);
  overrides.replace(new Map());
  assert.equal((await lines("tempo_limits_overrides{")).length, 0);
});

Deno.test("whatever is in the file, a tenant has exactly one source of limits", () => {
  const names = fc.constantFrom("a", "b", "c", "*", "constructor");
  const files = fc.dictionary(names, fc.nat(1000), { noNullPrototype: true });
  fc.assert(fc.property(files, names, (file, tenant) => {
    const lines = Object.entries(file).map(([name, bytes]) =>
      `  ${JSON.stringify(name)}: {global: {max_bytes_per_trace: ${bytes}}}\n`
    );
    const overrides = withFile(`overrides:\n${lines.join("") || "  {}\n"}`);
    const own = Object.hasOwn(file, tenant) ? file[tenant] : undefined;
    const expected = own ?? (Object.hasOwn(file, "*") ? file["*"] : 13);
    assert.equal(overrides.limitsOf(tenant).global.maxBytesPerTrace, expected);
  }));
});
