import assert from "node:assert/strict";
import { compactedMetaKey, dataKey, metaKey, noCompactKey } from "../../model/block_meta.ts";
import { MemoryObjectStore } from "../../storage/mod.ts";
import {
  GOLDEN_TENANT,
  GOLDEN_V4,
  GOLDEN_V5,
  goldenStore,
} from "../../tests/support/golden_store.ts";
import { cli, hasTrace, statesOf } from "./cli_testing.ts";

const DROP = ["rewrite-blocks", "drop-traces", GOLDEN_TENANT];
const ONE = "160de79e0ed526064d62e740c1c1312d";
const OTHER = "466dc55667f58a0e26d02ea67aa5e556";

const has = (store: MemoryObjectStore, id: string) => hasTrace(store, GOLDEN_TENANT, id);

/** Objects by key, to see that nothing changed. */
const objectsOf = (store: MemoryObjectStore) => new Map(store.objects);

Deno.test("dropped traces are gone from every block, all others are found, receipts add up", async () => {
  const store = await goldenStore(["v5-default", "v4-default", "compaction-out"]);
  const before = await cli(store, [
    "query",
    "search",
    GOLDEN_TENANT,
    "{}",
    "--limit",
    "500",
    "--json",
  ]);
  const ran = await cli(store, [...DROP, ONE, OTHER.toUpperCase(), "--yes", "--json"]);
  assert.deepEqual([ran.code, ran.err], [0, ""]);
  const { blocks, missing, isDryRun } = ran.json();
  assert.deepEqual([missing, isDryRun, blocks.length], [[], false, 3]);
  for (const { removed, blockId } of blocks) {
    assert.deepEqual(removed, { traceIds: [ONE, OTHER], spans: 26 }, blockId);
  }
  assert.deepEqual([await has(store, ONE), await has(store, OTHER)], [false, false]);
  const after = await cli(store, [
    "query",
    "search",
    GOLDEN_TENANT,
    "{}",
    "--limit",
    "500",
    "--json",
  ]);
  const ids = (answer: any) => answer.traces.map((trace: any) => trace.traceID).sort();
  assert.deepEqual(
    ids(after.json()),
    ids(before.json()).filter((id: string) => id !== ONE && id !== OTHER),
  );
  const states = await statesOf(store);
  for (const { blockId, newBlockId } of blocks) {
    assert.deepEqual([states[blockId], states[newBlockId]], ["compacted", "live"]);
  }
  const verified = await cli(store, ["verify", "blocks", GOLDEN_TENANT]);
  assert.equal(verified.code, 0, verified.out);
});

Deno.test("a dry run tells and changes nothing, and so does a question that is denied", async () => {
  const store = await goldenStore(["v5-default", "v5-small-groups"]);
  const before = objectsOf(store);
  const dry = await cli(store, [...DROP, ONE, "-dry-run"]);
  assert.equal(dry.code, 0);
  assert.equal(
    dry.out,
    `BLOCK                                    SIZE  TRACES   OF  SPANS
${GOLDEN_V5}  218 KiB       1  126      1
5a6b0000-0000-4000-8000-000000000002  391 KiB       1  126      1
`,
  );
  const json = (await cli(store, [...DROP, ONE, "--dry-run", "--json"])).json();
  assert.deepEqual([json.isDryRun, json.blocks.length], [true, 2]);
  const questions: string[] = [];
  const ask = (question: string) => {
    questions.push(question);
    return false;
  };
  assert.equal((await cli(store, [...DROP, ONE], { ask })).code, 1);
  assert.deepEqual(questions, ["rewrite 2 blocks without 1 traces"]);
  const silent = await cli(store, [...DROP, ONE]);
  assert.equal(silent.code, 2);
  assert.match(silent.err, /rewrite 2 blocks without 1 traces: say so with --yes/);
  assert.deepEqual(objectsOf(store), before);
});

Deno.test("traces that nobody has are told, with exit code 1 if it is all of them", async () => {
  const store = await goldenStore(["v5-default"]);
  const before = objectsOf(store);
  const none = await cli(store, [...DROP, "abc", "--yes"]);
  assert.equal(none.code, 1);
  assert.match(none.err, /no trace 0{29}abc in 1 blocks\nsegno: none of 1 traces is in tenant/);
  assert.deepEqual(objectsOf(store), before);
  const some = await cli(store, [...DROP, "abc", ONE, "--yes", "--json"]);
  assert.equal(some.code, 0);
  assert.deepEqual(some.json().missing, ["abc".padStart(32, "0")]);
  assert.equal((await cli(store, DROP)).code, 2);
});

