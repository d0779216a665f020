// What this process has made visible or superseded itself: it knows better than a look that began
// before, a listing that lags or an index that another wrote from what it saw earlier.
// Rule: where a look says otherwise the block's own meta.json has the last word; what this process
// did long ago is not remembered, for by then every look has seen it.
import { NotFoundError, UnavailableError } from "../lib/errors.ts";
import type { Clock } from "../lib/clock.ts";
import { type BlockMeta, metaKey } from "../model/block_meta.ts";
import type { ObjectStore } from "./store/object_store.ts";
import { blocksOf, replacedIds, type TenantBlocks, withoutRetired } from "./tenant_blocks.ts";

/** Longer than any look may lag: twice the time between polls, and clocks that disagree. */
const REMEMBERED_MS = 3_600_000;

interface Change {
  /** Undefined: superseded. */
  readonly added: BlockMeta | undefined;
  readonly atMs: number;
  /** The poll that ran, or was the last to run. */
  readonly poll: number;
}

export class OwnChanges {
  /** By tenant and block id. */
  readonly #changes = new Map<string, Map<string, Change>>();
  #polls = 0;

  constructor(readonly clock: Clock, readonly store: ObjectStore) {}

  add(meta: BlockMeta): void {
    this.#note(meta.tenantID, meta.blockID, meta);
  }

  retire(tenant: string, blockId: string): void {
    this.#note(tenant, blockId, undefined);
  }

  get tenants(): Iterable<string> {
    return this.#changes.keys();
  }

  beginPoll(): void {
    this.#polls++;
  }

  /** Forgets what is old, and what the look contradicts and the store does not confirm. */
  async verify(tenant: string, seen: TenantBlocks, signal?: AbortSignal): Promise<void> {
    const changes = this.#changes.get(tenant);
    if (changes === undefined) return;
    const nowMs = this.clock.monotonic();
    const live = new Set(seen.live.map(({ blockID }) => blockID));
    const gone = new Set(seen.compacted.map(({ blockID }) => blockID));
    for (const id of this.#replacedIds(seen, changes)) gone.add(id);
    for (const [id, change] of [...changes]) {
      if (change.poll === this.#polls) continue; // the look began before
      const isAdded = change.added !== undefined;
      const isContradicted = !gone.has(id) && live.has(id) !== isAdded;
      const isTrue = isContradicted
        ? await this.#isLive(tenant, id, isAdded, signal) === isAdded
        : nowMs - change.atMs <= REMEMBERED_MS;
      // Something may have been done to it while the store was asked.
      if (!isTrue && changes.get(id) === change) changes.delete(id);
    }
    if (changes.size === 0) this.#changes.delete(tenant);
  }

  /** A look with what is known better; what is being done while it ran as well. */
  applied(tenant: string, seen: TenantBlocks): TenantBlocks {
    const changes = this.#changes.get(tenant) ?? new Map<string, Change>();
    const replaced = this.#replacedIds(seen, changes);
    const left = withoutRetired(seen, (id) => {
      const change = changes.get(id);
      return replaced.has(id) || change !== undefined && change.added === undefined;
    });
    if (changes.size === 0) return left;
    const known = new Set([...left.live, ...left.compacted].map(({ blockID }) => blockID));
    const added = [...changes].flatMap(([id, { added }]) =>
      added === undefined || known.has(id) || replaced.has(id) ? [] : [added]
    );
    return added.length === 0 ? left : blocksOf([...left.live, ...added], left.compacted);
  }

  /** Of a block that is not listed yet too: its inputs, or a twin of it, may still be visible. */
  #replacedIds(seen: TenantBlocks, changes: ReadonlyMap<string, Change>): Set<string> {
    const known = new Set([...seen.live, ...seen.compacted].map(({ blockID }) => blockID));
    const added = [...changes.values()].flatMap(({ added }) =>
      added === undefined || known.has(added.blockID) ? [] : [added]
    );
    return replacedIds({ live: [...seen.live, ...added], compacted: seen.compacted });
  }

  #note(tenant: string, blockId: string, added: BlockMeta | undefined): void {
    const changes = this.#changes.get(tenant) ?? new Map<string, Change>();
    this.#changes.set(
      tenant,
      changes.set(blockId, { added, atMs: this.clock.monotonic(), poll: this.#polls }),
    );
  }

  /** What is believed, where the store does not answer. */
  async #isLive(
    tenant: string,
    blockId: string,
    believed: boolean,
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    try {
      await this.store.read(metaKey(tenant, blockId), undefined, signal);
      return true;
    } catch (error) {
      if (error instanceof NotFoundError) return false;
      if (error instanceof UnavailableError) return believed;
      throw error;
    }
  }
}
