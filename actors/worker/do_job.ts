// Does one job: what it says, to the blocks it names, by the clock of whoever gave it.
// Rule: nothing is decided here; what is done twice, or by two at once, has the same end.
import { InputError, UnavailableError } from "../../lib/errors.ts";
import type { Runtime } from "../../lib/runtime.ts";
import { type BlockMeta, metaKey } from "../../model/block_meta.ts";
import {
  type BlockOptions,
  blockOptionsOf,
  type CompactOutcome,
  type CompactRequest,
  deleteBlock,
  markCompacted,
  type ObjectStore,
  parseBlockMeta,
  readIfAny,
  sweepLeftover,
} from "../../storage/mod.ts";
import type {
  CompactionDetail,
  GivenJob,
  JobResult,
  RedactionDetail,
  RetentionDetail,
  RulesOf,
} from "../scheduler/job.ts";
import type { RedactBlockOutcome, RedactBlockRequest } from "./redact_block.ts";
import type { WorkerMetrics } from "./worker_metrics.ts";

/** Where blocks are read and written anew: it is what takes time. */
export interface Compactor extends AsyncDisposable {
  compact(request: CompactRequest, signal: AbortSignal): Promise<CompactOutcome>;
  redact(request: RedactBlockRequest, signal: AbortSignal): Promise<RedactBlockOutcome>;
}

export interface JobDependencies {
  readonly store: ObjectStore;
  readonly compactor: Compactor;
  readonly rulesOf: RulesOf;
}

export interface JobOptions extends BlockOptions {
  /** Blocks that retention works on at a time. */
  readonly retentionsMax: number;
}

export class JobDoer {
  constructor(
    readonly runtime: Runtime,
    readonly dependencies: JobDependencies,
    readonly options: JobOptions,
    readonly metrics: WorkerMetrics,
  ) {}

  async do({ job: { tenant, detail }, nowMs }: GivenJob, signal: AbortSignal): Promise<JobResult> {
    this.metrics.jobs.inc();
    const aheadMs = nowMs - this.runtime.clock.now();
    switch (detail.kind) {
      case "compaction":
        try {
          return await this.#compact(tenant, detail, aheadMs, signal);
        } catch (error) {
          if (!signal.aborted) this.metrics.errors.inc();
          throw error;
        }
      case "retention":
        return await this.#retain(tenant, detail, nowMs, signal);
      case "redaction":
        return await this.#redact(tenant, detail, aheadMs, signal);
    }
  }