Deno.test("a block that has no other traces is retired and has no successor", async () => {
  const store = await goldenStore(["v5-default"]);
  const { traces } = JSON.parse(
    Deno.readTextFileSync(new URL("../../tests/golden/traces/index.json", import.meta.url)),
  );
  const ids = traces.map(({ traceID }: any) => traceID);
  const { out, code } = await cli(store, [...DROP, ...ids, "--yes"]);
  assert.equal(code, 0);
  assert.match(out, /0001 {2}nothing, it has no other traces/);
  assert.deepEqual(await statesOf(store), { [GOLDEN_V5]: "compacted" });
});

Deno.test("an interrupt leaves every block as it was or replaced, and is told with what was done", async () => {
  const store = await goldenStore(["v5-default", "v5-small-groups", "compaction-out"]);
  const stop = new AbortController();
  const write = store.write.bind(store);
  let metas = 0;
  store.write = async (key, ...rest) => {
    await write(key, ...rest);
    if (key.endsWith("/meta.compacted.json") && ++metas === 2) stop.abort(new Error("interrupted"));
  };
  const ran = await cli(store, [...DROP, ONE, "--yes", "--json"], { signal: stop.signal });
  assert.equal(ran.code, 130);
  const done = ran.json().blocks.map(({ blockId }: any) => blockId);
  assert.equal(done.length, 2);
  const states = await statesOf(store);
  const live = Object.entries(states).filter(([, state]) => state === "live");
  assert.equal(live.length, 3);
  assert.equal(live.filter(([id]) => !done.includes(id)).length, 3);
});

Deno.test("a block that somebody else retires meanwhile keeps its other successor alone", async () => {
  const store = await goldenStore(["v5-default"]);
  const write = store.write.bind(store);
  store.write = async (key, ...rest) => {
    await write(key, ...rest);
    if (!key.endsWith("/meta.json")) return;
    const old = store.objects.get(metaKey(GOLDEN_TENANT, GOLDEN_V5))!;
    await write(compactedMetaKey(GOLDEN_TENANT, GOLDEN_V5), old);
    await store.delete(metaKey(GOLDEN_TENANT, GOLDEN_V5));
  };
  const { code, err } = await cli(store, [...DROP, ONE, "--yes"]);
  assert.equal(code, 1);
  assert.match(err, /0001 was compacted by somebody else meanwhile; try again/);
  assert.deepEqual(await statesOf(store), { [GOLDEN_V5]: "compacted" });
});

Deno.test("a successor that is not sound is deleted, and the old block stays", async () => {
  const store = await goldenStore(["v5-default"]);
  const before = objectsOf(store);
  const openWriter = store.openWriter.bind(store);
  store.openWriter = async (key) => {
    const writer = await openWriter(key);
    let isFirst = true;
    const write = async (bytes: Uint8Array) => {
      const copy = bytes.slice();
      if (isFirst) copy[copy.length - 1]! ^= 1;
      isFirst = false;
      await writer.write(copy);
    };
    return { write, close: () => writer.close(), abort: () => writer.abort() };
  };
  const { code, err } = await cli(store, [...DROP, ONE, "--yes"]);
  assert.equal(code, 1);
  assert.match(err, /written anew, a block was not sound: /);
  assert.deepEqual(objectsOf(store), before);
});

Deno.test("a block that is being built is left to its builder", async () => {
  const store = await goldenStore(["v5-default"]);
  await store.write(noCompactKey(GOLDEN_TENANT, GOLDEN_V5), new Uint8Array(0));
  const { code, err } = await cli(store, [...DROP, ONE, "--yes"]);
  assert.equal(code, 1);
  assert.match(err, /0001 has nocompact.flg: try later/);
  assert.equal(await has(store, ONE), true);
});

Deno.test("a vParquet4 block becomes a vParquet5 one with the same traces and columns", async () => {
  const store = await goldenStore(["v4-default", "v5-default"]);
  const old = (await cli(store, ["view", "block", GOLDEN_TENANT, GOLDEN_V4, "--json"])).json();
  const ids = JSON.parse(
    Deno.readTextFileSync(new URL("../../tests/golden/traces/index.json", import.meta.url)),
  ).traces.map(({ traceID }: any) => traceID);
  const trace = async (id: string, block: string) =>
    (await cli(store, ["query", "trace-summary", GOLDEN_TENANT, id, "--block", block])).out;
  const dry = await cli(store, ["convert", "4to5", GOLDEN_TENANT, "--dry-run", "--json"]);
  assert.deepEqual(dry.json().blocks.map(({ blockId }: any) => blockId), [GOLDEN_V4]);
  const ran = await cli(store, ["convert", "4to5", GOLDEN_TENANT, "--yes", "--json"]);
  assert.equal(ran.code, 0, ran.err);
  const [{ blockId, newBlockId, spans, removed }] = ran.json().blocks;
  assert.deepEqual([blockId, spans, removed], [GOLDEN_V4, 2658, { traceIds: [], spans: 0 }]);
  const block = (await cli(store, ["view", "block", GOLDEN_TENANT, newBlockId, "--json"])).json();
  assert.equal(block.meta.format, "vParquet5");
  assert.deepEqual(block.meta.dedicatedColumns, old.meta.dedicatedColumns);
  assert.deepEqual(block.meta.replaces, [GOLDEN_V4]);
  const attributes = (one: any) =>
    one.columns.filter(({ path }: any) => path.includes(".DedicatedAttributes."))
      .flatMap(({ attribute }: any) => attribute ?? []).sort();
  assert.deepEqual(attributes(block), attributes(old));
  const some = ids.filter((_: string, i: number) => i % 9 === 0);
  for (const id of some) {
    assert.equal(await trace(id, newBlockId), await trace(id, GOLDEN_V4), id);
  }
  assert.equal((await cli(store, ["verify", "block", GOLDEN_TENANT, newBlockId])).code, 0);
  const again = await cli(store, ["convert", "4to5", GOLDEN_TENANT, "--yes"]);
  assert.deepEqual([again.code, again.err], [
    1,
    `segno: no vParquet4 blocks of tenant ${GOLDEN_TENANT}\n`,
  ]);
});

