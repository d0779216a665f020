// Which blocks there are: what the last look at the store showed, and what this process wrote since.
// Rules: a block is visible through its meta.json alone; a snapshot never changes; a poll that cannot
// see a tenant leaves what was known of it, and where nothing is known yet asking is refused; garbage
// hides one block, loudly; a block is not visible beside the blocks it was merged from.
//
// A poll may have listed the store before a block was written: what was added while it ran stays.
import { compactedMetaKey, metaKey } from "../model/block_meta.ts";
import type { BlockMeta } from "../model/block_meta.ts";
import { CorruptionError, NotFoundError, UnavailableError } from "../lib/errors.ts";
import type { Counter, Gauge, Histogram } from "../lib/metrics.ts";
import { SECONDS_BUCKETS } from "../lib/metrics.ts";
import type { Runtime } from "../lib/runtime.ts";
import { parseBlockMeta } from "./meta_json.ts";
import type { ObjectStore } from "./store/object_store.ts";
import { redundantTwins } from "./twins.ts";

export interface BlockListOptions {
  /** How many meta.json are read at a time. */
  readonly readsMax: number;
}

export interface TenantBlocks {
  /** Newest end first. */
  readonly live: readonly BlockMeta[];
  /** Superseded; their objects stay until retention takes them. */
  readonly compacted: readonly BlockMeta[];
}

const NOTHING: TenantBlocks = Object.freeze({ live: [], compacted: [] });

interface Added {
  readonly meta: BlockMeta;
  /** The poll that ran, or was the last to run, when it was added. */
  readonly poll: number;
}

export class BlockList {
  #tenants: ReadonlyMap<string, TenantBlocks> = new Map();
  /** Tenants that no poll could list so far: what they have is unknown, which is not nothing. */
  readonly #unseen = new Set<string>();
  /** By key of the meta. */
  readonly #added = new Map<string, Added>();
  /** By key of the meta: the poll that ran, or was the last to run, when it was retired. */
  readonly #retired = new Map<string, number>();
  /** Metas read by earlier polls, by key: they never change. */
  #known = new Map<string, BlockMeta>();
  /** By tenant, blocks that were merged into another but still have their meta.json. */
  #replaced: ReadonlyMap<string, readonly BlockMeta[]> = new Map();
  #polls = 0;
  #running: Promise<void> | undefined;

  readonly #length: Gauge<"tenant">;
  readonly #errors: Counter<"tenant">;
  readonly #garbage: Counter<"tenant">;
  readonly #seconds: Histogram;

