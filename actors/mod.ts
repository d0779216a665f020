// The door of the actors: what a process starts, asks and must later await.
export {
  type JobSource,
  type RedactionWish,
  type RulesOf,
  type TenantRules,
} from "./scheduler/job.ts";
export { checkedWish } from "./scheduler/redaction_wish.ts";
export { RedactionRunningError, type SubmittedRedaction } from "./scheduler/redaction_batches.ts";
export type { Scheduler } from "./scheduler/scheduler.ts";
export type { SchedulerDependencies, SchedulerOptions } from "./scheduler/scheduler_parts.ts";
export { schedulerMethods } from "./scheduler/scheduler_service.ts";
export { SchedulerActor } from "./scheduler/scheduler_actor.ts";
export { ThreadCompactor, WorkerCompactor } from "./worker/compactor.ts";
export type { Compactor } from "./worker/do_job.ts";
export { batchesWithReceipts, readReceipts, type Receipt } from "./worker/receipts.ts";
export { RemoteScheduler } from "./worker/remote_scheduler.ts";
export { runWorker, type WorkerDependencies, type WorkerOptions } from "./worker/worker_actor.ts";
export { BLOCK_BUILDER_GROUP } from "./block_builder/section_builder.ts";
export type { PartitionStatus } from "./partition/partition_options.ts";
export type { BuiltSection } from "./block_builder/effects.ts";
export type { CutRules } from "./live_store/cut.ts";
export {
  foldLimits,
  type HostLimits,
  type HostLimitsSource,
  type TenantHostLimits,
} from "./host/host_limits.ts";
export type { HostHandle } from "./host/host_handle.ts";
export type { HostDependencies, HostOptions } from "./host/partition_host.ts";
export type { HostStart } from "./host/host_messages.ts";
export { FoldLag, type Watermark } from "./host/fold_lag.ts";
export { LivePartitions } from "./host/live_partitions.ts";
export { runLogWorker } from "./host/log_worker.ts";
export { ThreadHost } from "./host/thread_host.ts";
export { WorkerHost, type WorkerLog } from "./host/worker_host.ts";
export { FoldedTo } from "./host/folded_to.ts";
export { superviseThread } from "./supervisor.ts";
