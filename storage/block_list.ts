// Which blocks there are: what the last look at the store showed, and what this process wrote since.
// Rules: a block is visible through its meta.json alone; a snapshot never changes; a poll that cannot
// see a tenant leaves what was known of it, and where nothing is known yet asking is refused; a block
// is not visible beside the blocks it was merged from, whoever listed them.
//
//   poll: list tenants ─▶ each: its index, or a listing ─▶ with what we did ─▶ publish ─▶ write indexes
import { UnavailableError } from "../lib/errors.ts";
import { forEachOf, Lanes } from "../lib/lanes.ts";
import type { Runtime } from "../lib/runtime.ts";
import { sleep } from "../lib/waiting.ts";
import type { BlockMeta } from "../model/block_meta.ts";
import { type BlockListMetrics, blockListMetrics } from "./block_list_metrics.ts";
import { OwnChanges } from "./own_changes.ts";
import type { ObjectStore } from "./store/object_store.ts";
import {
  isWithoutBlocks,
  NO_BLOCKS,
  replacedIds,
  type TenantBlocks,
  withoutRetired,
} from "./tenant_blocks.ts";
import { IndexBuilder, type IndexBuildOptions, type Listed } from "./tenant_index/index_builder.ts";
import { IndexedTenants, type IndexReadOptions } from "./tenant_index/indexed_tenants.ts";
import { ListedTenants, type TenantLook } from "./tenant_index/listed_tenants.ts";

export interface BlockListOptions {
  /** How many meta.json are read at a time, of all tenants together. */
  readonly readsMax: number;
  /** How tenants are looked at; one by one without patience if left out. */
  readonly patience?: PollPatience;
  /** What is done with tenants' indexes; nothing if left out: every poll is a listing. */
  readonly indexes?: IndexRole;
}

export interface PollPatience {
  /** Tenants that are looked at at a time. */
  readonly tenantsMax: number;
  /** A look at a tenant begins up to so much later, so that many processes do not ask at once. */
  readonly jitterMs: number;
  /** How often a look is tried again at once. */
  readonly repeatsMax: number;
  /** When more tenants fail, the others are left for the next poll, and the poll fails. */
  readonly failedTenantsMax: number;
}

export type IndexRole =
  | ({ readonly role: "build" } & IndexBuildOptions)
  | ({ readonly role: "read" } & IndexReadOptions);

const HASTY: PollPatience = {
  tenantsMax: 1,
  jitterMs: 0,
  repeatsMax: 0,
  failedTenantsMax: Infinity,
};
const NEVER = new AbortController().signal;

export class BlockList {
  #tenants: ReadonlyMap<string, TenantBlocks> = new Map();
  /** Tenants that no poll could see so far: what they have is unknown, which is not nothing. */
  readonly #unseen = new Set<string>();
  /** By tenant, blocks that were merged into another but still have their meta.json. */
  readonly #replaced = new Map<string, readonly BlockMeta[]>();
  #running: Promise<void> | undefined;

  readonly #patience: PollPatience;
  readonly #looks: ListedTenants | IndexedTenants;
  readonly #builder: IndexBuilder | undefined;
  readonly #own: OwnChanges;
  readonly #metrics: BlockListMetrics;

  constructor(readonly runtime: Runtime, readonly store: ObjectStore, options: BlockListOptions) {
    const { indexes, readsMax } = options;
    const metrics = blockListMetrics(runtime.metrics);
    const reads = new Lanes(readsMax);
    const isBuilder = indexes?.role === "build";
    const listed = new ListedTenants(runtime, store, reads, metrics, isBuilder);
    this.#patience = options.patience ?? HASTY;
    this.#metrics = metrics;
    this.#own = new OwnChanges(runtime.clock, store);
    this.#builder = isBuilder ? new IndexBuilder(runtime, store, metrics, indexes) : undefined;
    this.#looks = indexes?.role === "read"
      ? new IndexedTenants(runtime, store, reads, listed, metrics, indexes)
      : listed;
  }

