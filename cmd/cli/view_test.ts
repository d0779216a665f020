import assert from "node:assert/strict";
import { bloomKey } from "../../model/block_meta.ts";
import { loadConfig } from "../config/mod.ts";
import {
  GOLDEN_TENANT,
  GOLDEN_V4,
  GOLDEN_V5,
  goldenObjects,
  goldenStore,
} from "../../tests/support/golden_store.ts";
import { goldenBlocks } from "../../tests/support/golden_blocks.ts";
import { cli } from "./cli_testing.ts";

const store = await goldenStore();
const GOLDEN_CUSTOM = "5a6b0000-0000-4000-8000-000000000003";

for (const name of Object.keys(goldenBlocks)) {
  Deno.test(`view of golden block ${name} has every column, and shares that make a whole`, async () => {
    const [[key]] = [...goldenObjects([name])] as [[string, Uint8Array]];
    const [tenant, blockId] = key.split("/") as [string, string];
    const block = (await cli(store, ["view", "block", tenant, blockId, "--json"])).json();
    assert.equal(block.meta.blockID, blockId);
    assert.equal(block.rowGroups.length, block.meta.totalRecords);
    const { out } = await cli(store, ["view", "block", tenant, blockId]);
    let share = 0;
    for (const { path } of block.columns) {
      const line = out.split("\n").find((line) => line.split(" ")[0] === path);
      share += Number(/([\d.]+)%/.exec(line!)![1]);
    }
    assert.ok(Math.abs(share - 100) < block.columns.length * 0.05, `${share}%`);
  });
}

Deno.test("a view for people: where the block is, its row groups, its largest columns", async () => {
  const { out } = await cli(store, ["view", "block", GOLDEN_TENANT, GOLDEN_CUSTOM, "--by-size"]);
  const lines = out.split("\n");
  assert.equal(
    lines.slice(0, 9).join("\n"),
    `block   single-tenant/5a6b0000-0000-4000-8000-000000000003
format  vParquet5, written by github.com/parquet-go/parquet-go version 0.30.1(build )
time    2026-01-01T11:59:00Z to 2026-01-01T14:00:00Z
traces  126, level 0
data    234 KiB, footer 16.4 KiB, 1 blooms

GROUP  TRACES  SPANS     SIZE      RAW  B/SPAN  FIRST TRACE                       LAST TRACE
    0     126  2,658  213 KiB  352 KiB    81.9  0000000000000000000000000000002a  ffffffffffffffffffffffffffffffff
`,
  );
  const cells = (line: string) => line.split(/\s{2,}/);
  assert.deepEqual(cells(lines[10]!), [
    ...["rs.ss.Spans.SpanID", "BYTE_ARRAY", "delta-length", "none"],
    ...["2,658", "2", "1", "21.3 KiB", "10.0%", "8.22"],
  ]);
  const blob = lines.find((line) => line.includes("event.exception.stacktrace"))!;
  assert.deepEqual(cells(blob).slice(0, 4), [
    "rs.ss.Spans.Events.DedicatedAttributes.String02 = event.exception.stacktrace",
    ...["STRING", "delta-length", "zstd"],
  ]);
  const dictionary = lines.find((line) => line.startsWith("rs.ss.Spans.Name "))!;
  assert.deepEqual(cells(dictionary).slice(2, 8), [
    ...["dictionary", "snappy", "2,658", "2", "1", "2,275 / 9.83 KiB"],
  ]);
});

Deno.test("one row group of several can be viewed alone", async () => {
  const small = "5a6b0000-0000-4000-8000-000000000002";
  const { out } = await cli(store, ["view", "block", GOLDEN_TENANT, small, "-row-group=4"]);
  assert.match(out, /^ {4}4 /m);
  assert.doesNotMatch(out, /^ {4}3 /m);
  const { columns } = (await cli(store, ["view", "block", GOLDEN_TENANT, small, "--json"])).json();
  const bytes = columns.find((column: any) => column.path === "TraceID").chunks[4].sizeBytes;
  assert.match(out, new RegExp(`^TraceID .* ${bytes} B `, "m"));
});

