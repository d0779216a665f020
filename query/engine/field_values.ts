// The values that a reference has for a span, as constants of the language: for what is shown, for
// expressions, for groups. Slow beside the loops of a filter, and meant for few spans.
// None is missing; an array, events and links give several.

import type {
  AttributeScope,
  AttributeValues,
  AttributeWant,
  SpanView,
} from "../../model/span_view.ts";
import {
  KINDS,
  OTLP_KIND,
  OTLP_STATUS,
  type Reference,
  type StaticValue,
  STATUSES,
} from "../traceql/mod.ts";
import { hexOfWords } from "./id_words.ts";
import { elapsed } from "./filter_derived.ts";
import { lowerBound, type Rows } from "./row_lists.ts";

/** The values of a span, in their order. */
export type FieldReader = (row: number) => readonly StaticValue[];

const NONE: readonly StaticValue[] = [];
const KIND_OF = KINDS.toSorted((a, b) => OTLP_KIND[a] - OTLP_KIND[b]);
const STATUS_OF = STATUSES.toSorted((a, b) => OTLP_STATUS[a] - OTLP_STATUS[b]);

const text = (value: string): StaticValue => ({ type: "string", value });
const int = (value: number | bigint): StaticValue => ({ type: "int", value: BigInt(value) });
const duration = (nano: number): StaticValue => ({ type: "duration", value: BigInt(nano) });

/** With a `want`, other values of an attribute may be left out; with `rows`, those of other spans. */
export async function fieldReader(
  view: SpanView,
  ref: Reference,
  want: AttributeWant = {},
  rows?: Rows,
): Promise<FieldReader> {
  if (ref.node === "intrinsic") return await intrinsicReader(view, ref.name);
  if (ref.scope !== "any") {
    return await attributeReader(view, ref.scope as AttributeScope, ref.name, want, rows);
  }
  const ofSpan = await attributeReader(view, "span", ref.name, want, rows);
  const ofResource = await attributeReader(view, "resource", ref.name, want, rows);
  return (row) => {
    const own = ofSpan(row);
    return own.length > 0 ? own : ofResource(row);
  };
}

async function attributeReader(
  view: SpanView,
  scope: AttributeScope,
  key: string,
  want: AttributeWant,
  rows: Rows | undefined,
): Promise<FieldReader> {
  const isOfSpan = scope === "span" && rows !== undefined;
  const values = await view.attribute(scope, key, isOfSpan ? { ...want, owners: rows } : want);
  switch (scope) {
    case "span":
      return (row) => valuesOf(values, row);
    case "resource": {
      const of = await view.resourceOfSpan();
      if (key !== "service.name") return perOwner(of, (owner) => valuesOf(values, owner));
      const named = textReader(await view.services());
      return perOwner(of, (owner) => {
        const found = valuesOf(values, owner);
        return found.length > 0 ? found : named(owner);
      });
    }
    case "instrumentation": {
      return perOwner(await view.scopeOfSpan(), (owner) => valuesOf(values, owner));
    }
    default: {
      const { spans, length } = scope === "event" ? await view.events() : await view.links();
      return (row) => {
        const found: StaticValue[] = [];
        eachOwned(spans, length, row, (owner) => found.push(...valuesOf(values, owner)));
        return found;
      };
    }
  }
}

/** Spans share what their owner has, made once. */
function perOwner(
  of: Int32Array,
  read: (owner: number) => readonly StaticValue[],
): FieldReader {
  const known = new Map<number, readonly StaticValue[]>();
  return (row) => {
    const owner = of[row]!;
    let values = known.get(owner);
    if (values === undefined) known.set(owner, values = read(owner));
    return values;
  };
}

/** All that an owner has, whatever the type; types stand one after another. */
export function valuesOf(values: AttributeValues, owner: number): readonly StaticValue[] {
  const { strings, ints, doubles, bools } = values;
  let found: StaticValue[] | undefined;
  const push = (value: StaticValue) => (found ??= []).push(value);
  if (strings !== undefined) {
    eachOwned(strings.owners, strings.length, owner, (i) => {
      push(text(strings.strings.text(strings.codes[i]!)));
    });
  }
  if (ints !== undefined) {
    eachOwned(ints.owners, ints.length, owner, (i) => {
      const high = BigInt(ints.words[i * 2 + 1]! | 0);
      push(int(high << 32n | BigInt(ints.words[i * 2]!)));
    });
  }
  if (doubles !== undefined) {
    eachOwned(doubles.owners, doubles.length, owner, (i) => {
      push({ type: "float", value: doubles.values[i]! });
    });
  }
  if (bools !== undefined) {
    eachOwned(bools.owners, bools.length, owner, (i) => {
      push({ type: "bool", value: bools.values[i] === 1 });
    });
  }
  return found ?? NONE;
}

