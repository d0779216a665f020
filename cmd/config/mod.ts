// The configuration: a strict file with the peer's keys, flags, and what follows from them.
export { type Config, ConfigSchema, defaultConfig } from "./schema.ts";
export { expandEnv } from "./expand.ts";
export { loadConfig, type Loaded, type LoadInput } from "./load.ts";
export { flagKind, type Flags } from "./flags.ts";
export { type Target, TARGETS } from "./targets.ts";
export { inPlaceOf, type LimitValues, type TenantLimitValues } from "./sections/overrides.ts";
export { configReference } from "./reference.ts";
export { tellChangedLimits, tellChanges, tellConfig, tellLimits, yaml } from "./told.ts";
export { dedicatedYaml } from "./dedicated_yaml.ts";
export {
  blocksPath,
  columnMeta,
  grpcAddress,
  grpcServerOptions,
  httpAddress,
  jaegerAddress,
  limitsFrom,
  limitsOf,
  type ListenAddress,
  logPath,
  parseAddress,
  partitionCount,
  type ReceiverAddresses,
  receiverAddresses,
  workerCount,
  workPath,
} from "./derived.ts";
