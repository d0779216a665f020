// The metrics-generator: spans of the log become series of Prometheus.
export { Delivery, type DeliveryOptions, type DeliveryPlace } from "./delivery/delivery.ts";
export type {
  EndpointAuth,
  EndpointSettings,
  EndpointTls,
  Secret,
} from "./delivery/endpoint_settings.ts";
export { type RelabelAction, Relabelling, type RelabelRule } from "./delivery/relabel.ts";
export {
  Generator,
  GENERATOR_GROUP,
  type GeneratorOptions,
  type GeneratorSource,
} from "./generator.ts";
export { RecordColumns } from "./record_columns.ts";
export {
  type Buckets,
  type Exemplar,
  type Label,
  type NativeHistogram,
  type Point,
  type SeriesPoints,
  STALE,
} from "./series.ts";
export {
  type AttributeMatch,
  type FilterPolicy,
  type GeneratorSettings,
  type HistogramKind,
  type ProcessorName,
  PROCESSORS,
} from "./settings.ts";
export type { PartitionShare, ShareHolder } from "./share.ts";
export type { GeneratorStats } from "./stats.ts";
export { TenantGenerator } from "./tenant_generator.ts";
export type { TenantRules } from "./tenants.ts";
export { WholeLog } from "./whole_log.ts";
