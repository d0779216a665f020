// The configuration: a strict file with the peer's keys, flags, and what follows from them.
export { type Config, ConfigSchema, defaultConfig } from "./schema.ts";
export { loadConfig, type Loaded, type LoadInput } from "./load.ts";
export type { Flags } from "./flags.ts";
export { type Target, TARGETS } from "./targets.ts";
export { configReference } from "./reference.ts";
export { tellChanges, tellConfig } from "./told.ts";
export {
  blocksPath,
  columnMeta,
  httpAddress,
  limitsFrom,
  type ListenAddress,
  logPath,
  parseAddress,
  partitionCount,
  type ReceiverAddresses,
  receiverAddresses,
  workerCount,
  workPath,
} from "./derived.ts";
