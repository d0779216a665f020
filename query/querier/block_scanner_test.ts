import assert from "node:assert/strict";
import { CorruptionError } from "../../lib/errors.ts";
import { nextTurn } from "../../lib/waiting.ts";
import { type BlockMeta, bloomKey, dataKey } from "../../model/block_meta.ts";
import { goldenBlock, goldenFinds } from "../../tests/support/golden_blocks.ts";
import type { MemoryObjectStore } from "../../storage/mod.ts";
import type { SearchRequest, TagsRequest } from "../engine/mod.ts";
import { BlockScanner } from "./block_scanner.ts";

const search = (query: string, limit = 1000): SearchRequest => ({
  kind: "search",
  tenant: "single-tenant",
  query,
  limit,
  spansPerSpanSet: 3,
  startSeconds: 0,
  endSeconds: 0,
  mostRecent: false,
});

const OPTIONS = { cacheBytesMax: 1 << 24, scansMax: 2, findsMax: 2 };
const signal = new AbortController().signal;

async function aScanner(name: string) {
  const { store, meta } = await goldenBlock(name);
  return { store, meta, scanner: new BlockScanner(store, OPTIONS, nextTurn) };
}

/** A copy of a block under another id. */
async function copyOf(store: MemoryObjectStore, meta: BlockMeta, blockID: string) {
  const copy = { ...meta, blockID };
  const bytes = await store.read(dataKey(meta.tenantID, meta.blockID));
  await store.write(dataKey(meta.tenantID, blockID), bytes);
  return copy;
}

Deno.test("a block of several row groups answers as the same traces in one row group", async () => {
  const one = await aScanner("v5-default");
  const several = await aScanner("v5-small-groups");
  for (const query of ["{}", "{ status = error }", "{ kind = server } >> { kind = client }"]) {
    const a = await one.scanner.scan(search(query), [one.meta], signal);
    const b = await several.scanner.scan(search(query), [several.meta], signal);
    assert.ok(a.answer.traces.length > 5);
    assert.deepEqual(b.answer.traces, a.answer.traces, query);
    assert.equal(b.completedBlocks, 1);
  }
  const tags: TagsRequest = {
    kind: "tags",
    tenant: "single-tenant",
    scope: "",
    query: "",
    startSeconds: 0,
    endSeconds: 0,
  };
  const a = (await one.scanner.scan(tags, [one.meta], signal)).answer.scopes;
  const b = (await several.scanner.scan(tags, [several.meta], signal)).answer.scopes;
  assert.deepEqual(b, a);
});

Deno.test("a search ends with the row group that gives enough", async () => {
  const { scanner, meta } = await aScanner("v5-small-groups");
  const all = await scanner.scan(search("{}"), [meta], signal);
  const few = await scanner.scan(search("{}", 3), [meta], signal);
  assert.equal(few.answer.traces.length, 3);
  assert.ok(few.answer.inspectedSpans < all.answer.inspectedSpans / 2);
});

Deno.test("the same block twice is the same answer", async () => {
  const { scanner, store, meta } = await aScanner("v5-small-groups");
  const copy = await copyOf(store, meta, "00000000-0000-4000-8000-000000000002");
  const once = await scanner.scan(search("{ status = error }"), [meta], signal);
  const twice = await scanner.scan(search("{ status = error }"), [meta, copy], signal);
  assert.deepEqual(twice.answer.traces, once.answer.traces);
  assert.equal(twice.completedBlocks, 2);
});

Deno.test("a damaged block fails a search by its name, a find goes on without it", async () => {
  const { scanner, store, meta } = await aScanner("v5-default");
  const bad = await copyOf(store, meta, "00000000-0000-4000-8000-000000000003");
  const bytes = await store.read(dataKey(bad.tenantID, bad.blockID));
  bytes.fill(0xff, 4, bytes.length - meta.footerSize - 8);
  await store.write(dataKey(bad.tenantID, bad.blockID), bytes);
  await assert.rejects(
    scanner.scan(search("{ name = `nosuch` }"), [bad, meta], signal),
    (error: unknown) => error instanceof CorruptionError && error.message.includes(bad.blockID),
  );
  const { traceID } = goldenFinds("v5-default")[0]!;
  const found = await scanner.find(Uint8Array.fromHex(traceID), [bad, meta], signal);
  assert.equal(found.traces.length, 1);
  assert.equal(found.failedBlocks.length, 1);
  assert.match(found.failedBlocks[0]!, new RegExp(bad.blockID));
});

Deno.test("a block that is gone is named, and told apart: there is a newer list", async () => {
  const { scanner, meta } = await aScanner("v5-default");
  const gone = { ...meta, blockID: "00000000-0000-4000-8000-000000000004" };
  await assert.rejects(scanner.scan(search("{}"), [gone], signal), {
    name: "NotFoundError",
    message: /00000000-0000-4000-8000-000000000004 is gone/,
  });
  const found = await scanner.find(new Uint8Array(16), [gone], signal);
  assert.equal(found.isListStale, true);
  assert.equal((await scanner.find(new Uint8Array(16), [meta], signal)).isListStale, false);
});

Deno.test("a find opens no block whose bloom says no, and asks all blooms first", async () => {
  const { scanner, store, meta } = await aScanner("v5-default");
  const { tenantID } = meta;
  const others = Array.from({ length: 30 }, (_, i) => ({
    ...meta,
    blockID: `00000000-0000-4000-8000-${String(i).padStart(12, "0")}`,
  }));
  const bloom = (await store.read(bloomKey(tenantID, meta.blockID, 0))).slice();
  for (const { blockID } of others) {
    await store.write(bloomKey(tenantID, blockID, 0), bloom.slice().fill(0, 24));
  }
  const read: string[] = [];
  const readRanges = store.readRanges.bind(store);
  store.readRanges = (key, ...rest) => {
    read.push(key);
    return readRanges(key, ...rest);
  };
  store.calls.read = 0;
  const { traceID } = goldenFinds("v5-default")[0]!;
  const found = await scanner.find(Uint8Array.fromHex(traceID), [...others, meta], signal);
  assert.equal(found.traces.length, 1);
  assert.deepEqual(found.failedBlocks, []);
  assert.deepEqual(new Set(read), new Set([dataKey(tenantID, meta.blockID)]));
});

Deno.test("a scan ends when whoever asked has gone away", async () => {
  const { store, meta } = await goldenBlock("v5-small-groups");
  const stop = new AbortController();
  const reason = new Error("gone away");
  let pauses = 0;
  const scanner = new BlockScanner(store, OPTIONS, () => {
    if (++pauses === 2) stop.abort(reason);
    return Promise.resolve();
  });
  await assert.rejects(scanner.scan(search("{}"), [meta], stop.signal), reason);
  assert.equal(pauses, 2);
});

Deno.test("a query that makes no sense is the caller's fault", async () => {
  const { scanner, meta } = await aScanner("v5-default");
  await assert.rejects(scanner.scan(search("{"), [meta], signal), { name: "InputError" });
});
