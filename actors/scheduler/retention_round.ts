// What retention has to do for a tenant: blocks whose time is over, compacted ones that nobody reads any
// more, and what crashes have left. Judged by the scheduler's clock alone; a worker does it.
import type { Runtime } from "../../lib/runtime.ts";
import type { BlockMeta } from "../../model/block_meta.ts";
import { Leftovers, type ObjectStore, planRetention } from "../../storage/mod.ts";
import type { RetentionDetail, TenantRules } from "./job.ts";

/** Of one job: what is left comes with the next one. */
const BLOCKS_MAX = 5_000;

export class RetentionRound {
  readonly #leftovers: Leftovers;
  /** By tenant and block, when it was first seen to be compacted. Lost at a restart, which only delays. */
  #compactedSinceMs = new Map<string, number>();

  constructor(
    readonly runtime: Pick<Runtime, "clock">,
    readonly store: ObjectStore,
    leftoverGraceMs: number,
  ) {
    this.#leftovers = new Leftovers(runtime.clock, store, leftoverGraceMs);
  }

  /** Undefined if there is nothing to do. `live`: those that nobody else is at work on. */
  async plan(
    tenant: string,
    live: readonly BlockMeta[],
    compacted: readonly BlockMeta[],
    rules: TenantRules,
    signal: AbortSignal,
  ): Promise<RetentionDetail | undefined> {
    this.#noteCompacted(tenant, compacted);
    const sinceMs = (meta: BlockMeta) => this.#compactedSinceMs.get(nameOf(meta))!;
    const now = this.runtime.clock.now();
    const plan = planRetention(live, compacted, rules.retention, now, sinceMs);
    const listed = new Set(compacted.map(({ blockID }) => blockID));
    const leftovers = await this.#leftovers.find(tenant, (id) => listed.has(id), signal);
    const expired = plan.expired.slice(0, BLOCKS_MAX).map(({ blockID }) => blockID);
    const deletable = plan.deletable.slice(0, BLOCKS_MAX).map(({ blockID }) => blockID);
    if (expired.length + deletable.length + leftovers.length === 0) return undefined;
    return { kind: "retention", expired, deletable, leftovers: leftovers.slice(0, BLOCKS_MAX) };
  }

  #noteCompacted(tenant: string, compacted: readonly BlockMeta[]): void {
    const since = new Map<string, number>();
    for (const [name, ms] of this.#compactedSinceMs) {
      if (!name.startsWith(`${tenant}/`)) since.set(name, ms);
    }
    for (const meta of compacted) {
      const name = nameOf(meta);
      since.set(name, this.#compactedSinceMs.get(name) ?? this.runtime.clock.now());
    }
    this.#compactedSinceMs = since;
  }
}

const nameOf = ({ tenantID, blockID }: BlockMeta) => `${tenantID}/${blockID}`;
