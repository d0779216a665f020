import assert from "node:assert/strict";
import type { DedicatedColumnMeta } from "../../model/block_meta.ts";
import { dedicatedAttributes } from "../../model/dedicated_attributes.ts";
import { OtlpDecoder } from "../../model/otlp_decode.ts";
import { SpanColumns } from "../../model/span_columns.ts";
import { allGoldenTraces } from "../../tests/support/golden_traces.ts";
import { encodeOtlp } from "../../tests/support/otlp.ts";
import { goldenBlock, goldenBlocks } from "../../tests/support/golden_blocks.ts";
import { Block } from "../block/block.ts";
import { BlockCache } from "../block/block_cache.ts";
import { addAnalyses, analyseBlock, type ScopedUse } from "./analyse_block.ts";
import { signal, someBlock, someSpans } from "../../tests/support/some_block.ts";

const LISTS = {
  resource: "rs.Resource.Attrs",
  span: "rs.ss.Spans.Attrs",
  event: "rs.ss.Spans.Events.Attrs",
} as const;
const LEAVES = ["Value", "ValueInt", "ValueDouble", "ValueBool", "ValueUnsupported"];

for (const name of Object.keys(goldenBlocks)) {
  Deno.test(`every attribute of golden block ${name} is counted once, every byte given to one`, async () => {
    const { store, meta } = await goldenBlock(name);
    const { scopes, attributes } = await analyseBlock(store, meta, signal);
    const { file } = await Block.open(store, meta, new BlockCache(1 << 26));
    for (const { scope, attrsBytes } of scopes) {
      const uses = attributes.filter((use) => use.scope === scope && !use.isDedicated);
      const keys = new Map<string, number>();
      let [values, sizeBytes] = [0, 0];
      for (const group of file.metadata.rowGroups) {
        const column = (await file.column(group, `${LISTS[scope]}.Key`))!;
        for (const code of column.codes.subarray(0, column.valueCount)) {
          const key = column.dictionary.text(code);
          keys.set(key, (keys.get(key) ?? 0) + 1);
        }
        for (const leaf of LEAVES) {
          values += (await file.column(group, `${LISTS[scope]}.${leaf}`))!.valueCount;
        }
        for (const leaf of ["Key", "IsArray", ...LEAVES]) {
          sizeBytes += group.chunks.get(`${LISTS[scope]}.${leaf}`)!.sizeBytes;
        }
      }
      assert.equal(attrsBytes, sizeBytes);
      const found = new Map<string, number>();
      for (const { key, owners } of uses) found.set(key, (found.get(key) ?? 0) + owners);
      // A key may have a column in the form of one type, and be an ordinary attribute in others.
      const dedicated = new Set(
        attributes.filter((use) => use.scope === scope && use.isDedicated).map(({ key }) => key),
      );
      for (const [key, count] of keys) {
        if (!dedicated.has(key)) assert.equal(found.get(key), count, `${scope} ${key}`);
      }
      if (dedicated.size > 0) continue;
      assert.equal(uses.reduce((sum, use) => sum + use.values, 0), values);
      const shared = uses.reduce((sum, { bytesInAttrs }) => sum + bytesInAttrs, 0);
      assert.ok(Math.abs(shared - attrsBytes) <= uses.length, `${shared} of ${attrsBytes} bytes`);
    }
  });
}

Deno.test("what a column would take is what it takes once it is one", async () => {
  const dedicated: DedicatedColumnMeta[] = [
    { s: "resource", n: "host.name" },
    { n: "http.url" },
    { n: "http.method" },
    { n: "http.status_code", t: "int" },
  ];
  const others: DedicatedColumnMeta[] = [{ s: "resource", n: "unused" }, { n: "unused" }];
  for (const codec of ["zstd", "snappy"] as const) {
    const without = await someBlock(someSpans(1500, others), { codec });
    const guessed = (await analyseBlock(without.store, without.meta, signal)).attributes;
    const having = await someBlock(someSpans(1500, dedicated), { codec });
    const actual = (await analyseBlock(having.store, having.meta, signal)).attributes;
    for (const { s = "span", n, t = "string" } of dedicated) {
      const of = (uses: readonly ScopedUse[]) =>
        uses.find((use) => use.scope === s && use.key === n && use.type === t)!;
      const [guess, is] = [of(guessed), of(actual)];
      assert.deepEqual([guess.isDedicated, is.isDedicated], [false, true]);
      for (const field of ["owners", "values", "arrays", "distinct", "distinctBytes"] as const) {
        assert.equal(guess[field], is[field], `${n} ${field}`);
      }
      // Mostly different strings have no dictionary in ours: as a blob, then, and those are zstd.
      if (n === "http.url" && codec !== "zstd") continue;
      const bytes = n === "http.url" ? guess.bytesAsBlob : guess.bytesAsColumn;
      const error = Math.abs(bytes - is.bytesAsColumn) / is.bytesAsColumn;
      assert.ok(error < 0.1, `${codec} ${n}: ${bytes} guessed, ${is.bytesAsColumn} taken`);
    }
  }
});

