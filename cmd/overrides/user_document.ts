// What a tenant's user may set over the API: a document that is a part of the limits.
// Rules: an unknown field or processor is refused with its path; what the document says comes before
// the runtime file and the defaults, field by field; lists and maps are replaced as a whole.
import { z } from "zod";
import { InputError } from "../../lib/errors.ts";
import { anyList, optionalDuration } from "../config/keys.ts";
import { explain, tell } from "../config/document.ts";
import type { LimitValues } from "../config/mod.ts";

const PROCESSORS = [
  ...["span-metrics", "span-metrics-latency", "span-metrics-count", "span-metrics-size"] as const,
  ...["service-graphs", "service-graphs-request", "service-graphs-latency"] as const,
  ...["service-graphs-connection-info", "host-info"] as const,
] as const;

const text = () => z.string().optional();
const flag = () => z.boolean().optional();
const texts = () => z.array(z.string()).optional();
const buckets = () => z.array(z.number()).optional();

const DimensionMapping = z.strictObject({
  name: z.string(),
  source_labels: z.array(z.string()).optional(),
  join: z.string().optional(),
});

const Document = z.strictObject({
  forwarders: texts(),
  cost_attribution: z.strictObject({ dimensions: z.record(z.string(), z.string()).optional() })
    .optional(),
  metrics_generator: z.strictObject({
    processors: z.array(z.enum(PROCESSORS)).optional(),
    disable_collection: flag(),
    collection_interval: optionalDuration(),
    trace_id_label_name: text(),
    ingestion_time_range_slack: optionalDuration(),
    generate_native_histograms: z.enum(["classic", "native", "both"]).optional(),
    native_histogram_bucket_factor: z.number().optional(),
    native_histogram_max_bucket_number: z.int().min(0).optional(),
    native_histogram_min_reset_duration: optionalDuration(),
    span_name_sanitization: text(),
    processor: z.strictObject({
      service_graphs: z.strictObject({
        histogram_buckets: buckets(),
        dimensions: texts(),
        peer_attributes: texts(),
        enable_client_server_prefix: flag(),
        enable_messaging_system_latency_histogram: flag(),
        enable_virtual_node_label: flag(),
        span_multiplier_key: text(),
        filter_policies: anyList().optional(),
      }).optional(),
      span_metrics: z.strictObject({
        histogram_buckets: buckets(),
        dimensions: texts(),
        intrinsic_dimensions: z.record(z.string(), z.boolean()).optional(),
        dimension_mappings: z.array(DimensionMapping).optional(),
        enable_target_info: flag(),
        target_info_excluded_dimensions: texts(),
        enable_instance_label: flag(),
        filter_policies: anyList().optional(),
        span_multiplier_key: text(),
      }).optional(),
      host_info: z.strictObject({ host_identifiers: texts(), metric_name: text() }).optional(),
    }).optional(),
  }).optional(),
});

export interface UserDocument {
  /** As it was given, and is given back. */
  readonly written: Section;
  /** With durations in milliseconds. */
  readonly values: z.output<typeof Document>;
}

type Section = Readonly<Record<string, unknown>>;

/** Throws InputError, a line for each field that is wrong. */
export function parseDocument(bytes: Uint8Array): UserDocument {
  let written: unknown;
  try {
    written = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new InputError("invalid_argument", "overrides are not JSON", { cause });
  }
  return checkDocument(written);
}

export function checkDocument(written: unknown): UserDocument {
  const parsed = Document.safeParse(written);
  if (parsed.success) return { written: written as Section, values: parsed.data };
  throw new InputError("invalid_argument", explain(parsed.error, written, () => "overrides"));
}

/** A tenant's limits with what its user has set. */
export function withDocument(limits: LimitValues, { values }: UserDocument): LimitValues {
  return overlaid(limits, values, []) as LimitValues;
}

/** Maps of the user's own keys; all other objects have fields. */
const MAPS: readonly string[] = [
  "cost_attribution.dimensions",
  "metrics_generator.processor.span_metrics.intrinsic_dimensions",
];

function overlaid(below: unknown, above: unknown, path: readonly string[]): unknown {
  if (above === undefined) return below;
  if (!isSection(above) || !isSection(below) || MAPS.includes(tell(path))) return above;
  const merged: Record<string, unknown> = { ...below };
  for (const [name, value] of Object.entries(above)) {
    merged[name] = overlaid(merged[name], value, [...path, name]);
  }
  return merged;
}

/** The part of limits that a document may set, with what it does set. */
export function mergedDocument(limits: Section, document: UserDocument | undefined): unknown {
  const part = partOf(limits, Document, []);
  return document === undefined ? part : overlaid(part, document.written, []);
}

/** Fields that both set: `metrics_generator.processors`. */
export function conflicts(document: UserDocument, runtimeEntry: unknown): string[] {
  return [...leaves(document.written, [])].filter((path) => {
    let value = runtimeEntry;
    for (const name of path) value = isSection(value) ? value[name] : undefined;
    return value !== undefined;
  }).map(tell);
}

function* leaves(value: unknown, path: readonly string[]): Generator<readonly string[]> {
  if (!isSection(value) || MAPS.includes(tell(path))) {
    yield path;
    return;
  }
  for (const [name, below] of Object.entries(value)) yield* leaves(below, [...path, name]);
}

/** RFC 7396: null takes a field away, objects are merged, everything else takes its place. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isSection(patch)) return patch;
  const merged: Record<string, unknown> = isSection(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete merged[name];
    else merged[name] = mergePatch(merged[name], value);
  }
  return merged;
}

function partOf(value: unknown, schema: z.core.$ZodType, path: readonly string[]): unknown {
  const inner = schema instanceof z.ZodOptional ? schema.unwrap() : schema;
  if (!(inner instanceof z.ZodObject) || !isSection(value)) return value;
  const part: Record<string, unknown> = {};
  for (const [name, below] of Object.entries(inner.shape as Record<string, z.core.$ZodType>)) {
    if (value[name] === undefined) continue;
    part[name] = partOf(value[name], below, [...path, name]);
  }
  return part;
}

const isSection = (value: unknown): value is Section =>
  typeof value === "object" && value !== null && !Array.isArray(value);
