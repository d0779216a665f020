import assert from "node:assert/strict";

import { blockMetas, blockTotals } from "./blocks_on_disk.ts";

const GOLDEN = new URL("../tests/golden/blocks", import.meta.url).pathname;

Deno.test("a folder without blocks holds none", async () => {
  assert.deepEqual(await blockTotals("/nowhere/at/all"), { blocks: 0, spans: 0, bytes: 0 });
});

Deno.test("spans of real blocks are counted as their metas and files say", async () => {
  const dir = Deno.makeTempDirSync();
  try {
    const source = firstBlock(GOLDEN);
    const meta = JSON.parse(Deno.readTextFileSync(`${source}/meta.json`));
    const target = `${dir}/${meta.tenantID}/${meta.blockID}`;
    Deno.mkdirSync(target, { recursive: true });
    for (const { name } of Deno.readDirSync(source)) {
      if (name === "meta.json" || name === "data.parquet") {
        Deno.copyFileSync(`${source}/${name}`, `${target}/${name}`);
      }
    }
    Deno.mkdirSync(`${dir}/${meta.tenantID}/half-written`);
    assert.equal(blockMetas(dir).length, 1);
    const totals = await blockTotals(dir);
    assert.equal(totals.bytes, meta.size);
    assert.ok(totals.spans >= meta.totalObjects, `${totals.spans} spans`);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});

/** The first folder below with a meta.json and data. */
function firstBlock(dir: string): string {
  for (const { name, isDirectory } of Deno.readDirSync(dir)) {
    if (name === "meta.json") return dir;
    if (!isDirectory) continue;
    const found = firstBlock(`${dir}/${name}`);
    if (found !== "") return found;
  }
  return "";
}
