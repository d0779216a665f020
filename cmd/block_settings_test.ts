import assert from "node:assert/strict";
import { defaultDedicated } from "../model/dedicated_attributes.ts";
import { defaultLimits } from "../model/limits.ts";
import { blockOptions, blockSettings, dedicatedOf } from "./block_settings.ts";
import { defaultConfig } from "./config/mod.ts";

const column = (name: string) => ({
  scope: "span" as const,
  name,
  type: "string" as const,
  options: [],
});

Deno.test("blocks are what the peer's defaults make them", () => {
  const settings = blockSettings(defaultConfig());
  assert.equal(settings.format, "vParquet5");
  assert.deepEqual(dedicatedOf(settings, defaultLimits), defaultDedicated);
});

Deno.test("row groups are small in buckets, large on disk, and as somebody has said otherwise", () => {
  const config = defaultConfig();
  const spans = () => blockOptions(config).spansPerRowGroup;
  assert.equal(spans(), 80_000);
  for (const backend of ["s3", "gcs", "azure"] as const) {
    config.storage.trace.backend = backend;
    assert.equal(spans(), 16_000);
  }
  config.segno.spans_per_row_group = 5;
  assert.equal(spans(), 5);
});

Deno.test("of the three sections the one that was set counts, the block-builder's first", () => {
  const config = defaultConfig();
  config.storage.trace.block.version = "vParquet4";
  config.storage.trace.block.parquet_dedicated_columns = [column("storage")];
  const keys = () => blockSettings(config).dedicatedColumns.map(({ n }) => n);
  assert.deepEqual(keys(), ["storage"]);
  config.live_store.block_config.parquet_dedicated_columns = [column("old name")];
  assert.deepEqual(keys(), ["old name"]);
  config.live_store.block.parquet_dedicated_columns = [column("live-store")];
  assert.deepEqual(keys(), ["live-store"]);
  config.block_builder.block.parquet_dedicated_columns = [];
  assert.deepEqual(keys(), []);
  assert.equal(blockSettings(config).format, "vParquet4");
});

Deno.test("columns are listed as meta.json lists them, and a tenant's own take their place", () => {
  const config = defaultConfig();
  config.storage.trace.block.parquet_dedicated_columns = [
    { scope: "resource", name: "a", type: "int", options: [] },
    { scope: "event", name: "b", type: "string", options: ["blob", "array"] },
    column("c"),
  ];
  const settings = blockSettings(config);
  const { columns, resource, event } = dedicatedOf(settings, defaultLimits);
  assert.deepEqual(columns, [
    { s: "resource", n: "a", t: "int" },
    { s: "event", n: "b", o: ["blob", "array"] },
    { n: "c" },
  ]);
  assert.deepEqual([resource.ints, event.strings], [["a"], ["b"]]);
  const own = { ...defaultLimits, storage: { dedicatedColumns: [{ n: "d" }] } };
  assert.deepEqual(dedicatedOf(settings, own).span.strings, ["d"]);
});

Deno.test("vParquet4 lists what it has room for, and has its fixed columns besides", () => {
  const settings = { ...blockSettings(defaultConfig()), format: "vParquet4" as const };
  const dedicated = dedicatedOf(settings, defaultLimits);
  assert.deepEqual(dedicated.columns.map(({ n }) => n), [
    "http.request.method",
    "url.path",
    "url.route",
    "server.address",
    "http.route",
  ]);
  const many = Array.from({ length: 12 }, (_, i) => ({ n: `k${i}` }));
  const own = { ...defaultLimits, storage: { dedicatedColumns: many } };
  assert.equal(dedicatedOf(settings, own).columns.length, 10);
});
