// What the backend does in its phases: chooses, merges, retires and deletes blocks, one thing at a time.
// Rules: the block list hears at once of what has become visible or retired; a job that fails concerns
// its own blocks, which are left alone for a while that grows; one tenant's trouble is not another's.
import { UnavailableError } from "../../lib/errors.ts";
import type { Runtime } from "../../lib/runtime.ts";
import type { BlockMeta } from "../../model/block_meta.ts";
import {
  type BlockList,
  type CodecName,
  type CompactionJob,
  type CompactionRules,
  type CompactOutcome,
  type CompactRequest,
  deleteBlock,
  Leftovers,
  markCompacted,
  type ObjectStore,
  outstandingBlocks,
  planCompaction,
  planRetention,
  type RetentionRules,
} from "../../storage/mod.ts";
import type { BackendMetrics, JobType } from "./backend_metrics.ts";
import type { Work } from "./machine.ts";

export interface Compactor extends AsyncDisposable {
  compact(request: CompactRequest, signal: AbortSignal): Promise<CompactOutcome>;
}

export interface BackendDependencies {
  readonly store: ObjectStore;
  readonly list: BlockList;
  readonly compactor: Compactor;
  /** Undefined: the tenant's blocks are neither merged nor deleted. */
  rulesOf(tenant: string): TenantRules | undefined;
}

export interface TenantRules {
  readonly compaction: CompactionRules;
  readonly retention: RetentionRules;
  readonly bytesPerTraceMax: number;
}

export interface BackendOptions {
  readonly codec: CodecName;
  readonly spansPerRowGroup: number;
  readonly retentionEveryMs: number;
  /** So long leftovers must have looked the same before they are swept. */
  readonly leftoverGraceMs: number;
}

/** How long the blocks of a job that failed are left alone: doubled each time. */
const ASIDE_MIN_MS = 60_000;
const ASIDE_MAX_MS = 3_600_000;
/** Blocks of builders that have yet to commit are asked for again after so long. */
const FLAGGED_MS = 60_000;

interface Aside {
  readonly untilMs: number;
  readonly failures: number;
}

export class BackendEffects {
  readonly #leftovers: Leftovers;
  readonly #aside = new Map<string, Aside>();
  /** By tenant and block, when it was first seen to be compacted. */
  #compactedSinceMs = new Map<string, number>();
  /** Replaced blocks that the block list has yet to see as marked. */
  readonly #marked = new Set<string>();
  #retainedAtMs = -Infinity;
  #next: CompactionJob | undefined;

  constructor(
    readonly runtime: Runtime,
    readonly dependencies: BackendDependencies,
    readonly options: BackendOptions,
    readonly metrics: BackendMetrics,
  ) {
    const { clock } = runtime;
    this.#leftovers = new Leftovers(clock, dependencies.store, options.leftoverGraceMs);
  }

  async plan(signal: AbortSignal): Promise<Work> {
    const { clock } = this.runtime;
    await this.#markReplaced(signal);
    if (clock.monotonic() - this.#retainedAtMs >= this.options.retentionEveryMs) return "retention";
    this.#next = this.#nextJob();
    return this.#next === undefined ? "nothing" : "compaction";
  }

  /** Of the tenant with most to do, its first job. */
  #nextJob(): CompactionJob | undefined {
    const now = this.runtime.clock.now();
    const isLeftAlone = (id: string) => (this.#aside.get(id)?.untilMs ?? 0) > now;
    let best: { readonly job: CompactionJob; readonly outstanding: number } | undefined;
    const { list } = this.dependencies;
    for (const tenant of list.tenants) {
      const rules = this.dependencies.rulesOf(tenant);
      const jobs = rules === undefined
        ? []
        : planCompaction(this.#liveOf(tenant), rules.compaction, now, isLeftAlone);
      const outstanding = outstandingBlocks(jobs);
      this.metrics.outstanding.labels(tenant).set(outstanding);
      if (outstanding > (best?.outstanding ?? 0)) best = { job: jobs[0]!, outstanding };
    }
    return best?.job;
  }

  /** Nothing of a tenant that could not be listed so far. */
  #liveOf(tenant: string): readonly BlockMeta[] {
    try {
      return this.dependencies.list.blocks(tenant);
    } catch (error) {
      if (error instanceof UnavailableError) return [];
      throw error;
    }
  }

  async compact(signal: AbortSignal): Promise<void> {
    const job = this.#next!;
    const { tenant, inputs } = job;
    const { codec, spansPerRowGroup } = this.options;
    const rules = this.dependencies.rulesOf(tenant);
    if (rules === undefined) return;
    const { bytesPerTraceMax } = rules;
    const request = { tenant, inputs, codec, spansPerRowGroup, bytesPerTraceMax };
    try {
      const outcome = await this.#observed(
        tenant,
        "JOB_TYPE_COMPACTION",
        () => this.dependencies.compactor.compact(request, signal),
      );
      await this.#apply(job, outcome, signal);
    } catch (error) {
      if (signal.aborted) throw error;
      this.#setAside(job, error);
      // Weather may be everywhere; whatever else it is concerns these blocks alone.
      if (error instanceof UnavailableError) throw error;
    }
  }

