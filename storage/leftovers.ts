// What crashes leave behind: objects of a block that never got its meta.json, flags of builders that
// died between commit and clean-up, and compacted blocks whose meta cannot be read.
// Rules: only what has looked the same for a whole grace is swept, for it may be in the making; what
// is swept is looked at once more before; nothing but objects of blocks is ever touched.

import type { Clock } from "../lib/clock.ts";
import { compactedMetaKey, metaKey, noCompactKey } from "../model/block_meta.ts";
import { isOfBlock, readIfAny } from "./block_end.ts";
import type { ObjectStore } from "./store/object_store.ts";

export type LeftoverKind = "unfinished" | "flagged" | "unreadable";

export interface Leftover {
  readonly kind: LeftoverKind;
  readonly blockId: string;
}

/** Finds them. */
export class Leftovers {
  /** By kind, tenant and block: when it was first seen so. Lost at a restart, which only delays. */
  #seenMs = new Map<string, number>();

  constructor(readonly clock: Clock, readonly store: ObjectStore, readonly graceMs: number) {}

  /**
   * What has looked so for the whole grace. `isListed`: whether the block list shows a block as
   * compacted, so that retention will take it.
   */
  async find(
    tenant: string,
    isListed: (blockId: string) => boolean,
    signal: AbortSignal,
  ): Promise<Leftover[]> {
    const { objects } = await this.store.list(`${tenant}/`, undefined, signal);
    const folders = Map.groupBy(objects.map(({ key }) => key), (key) => key.split("/")[1]!);
    const seenMs = new Map<string, number>();
    const found: Leftover[] = [];
    for (const [blockId, keys] of folders) {
      const kind = kindOf(tenant, blockId, new Set(keys), isListed);
      if (kind === undefined) continue;
      const name = `${kind} ${tenant}/${blockId}`;
      const sinceMs = this.#seenMs.get(name) ?? this.clock.now();
      seenMs.set(name, sinceMs);
      if (this.clock.now() - sinceMs >= this.graceMs) found.push({ kind, blockId });
    }
    for (const [name, sinceMs] of this.#seenMs) {
      if (!name.includes(` ${tenant}/`)) seenMs.set(name, sinceMs);
    }
    this.#seenMs = seenMs;
    return found;
  }
}

/** Whether there was something to sweep. A list may be stale, so the metas have the last word. */
export async function sweepLeftover(
  store: ObjectStore,
  tenant: string,
  { kind, blockId }: Leftover,
  signal: AbortSignal,
): Promise<boolean> {
  if (kind === "flagged") {
    await store.delete(noCompactKey(tenant, blockId), signal);
    return true;
  }
  const compacted = compactedMetaKey(tenant, blockId);
  if (await readIfAny(store, metaKey(tenant, blockId), signal) !== undefined) return false;
  const isCompacted = await readIfAny(store, compacted, signal) !== undefined;
  if (isCompacted !== (kind === "unreadable")) return false;
  const { objects } = await store.list(`${tenant}/${blockId}/`, undefined, signal);
  for (const { key } of objects) if (isOfBlock(key)) await store.delete(key, signal);
  await store.delete(compacted, signal);
  return true;
}

function kindOf(
  tenant: string,
  blockId: string,
  keys: ReadonlySet<string>,
  isListed: (blockId: string) => boolean,
): LeftoverKind | undefined {
  const isLive = keys.has(metaKey(tenant, blockId));
  if (isLive) return keys.has(noCompactKey(tenant, blockId)) ? "flagged" : undefined;
  if (keys.has(compactedMetaKey(tenant, blockId))) {
    return isListed(blockId) ? undefined : "unreadable";
  }
  return [...keys].some(isOfBlock) ? "unfinished" : undefined;
}
