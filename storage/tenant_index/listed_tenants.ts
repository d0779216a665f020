// Tenants' blocks as the objects of the store show them. A meta.json never changes, so each is read
// once; what our own index says of blocks need not be read even once.
// Rules: a block is visible through its meta alone; while it is being marked as compacted both metas
// are there, and it is live; garbage hides one block, loudly.
import type { Lanes } from "../../lib/lanes.ts";
import { forEachOf } from "../../lib/lanes.ts";
import { CorruptionError, NotFoundError, UnavailableError } from "../../lib/errors.ts";
import { parseInstant } from "../../lib/rfc3339.ts";
import type { Runtime } from "../../lib/runtime.ts";
import { type BlockMeta, compactedMetaKey, metaKey } from "../../model/block_meta.ts";
import type { BlockListMetrics } from "../block_list_metrics.ts";
import { parseBlockMeta } from "../meta_json.ts";
import type { ObjectStore } from "../store/object_store.ts";
import { blocksOf, type TenantBlocks } from "../tenant_blocks.ts";
import { indexJsonKey, indexProtoKey, readTenantIndex } from "./tenant_index.ts";

export interface TenantLook {
  readonly blocks: TenantBlocks;
  /** The store itself was listed, not an index of it. */
  readonly isListed: boolean;
  /** Of a listing: whether there is an index. */
  readonly hasIndex: boolean;
  /** Of a listing: whether there is anything but an index. */
  readonly hasOthers: boolean;
}

/** By key of the meta. */
type KnownMetas = ReadonlyMap<string, BlockMeta>;

export class ListedTenants {
  readonly #known = new Map<string, KnownMetas>();

  constructor(
    readonly runtime: Runtime,
    readonly store: ObjectStore,
    readonly reads: Lanes,
    readonly metrics: BlockListMetrics,
    /** Metas are first sought in our index, if there is one. */
    readonly usesIndex: boolean,
  ) {}

  async look(tenant: string, signal?: AbortSignal): Promise<TenantLook> {
    const { objects } = await this.store.list(`${tenant}/`, undefined, signal);
    const keys = new Set(objects.map(({ key }) => key));
    const hasIndex = keys.has(indexProtoKey(tenant)) || keys.has(indexJsonKey(tenant));
    const wanted = metaKeys(tenant, keys);
    const former = this.#known.get(tenant) ??
      (hasIndex && this.usesIndex ? await this.#fromIndex(tenant, signal) : new Map());
    const known = new Map<string, BlockMeta>();
    await forEachOf(wanted, wanted.length, async (key) => {
      const meta = former.get(key) ?? await this.reads.run(() => this.#read(tenant, key, signal));
      if (meta !== undefined) known.set(key, meta);
    });
    this.#known.set(tenant, known);
    const metas = [...known].map(([key, meta]) => ({ isLive: key.endsWith("/meta.json"), meta }));
    return {
      blocks: blocksOf(
        metas.filter(({ isLive }) => isLive).map(({ meta }) => meta),
        metas.filter(({ isLive }) => !isLive).map(({ meta }) => meta),
      ),
      isListed: true,
      hasIndex,
      hasOthers: objects.some(({ key }) =>
        key !== indexProtoKey(tenant) && key !== indexJsonKey(tenant)
      ),
    };
  }

  /** Only these still exist. */
  keepOnly(tenants: ReadonlySet<string>): void {
    for (const tenant of this.#known.keys()) if (!tenants.has(tenant)) this.#known.delete(tenant);
  }

  /** Of a process before this one. The peer's index lacks what is ours in a meta. */
  async #fromIndex(tenant: string, signal: AbortSignal | undefined): Promise<KnownMetas> {
    try {
      const { isOurs, live, compacted } = await readTenantIndex(this.store, tenant, signal);
      if (!isOurs) return new Map();
      return new Map([
        ...live.map((meta) => [metaKey(tenant, meta.blockID), meta] as const),
        ...compacted.map((meta) => [compactedMetaKey(tenant, meta.blockID), meta] as const),
      ]);
    } catch (error) {
      const isHarmless = error instanceof NotFoundError || error instanceof CorruptionError ||
        error instanceof UnavailableError;
      if (!isHarmless) throw error;
      return new Map();
    }
  }

  /** Undefined if it is gone by now, or garbage. */
  async #read(
    tenant: string,
    key: string,
    signal: AbortSignal | undefined,
  ): Promise<BlockMeta | undefined> {
    try {
      const meta = parseBlockMeta(await this.store.read(key, undefined, signal), key);
      return key === metaKey(tenant, meta.blockID) ? meta : this.#timed(meta);
    } catch (error) {
      if (error instanceof NotFoundError) return undefined;
      if (!(error instanceof CorruptionError)) throw error;
      this.metrics.garbage.labels(tenant).inc();
      this.runtime.log.error("block hidden, its meta is damaged", { key, error: String(error) });
      return undefined;
    }
  }

  /** The peer does not write down when a block was compacted: then it is when we first saw it. */
  #timed(meta: BlockMeta): BlockMeta {
    if (parseInstant(meta.compactedTime ?? "") !== undefined) return meta;
    return { ...meta, compactedTime: new Date(this.runtime.clock.now()).toISOString() };
  }
}

function metaKeys(tenant: string, keys: ReadonlySet<string>): string[] {
  return [...keys].filter((key) => {
    const [, blockId, name, ...more] = key.split("/");
    if (blockId === undefined || more.length > 0) return false;
    if (name === "meta.json") return true;
    return name === "meta.compacted.json" && !keys.has(metaKey(tenant, blockId));
  });
}
