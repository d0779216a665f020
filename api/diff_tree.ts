// A trace as a tree whose spans can be named by where they are: the numbers of the children on the way from
// the root, which stay the same when ids do not.
import { hexId, otlpTree, plainAttributes, type SpanTree } from "./otlp_tree.ts";

export interface DiffNode {
  readonly span: SpanTree;
  readonly service: string;
  /** Lower case, as in `client`. */
  readonly kind: string;
  /** `unset`, `ok` or `error`. */
  readonly status: string;
  readonly durationNanos: number;
  readonly startNano: bigint;
  /** In the order they began. */
  children: readonly DiffNode[];
  parent: DiffNode | undefined;
  /** Among the children of its parent. */
  index: number;
}

export class DiffTree {
  readonly traceId: string;
  readonly roots: readonly DiffNode[];
  readonly spanCount: number;
  /** Spans that name a parent which is not there. */
  readonly lostCount: number;

  /** Of a TracesData message. */
  constructor(otlp: Uint8Array) {
    const nodes = otlpTree(otlp).flatMap(({ resource, scopeSpans = [] }) => {
      const attributes = plainAttributes(resource?.attributes ?? []);
      return scopeSpans.flatMap(({ spans = [] }) => spans.map((span) => nodeOf(span, attributes)));
    }).sort((a, b) => a.startNano < b.startNano ? -1 : a.startNano > b.startNano ? 1 : 0);
    this.lostCount = setParents(nodes);
    const byParent = Map.groupBy(nodes, ({ parent }) => parent);
    for (const node of [undefined, ...nodes]) {
      const children = byParent.get(node) ?? [];
      for (const [index, child] of children.entries()) child.index = index;
      if (node !== undefined) node.children = children;
    }
    this.roots = byParent.get(undefined) ?? [];
    this.spanCount = nodes.length;
    this.traceId = hexId(nodes[0]?.span.traceId);
  }

  /** Parents before their children, and children in their order. */
  *inOrder(): Generator<DiffNode> {
    const open = this.roots.toReversed();
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      yield node;
      for (let i = node.children.length - 1; i >= 0; i--) open.push(node.children[i]!);
    }
  }
}

/** Returns how many have a parent that is not there. Of spans with one id the first is the parent. */
function setParents(nodes: readonly DiffNode[]): number {
  const byId = new Map<string | undefined, DiffNode>();
  for (const node of nodes.toReversed()) byId.set(node.span.spanId, node);
  let lostCount = 0;
  for (const node of nodes) {
    const { parentSpanId } = node.span;
    if (parentSpanId === undefined) continue;
    node.parent = byId.get(parentSpanId);
    if (node.parent === undefined) lostCount++;
  }
  cutCircles(nodes);
  return lostCount;
}

/** Spans that are below themselves, as only broken clients send them: the first one met becomes a root. */
function cutCircles(nodes: readonly DiffNode[]): void {
  const isSound = new Set<DiffNode>();
  for (const node of nodes) {
    const way = new Set<DiffNode>();
    let one: DiffNode | undefined = node;
    while (one !== undefined && !isSound.has(one) && !way.has(one)) {
      way.add(one);
      one = one.parent;
    }
    if (one !== undefined && way.has(one)) one.parent = undefined;
    for (const sound of way) isSound.add(sound);
  }
}

export function pathOf(node: DiffNode): number[] {
  const path: number[] = [];
  for (let one: DiffNode | undefined = node; one !== undefined; one = one.parent) {
    path.push(one.index);
  }
  return path.reverse();
}

function nodeOf(span: SpanTree, resource: Readonly<Record<string, unknown>>): DiffNode {
  const startNano = BigInt(span.startTimeUnixNano ?? 0);
  const { "service.name": service } = resource;
  return {
    span,
    service: typeof service === "string" ? service : "",
    kind: (span.kind ?? "SPAN_KIND_UNSPECIFIED").replace("SPAN_KIND_", "").toLowerCase(),
    status: (span.status?.code ?? "STATUS_CODE_UNSET").replace("STATUS_CODE_", "").toLowerCase(),
    durationNanos: Number(BigInt(span.endTimeUnixNano ?? 0) - startNano),
    startNano,
    children: [],
    parent: undefined,
    index: 0,
  };
}