Deno.test("the schema of both formats is told in Parquet's words", async () => {
  const v5 = await cli(store, ["view", "schema", GOLDEN_TENANT, GOLDEN_V5]);
  assert.match(v5.out, /^message Trace \{\n\trequired byte_array TraceID;\n/);
  assert.match(v5.out, /\n\trepeated group rs \{\n\t\trequired group Resource \{\n/);
  assert.match(v5.out, /\n\}\n$/);
  const v4 = await cli(store, ["view", "schema", GOLDEN_TENANT, GOLDEN_V4]);
  assert.match(v4.out, /\(MAP\) \{\n\t\trepeated group key_value \{/);
  const { schema } = (await cli(store, ["view", "schema", GOLDEN_TENANT, GOLDEN_V4, "--json"]))
    .json();
  assert.equal(schema.name, "Trace");
});

Deno.test("a column is told entry by entry, nulls and rows with it", async () => {
  const path = "rs.ss.Spans.DedicatedAttributes.Int01";
  const { out } = await cli(store, [
    ...["view", "column", GOLDEN_TENANT, GOLDEN_CUSTOM, path],
    ...["--from-row", "100", "--rows", "2"],
  ]);
  const [head, , titles, first] = out.split("\n");
  assert.equal(head, `${path}: INTEGER(64,true), levels up to 4/4`);
  assert.match(titles!, /^ROW {2}R {2}D {2}VALUE$/);
  assert.match(first!, /^100 {2}0 {2}[34] {2}(~|\d+)$/);
  const part = (await cli(store, [
    ...["view", "column", GOLDEN_TENANT, GOLDEN_CUSTOM, path, "--json"],
    ...["--from-row", "100", "--rows", "2"],
  ])).json();
  assert.deepEqual([...new Set(part.entries.map((entry: any) => entry.row))], [100, 101]);
  const names = await cli(store, [
    "view",
    "column",
    GOLDEN_TENANT,
    GOLDEN_V4,
    "ServiceStats.key",
  ]);
  assert.match(names.out, /^ {2}0 {2}0 {2}1 {2}\S+$/m);
});

Deno.test("verifying golden blocks finds them sound, damage is exit code 1 and told", async () => {
  const sound = await cli(store, ["verify", "blocks", GOLDEN_TENANT]);
  assert.equal(sound.code, 0);
  assert.match(sound.out, /\n6 blocks, all sound\n$/);
  assert.match(
    sound.out,
    /^5a6b\S+0001: sound; 126 traces, 2,658 spans, 1 row groups, 92 pages, 79,210 values, \d+ KiB read$/m,
  );
  const damaged = await goldenStore(["v5-default", "v4-default"]);
  await damaged.delete(bloomKey(GOLDEN_TENANT, GOLDEN_V4, 0));
  const all = await cli(damaged, ["verify", "blocks", GOLDEN_TENANT]);
  assert.equal(all.code, 1);
  assert.match(all.out, /0004: 1 problems; .*\n {2}bloom-0: is missing\n/);
  assert.match(all.out, /2 blocks, 1 not sound\n$/);
  const one = await cli(damaged, ["verify", "block", GOLDEN_TENANT, GOLDEN_V4, "--json"]);
  assert.equal(one.code, 1);
  const { damaged: count, blocks } = one.json();
  assert.equal(count, 1);
  assert.deepEqual(blocks[0].problems, [{ where: "bloom-0", what: "is missing" }]);
  assert.equal(blocks[0].isSound, false);
});

Deno.test("an analysis suggests columns that a configuration takes as they stand", async () => {
  const { out } = await cli(store, ["analyse", "block", GOLDEN_TENANT, GOLDEN_V5, "--top", "2"]);
  assert.match(
    out,
    /resource: 203 of them, attributes take 3.95 KiB\n\nATTRIBUTE +TYPE +ON +SHARE +ARRAYS +DISTINCT +IN ATTRS +AS COLUMN +NOTE\nservice.version +string +108 +53.2% +9 +561 B +\d+ B +suggested\n/,
  );
  assert.match(out, /k8s.pod.name +string .*~\d+ B +\d+ B +has a column, suggested\n/);
  assert.match(out, /\nand \d+ more with --top\n/);
  const yaml = out.slice(out.indexOf("\nstorage:") + 1);
  const { config } = loadConfig({ args: ["-config.file=x"], env: {}, readFile: () => yaml });
  const columns = config.storage.trace.block.parquet_dedicated_columns;
  assert.ok(columns.some(({ scope, name }) => scope === "resource" && name === "service.version"));
  const json = (await cli(store, ["analyse", "block", GOLDEN_TENANT, GOLDEN_V5, "--json"])).json();
  assert.deepEqual(json.suggested, columns);
  assert.equal(json.attributes.some((use: any) => use.scope === "event"), true);
});

Deno.test("an analysis of several blocks takes the largest", async () => {
  const args = ["analyse", "blocks", GOLDEN_TENANT, "--json"];
  const all = (await cli(store, args)).json();
  assert.deepEqual([all.blocks, all.traces], [6, 749]);
  const two = (await cli(store, [...args, "--blocks", "2"])).json();
  assert.ok(two.blocks === 2 && two.sizeBytes > all.sizeBytes / 3);
  const compacted = (await cli(store, [...args, "--min-level", "1"])).json();
  assert.deepEqual([compacted.blocks, compacted.traces], [1, 124]);
});
