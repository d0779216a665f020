// What the scheduler knows: jobs, who has them, and batches of redaction. A fold over its events, so
// that the state after a crash is the state before it.
// Rules: a block is in at most one job that has not ended; an event that no longer fits (its job has
// ended) changes nothing, for a journal may be read on top of a newer checkpoint of the bucket.
import { blocksOf, type Job, type RedactionWish } from "./job.ts";

export type JobState = "pending" | "running" | "succeeded" | "failed" | "dropped";

export interface Lease {
  readonly worker: string;
  readonly leaseMs: number;
  /** When it was last heard of, by the scheduler's clock; a restart begins it anew. */
  heardMs: number;
}

export interface JobRecord {
  readonly job: Job;
  readonly createdMs: number;
  state: JobState;
  /** Only while it runs. */
  lease: Lease | undefined;
  /** When it was given out for the first time; 0: never. */
  begunMs: number;
  /** How often it was given out. */
  attempts: number;
  endedMs: number;
  error: string;
  outputs: readonly string[];
}

export type BatchState = "open" | "done" | "given_up";

export interface BatchRecord {
  readonly id: string;
  readonly tenant: string;
  readonly wish: RedactionWish;
  readonly openedMs: number;
  state: BatchState;
  /** 0: the first look; each rescan is one more. */
  generation: number;
  /** When the next look is due. */
  lookMs: number;
  /** Blocks that hold none of it, for they were looked through, or written without it. */
  readonly examined: Set<string>;
  traces: number;
  spans: number;
  /** Traces found, jobs that failed and blocks that were passed over, in this generation. */
  openEnds: number;
  jobs: number;
  closedMs: number;
  error: string;
}

export type WorkEvent =
  | { readonly type: "job_created"; readonly job: Job; readonly atMs: number }
  | {
    readonly type: "job_given";
    readonly id: string;
    readonly worker: string;
    readonly leaseMs: number;
    readonly atMs: number;
  }
  | { readonly type: "job_taken_back"; readonly id: string }
  | {
    readonly type: "job_ended";
    readonly id: string;
    readonly state: "succeeded" | "failed" | "dropped";
    readonly atMs: number;
    readonly error?: string;
    readonly outputs?: readonly string[];
  }
  | { readonly type: "forgotten"; readonly endedBeforeMs: number }
  | {
    readonly type: "batch_opened";
    readonly id: string;
    readonly tenant: string;
    readonly wish: RedactionWish;
    readonly atMs: number;
  }
  | {
    readonly type: "batch_examined";
    readonly id: string;
    readonly blockIds: readonly string[];
    readonly traces: number;
    readonly spans: number;
  }
  | { readonly type: "batch_open_end"; readonly id: string; readonly error: string }
  | {
    readonly type: "batch_looked";
    readonly id: string;
    readonly generation: number;
    readonly lookMs: number;
    readonly jobs: number;
    /** Blocks that were in other jobs. */
    readonly passedOver: number;
  }
  | {
    readonly type: "batch_closed";
    readonly id: string;
    readonly state: "done" | "given_up";
    readonly atMs: number;
  };

export class WorkState {
  /** Events so far. */
  sequence = 0;
  readonly jobs = new Map<string, JobRecord>();
  readonly batches = new Map<string, BatchRecord>();
  /** Blocks of jobs that have not ended, as `tenant/block`. */
  readonly #busy = new Map<string, string>();

  /** The id of the job that a block is in. */
  jobOf(tenant: string, blockId: string): string | undefined {
    return this.#busy.get(`${tenant}/${blockId}`);
  }

  open(): JobRecord[] {
    return [...this.jobs.values()].filter(isOpen);
  }

  openBatch(tenant: string): BatchRecord | undefined {
    for (const batch of this.batches.values()) {
      if (batch.tenant === tenant && batch.state === "open") return batch;
    }
  }

