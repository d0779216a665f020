// What becomes of a job that has ended: what its worker says is held against the bucket, written down, and
// told to the block list.
// Rule: a result counts whoever brings it, if its blocks are there: they are whole, and of two that hold the
// same every reader chooses the same one (storage/twins.ts).
import { NotFoundError } from "../../lib/errors.ts";
import { type BlockMeta, metaKey } from "../../model/block_meta.ts";
import { parseBlockMeta } from "../../storage/mod.ts";
import { JOB_TYPE, type JobResult } from "./job.ts";
import type { SchedulerParts } from "./scheduler_parts.ts";
import type { JobRecord, WorkEvent } from "./work_state.ts";

/** How often the redaction of a block is tried before it is left to the next look. */
const REDACTIONS_MAX = 3;

export class Results {
  constructor(readonly parts: SchedulerParts) {}

  async fail(record: JobRecord, error: string): Promise<void> {
    const { job: { id, tenant, detail } } = record;
    if (detail.kind === "redaction" && record.attempts < REDACTIONS_MAX) {
      // Its block may no longer be in the list although its receipt is not yet whole.
      await this.parts.book.record({ type: "job_taken_back", id });
      this.parts.runtime.log.warn("a redaction is to be tried again", { tenant, job: id, error });
      return;
    }
    const events: WorkEvent[] = [
      { type: "job_ended", id, state: "failed", atMs: this.parts.runtime.clock.now(), error },
    ];
    if (detail.kind === "compaction") this.parts.compactions.setAside(detail.inputs, error);
    if (detail.kind === "redaction") {
      events.push({ type: "batch_open_end", id: detail.batchId, error });
    }
    await this.parts.book.record(...events);
    this.parts.metrics.failed.labels(tenant, JOB_TYPE[detail.kind]).inc();
    this.parts.runtime.log.error("a job has failed, its blocks are left alone for a while", {
      tenant,
      job: id,
      kind: detail.kind,
      error,
    });
  }

  async succeed(
    record: JobRecord,
    result: JobResult,
    isHolder: boolean,
    signal: AbortSignal,
  ): Promise<void> {
    const { job: { id, tenant, detail }, begunMs } = record;
    if (result.kind !== detail.kind) {
      return await this.fail(record, "the result is of another kind");
    }
    const { list } = this.parts.dependencies;
    const outputs = result.kind === "retention" ? [] : result.outputs;
    const metas = await this.#written(tenant, outputs, signal);
    // Of somebody else's job only what is in the bucket is of interest.
    if (!isHolder && (metas === undefined || metas.length === 0)) return;
    if (metas === undefined) return await this.fail(record, `output ${outputs} is not there`);
    const events: WorkEvent[] = [
      { type: "job_ended", id, state: "succeeded", atMs: this.parts.runtime.clock.now(), outputs },
    ];
    if (result.kind === "redaction" && detail.kind === "redaction") {
      const { traces, spans } = result;
      const blockIds = [detail.blockId, ...outputs];
      events.push({ type: "batch_examined", id: detail.batchId, blockIds, traces, spans });
      this.parts.metrics.redacted.labels(tenant, detail.wish.mode).inc(traces);
    }
    await this.parts.book.record(...events);
    // Alone with the job, its worker has left the bucket as it says; otherwise the bucket says how it is.
    const isAlone = isHolder && record.attempts === 1;
    if (!isAlone || !metas.every(({ replaces = [] }) => replaces.length > 0)) {
      await list.poll(signal);
    } else for (const meta of metas) this.#announce(tenant, meta);
    if (result.kind === "compaction" && detail.kind === "compaction") {
      this.parts.compactions.forget(detail.inputs);
      this.parts.compactions.setAsideAwhile([...result.flagged, ...result.gone]);
      if (result.gone.length > 0) await list.poll(signal);
    } else if (result.kind === "retention") {
      for (const blockId of result.marked) list.retire(tenant, blockId);
      for (const blockId of result.deleted) list.forget(tenant, blockId);
    } else if (result.kind === "redaction" && detail.kind === "redaction") {
      const isEmptied = detail.wish.mode === "apply" && result.traces > 0 && outputs.length === 0;
      if (isEmptied) list.retire(tenant, detail.blockId);
      if (result.isGone) await list.poll(signal);
    }
    this.parts.metrics.completed.labels(tenant, JOB_TYPE[detail.kind]).inc();
    this.parts.metrics.seconds.labels(JOB_TYPE[detail.kind]).observe(
      (this.parts.runtime.clock.now() - begunMs) / 1000,
    );
  }

  #announce(tenant: string, meta: BlockMeta): void {
    const { list } = this.parts.dependencies;
    list.add(meta);
    for (const blockId of meta.replaces ?? []) list.retire(tenant, blockId);
  }

  /** The metas of what a worker says it has written; undefined if that is not so. */
  async #written(
    tenant: string,
    blockIds: readonly string[],
    signal: AbortSignal,
  ): Promise<BlockMeta[] | undefined> {
    const metas: BlockMeta[] = [];
    for (const blockId of blockIds) {
      const key = metaKey(tenant, blockId);
      try {
        const bytes = await this.parts.dependencies.store.read(key, undefined, signal);
        metas.push(parseBlockMeta(bytes, key));
      } catch (error) {
        if (error instanceof NotFoundError) return undefined;
        throw error;
      }
    }
    return metas;
  }
}
