// What a result shows of a span: the attributes that the query names, with the values it asked about.
// A value that no condition on its attribute passes is not shown, unless the attribute was selected,
// compared with nil or used in an expression: so `{ .a = 1 || .b = 2 }` does not show another `.a`.
// Missing attributes show as nil where the query asked for just that.

import type { AttributeWant, SpanView } from "../../model/span_view.ts";
import {
  evaluateBinary,
  type FieldExpr,
  type Reference,
  type StaticValue,
} from "../traceql/mod.ts";
import { referencesOf } from "./expression.ts";
import { type FieldReader, fieldReader } from "./field_values.ts";
import { type Leaf, type Predicate, referenceKey } from "./predicate.ts";
import type { ResultAttribute, ResultValue } from "./query_request.ts";
import { resultValue } from "./result_values.ts";
import type { Rows } from "./row_lists.ts";

/** Results have them in fields of their own. */
const NEVER_ATTRIBUTES: ReadonlySet<string> = new Set([
  "name",
  "duration",
  "traceDuration",
  "rootServiceName",
  "rootName",
  "trace:id",
  "span:id",
]);

interface Shown {
  readonly ref: Reference;
  readonly leaves: Leaf[];
  isWhole: boolean;
  isNilShown: boolean;
}

export class ShownReferences {
  readonly #shown = new Map<string, Shown>();
  #isNameShown = false;

  get isNameShown(): boolean {
    return this.#isNameShown;
  }

  addPredicate(predicate: Predicate): void {
    switch (predicate.node) {
      case "constant":
        return;
      case "and":
      case "or":
        return predicate.parts.forEach((part) => this.addPredicate(part));
      case "not":
        return this.#addWhole(predicate.part);
      case "truth":
        this.#addWhole(predicate.left.yes);
        return this.#addWhole(predicate.right.yes);
      case "expression":
        return this.addField(predicate.field);
      default: {
        const shown = this.#of(predicate.ref);
        if (predicate.node !== "presence") shown.leaves.push(predicate);
        else if (predicate.op === "present") shown.isWhole = true;
        else shown.isNilShown = true;
      }
    }
  }

  addField(field: FieldExpr): void {
    for (const ref of referencesOf(field)) this.addAll(ref);
  }

  addAll(ref: Reference): void {
    this.#of(ref).isWhole = true;
  }

  /** For the spans of `rows`, ascending. */
  async reader(view: SpanView, rows: Rows): Promise<(row: number) => ResultAttribute[]> {
    const readers: { shown: Shown; key: string; read: FieldReader }[] = [];
    for (const shown of this.#shown.values()) {
      const { ref } = shown;
      if (ref.node === "intrinsic" && NEVER_ATTRIBUTES.has(ref.name)) continue;
      readers.push({
        shown,
        key: ref.name,
        read: await fieldReader(view, ref, wantOf(shown), rows),
      });
    }
    return (row) => {
      const attributes: ResultAttribute[] = [];
      for (const { shown, key, read } of readers) {
        const value = shownValue(shown, read(row));
        if (value === undefined) continue;
        const isKnown = attributes.some((other) =>
          other.key === key && JSON.stringify(other.value) === JSON.stringify(value)
        );
        if (!isKnown) attributes.push({ key, value });
      }
      return attributes;
    };
  }

  #addWhole(predicate: Predicate): void {
    switch (predicate.node) {
      case "constant":
        return;
      case "and":
      case "or":
        return predicate.parts.forEach((part) => this.#addWhole(part));
      case "not":
        return this.#addWhole(predicate.part);
      case "truth":
        this.#addWhole(predicate.left.yes);
        return this.#addWhole(predicate.right.yes);
      case "expression":
        return this.addField(predicate.field);
      default:
        this.addAll(predicate.ref);
    }
  }

  #of(ref: Reference): Shown {
    if (ref.node === "intrinsic" && ref.name === "name") this.#isNameShown = true;
    const key = referenceKey(ref);
    let shown = this.#shown.get(key);
    if (shown === undefined) {
      shown = { ref, leaves: [], isWhole: false, isNilShown: false };
      this.#shown.set(key, shown);
    }
    return shown;
  }
}

/**
 * A filter that asked for one text has loaded just that. Not for several: a view may tell one of them
 * for each owner, which is enough for a filter but not for showing them all.
 */
function wantOf(shown: Shown): AttributeWant {
  const text = onlyText(shown);
  return text === undefined ? {} : { anyOf: [text] };
}

function onlyText({ leaves, isWhole }: Shown): string | undefined {
  const [leaf] = leaves;
  if (isWhole || leaves.length !== 1 || leaf!.node !== "string" || leaf!.isNone) return undefined;
  const { anyOf } = leaf!.test;
  return anyOf?.length === 1 ? anyOf[0] : undefined;
}

function shownValue(shown: Shown, all: readonly StaticValue[]): ResultValue | undefined {
  if (all.length === 0) return shown.isNilShown ? { stringValue: "nil" } : undefined;
  const values = shown.isWhole
    ? all
    : all.filter((value) => shown.leaves.some((leaf) => passes(leaf, value)));
  if (values.length === 0) return undefined;
  const isOne = isListed(shown.ref) || onlyText(shown) !== undefined;
  return resultValue(isOne ? values.slice(-1) : values);
}

/** A span may have hundreds of events: one value speaks for them. */
function isListed(ref: Reference): boolean {
  return ref.node === "attribute"
    ? ref.scope === "event" || ref.scope === "link"
    : /^(event|link):/.test(ref.name);
}

function passes(leaf: Leaf, value: StaticValue): boolean {
  switch (leaf.node) {
    case "string":
      return value.type === "string" && leaf.test.matches(value.value) !== leaf.isNone;
    case "number": {
      const isOther = leaf.others?.some((other) => {
        const result = evaluateBinary("=", value, other);
        return result?.type === "bool" && result.value;
      });
      if (isOther) return true;
      const result = evaluateBinary(leaf.op, value, leaf.value);
      return result?.type === "bool" && result.value;
    }
    case "enum":
      return value.type === leaf.value.type && (value.value === leaf.value.value) !== leaf.isNone;
    case "bool":
      return value.type === "bool" && (value.value === leaf.value) !== leaf.isNone;
    case "presence":
      return true;
  }
}
