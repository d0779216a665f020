// The door of the partition logs.
export type {
  LogReader,
  LogRecord,
  LogWriter,
  NewRecord,
  PartitionLog,
  ReadBatch,
  ReadOptions,
  TimedLogReader,
} from "./log.ts";
export type { DurableState, LogDamage, LogOwner } from "./durable_state.ts";
export { defaultEmbeddedLogOptions, type EmbeddedLogOptions } from "./embedded_log_options.ts";
export { groupLag } from "./group_lag.ts";
export { KeptCommits } from "./kept_commits.ts";
export { ownerBehind, ownerHandlers } from "./owner_port.ts";
export { MemoryLog, type MemoryLogOptions, type MemoryLogStep } from "./memory_log.ts";
export { EmbeddedLog } from "./embedded_log.ts";
export { EmbeddedLogReader } from "./embedded_log_reader.ts";
