// How two traces differ, as a patch: which of their spans stand for the same work, and what is not the same in
// them. Form: api.md §1.3 and its recording.
// Spans are matched from the roots down, those of one parent by service, name and kind in the order they began.
// Those that are left stand opposite each other in order: they were removed and added, but what is below them is
// still compared, so that a renamed root does not make everything new.
import { type DiffNode, DiffTree, pathOf } from "./diff_tree.ts";
import { type SpanChange, spanChanges } from "./span_changes.ts";

export interface DiffSide {
  readonly traceId: string;
  readonly spanCount: number;
}

export interface ToldSpan {
  readonly path: readonly number[];
  readonly service: string;
  readonly name: string;
  readonly kind: string;
}

export interface WholeSpan extends ToldSpan {
  readonly duration_nanos: number;
  readonly status: string;
}

export interface ModifiedSpan {
  readonly span: ToldSpan;
  readonly changes: readonly SpanChange[];
}

export interface AddedSpan {
  readonly target: {
    readonly type: "span";
    readonly parentPath?: readonly number[];
    readonly index: number;
  };
  readonly span: WholeSpan;
}

export interface RemovedSpan {
  readonly target: { readonly type: "span"; readonly path: readonly number[] };
  readonly span: WholeSpan;
}

export interface DiffStats {
  readonly spanCountA: number;
  readonly spanCountB: number;
  readonly matchedSpans: number;
  readonly modifiedSpans: number;
  readonly addedSpans: number;
  readonly removedSpans: number;
  readonly fieldChanges: number;
  readonly attributeChanges: number;
  readonly eventChanges: number;
  /** Not all that was counted is told. */
  readonly truncated: boolean;
}

export interface TracePatch {
  readonly version: "trace-patch-v0";
  readonly base: DiffSide;
  readonly compare: DiffSide;
  readonly stats: DiffStats;
  readonly modified: readonly ModifiedSpan[];
  readonly added: readonly AddedSpan[];
  readonly removed: readonly RemovedSpan[];
  readonly warnings: readonly string[];
}

/** What one span of each trace is to the other. */
export interface MatchedTraces {
  readonly base: DiffTree;
  readonly compare: DiffTree;
  /** Of spans of the base. */
  readonly partners: ReadonlyMap<DiffNode, DiffNode>;
  /** Of the compared trace. */
  readonly added: ReadonlySet<DiffNode>;
}

/** Numbers in all paths together: those of a chain of all spans would be a square of them. */
const PATH_NUMBERS_MAX = 1_000_000;

/** Of two TracesData messages. */
export function matchTraces(base: Uint8Array, compare: Uint8Array): MatchedTraces {
  const [a, b] = [new DiffTree(base), new DiffTree(compare)];
  const partners = new Map<DiffNode, DiffNode>();
  const added = new Set<DiffNode>();
  const open: [readonly DiffNode[], readonly DiffNode[]][] = [[a.roots, b.roots]];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [ofBase, ofCompare] = next;
    const byKey = Map.groupBy(ofCompare, keyOf);
    for (const list of byKey.values()) list.reverse();
    const alone: DiffNode[] = [];
    for (const node of ofBase) {
      const partner = byKey.get(keyOf(node))?.pop();
      if (partner === undefined) {
        alone.push(node);
        continue;
      }
      partners.set(node, partner);
      open.push([node.children, partner.children]);
    }
    const taken = new Set(ofBase.map((node) => partners.get(node)));
    const left = ofCompare.filter((node) => !taken.has(node));
    for (const node of left) added.add(node);
    for (let i = 0; i < Math.max(alone.length, left.length); i++) {
      open.push([alone[i]?.children ?? [], left[i]?.children ?? []]);
    }
  }
  return { base: a, compare: b, partners, added };
}

export function tracePatch({ base, compare, partners, added }: MatchedTraces): TracePatch {
  const modified: ModifiedSpan[] = [];
  const gone: RemovedSpan[] = [];
  const come: AddedSpan[] = [];
  const counts = { modified: 0, removed: 0, field: 0, attribute: 0, event: 0 };
  let numbers = 0;
  /** Undefined when enough has been told. */
  const path = (node: DiffNode) => {
    if (numbers > PATH_NUMBERS_MAX) return undefined;
    const found = pathOf(node);
    numbers += found.length;
    return found;
  };
  for (const node of base.inOrder()) {
    const partner = partners.get(node);
    if (partner === undefined) {
      counts.removed++;
      const at = path(node);
      if (at) gone.push({ target: { type: "span", path: at }, span: whole(node, at) });
      continue;
    }
    const changes = spanChanges(node, partner);
    if (changes.length === 0) continue;
    counts.modified++;
    for (const { target: { type } } of changes) counts[type]++;
    const at = path(node);
    if (at) modified.push({ span: told(node, at), changes });
  }
  for (const node of compare.inOrder()) {
    const at = added.has(node) ? path(node) : undefined;
    if (at === undefined) continue;
    const parent = at.length > 1 ? { parentPath: at.slice(0, -1) } : {};
    come.push({ target: { type: "span", ...parent, index: node.index }, span: whole(node, at) });
  }
  return {
    version: "trace-patch-v0",
    base: { traceId: base.traceId, spanCount: base.spanCount },
    compare: { traceId: compare.traceId, spanCount: compare.spanCount },
    stats: {
      spanCountA: base.spanCount,
      spanCountB: compare.spanCount,
      matchedSpans: partners.size,
      modifiedSpans: counts.modified,
      addedSpans: added.size,
      removedSpans: counts.removed,
      fieldChanges: counts.field,
      attributeChanges: counts.attribute,
      eventChanges: counts.event,
      truncated: numbers > PATH_NUMBERS_MAX,
    },
    modified,
    added: come,
    removed: gone,
    warnings: [...warnings(base, "base"), ...warnings(compare, "compare")],
  };
}

const keyOf = ({ service, span, kind }: DiffNode) => JSON.stringify([service, span.name, kind]);

function told({ service, span: { name = "" }, kind }: DiffNode, path: readonly number[]): ToldSpan {
  return { path, service, name, kind };
}

function whole(node: DiffNode, path: readonly number[]): WholeSpan {
  return { ...told(node, path), duration_nanos: node.durationNanos, status: node.status };
}

function* warnings({ lostCount }: DiffTree, side: string): Generator<string> {
  if (lostCount === 0) return;
  yield `${side}: ${lostCount} spans whose parent is missing are compared as roots`;
}