Deno.test("a conversion takes the configuration's columns if told so, and no block of another format", async () => {
  const store = await goldenStore(["v4-default", "v5-default"]);
  const named = await cli(store, ["convert", "4to5", GOLDEN_TENANT, GOLDEN_V5, "--yes"]);
  assert.equal(named.code, 2);
  assert.match(named.err, /0001 is vParquet5, not vParquet4/);
  const whose = await cli(store, ["convert", "4to5", GOLDEN_TENANT, "--dedicated", "mine"]);
  assert.match(whose.err, /--dedicated: expected block or config, not "mine"/);
  const args = ["convert", "4to5", GOLDEN_TENANT, GOLDEN_V4, "--yes", "--dedicated=config"];
  const ran = await cli(store, args);
  assert.equal(ran.code, 0, ran.err);
  assert.match(
    ran.out,
    /^BLOCK +CONVERTED TO +SPANS +SIZE +OF BEFORE\n5a6b\S+04 {2}\S{36} {2}2,658/,
  );
  const newBlockId = ran.out.split("\n")[1]!.split(/ +/)[1]!;
  const block = (await cli(store, ["view", "block", GOLDEN_TENANT, newBlockId, "--json"])).json();
  const plain = (await cli(store, ["view", "block", GOLDEN_TENANT, GOLDEN_V5, "--json"])).json();
  assert.deepEqual(block.meta.dedicatedColumns, plain.meta.dedicatedColumns);
  assert.ok(store.objects.has(dataKey(GOLDEN_TENANT, GOLDEN_V4)), "retention takes it");
});

Deno.test("what is written anew is as the configuration and the tenant's limits have it", async () => {
  const files: Record<string, string> = {
    "segno.yaml": JSON.stringify({
      segno: { block_codec: "snappy", spans_per_row_group: 500 },
      storage: { trace: { block: { bloom_filter_shard_size_bytes: 64 } } },
      overrides: { per_tenant_override_config: "tenants.yaml" },
    }),
    "tenants.yaml": JSON.stringify({
      overrides: {
        [GOLDEN_TENANT]: {
          storage: { parquet_dedicated_columns: [{ scope: "span", name: "a", type: "string" }] },
        },
      },
    }),
  };
  const readFile = (path: string) => files[path]!;
  const told = ["--config-file", "segno.yaml", "--yes", "--json"];
  const store = await goldenStore(["v4-default"]);
  const viewed = async (id: string) =>
    (await cli(store, ["view", "block", GOLDEN_TENANT, id, "--json"])).json();

  const ids = JSON.parse(
    Deno.readTextFileSync(new URL("../../tests/golden/traces/index.json", import.meta.url)),
  ).traces.map(({ traceID }: any) => traceID);
  const drop = ["rewrite-blocks", "drop-traces", GOLDEN_TENANT, ids[0], ...told];
  const dropped = await cli(store, drop, { readFile });
  assert.equal(dropped.code, 0, dropped.err);
  const [{ newBlockId: rest }] = dropped.json().blocks;
  const redacted = await viewed(rest);
  assert.equal(redacted.meta.format, "vParquet4", "the format stays");
  assert.equal((await cli(store, ["verify", "block", GOLDEN_TENANT, rest])).code, 0);

  const convert = ["convert", "4to5", GOLDEN_TENANT, "--dedicated=config", ...told];
  const converted = await cli(store, convert, { readFile });
  assert.equal(converted.code, 0, converted.err);
  const [{ newBlockId }] = converted.json().blocks;
  const block = await viewed(newBlockId);
  assert.deepEqual(block.meta.dedicatedColumns, [{ n: "a" }]);
  for (const { meta, rowGroups, columns } of [redacted, block]) {
    assert.ok(rowGroups.length > 1);
    assert.ok(meta.bloomShards > 1, "small shards");
    assert.ok(JSON.stringify(columns).includes("snappy"));
  }
});
