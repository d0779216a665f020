// The columns of vParquet5, in file order. Set and order are the format; encodings are a choice that
// the file states for each chunk, and so are codecs (column_chunk.ts).
// Format: docs/formats/block.md.

import type { DedicatedAttributes } from "../../model/dedicated_attributes.ts";

export const enum Repetition {
  Required = 0,
  Optional = 1,
  Repeated = 2,
}

export type Encoding = "dictionary" | "delta" | "deltaBytes" | "plain";
export type LeafType = "string" | "bytes" | "i32" | "u32" | "i64" | "u64" | "double" | "bool";

export interface Leaf {
  readonly name: string;
  readonly path: readonly string[];
  readonly repetition: Repetition;
  readonly type: LeafType;
  readonly encoding: Encoding;
  /** Whether pages and chunks say their smallest and largest value, so that readers can skip them. */
  readonly hasBounds: boolean;
  readonly repetitionMax: number;
  readonly definitionMax: number;
}

export interface Group {
  readonly name: string;
  readonly repetition: Repetition;
  readonly children: readonly (Group | Leaf)[];
}

type Draft = (
  path: readonly string[],
  repetitionMax: number,
  definitionMax: number,
) => Group | Leaf;

export function vparquet5Schema(dedicated: DedicatedAttributes): Group {
  const two = (index: number) => String(index + 1).padStart(2, "0");
  const blobs = new Set(dedicated.columns.filter(({ o }) => o?.includes("blob")).map(({ n }) => n));
  const strings = (keys: readonly string[]) =>
    keys.map((key, i) =>
      repeated("String" + two(i), "string", blobs.has(key) ? "deltaBytes" : "dictionary")
    );
  const ints = (keys: readonly string[]) =>
    keys.map((_, i) => repeated("Int" + two(i), "i64", "plain"));
  return group("Trace", Repetition.Required, [
    bounded("TraceID", "bytes", "deltaBytes"),
    leaf("TraceIDText", "string", "deltaBytes"),
    bounded("StartTimeUnixNano", "u64", "delta"),
    bounded("EndTimeUnixNano", "u64", "delta"),
    bounded("DurationNano", "u64", "delta"),
    leaf("RootServiceName", "string", "dictionary"),
    leaf("RootSpanName", "string", "dictionary"),
    group("ServiceStats", Repetition.Repeated, [
      leaf("ServiceName", "string", "dictionary"),
      leaf("SpanCount", "u32", "delta"),
      leaf("ErrorCount", "u32", "delta"),
    ]),
    group("rs", Repetition.Repeated, [
      group("Resource", Repetition.Required, [
        leaf("ServiceName", "string", "dictionary"),
        attributes(),
        leaf("DroppedAttributesCount", "i32", "delta"),
        group("DedicatedAttributes", Repetition.Required, strings(dedicated.resourceStrings)),
      ]),
      group("ss", Repetition.Repeated, [
        group("Scope", Repetition.Required, [
          leaf("Name", "string", "dictionary"),
          leaf("Version", "string", "dictionary"),
          attributes(),
          leaf("DroppedAttributesCount", "i32", "delta"),
        ]),
        group("Spans", Repetition.Repeated, [
          leaf("SpanID", "bytes", "deltaBytes"),
          leaf("ParentSpanID", "bytes", "deltaBytes"),
          leaf("ParentID", "i32", "delta"),
          leaf("NestedSetLeft", "i32", "delta"),
          leaf("NestedSetRight", "i32", "delta"),
          leaf("ChildCount", "i32", "delta"),
          leaf("Name", "string", "dictionary"),
          bounded("Kind", "i64", "delta"),
          leaf("TraceState", "string", "deltaBytes"),
          bounded("StartTimeUnixNano", "u64", "delta"),
          bounded("DurationNano", "u64", "delta"),
          bounded("StatusCode", "i64", "delta"),
          leaf("StatusMessage", "string", "deltaBytes"),
          attributes(),
          leaf("DroppedAttributesCount", "i32", "delta"),
          group("Events", Repetition.Repeated, [
            leaf("TimeSinceStartNano", "u64", "delta"),
            leaf("Name", "string", "dictionary"),
            attributes(),
            leaf("DroppedAttributesCount", "i32", "delta"),
          ]),
          leaf("DroppedEventsCount", "i32", "plain"),
          group("Links", Repetition.Repeated, [
            leaf("TraceID", "bytes", "deltaBytes"),
            leaf("SpanID", "bytes", "deltaBytes"),
            leaf("TraceState", "string", "deltaBytes"),
            attributes(),
            leaf("DroppedAttributesCount", "i32", "delta"),
          ]),
          leaf("DroppedLinksCount", "i32", "plain"),
          group("DedicatedAttributes", Repetition.Required, [
            ...strings(dedicated.spanStrings),
            ...ints(dedicated.spanInts),
          ]),
          leaf("StartTimeRounded15", "u32", "delta"),
          leaf("StartTimeRounded60", "u32", "delta"),
          leaf("StartTimeRounded300", "u32", "delta"),
          leaf("StartTimeRounded3600", "u32", "delta"),
        ]),
        leaf("SpanCount", "i32", "delta"),
      ]),
    ]),
  ])([], 0, 0) as Group;
}

export function leavesOf(node: Group | Leaf): Leaf[] {
  return "children" in node ? node.children.flatMap(leavesOf) : [node];
}

function attributes(): Draft {
  return group("Attrs", Repetition.Repeated, [
    leaf("Key", "string", "dictionary"),
    leaf("IsArray", "bool", "plain"),
    repeated("Value", "string", "dictionary"),
    repeated("ValueInt", "i64", "plain"),
    repeated("ValueDouble", "double", "plain"),
    repeated("ValueBool", "bool", "plain"),
    leaf("ValueUnsupported", "string", "deltaBytes", Repetition.Optional),
  ]);
}

function repeated(name: string, type: LeafType, encoding: Encoding): Draft {
  return leaf(name, type, encoding, Repetition.Repeated);
}

function bounded(name: string, type: LeafType, encoding: Encoding): Draft {
  return leaf(name, type, encoding, Repetition.Required, true);
}

function leaf(
  name: string,
  type: LeafType,
  encoding: Encoding,
  repetition = Repetition.Required,
  hasBounds = false,
): Draft {
  return (path, repetitionMax, definitionMax) => ({
    name,
    path: [...path, name],
    repetition,
    type,
    encoding,
    hasBounds,
    repetitionMax: repetitionMax + (repetition === Repetition.Repeated ? 1 : 0),
    definitionMax: definitionMax + (repetition === Repetition.Required ? 0 : 1),
  });
}

function group(name: string, repetition: Repetition, children: readonly Draft[]): Draft {
  return (path, repetitionMax, definitionMax) => {
    const step = repetition === Repetition.Repeated ? 1 : 0;
    const childPath = name === "Trace" ? [] : [...path, name];
    return {
      name,
      repetition,
      children: children.map((child) =>
        child(childPath, repetitionMax + step, definitionMax + step)
      ),
    };
  };
}