  constructor(
    readonly runtime: Runtime,
    readonly store: ObjectStore,
    readonly options: BlockListOptions,
  ) {
    const { metrics } = runtime;
    this.#length = metrics.gauge("tempodb_blocklist_length", "Blocks known by tenant", ["tenant"]);
    this.#errors = metrics.counter(
      "tempodb_blocklist_poll_errors_total",
      "Polls that could not see a tenant",
      ["tenant"],
    );
    this.#garbage = metrics.counter(
      "segno_blocklist_garbage_metas_total",
      "Blocks hidden because their meta.json is damaged, counted at each poll",
      ["tenant"],
    );
    this.#seconds = metrics.histogram(
      "tempodb_blocklist_poll_duration_seconds",
      "Time of a poll of all tenants",
      SECONDS_BUCKETS,
    );
  }

  get tenants(): readonly string[] {
    return [...this.#tenants.keys()];
  }

  /** Whether some tenant's blocks are unknown; a poll that can list them mends it. */
  get isIncomplete(): boolean {
    return this.#unseen.size > 0;
  }

  /** Throws UnavailableError while the tenant has never been listed: silence would be a wrong answer. */
  blocks(tenant: string): readonly BlockMeta[] {
    if (this.#unseen.has(tenant)) {
      throw new UnavailableError(`blocks of tenant ${tenant} could not be listed so far`);
    }
    return (this.#tenants.get(tenant) ?? NOTHING).live;
  }

  compacted(tenant: string): readonly BlockMeta[] {
    return (this.#tenants.get(tenant) ?? NOTHING).compacted;
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
    const tenant = meta.tenantID;
    this.#added.set(metaKey(tenant, meta.blockID), { meta, poll: this.#polls });
    const { live, compacted } = this.#tenants.get(tenant) ?? NOTHING;
    const others = live.filter(({ blockID }) => blockID !== meta.blockID);
    this.#publish(
      new Map(this.#tenants).set(tenant, { live: newestFirst([...others, meta]), compacted }),
    );
  }

  /** A block this process has just superseded: queries no longer see it. */
  retire(tenant: string, blockId: string): void {
    this.#added.delete(metaKey(tenant, blockId));
    this.#retired.set(metaKey(tenant, blockId), this.#polls);
    const blocks = this.#tenants.get(tenant) ?? NOTHING;
    const left = withoutRetired(blocks, (id) => id === blockId);
    if (left !== blocks) this.#publish(new Map(this.#tenants).set(tenant, left));
  }

  /** A compacted block this process has just deleted. */
  forget(tenant: string, blockId: string): void {
    const { live, compacted } = this.#tenants.get(tenant) ?? NOTHING;
    const left = Object.freeze(compacted.filter(({ blockID }) => blockID !== blockId));
    if (left.length === compacted.length) return;
    const tenants = new Map(this.#tenants).set(tenant, { live, compacted: left });
    if (live.length + left.length === 0) tenants.delete(tenant);
    this.#publish(tenants);
  }

  /**
   * Looks at the store. Callers that come while it runs wait for the next one, as what they wrote may
   * have been overlooked. Rejects if no tenant could be listed at all.
   */
  async poll(signal?: AbortSignal): Promise<void> {
    while (this.#running !== undefined) await this.#running.catch(() => {});
    signal?.throwIfAborted();
    this.#running = this.#poll(signal).finally(() => this.#running = undefined);
    await this.#running;
  }

  async #poll(signal: AbortSignal | undefined): Promise<void> {
    const poll = ++this.#polls;
    const { clock } = this.runtime;
    const startedMs = clock.monotonic();
    const { prefixes } = await this.store.list("", "/", signal);
    const seen = new Map<string, TenantBlocks>();
    const known = new Map<string, BlockMeta>();
    for (const prefix of prefixes) {
      const tenant = prefix.slice(0, -1);
      const blocks = await this.#tenantBlocks(tenant, known, signal);
      if (blocks.live.length + blocks.compacted.length > 0) seen.set(tenant, blocks);
    }
    this.#known = known;
    for (const [key, added] of this.#added) {
      if (added.poll < poll) this.#added.delete(key);
    }
    for (const [key, retiredAt] of this.#retired) if (retiredAt < poll) this.#retired.delete(key);
    this.#publish(this.#withAdded(this.#asRetired(seen)));
    this.#seconds.observe((clock.monotonic() - startedMs) / 1000);
  }

  async #tenantBlocks(
    tenant: string,
    known: Map<string, BlockMeta>,
    signal: AbortSignal | undefined,
  ): Promise<TenantBlocks> {
    try {
      const blocks = await this.#lookAt(tenant, known, signal);
      this.#unseen.delete(tenant);
      return blocks;
    } catch (error) {
      if (!(error instanceof UnavailableError)) throw error;
      this.#errors.labels(tenant).inc();
      this.runtime.log.warn("blocks of a tenant cannot be listed", {
        tenant,
        error: String(error),
      });
      const former = this.#tenants.get(tenant);
      if (former === undefined) {
        this.#unseen.add(tenant);
        return NOTHING;
      }
      for (const meta of former.live) known.set(metaKey(tenant, meta.blockID), meta);
      return former;
    }
  }

  async #lookAt(
    tenant: string,
    known: Map<string, BlockMeta>,
    signal: AbortSignal | undefined,
  ): Promise<TenantBlocks> {
    const { objects } = await this.store.list(`${tenant}/`, undefined, signal);
    const keys = new Set(objects.map(({ key }) => key));
    const wanted = [...keys].filter((key) => {
      const [, blockId, name, ...more] = key.split("/");
      if (blockId === undefined || more.length > 0) return false;
      // While a compactor replaces one by the other both are there, and the block is still live.
      if (name === "meta.json") return true;
      return name === "meta.compacted.json" && !keys.has(metaKey(tenant, blockId));
    });
    const live: BlockMeta[] = [];
    const compacted: BlockMeta[] = [];
    await forEachOf(wanted, this.options.readsMax, async (key) => {
      const meta = this.#known.get(key) ?? await this.#readMeta(tenant, key, signal);
      if (meta === undefined) return;
      known.set(key, meta);
      if (key === compactedMetaKey(tenant, meta.blockID)) compacted.push(meta);
      else live.push(meta);
    });
    return this.#withoutReplaced(tenant, {
      live: newestFirst(live),
      compacted: newestFirst(compacted),
    });
  }

  /** A merged block takes the place of its inputs at the moment it is visible, marked or not. */
  #withoutReplaced(tenant: string, blocks: TenantBlocks): TenantBlocks {
    const metas = [...blocks.live, ...blocks.compacted];
    const replaced = new Set(metas.flatMap(({ replaces = [] }) => replaces));
    for (const id of redundantTwins(blocks.live, blocks.compacted)) replaced.add(id);
    const unmarked = blocks.live.filter(({ blockID }) => replaced.has(blockID));
    this.#replaced = new Map(this.#replaced).set(tenant, unmarked);
    return withoutRetired(blocks, (id) => replaced.has(id));
  }

  /** Undefined if it is gone by now, or garbage. */
  async #readMeta(
    tenant: string,
    key: string,
    signal: AbortSignal | undefined,
  ): Promise<BlockMeta | undefined> {
    try {
      return parseBlockMeta(await this.store.read(key, undefined, signal), key);
    } catch (error) {
      if (error instanceof NotFoundError) return undefined;
      if (!(error instanceof CorruptionError)) throw error;
      this.#garbage.labels(tenant).inc();
      this.runtime.log.error("block hidden, its meta is damaged", { key, error: String(error) });
      return undefined;
    }
  }

  /** A poll may have listed the store before a block was retired. */
  #asRetired(seen: Map<string, TenantBlocks>): Map<string, TenantBlocks> {
    if (this.#retired.size === 0) return seen;
    return new Map([...seen].map(([tenant, blocks]) => [
      tenant,
      withoutRetired(blocks, (id) => this.#retired.has(metaKey(tenant, id))),
    ]));
  }

  #withAdded(seen: Map<string, TenantBlocks>): Map<string, TenantBlocks> {
    for (const { meta } of this.#added.values()) {
      const { live, compacted } = seen.get(meta.tenantID) ?? NOTHING;
      const isSeen = [...live, ...compacted].some(({ blockID }) => blockID === meta.blockID);
      if (isSeen) continue;
      seen.set(meta.tenantID, { live: newestFirst([...live, meta]), compacted });
    }
    return seen;
  }

  #publish(tenants: ReadonlyMap<string, TenantBlocks>): void {
    for (const tenant of this.#tenants.keys()) {
      if (!tenants.has(tenant)) this.#length.remove(tenant);
    }
    this.#tenants = tenants;
    for (const [tenant, { live }] of tenants) this.#length.labels(tenant).set(live.length);
  }
}

/** The same value if nothing changes. */
function withoutRetired(
  blocks: TenantBlocks,
  isRetired: (blockId: string) => boolean,
): TenantBlocks {
  const retired = blocks.live.filter(({ blockID }) => isRetired(blockID));
  if (retired.length === 0) return blocks;
  return {
    live: newestFirst(blocks.live.filter(({ blockID }) => !isRetired(blockID))),
    compacted: newestFirst([...blocks.compacted, ...retired]),
  };
}

function newestFirst(metas: BlockMeta[]): readonly BlockMeta[] {
  const endMs = new Map(metas.map((meta) => [meta, Date.parse(meta.endTime)]));
  metas.sort((a, b) => endMs.get(b)! - endMs.get(a)! || (a.blockID < b.blockID ? -1 : 1));
  return Object.freeze(metas);
}

/** Works on the items, `atOnce` at a time; the first failure ends it. */
async function forEachOf<T>(
  items: readonly T[],
  atOnce: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < items.length) await work(items[next++]!);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, lane));
}
