// The door of the actors: what a process starts, asks and must later await.
export { type BackendRunOptions, runBackend } from "./backend/backend_actor.ts";
export { ThreadCompactor, WorkerCompactor } from "./backend/compactor.ts";
export type { Compactor, TenantRules } from "./backend/effects.ts";
export { BLOCK_BUILDER_GROUP } from "./block_builder/section_builder.ts";
export type { PartitionStatus } from "./partition/partition_actor.ts";
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
export { FoldLag } from "./host/fold_lag.ts";
export { LivePartitions } from "./host/live_partitions.ts";
export { ThreadHost } from "./host/thread_host.ts";
export { WorkerHost } from "./host/worker_host.ts";
