// What is not the same in two spans that stand for the same work: fields, attributes and events, in this order. Of
// what is around them (resource, scope) only the service counts, which they are matched by.
import type { DiffNode } from "./diff_tree.ts";
import { type EventTree, plainAttributes } from "./otlp_tree.ts";

type Target =
  | { readonly type: "field"; readonly name: string }
  | { readonly type: "attribute"; readonly scope: "span"; readonly key: string }
  | { readonly type: "event"; readonly name: string; readonly index: number };

export interface SpanChange {
  readonly op: "add" | "remove" | "modify";
  readonly target: Target;
  readonly before?: unknown;
  readonly after?: unknown;
}

type Attributes = Readonly<Record<string, unknown>>;

export function spanChanges(base: DiffNode, compare: DiffNode): SpanChange[] {
  return [
    ...fieldChanges(base, compare),
    ...attributeChanges(attributesOf(base), attributesOf(compare)),
    ...eventChanges(base.span.events ?? [], compare.span.events ?? []),
  ];
}

const attributesOf = ({ span }: DiffNode) => plainAttributes(span.attributes ?? []);

function* fieldChanges(base: DiffNode, compare: DiffNode): Generator<SpanChange> {
  const fields: [string, unknown, unknown][] = [
    ["duration_nanos", base.durationNanos, compare.durationNanos],
    ["status", base.status, compare.status],
    ["status_message", base.span.status?.message ?? "", compare.span.status?.message ?? ""],
  ];
  for (const [name, before, after] of fields) {
    if (before !== after) yield { op: "modify", target: { type: "field", name }, before, after };
  }
}

function* attributeChanges(
  base: Attributes,
  compare: Attributes,
): Generator<SpanChange> {
  for (const key of [...new Set([...Object.keys(base), ...Object.keys(compare)])].sort()) {
    const change = changeOf(
      Object.hasOwn(base, key) ? [base[key]] : [],
      Object.hasOwn(compare, key) ? [compare[key]] : [],
    );
    if (change !== undefined) {
      yield { ...change, target: { type: "attribute", scope: "span", key } };
    }
  }
}

/** Those of one name stand for each other in their order; when they were is not compared. */
function* eventChanges(
  base: readonly EventTree[],
  compare: readonly EventTree[],
): Generator<SpanChange> {
  const left = Map.groupBy(compare.map((event, index) => ({ event, index })), nameOf);
  for (const list of left.values()) list.reverse();
  for (const [index, event] of base.entries()) {
    const name = event.name ?? "";
    const partner = left.get(name)?.pop();
    const after = partner === undefined ? [] : [plainAttributes(partner.event.attributes ?? [])];
    const change = changeOf([plainAttributes(event.attributes ?? [])], after);
    if (change !== undefined) yield { ...change, target: { type: "event", name, index } };
  }
  for (const { event, index } of [...left.values()].flatMap((list) => list.reverse())) {
    const target = { type: "event" as const, name: event.name ?? "", index };
    yield { op: "add", target, after: plainAttributes(event.attributes ?? []) };
  }
}

const nameOf = ({ event }: { event: EventTree }) => event.name ?? "";

/** A side is a list of one value or none. */
function changeOf(
  base: readonly unknown[],
  compare: readonly unknown[],
): Omit<SpanChange, "target"> | undefined {
  if (base.length === 0) return { op: "add", after: compare[0] };
  if (compare.length === 0) return { op: "remove", before: base[0] };
  const isSame = JSON.stringify(base[0]) === JSON.stringify(compare[0]);
  return isSame ? undefined : { op: "modify", before: base[0], after: compare[0] };
}
