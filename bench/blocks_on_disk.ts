// What the blocks below a data path hold, from their metas alone.
import type { BlockMeta } from "../model/block_meta.ts";

export interface BlockTotals {
  readonly blocks: number;
  readonly spans: number;
  /** Of data.parquet. */
  readonly bytes: number;
}

export function blockTotals(blocksDir: string): BlockTotals {
  const totals = { blocks: 0, spans: 0, bytes: 0 };
  for (const tenant of entries(blocksDir)) {
    for (const block of entries(`${blocksDir}/${tenant}`)) {
      const meta = readMeta(`${blocksDir}/${tenant}/${block}/meta.json`);
      if (meta === undefined) continue;
      totals.blocks++;
      totals.spans += meta.totalSpans ?? 0;
      totals.bytes += meta.size;
    }
  }
  return totals;
}

function entries(dir: string): string[] {
  try {
    return [...Deno.readDirSync(dir)].filter((entry) => entry.isDirectory).map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** Undefined while the block is still being written. */
function readMeta(path: string): BlockMeta | undefined {
  try {
    return JSON.parse(Deno.readTextFileSync(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
