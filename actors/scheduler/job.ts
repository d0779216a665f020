// What is to be done to blocks, who does it, and what comes of it: the words that the scheduler and its
// workers say to each other, whether they are in one process or speak gRPC (docs/formats/scheduler.md).
// Rule: a job says all that its worker has to decide nothing, time included: it is the scheduler's.
import type { CompactionRules, Leftover, RetentionRules } from "../../storage/mod.ts";

export interface CompactionDetail {
  readonly kind: "compaction";
  readonly inputs: readonly string[];
}

export interface RetentionDetail {
  readonly kind: "retention";
  /** Live blocks to be marked as compacted. */
  readonly expired: readonly string[];
  /** Compacted blocks to be deleted. */
  readonly deletable: readonly string[];
  readonly leftovers: readonly Leftover[];
}

export type RedactionMode = "apply" | "dry_run";

export interface RedactionWish {
  /** 32 hex digits each; empty where `query` says which traces. */
  readonly traceIds: readonly string[];
  /** TraceQL, or "". */
  readonly query: string;
  readonly mode: RedactionMode;
  /**
   * Unix seconds: only blocks that overlap it, and of a query's traces only those that do. 0 and 0: any
   * time.
   */
  readonly startSeconds: number;
  readonly endSeconds: number;
  /** Who wants it, for the receipt; "" if not told. */
  readonly requestedBy: string;
}

export interface RedactionDetail {
  readonly kind: "redaction";
  readonly batchId: string;
  readonly blockId: string;
  readonly wish: RedactionWish;
}

export type JobDetail = CompactionDetail | RetentionDetail | RedactionDetail;
export type JobKind = JobDetail["kind"];

export interface Job {
  readonly id: string;
  readonly tenant: string;
  readonly detail: JobDetail;
}

export interface GivenJob {
  readonly job: Job;
  /** The scheduler's clock. */
  readonly nowMs: number;
}

export interface NextRequest {
  readonly worker: string;
  /** A worker that is not heard of for so long has lost its job; 0: it does not tell. */
  readonly leaseMs: number;
}

export type JobResult =
  | {
    readonly kind: "compaction";
    /** Of the block that was written; none if the inputs were not what the list said. */
    readonly outputs: readonly string[];
    readonly gone: readonly string[];
    readonly flagged: readonly string[];
  }
  | {
    readonly kind: "retention";
    readonly marked: readonly string[];
    readonly deleted: readonly string[];
  }
  | {
    readonly kind: "redaction";
    readonly traces: number;
    readonly spans: number;
    /** The block without them; none if there was nothing to remove, or nothing else. */
    readonly outputs: readonly string[];
    /** The block is no longer live. */
    readonly isGone: boolean;
  };

export type JobUpdate =
  & { readonly jobId: string; readonly worker: string }
  & (
    | { readonly status: "running" | "given_back" }
    | { readonly status: "succeeded"; readonly result: JobResult }
    | { readonly status: "failed"; readonly error: string }
  );

/** What a worker asks of the scheduler; UnavailableError while it is away. */
export interface JobSource {
  /** Undefined: for now there is nothing to do. */
  next(request: NextRequest, signal: AbortSignal): Promise<GivenJob | undefined>;
  /** False: the job is no longer this worker's, and it should stop. */
  update(update: JobUpdate, signal: AbortSignal): Promise<boolean>;
}

/** What a tenant wants done to its blocks. */
export interface TenantRules {
  readonly compaction: CompactionRules;
  readonly retention: RetentionRules;
  readonly bytesPerTraceMax: number;
}

/** Undefined: the tenant's blocks are neither merged nor deleted. */
export type RulesOf = (tenant: string) => TenantRules | undefined;

/** The blocks that nobody else may touch while the job runs. */
export function blocksOf({ detail }: Job): readonly string[] {
  switch (detail.kind) {
    case "compaction":
      return detail.inputs;
    case "retention":
      return detail.expired;
    case "redaction":
      return [detail.blockId];
  }
}

/** The peer's names, which dashboards know. */
export const JOB_TYPE: Readonly<Record<JobKind, string>> = {
  compaction: "JOB_TYPE_COMPACTION",
  retention: "JOB_TYPE_RETENTION",
  redaction: "JOB_TYPE_REDACTION",
};
