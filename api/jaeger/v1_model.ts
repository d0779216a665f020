// A trace in Jaeger's JSON of old (v1), made of OTLP as the OpenTelemetry specification says.
// https://opentelemetry.io/docs/specs/otel/trace/sdk_exporters/jaeger/
//
//   resource ─▶ process (service.name is its name)     attributes ─▶ tags
//   kind, status, scope, trace state ─▶ tags           events ─▶ logs
//   parent ─▶ CHILD_OF, links ─▶ FOLLOWS_FROM          nanoseconds ─▶ microseconds
import {
  type EventTree,
  hexId,
  type KeyValue,
  type LinkTree,
  otlpTree,
  plainValue,
  type ResourceSpansTree,
  safeInt,
  type ScopeSpansTree,
  type SpanTree,
} from "../otlp_tree.ts";

export interface JaegerTag {
  readonly key: string;
  readonly type: "string" | "bool" | "int64" | "float64" | "binary";
  readonly value: string | boolean | number;
}

export interface JaegerReference {
  readonly refType: "CHILD_OF" | "FOLLOWS_FROM";
  readonly traceID: string;
  readonly spanID: string;
}

export interface JaegerSpan {
  readonly traceID: string;
  readonly spanID: string;
  readonly operationName: string;
  readonly references: readonly JaegerReference[];
  /** Microseconds. */
  readonly startTime: number;
  readonly duration: number;
  readonly tags: readonly JaegerTag[];
  readonly logs: readonly { readonly timestamp: number; readonly fields: readonly JaegerTag[] }[];
  readonly processID: string;
  readonly warnings: null;
}

interface JaegerProcess {
  readonly serviceName: string;
  readonly tags: readonly JaegerTag[];
}

export interface JaegerTrace {
  readonly traceID: string;
  readonly spans: readonly JaegerSpan[];
  readonly processes: Readonly<Record<string, JaegerProcess>>;
  readonly warnings: readonly string[] | null;
}

/** The name of those who have none. */
export const NO_SERVICE = "OTLPResourceNoServiceName";

/** Of one trace as a TracesData message. */
export function jaegerTrace(traceId: string, otlp: Uint8Array, warnings: string[]): JaegerTrace {
  const processes = new Map<string, { readonly id: string; readonly process: JaegerProcess }>();
  const spans = otlpTree(otlp).flatMap((resourceSpans) => {
    const process = processOf(resourceSpans);
    const key = JSON.stringify(process);
    const known = processes.get(key) ?? { id: `p${processes.size + 1}`, process };
    processes.set(key, known);
    return (resourceSpans.scopeSpans ?? []).flatMap((scopeSpans) =>
      (scopeSpans.spans ?? []).map((span) => jaegerSpan(span, scopeSpans, known.id))
    );
  });
  return {
    traceID: traceId,
    spans,
    processes: Object.fromEntries([...processes.values()].map(({ id, process }) => [id, process])),
    warnings: warnings.length === 0 ? null : warnings,
  };
}

function processOf({ resource }: ResourceSpansTree): JaegerProcess {
  const attributes = resource?.attributes ?? [];
  const name = attributes.find(({ key }) => key === "service.name")?.value?.stringValue;
  return {
    serviceName: name || NO_SERVICE,
    tags: attributes.filter(({ key }) => key !== "service.name").map(tagOf),
  };
}

function jaegerSpan(span: SpanTree, { scope }: ScopeSpansTree, processID: string): JaegerSpan {
  const startNano = BigInt(span.startTimeUnixNano ?? 0);
  const endNano = BigInt(span.endTimeUnixNano ?? 0);
  const traceID = hexId(span.traceId);
  const parent = hexId(span.parentSpanId);
  return {
    traceID,
    spanID: hexId(span.spanId),
    operationName: span.name ?? "",
    references: [
      ...(/[^0]/.test(parent) ? [{ refType: "CHILD_OF" as const, traceID, spanID: parent }] : []),
      ...(span.links ?? []).map(referenceOf),
    ],
    startTime: Number(startNano / 1000n),
    duration: Number((endNano > startNano ? endNano - startNano : 0n) / 1000n),
    tags: [...(span.attributes ?? []).map(tagOf), ...derivedTags(span, scope)],
    logs: (span.events ?? []).map(logOf),
    processID,
    warnings: null,
  };
}

function referenceOf({ traceId, spanId, attributes = [] }: LinkTree): JaegerReference {
  const type = attributes.find(({ key }) => key === "opentracing.ref_type")?.value?.stringValue;
  const refType = type === "child_of" ? "CHILD_OF" : "FOLLOWS_FROM";
  return { refType, traceID: hexId(traceId), spanID: hexId(spanId) };
}

/** What OTLP has fields for and Jaeger has not. */
function derivedTags(span: SpanTree, scope: ScopeSpansTree["scope"]): JaegerTag[] {
  const text = (key: string, value: string | undefined): JaegerTag[] =>
    value === undefined || value === "" ? [] : [{ key, type: "string", value }];
  const { code, message } = span.status ?? {};
  const isError = code === "STATUS_CODE_ERROR";
  return [
    ...text("otel.scope.name", scope?.name),
    ...text("otel.scope.version", scope?.version),
    ...text("span.kind", span.kind?.replace(/^SPAN_KIND_/, "").toLowerCase()),
    ...text("otel.status_code", code?.replace(/^STATUS_CODE_/, "")),
    ...(isError ? [{ key: "error", type: "bool", value: true } as const] : []),
    ...text("otel.status_description", message),
    ...text("w3c.tracestate", span.traceState),
  ];
}

function logOf({ timeUnixNano = "0", name, attributes = [] }: EventTree) {
  const isNamed = attributes.some(({ key }) => key === "event");
  const event: JaegerTag[] = name === undefined || isNamed
    ? []
    : [{ key: "event", type: "string", value: name }];
  return {
    timestamp: Number(BigInt(timeUnixNano) / 1000n),
    fields: [...event, ...attributes.map(tagOf)],
  };
}

function tagOf({ key = "", value = {} }: KeyValue): JaegerTag {
  if (value.boolValue !== undefined) return { key, type: "bool", value: value.boolValue };
  if (value.intValue !== undefined) return { key, type: "int64", value: safeInt(value.intValue) };
  if (value.doubleValue !== undefined) {
    return { key, type: "float64", value: value.doubleValue };
  }
  if (value.bytesValue !== undefined) return { key, type: "binary", value: value.bytesValue };
  if (value.arrayValue !== undefined || value.kvlistValue !== undefined) {
    return { key, type: "string", value: JSON.stringify(plainValue(value)) };
  }
  return { key, type: "string", value: value.stringValue ?? "" };
}
