// The span ids that the visible blocks of a store hold, block by block: what a checker of "none lost,
// none twice" looks at. Reads the SpanID column alone.
import type { BlockMeta } from "../../model/block_meta.ts";
import { dataKey } from "../../model/block_meta.ts";
import { ParquetFile } from "../../storage/parquet/file.ts";
import type { ObjectStore } from "../../storage/store/object_store.ts";

export async function visibleBlocks(store: ObjectStore): Promise<BlockMeta[]> {
  const { objects } = await store.list("");
  const metas = objects.map(({ key }) => key).filter((key) => key.endsWith("/meta.json"));
  const texts = await Promise.all(metas.map((key) => store.read(key)));
  return texts.map((bytes) => JSON.parse(new TextDecoder().decode(bytes)) as BlockMeta);
}

/** Hex ids, as often as they occur. */
export async function spanIdsOf(store: ObjectStore, meta: BlockMeta): Promise<string[]> {
  const key = dataKey(meta.tenantID, meta.blockID);
  const file = await ParquetFile.open({
    sizeBytes: await store.sizeBytes(key),
    read: (offset, sizeBytes) => store.read(key, { offset, sizeBytes }),
  });
  const ids: string[] = [];
  for (const group of file.metadata.rowGroups) {
    const column = (await file.column(group, "rs.ss.Spans.SpanID"))!;
    for (let i = 0; i < column.valueCount; i++) {
      ids.push(column.dictionary.at(column.codes[i]!).toHex());
    }
  }
  return ids;
}
