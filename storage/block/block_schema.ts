// The columns of a block, in file order: set and order are the format, chosen by version.
// One writer and one reader serve both, for columns of one name hold the same things.
// Format: docs/formats/block.md.

import {
  type DedicatedAttributes,
  type DedicatedScope,
  fixedColumns,
  VPARQUET4_STRINGS_MAX,
} from "../../model/dedicated_attributes.ts";
import {
  type Draft,
  type Encoding,
  type Group,
  group,
  type Leaf,
  leaf,
  type LeafType,
  leavesOf,
  Repetition,
  rootOf,
} from "./schema.ts";

export interface BlockSchema {
  readonly dedicated: DedicatedAttributes;
  readonly root: Group;
  readonly leaves: readonly Leaf[];
}

export function blockSchema(dedicated: DedicatedAttributes): BlockSchema {
  const root = dedicated.format === "vParquet4" ? vparquet4(dedicated) : vparquet5(dedicated);
  return { dedicated, root, leaves: leavesOf(root) };
}

/** Lists as a format has them. */
interface Lists {
  group(name: string, children: readonly Draft[]): Draft;
  leaf(name: string, type: LeafType, encoding: Encoding): Draft;
}

const repeated = { repetition: Repetition.Repeated };
const optional = { repetition: Repetition.Optional };
const bounded = { hasBounds: true };

const plainLists: Lists = {
  group: (name, children) => group(name, children, repeated),
  leaf: (name, type, encoding) => leaf(name, type, encoding, repeated),
};

const wrappedLists: Lists = {
  group: (name, children) => wrapped(name, group("element", children, { isHidden: true })),
  leaf: (name, type, encoding) => wrapped(name, leaf("element", type, encoding, { column: "" })),
};

function wrapped(name: string, element: Draft): Draft {
  const list = group("list", [element], { ...repeated, isHidden: true });
  return group(name, [list], { annotation: "list" });
}

function vparquet5(dedicated: DedicatedAttributes): Group {
  const lists = plainLists;
  const own = (scope: DedicatedScope) => {
    const columns = ownColumns(dedicated, scope);
    return columns.length === 0 ? [] : [group("DedicatedAttributes", columns)];
  };
  return rootOf("Trace", [
    ...traceColumns(),
    lists.group("ServiceStats", [
      leaf("ServiceName", "string", "dictionary"),
      leaf("SpanCount", "u32", "delta"),
      leaf("ErrorCount", "u32", "delta"),
    ]),
    lists.group("rs", [
      group("Resource", [
        leaf("ServiceName", "string", "dictionary"),
        attributes(lists),
        leaf("DroppedAttributesCount", "i32", "delta"),
        ...own("resource"),
      ]),
      lists.group("ss", [
        scope(lists),
        lists.group("Spans", [
          ...spanColumns([leaf("ChildCount", "i32", "delta")]),
          ...spanLists(lists, own("event")),
          ...own("span"),
          leaf("StartTimeRounded15", "u32", "delta"),
          leaf("StartTimeRounded60", "u32", "delta"),
          leaf("StartTimeRounded300", "u32", "delta"),
          leaf("StartTimeRounded3600", "u32", "delta"),
        ]),
        leaf("SpanCount", "i32", "delta"),
      ]),
    ]),
  ]);
}

function vparquet4({ resource, span }: DedicatedAttributes): Group {
  const lists = wrappedLists;
  const fixedResources = Object.keys(fixedColumns.resource);
  const fixedSpans = Object.keys(fixedColumns.span);
  const named = (scope: "resource" | "span", names: readonly string[]) =>
    names.map((name, slot) =>
      leaf(name, "string", "dictionary", { ...optional, own: { scope, type: "string", slot } })
    );
  const numbered = (scope: "resource" | "span", first: number, count: number) =>
    group(
      "DedicatedAttributes",
      Array.from({ length: VPARQUET4_STRINGS_MAX }, (_, i) => {
        const slot = first + i < count ? first + i : -1;
        const own = { scope, type: "string" as const, slot };
        return leaf(`String${two(i)}`, "string", "dictionary", { ...optional, own });
      }),
    );
  const statusCode = { scope: "span" as const, type: "int" as const, slot: 0 };
  return rootOf("Trace", [
    ...traceColumns(),
    group("ServiceStats", [
      group("key_value", [
        leaf("key", "string", "dictionary"),
        group("value", [
          leaf("SpanCount", "u32", "delta"),
          leaf("ErrorCount", "u32", "delta"),
        ], { isHidden: true }),
      ], { ...repeated, isHidden: true }),
    ], { annotation: "map" }),
    lists.group("rs", [
      group("Resource", [
        attributes(lists),
        leaf("DroppedAttributesCount", "i32", "delta"),
        leaf("ServiceName", "string", "dictionary"),
        ...named("resource", fixedResources),
        numbered("resource", fixedResources.length, resource.strings.length),
      ]),
      lists.group("ss", [
        scope(lists),
        lists.group("Spans", [
          ...spanColumns([]),
          ...spanLists(lists, []),
          ...named("span", fixedSpans),
          leaf("HttpStatusCode", "i64", "plain", { ...optional, own: statusCode }),
          numbered("span", fixedSpans.length, span.strings.length),
        ]),
      ]),
    ]),
  ]);
}

