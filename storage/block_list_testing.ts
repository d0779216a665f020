// Blocks that are nothing but their metas, in a store whose listings can lag.
import { type BlockMeta, compactedMetaKey, metaKey } from "../model/block_meta.ts";
import { MemoryObjectStore } from "./store/memory.ts";
import type { Listing, ObjectStore } from "./store/object_store.ts";

export const uuid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;

/** Block `n` of one minute of 1970. */
export function aMeta(n: number, minute = n, tenant = "acme"): BlockMeta {
  const time = (minutes: number) => new Date(minutes * 60_000).toISOString();
  return {
    format: "vParquet5",
    blockID: uuid(n),
    tenantID: tenant,
    startTime: time(minute),
    endTime: time(minute + 1),
    totalObjects: 1,
    size: 100,
    compactionLevel: 0,
    indexPageSize: 0,
    totalRecords: 1,
    bloomShards: 1,
    footerSize: 10,
    replicationFactor: 1,
  };
}

export async function put(store: ObjectStore, meta: BlockMeta, key?: string): Promise<void> {
  const bytes = new TextEncoder().encode(JSON.stringify(meta));
  await store.write(key ?? metaKey(meta.tenantID, meta.blockID), bytes);
}

/** As the peer marks a block: without a word of when. */
export async function mark(store: ObjectStore, meta: BlockMeta): Promise<void> {
  await put(store, meta, compactedMetaKey(meta.tenantID, meta.blockID));
  await store.delete(metaKey(meta.tenantID, meta.blockID));
}

export const numbers = (metas: readonly BlockMeta[]) =>
  metas.map(({ blockID }) => Number(blockID.slice(-6)));

/** While it lags, listings show the objects that were there when it began to. */
export class LaggingStore extends MemoryObjectStore {
  beforeList: (prefix: string) => void = () => {};
  #then: MemoryObjectStore | undefined;

  lag(isLagging: boolean): void {
    this.#then = isLagging ? new MemoryObjectStore() : undefined;
    for (const [key, bytes] of this.objects) this.#then?.objects.set(key, bytes);
  }

  override async list(prefix: string, delimiter?: "/", signal?: AbortSignal): Promise<Listing> {
    this.beforeList(prefix);
    const now = await super.list(prefix, delimiter, signal);
    return this.#then === undefined ? now : await this.#then.list(prefix, delimiter, signal);
  }
}
