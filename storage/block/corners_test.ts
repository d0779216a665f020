// The corners of the format, each alone: a block of some odd traces only, whose rows must be those that the
// peer has for them. And what no golden trace reaches: a huge one, and times that no number holds.
import assert from "node:assert/strict";
import type { BlockFormat } from "../../model/block_meta.ts";
import { dedicatedAttributes, defaultDedicated } from "../../model/dedicated_attributes.ts";
import { OtlpDecoder } from "../../model/otlp_decode.ts";
import { SpanColumns } from "../../model/span_columns.ts";
import type { ColumnText } from "../../tests/support/column_text.ts";
import { goldenBlock, goldenColumns } from "../../tests/support/golden_blocks.ts";
import { columnName, columnOf, parquetOf, rowsOf } from "../../tests/support/golden_columns.ts";
import { allGoldenTraces } from "../../tests/support/golden_traces.ts";
import { decodeOtlp, encodeOtlp, type Plain } from "../../tests/support/otlp.ts";
import { MemoryObjectStore } from "../store/memory.ts";
import { openBlock } from "./block.ts";
import { BlockCache } from "./block_cache.ts";
import { writeBlock } from "./block_writer.ts";

const corners: Readonly<Record<string, readonly string[]>> = {
  "links, their attributes and trace states": ["links", "tracestate"],
  "links that are parents": ["links-child-of-root", "links-child-of-other"],
  "events and their attributes, before and after their span": ["events", "events-before-start"],
  "scopes with attributes, and scopes alike": ["scopes", "no-scope", "rebatch"],
  "values of every type at every place": ["types-everywhere", "types-one-each"],
  "arrays of every type, empty and mixed": ["arrays-span", "types-one-each"],
  "numbers at their ends": ["numbers", "numeric-types-mix", "enum-unknown"],
  "bytes, lists of pairs, values without a value": ["ded-bytes-kv", "ded-unset", "types-one-each"],
  "dedicated keys of the right type": ["ded-present", "ded-empty-string", "ded-negative"],
  "dedicated keys of another type": ["ded-wrong-type", "ded-double-bool", "ded-bytes-kv"],
  "dedicated keys with arrays": ["ded-array", "ded-array-one", "ded-array-empty"],
  "dedicated keys with arrays of others": ["ded-array-wrong", "ded-array-mixed"],
  "keys that come twice": ["ded-duplicate-key", "dup-keys", "service-twice"],
  "several roots": ["multi-root"],
  "orphans": ["orphan", "orphan-only", "cycle-and-root"],
  "two spans of one id": ["zipkin-pair", "zipkin-pair-root", "zipkin-server-first"],
  "one id twice of one kind, and three times": ["dup-id-same-kind", "dup-id-3x"],
  "the same span again": ["dup-span-identical"],
  "resources and scopes without spans": ["empty-containers", "empty-resource"],
  "services that are no strings": ["no-service", "service-int", "service-array", "service-empty"],
  "ids with leading zeros": ["id-lead-1", "id-lead-nibble", "id-lead-8", "id-lead-15"],
  "the last id and half of one": ["id-max", "id-mid-zero"],
  "parents of zeros and short ones": ["zero-parent-bytes", "short-parent"],
  "ends before starts, starts and ends at zero": [
    "end-before-start",
    "end-before-start-root",
    "zero-start",
    "zero-end",
    "zero-duration",
  ],
  "starts on the edge of intervals": ["rounding"],
  "counts of what was dropped": ["dropped-counts"],
  "texts of every script, odd keys, nothing at all": ["unicode", "odd-keys", "empty-strings"],
  "texts that are cut elsewhere": ["long-values"],
  "deep, wide, and children first": ["deep-chain", "wide", "child-first", "tree"],
  "a trace of 2,000 spans": ["big"],
};

const signal = new AbortController().signal;
const pause = () => Promise.resolve();

async function written(columns: SpanColumns, spansPerRowGroup = 80_000) {
  const store = new MemoryObjectStore();
  const request = {
    tenant: "t",
    blockId: "00000000-0000-4000-8000-000000000001",
    columns,
    spansPerRowGroup,
    codec: "zstd" as const,
    clampStartMs: 0,
    clampEndMs: 2 ** 42,
    replicationFactor: 1,
    hasNoCompactFlag: false,
  };
  return { store, meta: await writeBlock(store, request, pause, signal) };
}

const traces = new Map(allGoldenTraces().map(({ name, message }) => [name, message]));

for (const name of ["v5-default", "v4-default"]) {
  const golden = goldenColumns(name);
  const all = golden.map(({ row_groups: [group] }): ColumnText => ({
    r: group!.r,
    d: group!.d,
    v: group!.v.map((value) => JSON.stringify(value)),
  }));
  const { meta: { format, dedicatedColumns } } = await goldenBlock(name);
  const dedicated = dedicatedAttributes(dedicatedColumns!, format as BlockFormat);

  for (const [corner, names] of Object.entries(corners)) {
    Deno.test(`${format}, ${corner}`, async () => {
      const columns = new SpanColumns(dedicated);
      const decoder = new OtlpDecoder(columns, { keepsZeroParents: true });
      for (const name of names) decoder.decode(traces.get(name)!);
      const { store, meta } = await written(columns);
      const file = await parquetOf(store, meta);
      const ids = (await columnOf(file, golden[0]!)).v;
      assert.equal(ids.length, names.length);
      const rows = ids.map((id) => all[0]!.v.indexOf(id));
      for (const [i, column] of golden.entries()) {
        const path = columnName(column.path);
        const { definitionMax } = file.metadata.leaves[i]!;
        const wanted = rowsOf(all[i]!, definitionMax);
        const given = rowsOf(await columnOf(file, column), definitionMax);
        assert.deepEqual(given, rows.map((row) => wanted[row]), path);
      }
    });
  }
}

