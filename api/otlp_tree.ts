// A trace as the tree that model/otlp_json.ts makes of its bytes: what of it other forms are made from.
import { tracesJson } from "../model/otlp_json.ts";

export interface AnyValue {
  readonly stringValue?: string;
  readonly boolValue?: boolean;
  /** Decimal. */
  readonly intValue?: string;
  /** A text where it is not finite. */
  readonly doubleValue?: number | string;
  readonly arrayValue?: { readonly values?: readonly AnyValue[] };
  readonly kvlistValue?: { readonly values?: readonly KeyValue[] };
  /** Base64. */
  readonly bytesValue?: string;
}

export interface KeyValue {
  readonly key?: string;
  readonly value?: AnyValue;
}

export interface EventTree {
  readonly timeUnixNano?: string;
  readonly name?: string;
  readonly attributes?: readonly KeyValue[];
}

export interface LinkTree {
  readonly traceId?: string;
  readonly spanId?: string;
  readonly attributes?: readonly KeyValue[];
}

/** Ids are base64, times decimal nanoseconds, enums names; zeros are absent. */
export interface SpanTree {
  readonly traceId?: string;
  readonly spanId?: string;
  readonly parentSpanId?: string;
  readonly traceState?: string;
  readonly name?: string;
  readonly kind?: string;
  readonly startTimeUnixNano?: string;
  readonly endTimeUnixNano?: string;
  readonly attributes?: readonly KeyValue[];
  readonly events?: readonly EventTree[];
  readonly links?: readonly LinkTree[];
  readonly status?: { readonly code?: string; readonly message?: string };
}

export interface ScopeSpansTree {
  readonly scope?: { readonly name?: string; readonly version?: string };
  readonly spans?: readonly SpanTree[];
}

export interface ResourceSpansTree {
  readonly resource?: { readonly attributes?: readonly KeyValue[] };
  readonly scopeSpans?: readonly ScopeSpansTree[];
}

/** Of a TracesData message. */
export function otlpTree(otlp: Uint8Array): readonly ResourceSpansTree[] {
  const { resourceSpans = [] } = tracesJson(otlp) as { resourceSpans?: ResourceSpansTree[] };
  return resourceSpans;
}

/** Lower case hex of an id in base64. */
export function hexId(base64: string | undefined): string {
  return base64 === undefined ? "" : Uint8Array.fromBase64(base64).toHex();
}

/** A value as plain JSON; a text where a number would lose digits. */
export function plainValue(value: AnyValue): unknown {
  if (value.arrayValue !== undefined) return (value.arrayValue.values ?? []).map(plainValue);
  if (value.kvlistValue !== undefined) return plainAttributes(value.kvlistValue.values ?? []);
  if (value.intValue !== undefined) return safeInt(value.intValue);
  return value.stringValue ?? value.boolValue ?? value.doubleValue ?? value.bytesValue ?? null;
}

export function plainAttributes(attributes: readonly KeyValue[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key = "", value = {} }) => [key, plainValue(value)]));
}

export function safeInt(text: string): number | string {
  return Number.isSafeInteger(Number(text)) ? Number(text) : text;
}
