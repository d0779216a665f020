// Tenants' blocks as their indexes tell, and as a listing shows where an index is missing, garbage or
// too old.
// Rules: how old an index is, is also a matter of how long it has looked the same to us, as its
// builder's clock may be wrong; what the peer's index does not say is read from the blocks' metas.
import { CorruptionError, NotFoundError, UnavailableError } from "../../lib/errors.ts";
import { forEachOf, type Lanes } from "../../lib/lanes.ts";
import type { Runtime } from "../../lib/runtime.ts";
import { type BlockMeta, compactedMetaKey, metaKey } from "../../model/block_meta.ts";
import type { BlockListMetrics } from "../block_list_metrics.ts";
import { parseBlockMeta } from "../meta_json.ts";
import type { ObjectStore } from "../store/object_store.ts";
import { blocksOf } from "../tenant_blocks.ts";
import type { ListedTenants, TenantLook } from "./listed_tenants.ts";
import { type ReadTenantIndex, readTenantIndex } from "./tenant_index.ts";

export interface IndexReadOptions {
  /** Whether the store is listed where there is no good index. */
  readonly isFallbackAllowed: boolean;
  /** 0: an index never gets too old. */
  readonly ageMaxMs: number;
}

interface Sight {
  readonly createdAt: string;
  readonly sinceMs: number;
}

export class IndexedTenants {
  /** By tenant: the index that was seen last, and since when it is the same. */
  readonly #sights = new Map<string, Sight>();
  /** By tenant and key of the meta: what the peer's index does not say. */
  #replacing = new Map<string, ReadonlyMap<string, readonly string[]>>();

  constructor(
    readonly runtime: Runtime,
    readonly store: ObjectStore,
    readonly reads: Lanes,
    readonly listed: ListedTenants,
    readonly metrics: BlockListMetrics,
    readonly options: IndexReadOptions,
  ) {}

  async look(tenant: string, signal?: AbortSignal): Promise<TenantLook> {
    const { isFallbackAllowed } = this.options;
    try {
      return await this.#fromIndex(tenant, signal);
    } catch (error) {
      const isOfIndex = error instanceof NotFoundError || error instanceof CorruptionError ||
        error instanceof UnavailableError;
      if (!isOfIndex) throw error;
      const reason = error.message;
      if (!isFallbackAllowed) {
        this.metrics.indexErrors.labels(tenant).inc();
        throw new UnavailableError(`index of tenant ${tenant}: ${reason}`, { cause: error });
      }
      const look = await this.listed.look(tenant, signal);
      // A folder without blocks is no tenant, and nobody builds an index for it.
      const isTenant = look.hasIndex || look.blocks.live.length + look.blocks.compacted.length > 0;
      if (isTenant) {
        this.metrics.indexErrors.labels(tenant).inc();
        this.runtime.log.warn("tenant is listed, as its index cannot be used", { tenant, reason });
      }
      return look;
    }
  }

  keepOnly(tenants: ReadonlySet<string>): void {
    for (const map of [this.#sights, this.#replacing]) {
      for (const tenant of map.keys()) if (!tenants.has(tenant)) map.delete(tenant);
    }
    this.listed.keepOnly(tenants);
  }

  async #fromIndex(tenant: string, signal: AbortSignal | undefined): Promise<TenantLook> {
    const index = await readTenantIndex(this.store, tenant, signal);
    this.#refuseOld(tenant, index);
    for (const error of index.garbage) {
      this.metrics.garbage.labels(tenant).inc();
      this.runtime.log.error("block hidden, its entry is damaged", { error: error.message });
    }
    if (!index.isOurs) await this.#learnReplaces(tenant, index, signal);
    const full = (metas: readonly BlockMeta[], keyOf: typeof metaKey) =>
      index.isOurs
        ? metas
        : metas.map((meta) => this.#withReplaces(tenant, meta, keyOf(tenant, meta.blockID)));
    return {
      blocks: blocksOf(full(index.live, metaKey), full(index.compacted, compactedMetaKey)),
      isListed: false,
      hasIndex: true,
      hasOthers: true,
    };
  }

  #refuseOld(tenant: string, { createdAt }: ReadTenantIndex): void {
    const { clock } = this.runtime;
    let sight = this.#sights.get(tenant);
    if (sight?.createdAt !== createdAt) {
      sight = { createdAt, sinceMs: clock.monotonic() };
      this.#sights.set(tenant, sight);
    }
    const ageMs = Math.max(
      0,
      clock.now() - Date.parse(createdAt),
      clock.monotonic() - sight.sinceMs,
    );
    this.metrics.indexAge.labels(tenant).set(ageMs / 1000);
    const { ageMaxMs } = this.options;
    if (ageMaxMs === 0 || ageMs <= ageMaxMs) return;
    throw new UnavailableError(`index of ${createdAt} is ${Math.round(ageMs / 1000)} s old`);
  }

