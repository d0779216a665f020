// What the blocks below a data path hold. Read from copies in memory, for the server owns the folder:
// opening its store would sweep what it is writing.
import { type BlockMeta, dataKey, metaKey } from "../model/block_meta.ts";
import { BlockCache, MemoryObjectStore, openBlock } from "../storage/mod.ts";

export interface BlockTotals {
  readonly blocks: number;
  readonly spans: number;
  /** Of data.parquet. */
  readonly bytes: number;
}

const CACHE_BYTES = 1 << 20;

export async function blockTotals(blocksDir: string): Promise<BlockTotals> {
  const totals = { blocks: 0, spans: 0, bytes: 0 };
  for (const meta of blockMetas(blocksDir)) {
    const key = dataKey(meta.tenantID, meta.blockID);
    const store = new MemoryObjectStore();
    await store.write(key, await Deno.readFile(`${blocksDir}/${key}`));
    const { rowGroups } = await openBlock(store, meta, new BlockCache(CACHE_BYTES));
    totals.blocks++;
    totals.spans += rowGroups.reduce((sum, { spans }) => sum + spans, 0);
    totals.bytes += meta.size;
  }
  return totals;
}

/** The metas of all visible blocks, of all tenants. */
export function blockMetas(blocksDir: string): BlockMeta[] {
  const metas = folders(blocksDir).flatMap((tenant) =>
    folders(`${blocksDir}/${tenant}`).map((block) =>
      readMeta(`${blocksDir}/${metaKey(tenant, block)}`)
    )
  );
  return metas.filter((meta) => meta !== undefined);
}

function folders(dir: string): string[] {
  try {
    return [...Deno.readDirSync(dir)].filter((entry) => entry.isDirectory).map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** Undefined while the block is still being written, or once it is superseded. */
function readMeta(path: string): BlockMeta | undefined {
  try {
    return JSON.parse(Deno.readTextFileSync(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