Deno.test("what few spans have takes as much as a column as it then does", async () => {
  const key = "db.statement";
  const analysed = async (dedicated: DedicatedColumnMeta[]) => {
    const columns = new SpanColumns(dedicatedAttributes(dedicated));
    const decoder = new OtlpDecoder(columns, { keepsZeroParents: true });
    for (const { message } of allGoldenTraces()) decoder.decode(message);
    const { store, meta } = await someBlock(columns, { codec: "snappy" });
    const { attributes } = await analyseBlock(store, meta, signal);
    return attributes.find((use) => use.key === key && use.type === "string")!;
  };
  const unused: DedicatedColumnMeta[] = [{ s: "resource", n: "unused" }];
  const guess = await analysed([...unused, { n: "unused" }]);
  const is = await analysed([...unused, { n: key }]);
  assert.deepEqual([guess.owners, guess.values, guess.arrays], [is.owners, is.values, is.arrays]);
  const { bytesAsColumn: guessed } = guess;
  const error = Math.abs(guessed - is.bytesAsColumn) / is.bytesAsColumn;
  assert.ok(error < 0.1, `${guessed} guessed, ${is.bytesAsColumn} taken`);
});

Deno.test("of very many keys all are counted, and those of most values measured", async () => {
  const columns = new SpanColumns(dedicatedAttributes([{ s: "resource", n: "x" }, { n: "x" }]));
  const decoder = new OtlpDecoder(columns);
  const text = (key: string) => ({ key, value: { stringValue: "v" } });
  for (let i = 0; i < 30; i++) {
    const attributes = Array.from({ length: 100 }, (_, k) => text(`rare.${i * 100 + k}`));
    const span = {
      traceId: new Uint8Array(16).fill(i + 1),
      spanId: new Uint8Array(8).fill(1),
      attributes: [text("often"), ...attributes],
    };
    const scopeSpans = [{ spans: [span] }];
    decoder.decode(encodeOtlp({ resourceSpans: [{ resource: { attributes: [] }, scopeSpans }] }));
  }
  const { store, meta } = await someBlock(columns);
  const { attributes } = await analyseBlock(store, meta, signal);
  assert.equal(attributes.filter(({ isDedicated }) => !isDedicated).length, 3001);
  assert.equal(attributes.filter((use) => !use.isDedicated && use.bytesAsColumn > 0).length, 200);
  const often = attributes.find(({ key }) => key === "often")!;
  assert.ok(often.owners === 30 && often.bytesAsColumn > 0);
});

Deno.test("columns of their own in golden blocks take what the block without them foretells", async () => {
  const [plain, custom] = await Promise.all(["v5-default", "v5-custom-dedicated"].map(goldenBlock));
  const foretold = (await analyseBlock(plain!.store, plain!.meta, signal)).attributes;
  const { attributes } = await analyseBlock(custom!.store, custom!.meta, signal);
  let compared = 0;
  for (const use of attributes.filter(({ isDedicated }) => isDedicated)) {
    const before = foretold.find(({ scope, key, type }) =>
      scope === use.scope && key === use.key && type === use.type
    );
    // How well a blob is compressed depends on the compressor.
    if (before === undefined || before.isDedicated || use.bytesAsBlob > 0) continue;
    compared++;
    const bytes = before.bytesAsColumn;
    // Column of a few hundred bytes are mostly headers, and ours are shorter.
    assert.ok(Math.abs(bytes - use.bytesAsColumn) < 120 + use.bytesAsColumn * 0.2, use.key);
  }
  assert.ok(compared >= 5, `${compared} compared`);
});

Deno.test("analyses of blocks add up, in any order", async () => {
  const parts = [];
  for (const name of ["v5-default", "v4-default", "compaction-a"]) {
    const { store, meta } = await goldenBlock(name);
    parts.push(await analyseBlock(store, meta, signal));
  }
  const all = addAnalyses(parts);
  assert.equal(all.blocks, 3);
  assert.equal(all.traces, 126 + 126 + 99);
  // An estimate is rounded part by part; nothing else depends on the order.
  assert.deepEqual(addAnalyses(parts.toReversed()), all);
});
