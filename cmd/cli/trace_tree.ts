// The spans of a trace as a tree to be read. Rule: every span is told once, whatever its parents:
// those whose parent is not there stand as roots, and so does the first of a circle.

import type { JsonObject } from "../../model/otlp_json.ts";

export interface ShownSpan {
  /** Base64. */
  readonly id: string;
  readonly parentId: string;
  readonly name: string;
  readonly service: string;
  readonly kind: string;
  readonly startNano: bigint;
  readonly endNano: bigint;
  readonly isError: boolean;
  readonly message: string;
}

export interface PlacedSpan {
  readonly span: ShownSpan;
  /** What stands before its name. */
  readonly branch: string;
}

interface Attribute {
  readonly key?: string;
  readonly value?: { readonly stringValue?: string };
}

interface SpanJson {
  readonly spanId?: string;
  readonly parentSpanId?: string;
  readonly name?: string;
  /** A number where OTLP has no name for it. */
  readonly kind?: string | number;
  readonly startTimeUnixNano?: string;
  readonly endTimeUnixNano?: string;
  readonly status?: { readonly code?: string | number; readonly message?: string };
}

interface TracesJson {
  readonly resourceSpans?: readonly {
    readonly resource?: { readonly attributes?: readonly Attribute[] };
    readonly scopeSpans?: readonly { readonly spans?: readonly SpanJson[] }[];
  }[];
}

/** `traces` as model/otlp_json.ts has them. */
export function spansOfTrace(traces: JsonObject): ShownSpan[] {
  return ((traces as TracesJson).resourceSpans ?? []).flatMap(({ resource, scopeSpans = [] }) => {
    const service = resource?.attributes?.find(({ key }) => key === "service.name");
    const name = service?.value?.stringValue ?? "";
    return scopeSpans.flatMap(({ spans = [] }) => spans.map((span) => shownSpan(span, name)));
  });
}

function shownSpan(span: SpanJson, service: string): ShownSpan {
  return {
    id: span.spanId ?? "",
    parentId: span.parentSpanId ?? "",
    name: span.name ?? "",
    service,
    kind: String(span.kind ?? "").replace("SPAN_KIND_", "").toLowerCase(),
    startNano: BigInt(span.startTimeUnixNano ?? 0),
    endNano: BigInt(span.endTimeUnixNano ?? 0),
    isError: span.status?.code === "STATUS_CODE_ERROR",
    message: span.status?.message ?? "",
  };
}

/** Depth first, by start within a parent. */
export function rootsFirst(spans: readonly ShownSpan[]): PlacedSpan[] {
  const byStart = [...spans].sort((a, b) =>
    a.startNano < b.startNano ? -1 : a.startNano > b.startNano ? 1 : a.id < b.id ? -1 : 1
  );
  const ids = new Set(spans.map(({ id }) => id));
  const childrenOf = Map.groupBy(byStart, ({ parentId }) => parentId);
  const placed: PlacedSpan[] = [];
  const isPlaced = new Set<ShownSpan>();
  const place = (root: ShownSpan) => {
    // A stack of our own: chains of a hundred thousand spans have been seen.
    const stack: { span: ShownSpan; branch: string; below: string }[] = [
      { span: root, branch: "", below: "" },
    ];
    for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
      const { span, branch, below } = next;
      if (isPlaced.has(span)) continue;
      isPlaced.add(span);
      placed.push({ span, branch });
      // Of two spans with one id the first has the children: they are placed before its twin is met.
      if (span.id === "") continue;
      const children = (childrenOf.get(span.id) ?? []).filter((child) => !isPlaced.has(child));
      children.forEach((_, i) => {
        const at = children.length - 1 - i; // the last goes onto the stack first
        const isLast = at === children.length - 1;
        const deep = below.length > DEPTH_MAX;
        stack.push({
          span: children[at]!,
          branch: deep ? `${below}… ` : below + (isLast ? "└ " : "├ "),
          below: deep ? below : below + (isLast ? "  " : "│ "),
        });
      });
    }
  };
  const isRoot = ({ parentId }: ShownSpan) => parentId === "" || !ids.has(parentId);
  for (const span of byStart) if (span.parentId === "") place(span);
  for (const span of byStart) if (isRoot(span)) place(span);
  for (const span of byStart) if (!isPlaced.has(span)) place(span);
  return placed;
}

/** Deeper branches are not indented any further. */
const DEPTH_MAX = 40;