  async #apply(
    { tenant, inputs }: CompactionJob,
    outcome: CompactOutcome,
    signal: AbortSignal,
  ): Promise<void> {
    const { list } = this.dependencies;
    if (outcome.kind === "stale") {
      const untilMs = this.runtime.clock.now() + FLAGGED_MS;
      for (const id of [...outcome.flagged, ...outcome.gone]) {
        this.#aside.set(id, { untilMs, failures: 0 });
      }
      if (outcome.gone.length > 0) await list.poll(signal);
      return;
    }
    const { output, merged } = outcome;
    list.add(output);
    for (const { blockID } of inputs) {
      list.retire(tenant, blockID);
      this.#aside.delete(blockID);
    }
    const { metrics } = this;
    const level = String(output.compactionLevel);
    metrics.blocks.labels(level).inc(inputs.length);
    metrics.bytes.labels(level).inc(output.size);
    metrics.objects.labels(level).inc(output.totalObjects);
    metrics.combined.labels(level).inc(merged.tracesCombined);
    metrics.deduplicated.inc(merged.spansDeduplicated);
    if (merged.spansOverLimit > 0) {
      metrics.discarded.labels("trace_too_large_to_compact", tenant).inc(merged.spansOverLimit);
    }
    this.runtime.log.debug("blocks merged", {
      tenant,
      blocks: inputs.length,
      block: output.blockID,
      level: output.compactionLevel,
      spans: merged.spans,
    });
  }

  #setAside({ tenant, inputs }: CompactionJob, error: unknown): void {
    this.metrics.errors.inc();
    const message = error instanceof Error ? error.message : String(error);
    // Errors of one block name it; the others may well be fine.
    const named = inputs.filter(({ blockID }) => message.includes(blockID));
    for (const { blockID } of named.length > 0 ? named : inputs) {
      const failures = (this.#aside.get(blockID)?.failures ?? 0) + 1;
      const forMs = Math.min(ASIDE_MAX_MS, ASIDE_MIN_MS * 2 ** Math.min(10, failures - 1));
      this.#aside.set(blockID, { untilMs: this.runtime.clock.now() + forMs, failures });
    }
    this.runtime.log.error("compaction failed, its blocks are left alone for a while", {
      tenant,
      blocks: inputs.map(({ blockID }) => blockID).join(" "),
      error: message,
    });
  }

  /** Marks what an interrupted compaction did not come to mark. */
  async #markReplaced(signal: AbortSignal): Promise<void> {
    const { list, store } = this.dependencies;
    for (const tenant of list.tenants) {
      for (const meta of list.replaced(tenant)) {
        if (this.#marked.has(meta.blockID)) continue;
        await markCompacted(store, meta, this.runtime.clock.now(), signal);
        this.#marked.add(meta.blockID);
      }
    }
  }

  /** Of every tenant: blocks whose time is over, and what crashes have left. */
  async retain(signal: AbortSignal): Promise<void> {
    const { clock } = this.runtime;
    const { store } = this.dependencies;
    const startedMs = clock.monotonic();
    const { prefixes } = await store.list("", "/", signal);
    for (const prefix of prefixes) {
      const tenant = prefix.slice(0, -1);
      const rules = this.dependencies.rulesOf(tenant);
      if (rules === undefined) continue;
      await this.#tried(tenant, signal, () =>
        this.#observed(
          tenant,
          "JOB_TYPE_RETENTION",
          () => this.#retainTenant(tenant, rules.retention, signal),
        ));
    }
    for (const [id, { untilMs }] of this.#aside) {
      if (untilMs + ASIDE_MAX_MS < clock.now()) this.#aside.delete(id);
    }
    this.#marked.clear();
    this.#retainedAtMs = startedMs;
    this.metrics.retentionSeconds.observe((clock.monotonic() - startedMs) / 1000);
  }

  async #retainTenant(tenant: string, rules: RetentionRules, signal: AbortSignal): Promise<void> {
    const { clock } = this.runtime;
    const { list, store } = this.dependencies;
    const compacted = list.compacted(tenant);
    this.#noteCompacted(tenant, compacted);
    const sinceMs = (meta: BlockMeta) => this.#compactedSinceMs.get(nameOf(meta))!;
    const now = clock.now();
    const plan = planRetention(this.#liveOf(tenant), compacted, rules, now, sinceMs);
    for (const meta of plan.expired) {
      await this.#tried(tenant, signal, async () => {
        await markCompacted(store, meta, clock.now(), signal);
        list.retire(tenant, meta.blockID);
        this.metrics.marked.inc();
      });
    }
    for (const meta of plan.deletable) {
      await this.#tried(tenant, signal, async () => {
        if (!await deleteBlock(store, meta, signal)) return;
        list.forget(tenant, meta.blockID);
        this.metrics.deleted.inc();
      });
    }
    const listed = new Set(list.compacted(tenant).map(({ blockID }) => blockID));
    const swept = await this.#leftovers.sweep(tenant, (id) => listed.has(id), signal);
    this.metrics.swept.labels("block").inc(swept.blocks);
    this.metrics.swept.labels("flag").inc(swept.flags);
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

  /** One block or tenant whose turn fails is left for the next time. */
  async #tried(tenant: string, signal: AbortSignal, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (signal.aborted) throw error;
      this.metrics.retentionErrors.inc();
      this.runtime.log.warn("retention is to be tried again", { tenant, error: String(error) });
    }
  }

  async #observed<T>(tenant: string, type: JobType, work: () => Promise<T>): Promise<T> {
    const { clock } = this.runtime;
    const { created, completed, failed, active, seconds } = this.metrics;
    const startedMs = clock.monotonic();
    created.labels(tenant, type).inc();
    active.labels(tenant, type).inc();
    try {
      const result = await work();
      completed.labels(tenant, type).inc();
      return result;
    } catch (error) {
      failed.labels(tenant, type).inc();
      throw error;
    } finally {
      active.labels(tenant, type).dec();
      seconds.labels(type).observe((clock.monotonic() - startedMs) / 1000);
    }
  }
}

const nameOf = ({ tenantID, blockID }: BlockMeta) => `${tenantID}/${blockID}`;