function traceColumns(): Draft[] {
  return [
    leaf("TraceID", "bytes", "deltaBytes", bounded),
    leaf("TraceIDText", "string", "deltaBytes"),
    leaf("StartTimeUnixNano", "u64", "delta", bounded),
    leaf("EndTimeUnixNano", "u64", "delta", bounded),
    leaf("DurationNano", "u64", "delta", bounded),
    leaf("RootServiceName", "string", "dictionary"),
    leaf("RootSpanName", "string", "dictionary"),
  ];
}

function scope(lists: Lists): Draft {
  return group("Scope", [
    leaf("Name", "string", "dictionary"),
    leaf("Version", "string", "dictionary"),
    attributes(lists),
    leaf("DroppedAttributesCount", "i32", "delta"),
  ]);
}

function spanColumns(afterNestedSet: readonly Draft[]): Draft[] {
  return [
    leaf("SpanID", "bytes", "deltaBytes"),
    leaf("ParentSpanID", "bytes", "deltaBytes"),
    leaf("ParentID", "i32", "delta"),
    leaf("NestedSetLeft", "i32", "delta"),
    leaf("NestedSetRight", "i32", "delta"),
    ...afterNestedSet,
    leaf("Name", "string", "dictionary"),
    leaf("Kind", "i64", "delta", bounded),
    leaf("TraceState", "string", "deltaBytes"),
    leaf("StartTimeUnixNano", "u64", "delta", bounded),
    leaf("DurationNano", "u64", "delta", bounded),
    leaf("StatusCode", "i64", "delta", bounded),
    leaf("StatusMessage", "string", "deltaBytes"),
  ];
}

function spanLists(lists: Lists, afterEvent: readonly Draft[]): Draft[] {
  return [
    attributes(lists),
    leaf("DroppedAttributesCount", "i32", "delta"),
    lists.group("Events", [
      leaf("TimeSinceStartNano", "u64", "delta"),
      leaf("Name", "string", "dictionary"),
      attributes(lists),
      leaf("DroppedAttributesCount", "i32", "delta"),
      ...afterEvent,
    ]),
    leaf("DroppedEventsCount", "i32", "plain"),
    lists.group("Links", [
      leaf("TraceID", "bytes", "deltaBytes"),
      leaf("SpanID", "bytes", "deltaBytes"),
      leaf("TraceState", "string", "deltaBytes"),
      attributes(lists),
      leaf("DroppedAttributesCount", "i32", "delta"),
    ]),
    leaf("DroppedLinksCount", "i32", "plain"),
  ];
}

function attributes(lists: Lists): Draft {
  return lists.group("Attrs", [
    leaf("Key", "string", "dictionary"),
    leaf("IsArray", "bool", "plain"),
    lists.leaf("Value", "string", "dictionary"),
    lists.leaf("ValueInt", "i64", "plain"),
    lists.leaf("ValueDouble", "double", "plain"),
    lists.leaf("ValueBool", "bool", "plain"),
    leaf("ValueUnsupported", "string", "deltaBytes", optional),
  ]);
}

/** Strings first, then integers, whatever their order in the list. */
function ownColumns(dedicated: DedicatedAttributes, scope: DedicatedScope): Draft[] {
  const { strings, ints } = dedicated[scope];
  const isBlob = (key: string) =>
    dedicated.columns.some(({ s = "span", n, t = "string", o }) =>
      s === scope && n === key && t === "string" && o?.includes("blob")
    );
  return [
    ...strings.map((key, slot) => {
      const own = { scope, type: "string" as const, slot };
      return isBlob(key)
        ? leaf(`String${two(slot)}`, "string", "deltaBytes", { ...repeated, isBlob: true, own })
        : leaf(`String${two(slot)}`, "string", "dictionary", { ...repeated, own });
    }),
    ...ints.map((_, slot) => {
      const own = { scope, type: "int" as const, slot };
      return leaf(`Int${two(slot)}`, "i64", "plain", { ...repeated, own });
    }),
  ];
}

const two = (index: number) => String(index + 1).padStart(2, "0");
