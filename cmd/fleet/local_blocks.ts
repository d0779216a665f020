// The blocks that a live-store keeps for itself: made of its own sections, on its own disk, to answer for the time
// until the blocks of block-builders are known to all.
// Rules: a block goes when it is old enough and block-builders have long committed all that it holds; it is hidden
// first and deleted after a grace, for queries that have it open; what a crash left behind is swept.
//
//   announced ─▶ live ── old, and built elsewhere ─▶ compacted (hidden) ── grace ─▶ deleted
import type { BuiltSection } from "../../actors/mod.ts";
import type { Runtime } from "../../lib/runtime.ts";
import { sleep } from "../../lib/waiting.ts";
import type { BlockMeta } from "../../model/block_meta.ts";
import {
  type BlockList,
  deleteBlock,
  Leftovers,
  markCompacted,
  type ObjectStore,
  sweepLeftover,
} from "../../storage/mod.ts";

export interface LocalBlocksOptions {
  /** Since the youngest span of a block, by its meta. */
  readonly keepMs: number;
  /** Since block-builders have committed what it holds: whoever asks has listed their block by then. */
  readonly listedMs: number;
  readonly graceMs: number;
  readonly leftoverGraceMs: number;
  readonly everyMs: number;
}

/** What this must know of the log. */
export interface BuiltElsewhere {
  /** Where block-builders have committed; undefined if never. */
  builtOffset(partition: number): Promise<number | undefined>;
  endOffset(partition: number): Promise<number>;
}

export class LocalBlocks {
  /** By id: how far the log must be built elsewhere. Of blocks from before the start: how far it went then. */
  readonly #ends = new Map<string, { readonly partition: number; readonly nextOffset: number }>();
  readonly #endsAtStart = new Map<number, number>();
  /** By id: since when block-builders are known to have all that it holds. */
  readonly #builtSinceMs = new Map<string, number>();
  /** By id: no longer asked, still there. */
  readonly #hidden = new Map<string, BlockMeta>();
  readonly #leftovers: Leftovers;
  readonly #kept;
  readonly #cleared;

  constructor(
    readonly runtime: Runtime,
    readonly store: ObjectStore,
    readonly list: BlockList,
    readonly log: BuiltElsewhere,
    readonly partitions: readonly number[],
    readonly options: LocalBlocksOptions,
  ) {
    this.#leftovers = new Leftovers(runtime.clock, store, options.leftoverGraceMs);
    this.#cleared = runtime.metrics.counter(
      "tempo_live_store_blocks_cleared_total",
      "Blocks of its own that a live-store has let go.",
      ["block_type"],
    );
    this.#kept = runtime.metrics.gauge(
      "segno_live_store_local_blocks",
      "Blocks of its own that a live-store answers from.",
    );
  }

  announce({ blocks, superseded, partition, nextOffset }: BuiltSection): Promise<void> {
    for (const meta of blocks) {
      this.#ends.set(meta.blockID, { partition, nextOffset });
      this.list.add(meta);
    }
    for (const { tenant, blockId } of superseded) this.list.retire(tenant, blockId);
    return Promise.resolve();
  }

  /** Until the signal aborts; a round that fails is told and made again. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.runtime;
    while (!signal.aborted) {
      try {
        await this.round(signal);
      } catch (error) {
        if (signal.aborted) return;
        log.warn("local blocks cannot be looked after", { error: String(error) });
      }
      await sleep(clock, this.options.everyMs, signal);
    }
  }

  async round(signal: AbortSignal): Promise<void> {
    const built = await this.#built();
    const nowMs = this.runtime.clock.now();
    let kept = 0;
    for (const tenant of this.list.tenants) {
      for (const meta of this.list.blocks(tenant)) {
        if (this.#isWanted(meta, nowMs, built)) kept++;
        else await this.#hide(meta, nowMs, signal);
      }
      await this.#deleteHidden(tenant, nowMs, signal);
      await this.#sweep(tenant, signal);
    }
    this.#kept.set(kept);
  }

  async #built(): Promise<ReadonlyMap<number, number>> {
    const built = new Map<number, number>();
    for (const partition of this.partitions) {
      if (!this.#endsAtStart.has(partition)) {
        this.#endsAtStart.set(partition, await this.log.endOffset(partition));
      }
      built.set(partition, await this.log.builtOffset(partition) ?? 0);
    }
    return built;
  }

  #isWanted(meta: BlockMeta, nowMs: number, built: ReadonlyMap<number, number>): boolean {
    const { keepMs, listedMs } = this.options;
    const { blockID, endTime } = meta;
    if (!this.#isBuilt(blockID, built)) return true;
    const sinceMs = this.#builtSinceMs.get(blockID) ?? nowMs;
    this.#builtSinceMs.set(blockID, sinceMs);
    return Date.parse(endTime) >= nowMs - keepMs || nowMs - sinceMs < listedMs;
  }

  #isBuilt(blockId: string, built: ReadonlyMap<number, number>): boolean {
    const end = this.#ends.get(blockId);
    if (end !== undefined) return (built.get(end.partition) ?? 0) >= end.nextOffset;
    return this.partitions.every((partition) =>
      built.get(partition)! >= this.#endsAtStart.get(partition)!
    );
  }

  async #hide(meta: BlockMeta, nowMs: number, signal: AbortSignal): Promise<void> {
    this.list.retire(meta.tenantID, meta.blockID);
    this.#ends.delete(meta.blockID);
    this.#builtSinceMs.delete(meta.blockID);
    const compacted = await markCompacted(this.store, meta, nowMs, signal);
    if (compacted !== undefined) this.#hidden.set(meta.blockID, compacted);
  }

  /** Those hidden by this life, and by former ones, which the list has found. */
  async #deleteHidden(tenant: string, nowMs: number, signal: AbortSignal): Promise<void> {
    for (const meta of this.list.compacted(tenant)) {
      // What was hidden a moment ago is listed as it was.
      if (meta.compactedTime !== undefined) this.#hidden.set(meta.blockID, meta);
    }
    for (const meta of this.#hidden.values()) {
      if (meta.tenantID !== tenant) continue;
      if (Date.parse(meta.compactedTime ?? "") > nowMs - this.options.graceMs) continue;
      await deleteBlock(this.store, meta, signal);
      this.#cleared.labels("complete").inc();
      this.list.forget(tenant, meta.blockID);
      this.#hidden.delete(meta.blockID);
    }
  }

  async #sweep(tenant: string, signal: AbortSignal): Promise<void> {
    const isListed = (blockId: string) => this.#hidden.has(blockId);
    for (const leftover of await this.#leftovers.find(tenant, isListed, signal)) {
      await sweepLeftover(this.store, tenant, leftover, signal);
    }
  }
}
