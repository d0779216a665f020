// How two traces differ: which of their spans stand for the same work, and what is not the same in them.
// Spans are matched from the roots down: children of matched spans that have the same service, name and
// kind, in the order they began. What has no counterpart was added or removed, with all below it.

import { hexId, otlpTree, plainAttributes, type SpanTree } from "./otlp_tree.ts";

export interface DiffSide {
  readonly traceId: string;
  readonly durationMs: number;
  readonly spanCount: number;
}

export interface DiffSpan {
  /** Services and names from the root to the span. */
  readonly path: readonly string[];
  readonly spanId: string;
  readonly durationMs: number;
}

export interface ModifiedSpan {
  readonly path: readonly string[];
  readonly baseSpanId: string;
  readonly compareSpanId: string;
  /** By what differs: its value in the one and the other. */
  readonly changes: Readonly<Record<string, readonly [base: unknown, compare: unknown]>>;
}

export interface TraceDiff {
  readonly version: "trace-patch-v0";
  readonly base: DiffSide;
  readonly compare: DiffSide;
  readonly stats: {
    readonly spanCountA: number;
    readonly spanCountB: number;
    readonly matched: number;
    readonly modified: number;
    readonly added: number;
    readonly removed: number;
  };
  readonly modified: readonly ModifiedSpan[];
  readonly added: readonly DiffSpan[];
  readonly removed: readonly DiffSpan[];
  readonly warnings: readonly string[];
}

/** Durations that differ by less say nothing. */
const DURATION_RATIO = 1.25;
const DURATION_MS = 1;
const PATH_MAX = 32;

/** Of two TracesData messages. */
export function traceDiff(base: Uint8Array, compare: Uint8Array): TraceDiff {
  const [a, b] = [new Side(base), new Side(compare)];
  const modified: ModifiedSpan[] = [];
  const added: DiffSpan[] = [];
  const removed: DiffSpan[] = [];
  let matched = 0;
  const queue: [Node[], Node[], readonly string[]][] = [[a.roots, b.roots, []]];
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const [ofBase, ofCompare, above] = next;
    const byKey = Map.groupBy(ofCompare, ({ key }) => key);
    for (const one of ofBase) {
      const other = byKey.get(one.key)?.shift();
      if (other === undefined) tell(a, one, above, removed);
      else {
        matched++;
        const path = below(above, one);
        const changes = changesOf(one, other);
        if (Object.keys(changes).length > 0) {
          modified.push({ path, baseSpanId: one.spanId, compareSpanId: other.spanId, changes });
        }
        queue.push([a.childrenOf(one), b.childrenOf(other), path]);
      }
    }
    for (const rest of byKey.values()) for (const one of rest) tell(b, one, above, added);
  }
  return {
    version: "trace-patch-v0",
    base: a.told,
    compare: b.told,
    stats: {
      spanCountA: a.told.spanCount,
      spanCountB: b.told.spanCount,
      matched,
      modified: modified.length,
      added: added.length,
      removed: removed.length,
    },
    modified,
    added,
    removed,
    warnings: [...a.warnings("base"), ...b.warnings("compare")],
  };
}

interface Node {
  readonly span: SpanTree;
  readonly spanId: string;
  readonly key: string;
  readonly label: string;
  readonly durationMs: number;
  readonly startNano: bigint;
}

class Side {
  readonly roots: Node[];
  readonly told: DiffSide;
  readonly #children: ReadonlyMap<string | undefined, Node[]>;
  #lostCount = 0;

  constructor(otlp: Uint8Array) {
    const nodes = otlpTree(otlp).flatMap(({ resource, scopeSpans = [] }) => {
      const attributes = resource?.attributes ?? [];
      const service = attributes.find(({ key }) => key === "service.name")?.value?.stringValue ??
        "";
      return scopeSpans.flatMap(({ spans = [] }) => spans.map((span) => nodeOf(span, service)));
    }).sort((x, y) => x.startNano < y.startNano ? -1 : x.startNano > y.startNano ? 1 : 0);
    const ids = new Set(nodes.map(({ span }) => span.spanId));
    const isRoot = ({ span: { parentSpanId } }: Node) =>
      parentSpanId === undefined || !ids.has(parentSpanId);
    this.roots = nodes.filter(isRoot);
    this.#lostCount = this.roots.filter(({ span }) => span.parentSpanId !== undefined).length;
    this.#children = Map.groupBy(
      nodes.filter((node) => !isRoot(node)),
      ({ span }) => span.parentSpanId,
    );
    const end = nodes.reduce(
      (last, { startNano, durationMs }) =>
        Math.max(last, Number(startNano / 1000n) / 1000 + durationMs),
      0,
    );
    this.told = {
      traceId: hexId(nodes[0]?.span.traceId),
      durationMs: nodes.length === 0 ? 0 : round(end - Number(nodes[0]!.startNano / 1000n) / 1000),
      spanCount: nodes.length,
    };
  }

  childrenOf({ span }: Node): Node[] {
    return this.#children.get(span.spanId) ?? [];
  }

  *warnings(side: string): Generator<string> {
    if (this.#lostCount === 0) return;
    yield `${side}: ${this.#lostCount} spans whose parent is missing are compared as roots`;
  }
}

function nodeOf(span: SpanTree, service: string): Node {
  const startNano = BigInt(span.startTimeUnixNano ?? 0);
  const durationNano = BigInt(span.endTimeUnixNano ?? 0) - startNano;
  return {
    span,
    spanId: hexId(span.spanId),
    key: JSON.stringify([service, span.name, span.kind]),
    label: `${service}: ${span.name ?? ""}`,
    durationMs: Number(durationNano / 1000n) / 1000,
    startNano,
  };
}

/** A way from the root that is long is told from its end: a chain of all spans would be a square of them. */
function below(above: readonly string[], { label }: Node): readonly string[] {
  return [...above, label].slice(-PATH_MAX);
}

/** The span and all below it. */
function tell(side: Side, node: Node, above: readonly string[], into: DiffSpan[]): void {
  const queue: [Node, readonly string[]][] = [[node, above]];
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    const [one, before] = next;
    const path = below(before, one);
    into.push({ path, spanId: one.spanId, durationMs: one.durationMs });
    for (const child of side.childrenOf(one)) queue.push([child, path]);
  }
}

function changesOf(one: Node, other: Node): ModifiedSpan["changes"] {
  const changes: Record<string, [unknown, unknown]> = {};
  const longer = Math.max(one.durationMs, other.durationMs);
  const shorter = Math.min(one.durationMs, other.durationMs);
  if (longer > shorter * DURATION_RATIO && longer - shorter > DURATION_MS) {
    changes.durationMs = [one.durationMs, other.durationMs];
  }
  const statuses = [one, other].map(({ span }) => span.status?.code ?? "STATUS_CODE_UNSET");
  if (statuses[0] !== statuses[1]) changes.status = [statuses[0], statuses[1]];
  const [a, b] = [one, other].map(({ span }) => plainAttributes(span.attributes ?? [])) as [
    Record<string, unknown>,
    Record<string, unknown>,
  ];
  for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
    if (JSON.stringify(a[key]) !== JSON.stringify(b[key])) {
      changes[`attributes.${key}`] = [a[key] ?? null, b[key] ?? null];
    }
  }
  return changes;
}

function round(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
