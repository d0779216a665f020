// Every golden trace by its id, from the peer's block and from ours, as the peer read it.
import assert from "node:assert/strict";
import { goldenBlock, goldenFinds } from "../../tests/support/golden_blocks.ts";
import { allGoldenSpans } from "../../tests/support/golden_traces.ts";
import { decodeOtlp, type Plain } from "../../tests/support/otlp.ts";
import { MemoryObjectStore } from "../store/memory.ts";
import { openBlock } from "./block.ts";
import { BlockCache } from "./block_cache.ts";
import { writeBlock } from "./block_writer.ts";

/** Attributes are a set; everything else keeps its order. */
function canonical(value: Plain): Plain {
  if (value instanceof Uint8Array) return value.toHex();
  if (Array.isArray(value)) return value.map(canonical);
  if (value === null || typeof value !== "object") return value;
  const plain: Plain = {};
  for (const key of Object.keys(value)) plain[key] = canonical(value[key]);
  const text = (attribute: Plain) => JSON.stringify(attribute);
  plain.attributes?.sort((a: Plain, b: Plain) => text(a) < text(b) ? -1 : 1);
  return plain;
}

async function ownBlock() {
  const store = new MemoryObjectStore();
  const request = {
    tenant: "t",
    blockId: "5a6b0000-0000-4000-8000-000000000001",
    columns: allGoldenSpans(),
    spansPerRowGroup: 300,
    codec: "zstd" as const,
    clampStartMs: 0,
    clampEndMs: 2 ** 42,
    replicationFactor: 1,
    hasNoCompactFlag: false,
  };
  const signal = new AbortController().signal;
  return { store, meta: await writeBlock(store, request, () => Promise.resolve(), signal) };
}

for (
  const [whose, open] of [
    ["the peer's block", () => goldenBlock("v5-default")],
    ["our block", ownBlock],
  ] as const
) {
  Deno.test(`every golden trace is found in ${whose} as the peer finds it`, async () => {
    const { store, meta } = await open();
    const block = await openBlock(store, meta, new BlockCache(1 << 26));
    const finds = goldenFinds("v5-default");
    assert.equal(finds.length, 126);
    for (const { name, traceID, proto } of finds) {
      const found = await block.findTrace(Uint8Array.fromHex(traceID.padStart(32, "0")));
      assert.ok(found !== undefined, name);
      assert.deepEqual(canonical(decodeOtlp(found)), canonical(decodeOtlp(proto)), name);
    }
  });
}