  async #compact(
    tenant: string,
    { inputs: ids }: CompactionDetail,
    aheadMs: number,
    signal: AbortSignal,
  ): Promise<JobResult> {
    if (ids.length < 2) {
      this.metrics.badJobs.labels("compaction").inc();
      throw new InputError("invalid_argument", "a compaction of fewer than two blocks");
    }
    const inputs: BlockMeta[] = [];
    const gone: string[] = [];
    for (const id of ids) {
      const meta = await this.#meta(tenant, id, signal);
      if (meta === undefined) gone.push(id);
      else inputs.push(meta);
    }
    const none = { kind: "compaction", outputs: [], gone, flagged: [] } as const;
    if (gone.length > 0) return none;
    const bytesPerTraceMax = this.dependencies.rulesOf(tenant)?.bytesPerTraceMax ?? 0;
    const outcome = await this.dependencies.compactor.compact(
      { tenant, inputs, ...blockOptionsOf(this.options), bytesPerTraceMax, aheadMs },
      signal,
    );
    if (outcome.kind === "stale") {
      return { ...none, gone: outcome.gone, flagged: outcome.flagged };
    }
    this.#countMerged(tenant, inputs.length, outcome);
    return { ...none, outputs: [outcome.output.blockID] };
  }

  async #meta(
    tenant: string,
    blockId: string,
    signal: AbortSignal,
  ): Promise<BlockMeta | undefined> {
    const key = metaKey(tenant, blockId);
    const bytes = await readIfAny(this.dependencies.store, key, signal);
    return bytes && parseBlockMeta(bytes, key);
  }

  #countMerged(
    tenant: string,
    blocks: number,
    { output, merged }: Extract<CompactOutcome, { kind: "compacted" }>,
  ): void {
    const { metrics } = this;
    const level = String(output.compactionLevel);
    metrics.blocks.labels(level).inc(blocks);
    metrics.bytes.labels(level).inc(output.size);
    metrics.objects.labels(level).inc(output.totalObjects);
    metrics.outputBytes.observe(output.size);
    metrics.combined.labels(level).inc(merged.tracesCombined);
    metrics.deduplicated.inc(merged.spansDeduplicated);
    if (merged.spansOverLimit > 0) {
      metrics.discarded.labels("trace_too_large_to_compact", tenant).inc(merged.spansOverLimit);
    }
    this.runtime.log.debug("blocks merged", {
      tenant,
      blocks,
      block: output.blockID,
      level: output.compactionLevel,
      spans: merged.spans,
    });
  }

  async #retain(
    tenant: string,
    { expired, deletable, leftovers }: RetentionDetail,
    nowMs: number,
    signal: AbortSignal,
  ): Promise<JobResult> {
    const { clock } = this.runtime;
    const { store } = this.dependencies;
    const { metrics } = this;
    const startedMs = clock.monotonic();
    const marked: string[] = [];
    const deleted: string[] = [];
    const each = <T>(items: readonly T[], work: (item: T) => Promise<void>) =>
      this.#each(tenant, items, signal, work);
    await each(expired, async (blockID) => {
      await markCompacted(store, { tenantID: tenant, blockID }, nowMs, signal);
      marked.push(blockID);
      metrics.marked.inc();
    });
    await each(deletable, async (blockID) => {
      if (!await deleteBlock(store, { tenantID: tenant, blockID }, signal)) return;
      deleted.push(blockID);
      metrics.deleted.inc();
    });
    await each(leftovers, async (leftover) => {
      if (!await sweepLeftover(store, tenant, leftover, signal)) return;
      metrics.swept.labels(leftover.kind === "flagged" ? "flag" : "block").inc();
    });
    metrics.retentionSeconds.observe((clock.monotonic() - startedMs) / 1000);
    return { kind: "retention", marked, deleted };
  }

  /** What fails is left for the next time. */
  async #each<T>(
    tenant: string,
    items: readonly T[],
    signal: AbortSignal,
    work: (item: T) => Promise<void>,
  ): Promise<void> {
    let next = 0;
    const lane = async () => {
      while (next < items.length) {
        signal.throwIfAborted();
        try {
          await work(items[next++]!);
        } catch (error) {
          if (signal.aborted || !(error instanceof UnavailableError)) throw error;
          this.metrics.retentionErrors.inc();
          this.runtime.log.warn("retention is to be tried again", { tenant, error: error.message });
        }
      }
    };
    const lanes = Math.min(Math.max(1, this.options.retentionsMax), items.length);
    await Promise.all(Array.from({ length: lanes }, lane));
  }

  async #redact(
    tenant: string,
    { batchId, blockId, wish }: RedactionDetail,
    aheadMs: number,
    signal: AbortSignal,
  ): Promise<JobResult> {
    const input = await this.#meta(tenant, blockId, signal);
    if (input === undefined) {
      this.metrics.redactionMissing.labels(tenant).inc();
      return { kind: "redaction", traces: 0, spans: 0, outputs: [], isGone: true };
    }
    const { traces, spans, output, isGone = false } = await this.dependencies.compactor.redact(
      { batchId, input, wish, ...blockOptionsOf(this.options), aheadMs },
      signal,
    );
    const outputs = output === undefined ? [] : [output.blockID];
    return { kind: "redaction", traces, spans, outputs, isGone };
  }
}
