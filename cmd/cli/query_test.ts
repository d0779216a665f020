import assert from "node:assert/strict";
import { dataKey } from "../../model/block_meta.ts";
import {
  GOLDEN_TENANT,
  GOLDEN_V4,
  GOLDEN_V5,
  goldenStore,
} from "../../tests/support/golden_store.ts";
import { cli } from "./cli_testing.ts";

const store = await goldenStore();
const index = JSON.parse(
  Deno.readTextFileSync(new URL("../../tests/golden/traces/index.json", import.meta.url)),
);

Deno.test("a trace that lies in many blocks is put together, each span once", async () => {
  const { traceID, spans } = index.traces.find(({ name }: any) => name === "types-one-each");
  const { out } = await cli(store, ["query", "trace-summary", GOLDEN_TENANT, traceID]);
  assert.equal(
    out,
    `trace     466dc55667f58a0e26d02ea67aa5e556
start     2026-01-01 12:00:28 UTC
duration  1.001ms
spans     ${spans}, 0 errors
root      types: root
services  types 25
`,
  );
  const json = (await cli(store, ["query", "trace-summary", GOLDEN_TENANT, traceID, "--json"]))
    .json();
  assert.deepEqual(
    [json.traceId, json.spans, json.durationNano, json.services],
    [traceID, spans, "1001000", [{ name: "types", spans, errors: 0 }]],
  );
});

Deno.test("a trace is told as a tree", async () => {
  const found = (await cli(store, [
    ...["query", "search", GOLDEN_TENANT, '{ rootName = "GET /checkout" && status = error }'],
    ...["--limit", "1", "--json"],
  ])).json();
  const { traceID } = found.traces[0];
  const { out, code } = await cli(store, ["query", "trace-id", GOLDEN_TENANT, traceID]);
  assert.equal(code, 0);
  assert.match(out, /^root {6}gateway: GET \/checkout$/m);
  assert.match(out, /^SPAN +SERVICE +KIND +AT +DURATION/m);
  assert.match(out, /^GET \/checkout +gateway +server +\+0ns +\S+m?s/m);
  assert.match(out, /^[│ ]*[├└] .* error/m);
  const spans = Number(/^spans +([\d,]+),/m.exec(out)![1]);
  assert.equal(out.split("SPAN ")[1]!.trim().split("\n").length - 1, spans);
  const cut = await cli(store, ["query", "trace-id", GOLDEN_TENANT, traceID, "--spans", "2"]);
  assert.match(cut.out, new RegExp(`\nand ${spans - 2} more with --spans\n$`));
});

Deno.test("a part of a trace is told to be one, with exit code 1", async () => {
  const broken = await goldenStore(["v5-default", "v4-default"]);
  await broken.delete(dataKey(GOLDEN_TENANT, GOLDEN_V4));
  const { traceID } = index.traces[0];
  const { code, out, err } = await cli(broken, ["query", "trace-id", GOLDEN_TENANT, traceID]);
  assert.equal(code, 1);
  assert.match(out, /types/);
  assert.match(err, /the trace may not be whole: .*0004/);
});

Deno.test("a search over all blocks answers as one block with the same traces does", async () => {
  const query = "{ span.http.status_code >= 500 } | select(span.http.url)";
  const search = async (...flags: string[]) =>
    (await cli(store, [
      "query",
      "search",
      GOLDEN_TENANT,
      query,
      "--limit",
      "200",
      "--json",
      ...flags,
    ]))
      .json();
  const all = await search();
  const [one, old] = [await search("--block", GOLDEN_V5), await search("--block", GOLDEN_V4)];
  const traces = (answer: any) =>
    answer.traces.map((trace: any) => [trace.traceID, trace.spanSets[0].matched]);
  assert.ok(one.traces.length > 10);
  assert.deepEqual(traces(all), traces(one));
  assert.deepEqual(traces(old), traces(one));
  assert.deepEqual([all.metrics.totalBlocks, one.metrics.totalBlocks], [6, 1]);
  const both = await search("--block", GOLDEN_V5, "--block", GOLDEN_V4);
  assert.equal(both.metrics.totalBlocks, 2);
});

Deno.test("a search for people, with spans and what it cost", async () => {
  const args = ["query", "search", GOLDEN_TENANT, "{ status = error }", "--block", GOLDEN_V5];
  const { out } = await cli(store, [...args, "--limit", "2", "--spans", "--spss", "1"]);
  const lines = out.split("\n");
  assert.match(lines[0]!, /^TRACE +START \(UTC\) +DURATION +MATCHED +ROOT SERVICE +ROOT SPAN$/);
  assert.match(lines[1]!, /^[0-9a-f]{32} {2}2026-01-01 \d\d:\d\d:\d\d +\S+m?s +\d+ {2}gateway/);
  assert.match(lines[2]!, /^ {2}span [0-9a-f]{16} .* status="error"$/);
  assert.match(
    out,
    /\n\n2 traces \(as many as --limit allows\); 1 blocks, [\d.]+ KiB of 218 KiB inspected, 2,658 spans\n$/,
  );
  const none = await cli(store, ["query", "search", GOLDEN_TENANT, '{ name = "nowhere" }']);
  assert.equal(none.code, 0);
  assert.match(none.out, /^0 traces; 6 blocks/);
});

Deno.test("times choose blocks and traces", async () => {
  const search = async (...flags: string[]) =>
    (await cli(store, [
      "query",
      "search",
      GOLDEN_TENANT,
      "{}",
      "--limit",
      "500",
      "--json",
      ...flags,
    ]))
      .json();
  const all = await search("--start", "24h");
  const before = await search("--start", "2026-01-01T11:00:00Z", "--end", "2026-01-01T12:00:30Z");
  assert.ok(before.traces.length > 0 && before.traces.length < all.traces.length);
  const end = BigInt(Date.parse("2026-01-01T12:00:30Z")) * 1_000_000n;
  for (const trace of before.traces) assert.ok(BigInt(trace.startTimeUnixNano ?? 0) <= end);
  const seconds = await search("--start", "1767265200", "--end", "1767268830");
  assert.deepEqual(seconds.traces, before.traces);
  const nothing = await search("--start", "1h");
  assert.equal(nothing.metrics.totalBlocks ?? 0, 0);
});