  apply(event: WorkEvent): void {
    this.sequence++;
    switch (event.type) {
      case "job_created":
        return this.#create(event.job, event.atMs);
      case "job_given":
        return this.#ofOpen(event.id, (record) => {
          const { worker, leaseMs, atMs } = event;
          record.state = "running";
          record.lease = { worker, leaseMs, heardMs: atMs };
          record.begunMs ||= atMs;
          record.attempts++;
        });
      case "job_taken_back":
        return this.#ofOpen(event.id, (record) => {
          record.state = "pending";
          record.lease = undefined;
        });
      case "job_ended":
        return this.#ofOpen(event.id, (record) => {
          record.state = event.state;
          record.lease = undefined;
          record.endedMs = event.atMs;
          record.error = event.error ?? "";
          record.outputs = event.outputs ?? [];
          this.#free(record.job);
        });
      case "forgotten":
        return this.#forget(event.endedBeforeMs);
      case "batch_opened": {
        const { id, tenant, wish, atMs } = event;
        this.batches.set(id, newBatch(id, tenant, wish, atMs));
        return;
      }
      case "batch_examined":
        return this.#ofBatch(event.id, (batch) => {
          for (const id of event.blockIds) batch.examined.add(id);
          batch.traces += event.traces;
          batch.spans += event.spans;
          batch.openEnds += event.traces;
        });
      case "batch_open_end":
        return this.#ofBatch(event.id, (batch) => {
          batch.openEnds++;
          batch.error = event.error;
        });
      case "batch_looked":
        return this.#ofBatch(event.id, (batch) => {
          batch.generation = event.generation;
          batch.lookMs = event.lookMs;
          batch.openEnds = event.passedOver;
          batch.jobs += event.jobs;
        });
      case "batch_closed":
        return this.#ofBatch(event.id, (batch) => {
          batch.state = event.state;
          batch.closedMs = event.atMs;
          batch.examined.clear();
        });
    }
  }

  #create(job: Job, createdMs: number): void {
    if (this.jobs.has(job.id)) return;
    this.jobs.set(job.id, {
      job,
      createdMs,
      state: "pending",
      lease: undefined,
      begunMs: 0,
      attempts: 0,
      endedMs: 0,
      error: "",
      outputs: [],
    });
    for (const id of blocksOf(job)) this.#busy.set(`${job.tenant}/${id}`, job.id);
  }

  #free(job: Job): void {
    for (const id of blocksOf(job)) {
      const name = `${job.tenant}/${id}`;
      if (this.#busy.get(name) === job.id) this.#busy.delete(name);
    }
  }

  #forget(endedBeforeMs: number): void {
    for (const [id, record] of this.jobs) {
      if (!isOpen(record) && record.endedMs < endedBeforeMs) this.jobs.delete(id);
    }
    for (const [id, { state, closedMs }] of this.batches) {
      if (state !== "open" && closedMs < endedBeforeMs) this.batches.delete(id);
    }
  }

  #ofOpen(id: string, change: (record: JobRecord) => void): void {
    const record = this.jobs.get(id);
    if (record !== undefined && isOpen(record)) change(record);
  }

  #ofBatch(id: string, change: (batch: BatchRecord) => void): void {
    const batch = this.batches.get(id);
    if (batch?.state === "open") change(batch);
  }

  /** As plain data that JSON can hold; `WorkState.from` is its inverse. */
  toSnapshot(): WorkSnapshot {
    return {
      sequence: this.sequence,
      jobs: [...this.jobs.values()].map(({ lease, ...rest }) => ({
        ...rest,
        ...lease === undefined ? {} : { lease: { ...lease } },
      })),
      batches: [...this.batches.values()].map((batch) => ({
        ...batch,
        examined: [...batch.examined],
      })),
    };
  }

  static from({ sequence, jobs, batches }: WorkSnapshot): WorkState {
    const state = new WorkState();
    state.sequence = sequence;
    for (const { lease, ...rest } of jobs) {
      state.#create(rest.job, rest.createdMs);
      Object.assign(state.jobs.get(rest.job.id)!, rest, { lease: lease && { ...lease } });
      if (!isOpen(rest)) state.#free(rest.job);
    }
    for (const batch of batches) {
      state.batches.set(batch.id, { ...batch, examined: new Set(batch.examined) });
    }
    return state;
  }
}

export interface WorkSnapshot {
  readonly sequence: number;
  readonly jobs: readonly (Omit<JobRecord, "lease"> & { readonly lease?: Lease })[];
  readonly batches: readonly (Omit<BatchRecord, "examined"> & { readonly examined: string[] })[];
}

export function isOpen({ state }: Pick<JobRecord, "state">): boolean {
  return state === "pending" || state === "running";
}

function newBatch(
  id: string,
  tenant: string,
  wish: RedactionWish,
  openedMs: number,
): BatchRecord {
  return {
    id,
    tenant,
    wish,
    openedMs,
    state: "open",
    generation: 0,
    lookMs: openedMs,
    examined: new Set(),
    traces: 0,
    spans: 0,
    openEnds: 0,
    jobs: 0,
    closedMs: 0,
    error: "",
  };
}
