// How a block ends: marked as compacted, and later deleted.
//
//   live        meta.json
//   compacted   meta.compacted.json, written before meta.json goes, so that there is always one
//   deleted     its objects go first, meta.compacted.json last: whoever is interrupted can go on
//
// Rule: what is done twice, or by two at once, has the same end, and leaves no object behind.

import { NotFoundError } from "../lib/errors.ts";
import { type BlockMeta, compactedMetaKey, metaKey } from "../model/block_meta.ts";
import type { ObjectStore } from "./store/object_store.ts";

/** The meta it now has; undefined if the block was no longer live. */
export async function markCompacted(
  store: ObjectStore,
  { tenantID, blockID }: Pick<BlockMeta, "tenantID" | "blockID">,
  nowMs: number,
  signal: AbortSignal,
): Promise<BlockMeta | undefined> {
  // Of a block that is being deleted elsewhere nothing must be written anew.
  const bytes = await readIfAny(store, metaKey(tenantID, blockID), signal);
  if (bytes === undefined) return undefined;
  const meta: BlockMeta = JSON.parse(new TextDecoder().decode(bytes));
  const compacted = { ...meta, compactedTime: new Date(nowMs).toISOString() };
  const text = new TextEncoder().encode(JSON.stringify(compacted));
  await store.write(compactedMetaKey(tenantID, blockID), text, { signal });
  await store.delete(metaKey(tenantID, blockID), signal);
  return compacted;
}

/** Deletes a compacted block; false if it is live, which is left as it is. */
export async function deleteBlock(
  store: ObjectStore,
  { tenantID, blockID }: Pick<BlockMeta, "tenantID" | "blockID">,
  signal: AbortSignal,
): Promise<boolean> {
  if (await readIfAny(store, metaKey(tenantID, blockID), signal) !== undefined) return false;
  const { objects } = await store.list(`${tenantID}/${blockID}/`, undefined, signal);
  const last = compactedMetaKey(tenantID, blockID);
  for (const { key } of objects) {
    if (key !== last && isOfBlock(key)) await store.delete(key, signal);
  }
  await store.delete(last, signal);
  return true;
}

const BLOCK_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const OBJECT = /^(data\.parquet|bloom-\d+|index|nocompact\.flg)$/;

/** Whether a key names an object that a block consists of, besides its meta. */
export function isOfBlock(key: string): boolean {
  const [, blockId, name, ...more] = key.split("/");
  return more.length === 0 && BLOCK_ID.test(blockId ?? "") && OBJECT.test(name ?? "");
}

export async function readIfAny(
  store: ObjectStore,
  key: string,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  try {
    return await store.read(key, undefined, signal);
  } catch (error) {
    if (error instanceof NotFoundError) return undefined;
    throw error;
  }
}
