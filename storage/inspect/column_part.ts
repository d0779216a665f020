// Some rows of one column as they lie in the file: a level and a value per entry. For people who want
// to know what a column really holds.

import { NotFoundError } from "../../lib/errors.ts";
import type { BlockMeta } from "../../model/block_meta.ts";
import { blamed, Block } from "../block/block.ts";
import { BlockCache } from "../block/block_cache.ts";
import type { ObjectStore } from "../store/object_store.ts";
import { valueAt } from "./column_values.ts";
import { readFooterDetails } from "./footer_details.ts";
import { valueText } from "./plain_values.ts";

export interface ColumnEntry {
  /** The trace, counted in its row group. */
  readonly row: number;
  readonly repetition: number;
  readonly definition: number;
  /** Null where the entry stands for something missing. */
  readonly value: string | null;
}

export interface ColumnPart {
  readonly path: string;
  readonly type: string;
  readonly repetitionMax: number;
  readonly definitionMax: number;
  readonly entries: readonly ColumnEntry[];
}

export interface ColumnPartRequest {
  readonly path: string;
  readonly rowGroup: number;
  readonly fromRow: number;
  readonly rows: number;
}

const CACHE_BYTES = 1 << 26;

export async function readColumnPart(
  store: ObjectStore,
  meta: BlockMeta,
  { path, rowGroup, fromRow, rows }: ColumnPartRequest,
): Promise<ColumnPart> {
  const { file } = await Block.open(store, meta, new BlockCache(CACHE_BYTES));
  const group = file.metadata.rowGroups[rowGroup];
  const name = `block ${meta.tenantID}/${meta.blockID}`;
  if (group === undefined) {
    const count = file.metadata.rowGroups.length;
    throw new NotFoundError(`${name} has no row group ${rowGroup}, only ${count} of them`);
  }
  return await blamed(meta, async () => {
    const leaf = (await readFooterDetails(file.source)).leaves.find((one) => one.path === path);
    if (leaf === undefined) throw new NotFoundError(`${name} has no column ${path}`);
    const to = Math.min(group.rows, fromRow + rows);
    const { repetitionMax, definitionMax } = group.chunks.get(path)!.leaf;
    const part = { path, type: leaf.logical ?? leaf.type, repetitionMax, definitionMax };
    if (fromRow >= to) return { ...part, entries: [] };
    const column = (await file.rows(group, path, fromRow, to))!;
    let row = fromRow - 1;
    let value = 0;
    const entries = Array.from({ length: column.entryCount }, (_, i): ColumnEntry => {
      const repetition = repetitionMax === 0 ? 0 : column.repetition[i]!;
      const definition = definitionMax === 0 ? 0 : column.definition[i]!;
      if (repetition === 0) row++;
      const text = definition < definitionMax
        ? null
        : valueText(valueAt(column, value++, leaf.logical), column.leaf.type, leaf.logical);
      return { row, repetition, definition, value: text };
    });
    return { ...part, entries };
  });
}
