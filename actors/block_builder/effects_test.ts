// What building does with blocks that are there already, of its own log and of another's.
import assert from "node:assert/strict";
import { createRuntime } from "../../lib/runtime.ts";
import { type BlockMeta, compactedMetaKey, metaKey } from "../../model/block_meta.ts";
import { defaultDedicated } from "../../model/dedicated_attributes.ts";
import { OtlpDecoder } from "../../model/otlp_decode.ts";
import { SpanColumns } from "../../model/span_columns.ts";
import { MemoryObjectStore } from "../../storage/mod.ts";
import { realisticTraces } from "../../tests/support/realistic.ts";
import type { Section } from "../live_store/section.ts";
import { SectionBuild } from "./effects.ts";

const TENANT = "single-tenant";

/** Builds the first section of a log. */
async function built(store: MemoryObjectStore, logIdentity: string, seed: number) {
  const columns = new SpanColumns(defaultDedicated);
  const decoder = new OtlpDecoder(columns);
  for (const trace of realisticTraces(20, seed)) decoder.decode(trace);
  const segment = { columns, retain: () => ({ [Symbol.dispose]() {} }) };
  const section = {
    startOffset: 0,
    firstRecordMs: 0,
    lastRecordMs: 2 ** 42,
    segments: new Map([[TENANT, segment]]),
  } as unknown as Section;
  const options = {
    partition: 0,
    logIdentity,
    codec: "none",
    spansPerRowGroup: 80_000,
    timeSlackMs: 0,
  } as const;
  const build = new SectionBuild(createRuntime(), store, section, options);
  return await build.run(() => Promise.resolve(), new AbortController().signal);
}

const has = (store: MemoryObjectStore, [meta]: readonly BlockMeta[]) =>
  store.objects.has(metaKey(TENANT, meta!.blockID));

Deno.test("what a former life of the same log has built and not committed is superseded", async () => {
  const store = new MemoryObjectStore();
  const before = await built(store, "one", 1);
  const after = await built(store, "one", 1);
  assert.deepEqual(after.superseded, [{ tenant: TENANT, blockId: before.blocks[0]!.blockID }]);
  assert.equal(has(store, before.blocks), false);
  assert.ok(store.objects.has(compactedMetaKey(TENANT, before.blocks[0]!.blockID)));
  assert.ok(has(store, after.blocks));
});

Deno.test("of two logs on one bucket neither touches the blocks of the other", async () => {
  const store = new MemoryObjectStore();
  const one = await built(store, "one", 1);
  const other = await built(store, "other", 2);
  assert.deepEqual(other.superseded, []);
  assert.ok(has(store, one.blocks) && has(store, other.blocks));
});
