import assert from "node:assert/strict";
import { parseRuntimeFile } from "./runtime_file.ts";

const parse = (text: string, isLegacyAllowed = false) =>
  parseRuntimeFile("tenants.yaml", text, isLegacyAllowed);

Deno.test("a runtime file has an entry for each tenant, and what an entry leaves out is zero", () => {
  const entries = parse(`
overrides:
  "acme":
    ingestion: { rate_limit_bytes: 5, artificial_delay: 20ms }
    compaction: { block_retention: 7d }
  "*": {}
`);
  assert.deepEqual([...entries.keys()], ["acme", "*"]);
  const { values, written } = entries.get("acme")!;
  assert.equal(values.ingestion.rate_limit_bytes, 5);
  assert.equal(values.ingestion.burst_size_bytes, 0);
  assert.equal(values.ingestion.artificial_delay, 20);
  assert.equal(values.ingestion.retry_info_enabled, undefined);
  assert.equal(values.compaction.block_retention, 7 * 86_400_000);
  assert.equal(values.global.max_bytes_per_trace, 0);
  assert.deepEqual(written, {
    ingestion: { rate_limit_bytes: 5, artificial_delay: "20ms" },
    compaction: { block_retention: "7d" },
  });
});

Deno.test("a file of the peer is read, anchors and unknown processors and all", () => {
  const url = new URL("../../tests/golden/overrides/generator-overrides.yaml", import.meta.url);
  const entries = parse(Deno.readTextFileSync(url));
  assert.deepEqual(
    [...entries.keys()].sort(),
    ["both", "classic", "count-only", "filtered", "graph-only", "native", "options", "sanitized"],
  );
  for (const { values } of entries.values()) {
    assert.equal(values.ingestion.rate_limit_bytes, 100_000_000);
  }
  const { trace_id_label_name } = entries.get("options")!.values.metrics_generator;
  assert.equal(trace_id_label_name, "tid");
  parse("overrides: {a: {metrics_generator: {processors: [local-blocks, what-ever]}}}");
});

Deno.test("nothing, and a tenant with nothing below it, is no entry", () => {
  for (const text of ["", "overrides:", "overrides: {}", "overrides: {acme: }"]) {
    assert.equal(parse(text).size, 0, text);
  }
});

Deno.test("what makes no sense is told with tenant, path, value and place", () => {
  const wrong: [string, RegExp][] = [
    [
      "overrides:\n  acme:\n    ingestion: {rate_limit: 5}\n",
      /tenants\.yaml:3:17: overrides\.acme\.ingestion\.rate_limit: unknown key$/,
    ],
    [
      "overrides: {acme: {ingestion: {rate_limit_bytes: -1}}}",
      /overrides\.acme\.ingestion\.rate_limit_bytes: .*, not -1/,
    ],
    [
      "overrides: {acme: {compaction: {block_retention: soon}}}",
      /overrides\.acme\.compaction\.block_retention: expected a duration.*, not "soon"/,
    ],
    ["overrides: [acme]", /tenants\.yaml:1:1: overrides: /],
    ["overrides: {acme: 7}", /overrides\.acme: expected object, not 7/],
    ["tenants: {}", /tenants: unknown key/],
    ["overrides: {a: {}, a: {}}", /tenants\.yaml:1:\d+: map keys must be unique/],
    ["overrides: {", /tenants\.yaml:1:\d+: /],
    [
      "overrides: {acme: {max_bytes_per_trace: 1}}",
      /overrides\.acme\.max_bytes_per_trace: unknown key \(now global\.max_bytes_per_trace; or set/,
    ],
  ];
  for (const [text, message] of wrong) {
    assert.throws(() => parse(text), { name: "InputError", message }, text);
  }
});

Deno.test("flat limits are read where they are allowed", () => {
  const entries = parse(
    "overrides: {acme: {max_bytes_per_trace: 9, ingestion: {rate_limit_bytes: 1}}}",
    true,
  );
  assert.equal(entries.get("acme")!.values.global.max_bytes_per_trace, 9);
  assert.equal(entries.get("acme")!.values.ingestion.rate_limit_bytes, 1);
});
