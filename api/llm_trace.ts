// A trace for language models: spans nested by who called whom, times as milliseconds from the start,
// attributes as plain maps, resources told once.
// Rule: no deeper than a reader of JSON can follow, and no larger than it was told; what is left out is
// counted. Spans nearer to the root come first.

import {
  hexId,
  otlpTree,
  plainAttributes,
  type ResourceSpansTree,
  type SpanTree,
} from "./otlp_tree.ts";

export interface LlmSpan {
  readonly spanId: string;
  /** Only where the span does not stand below its parent. */
  readonly parentSpanId?: string;
  readonly service: string;
  readonly name: string;
  readonly kind?: string;
  readonly startMs: number;
  readonly durationMs: number;
  readonly status?: string;
  readonly statusMessage?: string;
  readonly attributes?: Record<string, unknown>;
  readonly events?: readonly unknown[];
  children?: LlmSpan[];
}

export interface LlmTrace {
  readonly traceId: string;
  readonly startTime: string;
  readonly durationMs: number;
  readonly spanCount: number;
  /** Left out because the whole would have been too large. */
  readonly omittedSpanCount?: number;
  /** Attributes of resources, by service. */
  readonly services: Record<string, unknown>;
  readonly spans: LlmSpan[];
}

/** Parsers and people lose themselves below this. */
const DEPTH_MAX = 64;

interface Found {
  readonly span: SpanTree;
  readonly service: string;
}

/** Of a TracesData message; an empty object where there is no span. */
export function llmTrace(otlp: Uint8Array, bytesMax = Infinity): LlmTrace | Record<string, never> {
  const services: Record<string, unknown> = {};
  const found: Found[] = [];
  for (const tree of otlpTree(otlp)) {
    const [service, attributes] = resourceOf(tree);
    services[service] = attributes;
    for (const { spans = [] } of tree.scopeSpans ?? []) {
      for (const span of spans) found.push({ span, service });
    }
  }
  if (found.length === 0) return {};
  const starts = found.map(({ span }) => BigInt(span.startTimeUnixNano ?? 0));
  const ends = found.map(({ span }) => BigInt(span.endTimeUnixNano ?? 0));
  const startNano = starts.reduce((a, b) => a < b ? a : b);
  const endNano = ends.reduce((a, b) => a > b ? a : b);
  const head = {
    traceId: hexId(found[0]!.span.traceId),
    startTime: new Date(Number(startNano / 1_000_000n)).toISOString(),
    durationMs: milliseconds(endNano - startNano),
    spanCount: found.length,
  };
  const bytesLeft = bytesMax - JSON.stringify({ ...head, services }).length;
  const { spans, omitted } = nested(found, startNano, bytesLeft);
  return {
    ...head,
    ...(omitted === 0 ? {} : { omittedSpanCount: omitted }),
    services,
    spans,
  };
}

function resourceOf({ resource }: ResourceSpansTree): [service: string, attributes: unknown] {
  const { "service.name": name, ...rest } = plainAttributes(resource?.attributes ?? []);
  return [String(name ?? "unknown"), rest];
}

/** Level by level from the roots, as long as there is room. */
function nested(found: readonly Found[], startNano: bigint, bytesMax: number) {
  const ids = new Set(found.map(({ span }) => span.spanId));
  const hasParent = ({ span }: Found) =>
    span.parentSpanId !== undefined && ids.has(span.parentSpanId) &&
    span.parentSpanId !== span.spanId;
  const children = Map.groupBy(found.filter(hasParent), ({ span }) => span.parentSpanId!);
  const spans: LlmSpan[] = [];
  const seen = new Set<SpanTree>();
  let bytesLeft = bytesMax;
  const place = (one: Found, siblings: LlmSpan[], depth: number, isBelow: boolean): Placed[] => {
    if (seen.has(one.span) || bytesLeft <= 0) return [];
    seen.add(one.span);
    const told = toldSpan(one, startNano, isBelow);
    bytesLeft -= JSON.stringify(told).length;
    if (bytesLeft < 0) return [];
    siblings.push(told);
    return [{ found: one, told, depth }];
  };
  const placeTree = (roots: readonly Found[]) => {
    let level = roots.flatMap((root) => place(root, spans, 0, false));
    while (level.length > 0) {
      level = level.flatMap(({ found: { span }, told, depth }) => {
        const below = children.get(span.spanId ?? "") ?? [];
        if (depth >= DEPTH_MAX) return below.flatMap((child) => place(child, spans, 0, false));
        const siblings: LlmSpan[] = [];
        const placed = below.flatMap((child) => place(child, siblings, depth + 1, true));
        if (siblings.length > 0) told.children = siblings;
        return placed;
      });
    }
  };
  placeTree(found.filter((one) => !hasParent(one)));
  // Spans in a circle have no root: the first of them stands for one.
  for (const one of found) if (!seen.has(one.span)) placeTree([one]);
  return { spans, omitted: found.length - count(spans) };
}

interface Placed {
  readonly found: Found;
  readonly told: LlmSpan;
  readonly depth: number;
}

function count(spans: readonly LlmSpan[]): number {
  let sum = 0;
  for (const queue = [...spans]; queue.length > 0; sum++) {
    queue.push(...queue.pop()!.children ?? []);
  }
  return sum;
}

function toldSpan({ span, service }: Found, startNano: bigint, isBelowParent: boolean): LlmSpan {
  const { attributes = [], events = [], status } = span;
  const start = BigInt(span.startTimeUnixNano ?? 0);
  const parent = hexId(span.parentSpanId);
  return {
    spanId: hexId(span.spanId),
    ...(isBelowParent || parent === "" ? {} : { parentSpanId: parent }),
    service,
    name: span.name ?? "",
    ...(span.kind === undefined
      ? {}
      : { kind: span.kind.replace(/^SPAN_KIND_/, "").toLowerCase() }),
    startMs: milliseconds(start - startNano),
    durationMs: milliseconds(BigInt(span.endTimeUnixNano ?? 0) - start),
    ...(status?.code === undefined
      ? {}
      : { status: status.code.replace(/^STATUS_CODE_/, "").toLowerCase() }),
    ...(status?.message === undefined ? {} : { statusMessage: status.message }),
    ...(attributes.length === 0 ? {} : { attributes: plainAttributes(attributes) }),
    ...(events.length === 0 ? {} : {
      events: events.map(({ name = "", timeUnixNano = "0", attributes = [] }) => ({
        name,
        atMs: milliseconds(BigInt(timeUnixNano) - startNano),
        ...(attributes.length === 0 ? {} : { attributes: plainAttributes(attributes) }),
      })),
    }),
  };
}

/** To the microsecond. */
function milliseconds(nano: bigint): number {
  return Number(nano / 1000n) / 1000;
}
