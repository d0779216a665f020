// Writes the indexes of tenants after a look at the store, and ends tenants that have nothing left.
// Rules: an index says what was listed just now, never what was remembered; only indexes are deleted
// here, so that a block that comes in this moment loses nothing: the next poll indexes it again.
import { UnavailableError } from "../../lib/errors.ts";
import { forEachOf } from "../../lib/lanes.ts";
import type { Runtime } from "../../lib/runtime.ts";
import type { BlockListMetrics } from "../block_list_metrics.ts";
import type { ObjectStore } from "../store/object_store.ts";
import { isWithoutBlocks, type TenantBlocks } from "../tenant_blocks.ts";
import type { TenantLook } from "./listed_tenants.ts";
import { indexJsonKey, indexProtoKey, writeTenantIndex } from "./tenant_index.ts";

export interface IndexBuildOptions {
  /** How long a tenant must have been empty before it is deleted; undefined: never. */
  readonly emptyTenantAgeMs: number | undefined;
}

export interface Listed {
  readonly look: TenantLook;
  /** What is published of the tenant: the look, and what this process has done meanwhile. */
  readonly blocks: TenantBlocks;
}

export class IndexBuilder {
  /** By tenant, since when it has been seen to have nothing but an index. */
  readonly #emptySinceMs = new Map<string, number>();

  constructor(
    readonly runtime: Runtime,
    readonly store: ObjectStore,
    readonly metrics: BlockListMetrics,
    readonly options: IndexBuildOptions,
  ) {}

  async build(
    tenants: ReadonlyMap<string, Listed>,
    atOnce: number,
    signal?: AbortSignal,
  ): Promise<void> {
    for (const tenant of this.#emptySinceMs.keys()) {
      if (!tenants.has(tenant)) this.#emptySinceMs.delete(tenant);
    }
    await forEachOf(tenants, atOnce, async ([tenant, listed]) => {
      try {
        await this.#buildOne(tenant, listed, signal);
      } catch (error) {
        if (!(error instanceof UnavailableError)) throw error;
        this.metrics.indexErrors.labels(tenant).inc();
        this.runtime.log.warn("index of a tenant cannot be written", {
          tenant,
          error: error.message,
        });
      }
    });
  }

  async #buildOne(
    tenant: string,
    { look, blocks }: Listed,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const isEmpty = isWithoutBlocks(blocks);
    if (isEmpty && !look.hasIndex) return; // a folder of something else
    if (isEmpty && await this.#isEnded(tenant, look, signal)) return;
    if (!isEmpty) this.#emptySinceMs.delete(tenant);
    const { clock } = this.runtime;
    const createdAt = new Date(clock.now()).toISOString();
    // Of blocks whose mark is still to come.
    const compacted = blocks.compacted.map((meta) =>
      meta.compactedTime === undefined ? { ...meta, compactedTime: createdAt } : meta
    );
    const index = { createdAt, isOurs: true, live: blocks.live, compacted };
    await writeTenantIndex(this.store, tenant, index, signal);
    this.metrics.builder.labels(tenant).set(1);
    this.metrics.indexAge.labels(tenant).set(0);
  }

  /** Whether the tenant has been empty for long enough, and is so still: then its index goes. */
  async #isEnded(
    tenant: string,
    { hasOthers }: TenantLook,
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    const { emptyTenantAgeMs } = this.options;
    const nowMs = this.runtime.clock.monotonic();
    // Objects that a crash left are swept by others, and until then there is something.
    if (emptyTenantAgeMs === undefined || hasOthers) {
      this.#emptySinceMs.delete(tenant);
      return false;
    }
    const sinceMs = this.#emptySinceMs.get(tenant);
    if (sinceMs === undefined) this.#emptySinceMs.set(tenant, nowMs);
    if (sinceMs === undefined || nowMs - sinceMs < emptyTenantAgeMs) return false;
    const indexes = [indexProtoKey(tenant), indexJsonKey(tenant)];
    const { objects } = await this.store.list(`${tenant}/`, undefined, signal);
    if (objects.some(({ key }) => !indexes.includes(key))) return false;
    for (const key of indexes) await this.store.delete(key, signal);
    this.#emptySinceMs.delete(tenant);
    this.metrics.tenantsDeleted.inc();
    this.runtime.log.info("empty tenant deleted", { tenant });
    return true;
  }
}
