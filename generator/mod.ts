// The metrics-generator: spans of the log become series of Prometheus.
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
export type { GeneratorStats } from "./stats.ts";
export { TenantGenerator } from "./tenant_generator.ts";