const T0_NANO = 1_767_268_800_000_000_000n;

Deno.test("a trace of 100,000 spans is one row, found whole, with a tree over all of it", async () => {
  const count = 100_000;
  const idOf = (i: number) => {
    const id = new Uint8Array(8);
    new DataView(id.buffer).setUint32(4, i + 1);
    return id;
  };
  const traceId = new Uint8Array(16).fill(7);
  const columns = new SpanColumns(defaultDedicated);
  const decoder = new OtlpDecoder(columns);
  for (let from = 0; from < count; from += 5000) {
    const spans = Array.from({ length: 5000 }, (_, k): Plain => {
      const i = from + k;
      return {
        traceId,
        spanId: idOf(i),
        parentSpanId: i === 0 ? new Uint8Array(0) : idOf((i - 1) >> 1),
        name: `n${i % 10}`,
        startTimeUnixNano: String(T0_NANO + BigInt(i)),
        endTimeUnixNano: String(T0_NANO + BigInt(2 * count)),
      };
    });
    decoder.decode(encodeOtlp({ resourceSpans: [{ scopeSpans: [{ spans }] }] }));
  }
  decoder.decode(encodeOtlp({
    resourceSpans: [{ scopeSpans: [{ spans: [{ traceId: new Uint8Array(16).fill(9) }] }] }],
  }));
  const { store, meta } = await written(columns);
  assert.deepEqual([meta.totalObjects, meta.totalRecords], [2, 2]);
  const block = await openBlock(store, meta, new BlockCache(1 << 28));
  assert.equal(block.rowGroups[0]!.spans, count);
  const { left, right, parent, childCount } = await block.view(0).nestedSets();
  assert.deepEqual([left[0], right[0], parent[0], childCount[0]], [1, 2 * count, -1, 2]);
  assert.equal(new Set(left).size, count);
  assert.equal(childCount.reduce((sum, n) => sum + n, 0), count - 1);
  const found = decodeOtlp((await block.findTrace(traceId))!);
  const spans: Plain[] = found.resourceSpans[0].scopeSpans[0].spans;
  assert.equal(spans.length, count);
  assert.deepEqual(spans.at(-1)!.spanId, idOf(count - 1));
  assert.equal(spans.at(-1)!.startTimeUnixNano, String(T0_NANO + BigInt(count - 1)));
});

Deno.test("times far apart, durations over 2^53 and ends before starts come back to the nanosecond", async () => {
  const top = 2n ** 64n - 1n;
  const times: [bigint, bigint][] = [
    [T0_NANO, T0_NANO + 5n],
    [0n, T0_NANO],
    [0n, 0n],
    [1n, top],
    [top, top],
    [T0_NANO, 0n],
    [T0_NANO + 1n, T0_NANO],
    [T0_NANO, T0_NANO + 2n ** 53n],
    [T0_NANO, T0_NANO + 2n ** 53n + 1n],
    [T0_NANO, T0_NANO - 2n ** 53n - 1n],
    [2n ** 63n, 2n ** 63n + 3n],
  ];
  const columns = new SpanColumns(defaultDedicated);
  const decoder = new OtlpDecoder(columns);
  for (const [i, [start, end]] of times.entries()) {
    const span = {
      traceId: new Uint8Array(16).fill(i + 1),
      spanId: new Uint8Array(8).fill(1),
      startTimeUnixNano: String(start),
      endTimeUnixNano: String(end),
      events: [{ timeUnixNano: String(end), name: "e" }, { timeUnixNano: "0", name: "zero" }],
    };
    decoder.decode(encodeOtlp({ resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] }));
  }
  const { store, meta } = await written(columns, 4);
  const block = await openBlock(store, meta, new BlockCache(1 << 26));
  const wrapped = (value: bigint) => BigInt.asUintN(64, value);
  const durations: bigint[] = [];
  for (const group of block.file.metadata.rowGroups) {
    const column = (await block.file.column(group, "rs.ss.Spans.DurationNano"))!;
    const view = new DataView(column.words.buffer, column.words.byteOffset);
    for (let i = 0; i < column.valueCount; i++) durations.push(view.getBigUint64(i * 8, true));
  }
  assert.deepEqual(durations, times.map(([start, end]) => wrapped(end - start)));
  for (const [i, [start, end]] of times.entries()) {
    const found = decodeOtlp((await block.findTrace(new Uint8Array(16).fill(i + 1)))!);
    const [span] = found.resourceSpans[0].scopeSpans[0].spans;
    assert.equal(span.startTimeUnixNano, String(start));
    assert.equal(span.endTimeUnixNano, String(end));
    assert.deepEqual(
      span.events.map(({ timeUnixNano }: Plain) => timeUnixNano),
      [String(end), "0"],
    );
  }
});