export function eachOwned(
  owners: Int32Array,
  length: number,
  owner: number,
  visit: (position: number) => void,
): void {
  for (let i = lowerBound(owners, owner, 0, length); i < length && owners[i] === owner; i++) {
    visit(i);
  }
}

async function intrinsicReader(view: SpanView, name: string): Promise<FieldReader> {
  switch (name) {
    case "duration": {
      const nanos = await view.durationNano();
      return (row) => [duration(nanos[row]!)];
    }
    case "status": {
      const codes = await view.statusCodes();
      return (row) => [{ type: "status", value: STATUS_OF[codes[row]!] ?? "unset" }];
    }
    case "kind": {
      const codes = await view.kinds();
      return (row) => [{ type: "kind", value: KIND_OF[codes[row]!] ?? "unspecified" }];
    }
    case "name":
      return textReader(await view.names());
    case "statusMessage":
      return textReader(await view.statusMessages());
    case "instrumentation:name":
      return textReader(await view.scopeNames(), await view.scopeOfSpan());
    case "instrumentation:version":
      return textReader(await view.scopeVersions(), await view.scopeOfSpan());
    case "rootName":
      return textReader((await view.traces()).rootName, await view.traceOfSpan());
    case "rootServiceName":
      return textReader((await view.traces()).rootService, await view.traceOfSpan());
    case "traceDuration": {
      const { startUnixNano, endUnixNano } = await view.traces();
      const of = await view.traceOfSpan();
      return (row) => [duration(elapsed(startUnixNano, endUnixNano, of[row]!))];
    }
    case "trace:id": {
      const { idWords } = await view.traces();
      const of = await view.traceOfSpan();
      return (row) => [text(hexOfWords(idWords, of[row]! * 4, 4))];
    }
    case "span:id": {
      const ids = await view.spanIds();
      return (row) => [text(hexOfWords(ids, row * 2, 2))];
    }
    case "span:parentID": {
      const ids = await view.parentIds();
      return (row) => {
        const isNone = (ids[row * 2]! | ids[row * 2 + 1]!) === 0;
        return [text(isNone ? "" : hexOfWords(ids, row * 2, 2))];
      };
    }
    case "nestedSetLeft":
      return intReader((await view.nestedSets()).left);
    case "nestedSetRight":
      return intReader((await view.nestedSets()).right);
    case "nestedSetParent":
      return intReader((await view.nestedSets()).parent);
    case "span:childCount":
      return intReader((await view.nestedSets()).childCount);
    default:
      return await listedReader(view, name);
  }
}

async function listedReader(view: SpanView, name: string): Promise<FieldReader> {
  const listed = (
    { spans, length }: { spans: Int32Array; length: number },
    value: (i: number) => StaticValue,
  ): FieldReader =>
  (row) => {
    const found: StaticValue[] = [];
    eachOwned(spans, length, row, (i) => found.push(value(i)));
    return found;
  };
  switch (name) {
    case "event:name": {
      const events = await view.events();
      const { codes, strings } = events.names;
      return listed(events, (i) => text(codes[i] === 0 ? "" : strings.text(codes[i]!)));
    }
    case "event:timeSinceStart": {
      const events = await view.events();
      return listed(events, (i) => duration(events.sinceStartNano[i]!));
    }
    case "link:traceID": {
      const links = await view.links();
      return listed(links, (i) => text(hexOfWords(links.traceIdWords, i * 4, 4)));
    }
    case "link:spanID": {
      const links = await view.links();
      return listed(links, (i) => text(hexOfWords(links.spanIdWords, i * 2, 2)));
    }
    default:
      return () => NONE;
  }
}

/** A text is made once, and spans that have it share it. */
function textReader(
  { codes, strings }: Awaited<ReturnType<SpanView["names"]>>,
  of?: Int32Array,
): FieldReader {
  const known = new Map<number, readonly StaticValue[]>();
  return (row) => {
    const code = codes[of === undefined ? row : of[row]!]!;
    let values = known.get(code);
    if (values === undefined) {
      values = [text(code === 0 ? "" : strings.text(code))];
      known.set(code, values);
    }
    return values;
  };
}

const intReader = (values: Int32Array): FieldReader => (row) => [int(values[row]!)];
