// Batches of redaction: how one begins, looks again, and ends. The rules are in redaction.ts.
import { InputError } from "../../lib/errors.ts";
import type { RedactionWish } from "./job.ts";
import { lookThrough, nextStep, overlaps } from "./redaction.ts";
import { liveBlocks, newJob, type SchedulerParts } from "./scheduler_parts.ts";
import type { BatchRecord, WorkEvent } from "./work_state.ts";

export interface SubmittedRedaction {
  readonly batchId: string;
  readonly jobs: number;
}

/** Another batch of the tenant is open. */
export class RedactionRunningError extends InputError {
  constructor() {
    super("failed_precondition", "a redaction of this tenant is running");
  }
}

export class RedactionBatches {
  constructor(readonly parts: SchedulerParts) {}

  get isAnyOpen(): boolean {
    return [...this.parts.book.state.batches.values()].some(({ state }) => state === "open");
  }

  async begin(
    tenant: string,
    wish: RedactionWish,
    signal: AbortSignal,
  ): Promise<SubmittedRedaction> {
    const { runtime: { clock, log, random }, book, dependencies: { list } } = this.parts;
    if (book.state.openBatch(tenant) !== undefined) throw new RedactionRunningError();
    await list.poll(signal);
    if (!list.blocks(tenant).some((meta) => overlaps(meta, wish))) {
      throw new InputError("not_found", "no blocks of this tenant in that time");
    }
    const id = random.uuid();
    await book.record({ type: "batch_opened", id, tenant, wish, atMs: clock.now() });
    const jobs = await this.#look(book.state.batches.get(id)!, 0);
    log.info("redaction begun", { tenant, batch: id, jobs, mode: wish.mode });
    return { batchId: id, jobs };
  }

  async advance(signal: AbortSignal): Promise<void> {
    for (const batch of [...this.parts.book.state.batches.values()]) {
      if (batch.state !== "open") continue;
      const openJobs = this.parts.book.state.open().filter(({ job: { detail } }) =>
        detail.kind === "redaction" && detail.batchId === batch.id
      ).length;
      const step = nextStep(
        batch,
        openJobs,
        this.parts.runtime.clock.now(),
        this.parts.options.rescansMax,
      );
      if (step === "look") {
        await this.parts.dependencies.list.poll(signal);
        await this.#look(batch, batch.generation + 1);
      } else if (step === "done" || step === "give_up") {
        const state = step === "done" ? "done" : "given_up";
        await this.parts.book.record({
          type: "batch_closed",
          id: batch.id,
          state,
          atMs: this.parts.runtime.clock.now(),
        });
        this.parts.compactions.forgetPlans();
        const { id, tenant, traces, spans, error } = batch;
        const facts = { tenant, batch: id, traces, spans };
        if (state === "done") {
          this.parts.runtime.log.info("redaction done", facts);
        } else {this.parts.runtime.log.error("redaction given up, some of it may be left", {
            ...facts,
            error,
          });}
      }
    }
  }

  /** Makes the jobs of a look; how many. */
  async #look(batch: BatchRecord, generation: number): Promise<number> {
    const { id, tenant, wish } = batch;
    const { blocks, passedOver } = lookThrough(
      batch,
      liveBlocks(this.parts.dependencies.list, tenant),
      (blockId) => this.parts.book.state.jobOf(tenant, blockId) !== undefined,
    );
    const atMs = this.parts.runtime.clock.now();
    const lookMs = atMs + this.parts.options.rescanDelayMs;
    await this.parts.book.record(
      { type: "batch_looked", id, generation, lookMs, jobs: blocks.length, passedOver },
      ...blocks.map(({ blockID: blockId }): WorkEvent => ({
        type: "job_created",
        job: newJob(this.parts.runtime, tenant, { kind: "redaction", batchId: id, blockId, wish }),
        atMs,
      })),
    );
    return blocks.length;
  }
}
