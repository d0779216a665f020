// A damaged block gives answers or says that it is damaged: it never hangs, and fails in no other way.
import assert from "node:assert/strict";
import fc from "fast-check";
import { CorruptionError, NotFoundError, UnavailableError } from "../../lib/errors.ts";
import { dataKey } from "../../model/block_meta.ts";
import type { AttributeScope } from "../../model/span_view.ts";
import { goldenBlock } from "../support/golden_blocks.ts";
import { describeView } from "../support/describe_view.ts";
import { type Block, openBlock } from "../../storage/block/block.ts";
import { BlockCache } from "../../storage/block/block_cache.ts";

const SCOPES: AttributeScope[] = ["resource", "instrumentation", "span", "event", "link"];
const blocks = await Promise.all(
  ["v5-default", "v4-default", "v5-custom-dedicated", "compaction-a"].map(goldenBlock),
);
const ids = await Promise.all(blocks.map(async ({ store, meta }) => {
  const { idWords } = await (await openBlock(store, meta, new BlockCache(1e6))).view(0).traces();
  return Array.from(
    { length: 8 },
    (_, i) => new Uint8Array(idWords.slice(i * 4, i * 4 + 4).buffer),
  );
}));

const flips = fc.array(
  fc.record({
    isInFooter: fc.boolean(),
    at: fc.nat({ max: 1 << 30 }),
    by: fc.integer({ min: 1, max: 255 }),
  }),
  { minLength: 1, maxLength: 4 },
);

Deno.test("flipped bytes of a block end in an answer or a CorruptionError that names it", async () => {
  let corruptions = 0;
  await fc.assert(
    fc.asyncProperty(fc.nat({ max: blocks.length - 1 }), flips, async (which, flips) => {
      const { store, meta } = blocks[which]!;
      const key = dataKey(meta.tenantID, meta.blockID);
      const whole = store.objects.get(key)!;
      const damaged = whole.slice();
      const footer = meta.footerSize + 8;
      for (const { isInFooter, at, by } of flips) {
        const from = isInFooter ? damaged.length - footer : 0;
        damaged[from + at % (damaged.length - from)]! ^= by;
      }
      store.objects.set(key, damaged);
      const cache = new BlockCache(1 << 26);
      const uses: ((block: Block) => Promise<unknown>)[] = [
        (block) => block.findTrace(ids[which]![0]!),
        (block) => block.findTrace(ids[which]![7]!),
        (block) => block.view(0).attribute("span", "http.method", { anyOf: ["GET"] }),
        (block) => Promise.all(SCOPES.map((scope) => block.view(0).attributeKeys(scope))),
        (block) => Promise.all(block.rowGroups.map(({ index }) => describeView(block.view(index)))),
      ];
      try {
        for (const use of uses) {
          await openBlock(store, meta, cache).then(use).catch((error) => {
            if (!(error instanceof CorruptionError)) throw error;
            corruptions++;
            assert(error.message.includes(meta.blockID), error.message);
          });
        }
      } finally {
        store.objects.set(key, whole);
      }
    }),
    { numRuns: 40 },
  );
  assert(corruptions > 10, `only ${corruptions} flips did any harm`);
});

Deno.test("a damaged page is named with its block, column and page, and is no matter of others", async () => {
  const { store, meta } = await goldenBlock("v5-default");
  const clean = await openBlock(store, meta, new BlockCache(1 << 26));
  const { dataOffset } = clean.file.metadata.rowGroups[0]!.chunks.get("rs.ss.Spans.Name")!;
  const key = dataKey(meta.tenantID, meta.blockID);
  store.objects.get(key)!.fill(0xff, dataOffset, dataOffset + 8);
  const view = (await openBlock(store, meta, new BlockCache(1 << 26))).view(0);
  await assert.rejects(view.names(), (error) => {
    assert(error instanceof CorruptionError);
    assert.equal(error.path, key);
    assert.equal(error.column, "rs.ss.Spans.Name");
    assert.equal(error.page, 0);
    assert.match(error.message, /single-tenant\/.*: column rs\.ss\.Spans\.Name, page 0/);
    return true;
  });
  await assert.rejects(view.names(), CorruptionError, "and says so again");
  assert.equal((await view.kinds()).length, view.spanCount);
});

Deno.test("a block cut short, gone, or out of reach says which of the three", async () => {
  const { store, meta } = await goldenBlock("v5-default");
  const open = () => openBlock(store, meta, new BlockCache(1 << 26));
  store.script({ operation: "read", key: "data", call: 1, fail: new UnavailableError("storm") });
  await assert.rejects(open(), UnavailableError);
  await open();
  const key = dataKey(meta.tenantID, meta.blockID);
  store.objects.set(key, store.objects.get(key)!.slice(0, -1000));
  await assert.rejects(open(), CorruptionError);
  await store.delete(key);
  await assert.rejects(open(), NotFoundError);
});