  #withReplaces(tenant: string, meta: BlockMeta, key: string): BlockMeta {
    const replaces = this.#replacing.get(tenant)?.get(key);
    return replaces === undefined || replaces.length === 0 ? meta : { ...meta, replaces };
  }

  /** Reads, once, the metas of merged blocks beside which something they may be made of is live. */
  async #learnReplaces(
    tenant: string,
    index: ReadTenantIndex,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const former = this.#replacing.get(tenant) ?? new Map<string, readonly string[]>();
    const learned = new Map<string, readonly string[]>();
    const keys = [
      ...mayReplace(index.live, index.live).map(({ blockID }) => metaKey(tenant, blockID)),
      ...mayReplace(index.compacted, index.live).map(({ blockID }) =>
        compactedMetaKey(tenant, blockID)
      ),
    ];
    await forEachOf(keys, keys.length, async (key) => {
      const replaces = former.get(key) ??
        await this.reads.run(() => this.#replacesOf(key, signal));
      if (replaces !== undefined) learned.set(key, replaces);
    });
    this.#replacing.set(tenant, learned);
  }

  /** Undefined if it has moved on since the index was made. */
  async #replacesOf(
    key: string,
    signal: AbortSignal | undefined,
  ): Promise<readonly string[] | undefined> {
    try {
      return parseBlockMeta(await this.store.read(key, undefined, signal), key).replaces ?? [];
    } catch (error) {
      if (error instanceof NotFoundError || error instanceof CorruptionError) return undefined;
      throw error;
    }
  }
}

/**
 * Merged blocks within whose time another live block lies, of no higher level; and of level 0, those
 * that have the very times of another, as a block that was rewritten does.
 */
export function mayReplace(
  blocks: readonly BlockMeta[],
  live: readonly BlockMeta[],
): BlockMeta[] {
  const others = live
    .map(({ blockID, startTime, endTime, compactionLevel }) => ({
      blockID,
      startMs: Date.parse(startTime),
      endMs: Date.parse(endTime),
      level: compactionLevel,
    }))
    .sort((a, b) => a.startMs - b.startMs);
  return blocks.filter(({ blockID, startTime, endTime, compactionLevel: level }) => {
    const startMs = Date.parse(startTime);
    const endMs = Date.parse(endTime);
    const startMsMax = level === 0 ? startMs : endMs;
    for (let i = firstFrom(others, startMs); i < others.length; i++) {
      const other = others[i]!;
      if (other.startMs > startMsMax) return false;
      const isWithin = level === 0 ? other.endMs === endMs : other.endMs <= endMs;
      if (isWithin && other.level <= level && other.blockID !== blockID) return true;
    }
    return false;
  });
}

function firstFrom(spans: readonly { readonly startMs: number }[], startMs: number): number {
  let low = 0;
  let high = spans.length;
  while (low < high) {
    const middle = low + high >>> 1;
    if (spans[middle]!.startMs < startMs) low = middle + 1;
    else high = middle;
  }
  return low;
}