  get tenants(): readonly string[] {
    return [...this.#tenants.keys()];
  }

  /** Whether some tenant's blocks are unknown; a poll that can see them mends it. */
  get isIncomplete(): boolean {
    return this.#unseen.size > 0;
  }

  /** Throws UnavailableError while the tenant has never been seen: silence would be a wrong answer. */
  blocks(tenant: string): readonly BlockMeta[] {
    if (this.#unseen.has(tenant)) {
      throw new UnavailableError(`blocks of tenant ${tenant} could not be listed so far`);
    }
    return (this.#tenants.get(tenant) ?? NO_BLOCKS).live;
  }

  compacted(tenant: string): readonly BlockMeta[] {
    return (this.#tenants.get(tenant) ?? NO_BLOCKS).compacted;
  }

  /**
   * Blocks that do not count but are not marked as compacted: whoever merged them was interrupted, or a
   * twin of theirs counts.
   */
  replaced(tenant: string): readonly BlockMeta[] {
    return this.#replaced.get(tenant) ?? [];
  }

  /** Live blocks that may have traces in [start, end], in Unix seconds; 0 and 0 is any time. */
  blocksOverlapping(tenant: string, startSeconds: number, endSeconds: number): BlockMeta[] {
    const blocks = this.blocks(tenant);
    if (startSeconds === 0 && endSeconds === 0) return [...blocks];
    return blocks.filter(({ startTime, endTime }) =>
      Date.parse(startTime) <= endSeconds * 1000 && Date.parse(endTime) >= startSeconds * 1000
    );
  }

  /** A block this process has just made visible in the store: it is known at once. */
  add(meta: BlockMeta): void {
    this.#own.add(meta);
    const { live, compacted } = this.#tenants.get(meta.tenantID) ?? NO_BLOCKS;
    const isOther = ({ blockID }: BlockMeta) => blockID !== meta.blockID;
    const others = { live: live.filter(isOther), compacted: compacted.filter(isOther) };
    this.#publishOne(meta.tenantID, this.#own.applied(meta.tenantID, others));
  }

  /** A block this process has just superseded: queries no longer see it. */
  retire(tenant: string, blockId: string): void {
    this.#own.retire(tenant, blockId);
    const blocks = this.#tenants.get(tenant) ?? NO_BLOCKS;
    const left = withoutRetired(blocks, (id) => id === blockId);
    if (left !== blocks) this.#publishOne(tenant, left);
  }

  /** A compacted block this process has just deleted. */
  forget(tenant: string, blockId: string): void {
    const { live, compacted } = this.#tenants.get(tenant) ?? NO_BLOCKS;
    const left = Object.freeze(compacted.filter(({ blockID }) => blockID !== blockId));
    if (left.length < compacted.length) this.#publishOne(tenant, { live, compacted: left });
  }

  /**
   * Looks at the store. Callers that come while it runs wait for the next one, as what they wrote may
   * have been overlooked. Rejects if no tenant could be listed, or too many could not be seen.
   */
  async poll(signal: AbortSignal = NEVER): Promise<void> {
    while (this.#running !== undefined) await this.#running.catch(() => {});
    signal.throwIfAborted();
    this.#running = this.#poll(signal).finally(() => this.#running = undefined);
    await this.#running;
  }

  async #poll(signal: AbortSignal): Promise<void> {
    const { clock } = this.runtime;
    const startedMs = clock.monotonic();
    this.#own.beginPoll();
    const { prefixes } = await this.store.list("", "/", signal);
    const tenants = new Set(prefixes.map((prefix) => prefix.slice(0, -1)));
    const { looks, failed } = await this.#lookAt(tenants, signal);
    for (const tenant of this.#own.tenants) if (!tenants.has(tenant)) looks.set(tenant, NOTHING);
    for (const [tenant, { blocks }] of looks) await this.#own.verify(tenant, blocks, signal);
    const listed = this.#publishLooks(looks, failed);
    this.#looks.keepOnly(tenants);
    await this.#builder?.build(listed, this.#patience.tenantsMax, signal);
    this.#metrics.pollSeconds.observe((clock.monotonic() - startedMs) / 1000);
    if (failed.size > this.#patience.failedTenantsMax) {
      throw new UnavailableError(`${failed.size} of ${tenants.size} tenants could not be seen`);
    }
  }

  /** At each tenant; once too many have failed the rest fail unseen. */
  async #lookAt(
    tenants: ReadonlySet<string>,
    signal: AbortSignal,
  ): Promise<{ looks: Map<string, TenantLook>; failed: Set<string> }> {
    const { tenantsMax, failedTenantsMax } = this.#patience;
    const looks = new Map<string, TenantLook>();
    const failed = new Set<string>();
    await forEachOf(tenants, tenantsMax, async (tenant) => {
      const look = failed.size > failedTenantsMax
        ? undefined
        : await this.#lookAtOne(tenant, signal);
      if (look === undefined) failed.add(tenant);
      else looks.set(tenant, look);
    });
    return { looks, failed };
  }

  /** Undefined if it cannot be seen however often it is tried. */
  async #lookAtOne(tenant: string, signal: AbortSignal): Promise<TenantLook | undefined> {
    const { clock, random, log } = this.runtime;
    const { jitterMs, repeatsMax } = this.#patience;
    for (let repeat = 0;; repeat++) {
      if (jitterMs > 0) await sleep(clock, random.next() * jitterMs, signal);
      try {
        return await this.#looks.look(tenant, signal);
      } catch (error) {
        if (!(error instanceof UnavailableError)) throw error;
        if (repeat < repeatsMax) continue;
        this.#metrics.pollErrors.labels(tenant).inc();
        log.warn("blocks of a tenant cannot be seen", { tenant, error: String(error) });
        return undefined;
      }
    }
  }

  /** Without an await: what is added or retired falls before or after. */
  #publishLooks(
    looks: ReadonlyMap<string, TenantLook>,
    failed: ReadonlySet<string>,
  ): Map<string, Listed> {
    const listed = new Map<string, Listed>();
    const tenants = new Map(this.#tenants);
    for (const tenant of this.#tenants.keys()) {
      if (!looks.has(tenant) && !failed.has(tenant)) this.#place(tenants, tenant, NO_BLOCKS);
    }
    for (const tenant of failed) if (!this.#tenants.has(tenant)) this.#unseen.add(tenant);
    for (const tenant of this.#unseen) if (!failed.has(tenant)) this.#unseen.delete(tenant);
    for (const [tenant, look] of looks) {
      const replaced = replacedIds(look.blocks);
      this.#replaced.set(tenant, look.blocks.live.filter(({ blockID }) => replaced.has(blockID)));
      const blocks = this.#own.applied(tenant, look.blocks);
      this.#place(tenants, tenant, blocks);
      if (look.isListed) listed.set(tenant, { look, blocks });
    }
    this.#tenants = tenants;
    return listed;
  }

  #publishOne(tenant: string, blocks: TenantBlocks): void {
    const tenants = new Map(this.#tenants);
    this.#place(tenants, tenant, blocks);
    this.#tenants = tenants;
  }

  #place(tenants: Map<string, TenantBlocks>, tenant: string, blocks: TenantBlocks): void {
    if (isWithoutBlocks(blocks)) {
      tenants.delete(tenant);
      this.#replaced.delete(tenant);
      this.#metrics.remove(tenant);
    } else {
      tenants.set(tenant, blocks);
      this.#metrics.set(tenant, blocks);
    }
  }
}

/** Of a tenant whose folder is not there. */
const NOTHING: TenantLook = {
  blocks: NO_BLOCKS,
  isListed: true,
  hasIndex: false,
  hasOthers: false,
};
